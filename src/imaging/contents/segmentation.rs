//! The segments of a Segmentation object as outlines, and where they lie on an image.

use serde::{Deserialize, Serialize};

use super::{super::geometry::FrameGeometry, ReferencedImage};

/// SOP Class UID of what is read here.
pub const SEGMENTATION_STORAGE: &str = "1.2.840.10008.5.1.4.1.1.66.4";

/// One segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// From 1.
    pub number: u16,
    /// Segment Label.
    pub label: String,
    /// The colour recommended, or one of a list.
    pub color: [u8; 3],
}

/// One frame: one segment in one plane.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SegmentFrame {
    /// Which segment.
    pub segment: u16,
    /// The images it was made from.
    pub sources: Vec<ReferencedImage>,
    /// Where it lies.
    pub geometry: FrameGeometry,
    /// Closed lines along edges of pixels, in columns and rows from the corner of the first pixel.
    pub outlines: Vec<Vec<[u16; 2]>>,
}

/// A Segmentation object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Segmentation {
    /// What there is.
    pub segments: Vec<Segment>,
    /// Where it is; frames without a pixel of their segment are left out.
    pub frames: Vec<SegmentFrame>,
    /// Width and height of its frames.
    pub size: [u32; 2],
    /// Frame of Reference UID.
    pub frame_of_reference_uid: Option<String>,
    /// Frames beyond the limit.
    pub left_out: usize,
}

/// An image that segments may lie on.
#[derive(Clone, Copy, Debug)]
pub struct ImagePlane<'a> {
    /// SOP Instance UID; may be empty.
    pub sop_instance_uid: &'a str,
    /// From 1.
    pub frame_number: u32,
    /// Where it lies.
    pub geometry: Option<&'a FrameGeometry>,
    /// Width and height.
    pub size: [u32; 2],
    /// Frame of Reference UID.
    pub frame_of_reference_uid: Option<&'a str>,
    /// Segments in planes up to this far away belong to it.
    pub reach_mm: f64,
}

impl Segmentation {
    /// The outlines on an image: segment numbers and closed lines in columns and rows from the
    /// corner of the image's first pixel.
    #[must_use]
    pub fn on(&self, plane: &ImagePlane<'_>) -> Vec<(u16, Vec<[f64; 2]>)> {
        let frames = self.frames.iter().filter(|frame| self.belongs(frame, plane));
        let mut found = Vec::new();
        for frame in frames {
            for outline in &frame.outlines {
                let points: Option<Vec<[f64; 2]>> =
                    outline.iter().map(|corner| self.moved(frame, plane, *corner)).collect();
                found.extend(points.map(|points| (frame.segment, points)));
            }
        }
        found
    }

    fn belongs(&self, frame: &SegmentFrame, plane: &ImagePlane<'_>) -> bool {
        let is_source = |source: &ReferencedImage| {
            source.sop_instance_uid == plane.sop_instance_uid
                && source.frame_number.is_none_or(|number| number == plane.frame_number)
        };
        let distance = plane.geometry.and_then(|image| image.distance_mm(&frame.geometry));
        if frame.sources.iter().any(is_source) {
            // an image across the segments may be among their sources
            let has_places = frame.geometry.normal().is_some()
                && plane.geometry.is_some_and(|image| image.normal().is_some());
            return distance.is_some() || !has_places;
        }
        let is_one_space = plane.frame_of_reference_uid.is_some()
            && plane.frame_of_reference_uid == self.frame_of_reference_uid.as_deref();
        is_one_space && distance.is_some_and(|mm| mm <= plane.reach_mm)
    }

    /// A corner of a pixel of the segment, on the image.
    fn moved(
        &self,
        frame: &SegmentFrame,
        plane: &ImagePlane<'_>,
        corner: [u16; 2],
    ) -> Option<[f64; 2]> {
        let corner = corner.map(f64::from);
        let point = frame.geometry.point_mm(corner.map(|part| part - 0.5));
        let moved = point.and_then(|point| plane.geometry?.pixel_at(point));
        match moved {
            Some(place) => Some(place.map(|part| part + 0.5)),
            // without places they lie on each other where they are of one size
            None => (self.size == plane.size).then_some(corner),
        }
    }
}
