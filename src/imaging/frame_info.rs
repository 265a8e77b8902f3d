//! What a file says about one of its frames, besides the pixels.

use serde::{Deserialize, Serialize};

use super::geometry::{FrameGeometry, Plane};
use super::measure::{UltrasoundRegion, Uptake};

/// Facts about a frame for overlays and `render --json`. Holds no patient data.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FrameInfo {
    /// Height.
    pub rows: u32,
    /// Width.
    pub columns: u32,
    /// Frames in the file.
    pub num_frames: u32,
    /// This frame, from 1.
    pub frame_number: u32,
    /// `CT`, `MR` …; `PIC` for PNG, JPEG and TIFF.
    pub modality: String,
    /// As the file has it: `MONOCHROME2`, `YBR_FULL_422` …
    pub photometric_interpretation: String,
    /// Transfer Syntax UID; `PNG`, `JPEG`, `TIFF` for pictures.
    pub transfer_syntax: String,
    /// Samples Per Pixel.
    pub samples_per_pixel: u16,
    /// Bits Allocated.
    pub bits_allocated: u16,
    /// Bits Stored.
    pub bits_stored: u16,
    /// Pixel Representation 1.
    pub signed: bool,
    /// Whether detail was given up: Lossy Image Compression, or a lossy transfer syntax.
    pub lossy: bool,
    /// Unit of the modality values: `HU` for CT, that of Units for PET, else empty or what the
    /// rescale says.
    pub unit: String,
    /// Where the frame lies.
    pub geometry: FrameGeometry,
    /// Spacing at the detector of a projection, which is not the patient's.
    pub imager_pixel_spacing_mm: Option<[f64; 2]>,
    /// How much larger the detector sees the patient, where the file estimates it.
    pub radiographic_magnification: Option<f64>,
    /// Spacing on the film or page that was scanned.
    pub scanned_pixel_spacing_mm: Option<[f64; 2]>,
    /// Parts of an ultrasound picture, each with a scale of its own.
    pub ultrasound_regions: Vec<UltrasoundRegion>,
    /// How SUV come of the values of a PET picture; none for others.
    pub uptake: Option<Box<Uptake>>,
    /// Height of a pixel over its width.
    pub pixel_aspect: f64,
    /// SOP Instance UID.
    pub sop_instance_uid: String,
}

impl FrameInfo {
    /// The anatomical plane.
    #[must_use]
    pub fn plane(&self) -> Option<Plane> {
        self.geometry.plane()
    }

    /// Between rows, between columns: at the patient, or else at the detector.
    #[must_use]
    pub fn pixel_spacing_mm(&self) -> Option<[f64; 2]> {
        self.geometry.pixel_spacing_mm.or(self.imager_pixel_spacing_mm)
    }

    /// Whether the only spacing known is that at the detector, which magnifies the patient.
    #[must_use]
    pub fn is_spacing_at_detector(&self) -> bool {
        self.geometry.pixel_spacing_mm.is_none() && self.imager_pixel_spacing_mm.is_some()
    }
}
