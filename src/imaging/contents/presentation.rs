//! How a presentation state wants images shown: window, polarity, turning, annotations.

use serde::{Deserialize, Serialize};

use super::{
    super::{turned::Turned, window::Window},
    ReferencedImage,
};

/// A window for some images, or for all when none are named.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PresentedWindow {
    /// Which.
    pub images: Vec<ReferencedImage>,
    /// How values become grey levels.
    pub window: Window,
}

/// Lines and words over some images, or over all when none are named.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PresentedMarks {
    /// Which.
    pub images: Vec<ReferencedImage>,
    /// Lines from point to point, in columns and rows from the corner of the first pixel.
    pub lines: Vec<Vec<[f32; 2]>>,
    /// Single points.
    pub points: Vec<[f32; 2]>,
    /// Words, and where they stand.
    pub texts: Vec<(String, [f32; 2])>,
}

/// What is taken from a presentation state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Presentation {
    /// The images it is for.
    pub images: Vec<ReferencedImage>,
    /// Their windows.
    pub windows: Vec<PresentedWindow>,
    /// Presentation LUT Shape is INVERSE.
    pub inverse: bool,
    /// Rotation and flip.
    pub turned: Turned,
    /// Annotations.
    pub marks: Vec<PresentedMarks>,
    /// What it asks for beyond that: tables, shutters, marks placed on the screen.
    pub not_taken: Vec<String>,
}

/// Whether a list names an image; an empty one names all.
fn names(images: &[ReferencedImage], sop_instance_uid: &str, frame_number: u32) -> bool {
    images.is_empty()
        || images.iter().any(|image| {
            image.sop_instance_uid == sop_instance_uid
                && image.frame_number.is_none_or(|number| number == frame_number)
        })
}

impl Presentation {
    /// Whether it is for this frame.
    #[must_use]
    pub fn is_for(&self, sop_instance_uid: &str, frame_number: u32) -> bool {
        !self.images.is_empty() && names(&self.images, sop_instance_uid, frame_number)
    }

    /// The window of a frame.
    #[must_use]
    pub fn window_of(&self, sop_instance_uid: &str, frame_number: u32) -> Option<Window> {
        let mut windows = self.windows.iter();
        let found = windows.find(|one| names(&one.images, sop_instance_uid, frame_number));
        found.map(|one| one.window)
    }

    /// The annotations on a frame.
    pub fn marks_on(
        &self,
        sop_instance_uid: &str,
        frame_number: u32,
    ) -> impl Iterator<Item = &PresentedMarks> {
        let is_for = self.is_for(sop_instance_uid, frame_number);
        let uid = sop_instance_uid.to_owned();
        self.marks.iter().filter(move |one| is_for && names(&one.images, &uid, frame_number))
    }
}
