//! Attributes of one frame: its own functional group, else the shared one, else the file's top
//! level (PS3.3 C.7.6.16).

use dicom_core::Tag;
use dicom_object::InMemDicomObject;

use super::{
    super::geometry::FrameGeometry,
    object::{items_of, vector_of},
};

const SHARED: Tag = Tag(0x5200, 0x9229);
const PER_FRAME: Tag = Tag(0x5200, 0x9230);

/// Pixel Value Transformation Sequence.
pub(super) const PIXEL_VALUE_TRANSFORMATION: Tag = Tag(0x0028, 0x9145);
/// Frame VOI LUT Sequence.
pub(super) const FRAME_VOI_LUT: Tag = Tag(0x0028, 0x9132);
const PIXEL_MEASURES: Tag = Tag(0x0028, 0x9110);
const PLANE_POSITION: Tag = Tag(0x0020, 0x9113);
const PLANE_ORIENTATION: Tag = Tag(0x0020, 0x9116);

/// Where to look for the attributes of one frame.
#[derive(Clone, Copy)]
pub(super) struct FrameAttributes<'a> {
    object: &'a InMemDicomObject,
    own: Option<&'a InMemDicomObject>,
    shared: Option<&'a InMemDicomObject>,
}

impl<'a> FrameAttributes<'a> {
    /// For a frame counted from 0.
    pub(super) fn new(object: &'a InMemDicomObject, frame_idx: usize) -> Self {
        Self {
            object,
            own: items_of(object, PER_FRAME).get(frame_idx),
            shared: items_of(object, SHARED).first(),
        }
    }

    /// The item of a macro that holds `tag`; the file's top level as the last resort.
    pub(super) fn holder(&self, sequence: Tag, tag: Tag) -> &'a InMemDicomObject {
        [self.own, self.shared]
            .into_iter()
            .flatten()
            .filter_map(|group| items_of(group, sequence).first())
            .find(|item| item.get(tag).is_some())
            .unwrap_or(self.object)
    }

    /// Position, orientation and spacing.
    pub(super) fn geometry(&self) -> FrameGeometry {
        let position = Tag(0x0020, 0x0032);
        let orientation = Tag(0x0020, 0x0037);
        let spacing = Tag(0x0028, 0x0030);
        FrameGeometry {
            image_position_mm: vector_of(self.holder(PLANE_POSITION, position), position),
            image_orientation: vector_of(self.holder(PLANE_ORIENTATION, orientation), orientation),
            pixel_spacing_mm: vector_of(self.holder(PIXEL_MEASURES, spacing), spacing)
                .filter(|spacing: &[f64; 2]| spacing.iter().all(|mm| *mm > 0.0)),
        }
    }

    /// Slice Thickness.
    pub(super) fn slice_thickness_mm(&self) -> Option<f64> {
        let tag = Tag(0x0018, 0x0050);
        super::object::number_of(self.holder(PIXEL_MEASURES, tag), tag)
    }
}

/// One geometry for all frames, or one a frame where they differ.
pub(super) fn geometries(object: &InMemDicomObject, num_frames: u32) -> Vec<FrameGeometry> {
    let own = items_of(object, PER_FRAME).len().min(num_frames as usize);
    if own < 2 {
        return vec![FrameAttributes::new(object, 0).geometry()];
    }
    (0..own).map(|frame_idx| FrameAttributes::new(object, frame_idx).geometry()).collect()
}
