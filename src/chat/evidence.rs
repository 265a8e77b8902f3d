//! The picture a question was asked about, frozen at the moment of asking.

use std::sync::Arc;

use crate::imaging::{DisplayImage, FrameRef, Grayscale, Turned};

/// A frame, how it was shown, and the very picture given to the model.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// The frame; none for a picture that was pasted.
    pub frame_ref: Option<FrameRef>,
    /// How its values became grey levels.
    pub grayscale: Grayscale,
    /// How the reader had mirrored and turned it.
    pub turned: Turned,
    /// Key of the series, to find the way back.
    pub series_key: String,
    /// Its place in the series, from 0.
    pub frame_idx: usize,
    /// Frames in the series.
    pub num_frames: usize,
    /// Says what it is without naming anybody, such as "CT · slice 61 / 312 · W 1500 L −600".
    pub label: String,
    /// What the model is given.
    pub image: Arc<DisplayImage>,
    /// The same, small.
    pub thumbnail: Arc<DisplayImage>,
    /// SHA-256 of the picture given to the model.
    pub image_sha256: String,
}

impl Evidence {
    /// Whether both show the same frame in the same way.
    pub fn shows_same(&self, other: &Self) -> bool {
        self.frame_ref == other.frame_ref
            && self.grayscale == other.grayscale
            && self.turned == other.turned
            && self.image_sha256 == other.image_sha256
    }
}
