//! The picture a question was asked about, frozen at the moment of asking.

use std::sync::Arc;

use super::{Altered, Marks};
use crate::imaging::{DisplayImage, FrameRef, Grayscale, Turned};

/// Longest side of the small copy.
const THUMBNAIL_SIDE: u32 = 96;

/// A frame, how it was shown, and the very picture given to the model.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// The frame; none when the question comes from the history.
    pub frame_ref: Option<FrameRef>,
    /// What stands for study, series and frame in the history; none for a picture that was pasted.
    pub marks: Option<Marks>,
    /// "Case 07"; empty where no study is behind it.
    pub alias: String,
    /// `CT`, `MR` …; `PIC` for pictures.
    pub modality: String,
    /// How its values became grey levels.
    pub grayscale: Grayscale,
    /// How the reader had mirrored and turned it.
    pub turned: Turned,
    /// Key of the study, to find the way back; it is never written.
    pub study_key: String,
    /// Key of the series; it is never written.
    pub series_key: String,
    /// Its place in the series, from 0.
    pub frame_idx: usize,
    /// Frames in the series.
    pub num_frames: usize,
    /// Says what it is without naming anybody, such as "CT · slice 61 / 312 · W 1500 L −600".
    pub label: String,
    /// What was done to the picture of the view; none when it is given as it was.
    pub altered: Option<Altered>,
    /// What the model is given; none when it was lost on the way from another history.
    pub image: Option<Arc<DisplayImage>>,
    /// The same, small.
    pub thumbnail: Option<Arc<DisplayImage>>,
    /// SHA-256 of the picture given to the model.
    pub image_sha256: String,
}

impl Evidence {
    /// The same with this picture, or without one.
    #[must_use]
    pub fn with_image(mut self, image: Option<DisplayImage>) -> Self {
        self.thumbnail = image.as_ref().map(|image| Arc::new(image.resized_to_fit(THUMBNAIL_SIDE)));
        self.image = image.map(Arc::new);
        self
    }

    /// Whether both show the same frame in the same way.
    pub fn shows_same(&self, other: &Self) -> bool {
        self.frame_ref == other.frame_ref
            && self.grayscale == other.grayscale
            && self.turned == other.turned
            && self.image_sha256 == other.image_sha256
    }
}
