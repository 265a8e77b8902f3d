//! Study → Series → Instance, and the name of one frame.

use std::{fmt, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::geometry::{FrameGeometry, Plane};

/// One examination of one patient.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Study {
    /// Study Instance UID, or a stable made-up key for pictures and files without one.
    pub key: String,
    /// Who was examined.
    pub patient: Patient,
    /// `2026-03-02`.
    pub study_date: Option<String>,
    /// Study Description.
    pub description: Option<String>,
    /// Institution Name.
    pub institution: Option<String>,
    /// The acquisitions, by series number.
    pub series: Vec<Series>,
}

/// What identifies a patient. Its `Debug` output hides every value.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Patient {
    /// Patient's Name, for people: `Family Given`.
    pub name: Option<String>,
    /// Patient ID.
    pub id: Option<String>,
    /// Patient's Sex.
    pub sex: Option<String>,
    /// Patient's Age, as written: `045Y`.
    pub age: Option<String>,
    /// `1970-01-31`.
    pub birth_date: Option<String>,
}

impl fmt::Debug for Patient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Patient(..)")
    }
}

/// One acquisition: frames of one size and one orientation, in the order a reader scrolls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Series Instance UID or a made-up key; `#2`, `#3` … follow where one series held several
    /// sizes, orientations, echoes, times or acquisitions.
    pub key: String,
    /// Series Number.
    pub series_number: Option<i32>,
    /// Series Description.
    pub description: Option<String>,
    /// `CT`, `MR` …; `PIC` for PNG, JPEG and TIFF.
    pub modality: String,
    /// Body Part Examined.
    pub body_part: Option<String>,
    /// Frame of Reference UID.
    pub frame_of_reference_uid: Option<String>,
    /// How the slices lie in the patient.
    pub plane: Option<Plane>,
    /// Median gap between neighbouring slices.
    pub slice_spacing_mm: Option<f64>,
    /// Whether every gap is within 1 % of the median and no position is repeated.
    pub uniform: bool,
    /// Whether two slices lie at the same place.
    pub duplicate_positions: bool,
    /// Ordered along the slice normal where positions are known.
    pub instances: Vec<Instance>,
}

impl Series {
    /// Frames of all instances that can be shown or say why not.
    #[must_use]
    pub fn num_frames(&self) -> usize {
        self.instances.iter().map(|instance| instance.num_frames as usize).sum()
    }

    /// The name of a frame counted over the whole series.
    #[must_use]
    pub fn frame_ref(&self, frame_idx: usize) -> Option<FrameRef> {
        let (instance, frame_number) = self.instance_of(frame_idx)?;
        Some(FrameRef {
            path: instance.path.clone(),
            sop_instance_uid: instance.sop_instance_uid.clone(),
            frame_number,
        })
    }

    /// Where a frame counted over the series lies.
    #[must_use]
    pub fn geometry_of(&self, frame_idx: usize) -> Option<&FrameGeometry> {
        let (instance, frame_number) = self.instance_of(frame_idx)?;
        instance.geometry_of(frame_number)
    }

    /// The frame that lies nearest to a slice of about the same direction.
    #[must_use]
    pub fn nearest_frame(&self, to: &FrameGeometry) -> Option<usize> {
        let distance = |frame_idx| self.geometry_of(frame_idx)?.distance_mm(to);
        let all = (0..self.num_frames()).filter_map(|idx| Some((idx, distance(idx)?)));
        all.min_by(|(_, a), (_, b)| a.total_cmp(b)).map(|(idx, _)| idx)
    }

    /// The instance that holds a frame counted over the series, and its Frame Number from 1.
    #[must_use]
    pub fn instance_of(&self, frame_idx: usize) -> Option<(&Instance, u32)> {
        let mut left = frame_idx;
        for instance in &self.instances {
            let num_frames = instance.num_frames as usize;
            if left < num_frames {
                return Some((instance, u32::try_from(left).ok()? + 1));
            }
            left -= num_frames;
        }
        None
    }
}

/// One SOP instance: one file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    /// Where the file is.
    pub path: PathBuf,
    /// SOP Instance UID; may be empty.
    pub sop_instance_uid: String,
    /// SOP Class UID; may be empty.
    pub sop_class_uid: String,
    /// Instance Number.
    pub instance_number: Option<i32>,
    /// Height in pixels.
    pub rows: u32,
    /// Width in pixels.
    pub columns: u32,
    /// How many frames the file holds; 0 when it holds no pixels.
    pub num_frames: u32,
    /// Transfer Syntax UID; `PNG`, `JPEG`, `TIFF` for pictures.
    pub transfer_syntax: String,
    /// What the samples mean.
    pub photometric_interpretation: String,
    /// Bits Stored.
    pub bits_stored: u16,
    /// Slice Thickness.
    pub slice_thickness_mm: Option<f64>,
    /// One for all frames, or one a frame.
    pub geometry: Vec<FrameGeometry>,
    /// Why this file cannot be shown, in one sentence.
    pub cannot_show: Option<String>,
    /// Time between the frames of a cine loop.
    pub frame_time_ms: Option<f64>,
}

impl Instance {
    /// Where a frame lies, by its Frame Number from 1.
    #[must_use]
    pub fn geometry_of(&self, frame_number: u32) -> Option<&FrameGeometry> {
        let frame_idx = (frame_number as usize).checked_sub(1)?;
        if self.geometry.len() == 1 { self.geometry.first() } else { self.geometry.get(frame_idx) }
    }
}

/// What identifies a frame.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FrameRef {
    /// The file.
    pub path: PathBuf,
    /// SOP Instance UID; may be empty.
    pub sop_instance_uid: String,
    /// From 1, as in the standard.
    pub frame_number: u32,
}
