//! Pictures leave the program: the view, a series or the key images, alone or with overlays.
//!
//! A command opens the sheet (`sheet_ui`), which asks what is to be written; `plan` puts together
//! all that a thread needs, so that `write` can read, draw and write frame by frame without the
//! state; `run` says what came of it.

mod plan;
mod run;
mod sheet_ui;
mod write;

use std::path::PathBuf;
use std::sync::Arc;

pub(crate) use sheet_ui::pictures_sheet_ui;
pub(crate) use write::{Pace, write};

use super::measure::Measurement;
use super::viewport::View;
use crate::imaging::{Frame, FrameRef, SuvKind, TextInPixels};

/// Which pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PictureScope {
    /// That of the active viewport.
    #[default]
    View,
    /// Every slice of its series.
    Series,
    /// The starred slices of its study.
    KeyImages,
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureChoice {
    /// Which pictures.
    pub scope: PictureScope,
    /// With what lies over them; else the grey picture alone, as a model gets it.
    pub has_overlays: bool,
    /// Each pixel so many times as wide and as high; only with overlays.
    pub times: u32,
    /// With the patient's name and data in the corners; never in privacy mode.
    pub names_patient: bool,
}

impl Default for PictureChoice {
    fn default() -> Self {
        Self { scope: PictureScope::View, has_overlays: true, times: 1, names_patient: false }
    }
}

/// Pictures to be written, with all that is known of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Pictures {
    /// What is written.
    pub choice: PictureChoice,
    /// As what the values of PET pictures are written.
    pub suv: SuvKind,
    /// One each, in order.
    pub items: Vec<PictureItem>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq)]
pub struct PictureItem {
    /// Where it comes among all, and what it is called in messages: "slice 12".
    pub label: String,
    /// The name of its file without the end.
    pub stem: String,
    /// The frame.
    pub frame_ref: FrameRef,
    /// Its values, where they are at hand and are not to be read from a file.
    pub frame: Option<Arc<Frame>>,
    /// How it is looked at.
    pub view: View,
    /// What was drawn on it.
    pub shapes: Vec<Measurement>,
    /// Words in the corners left top, right top and right bottom.
    pub corners: [Vec<String>; 3],
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PicturesWritten {
    /// How many were written.
    pub count: usize,
    /// Where.
    pub folder: Option<PathBuf>,
    /// Those that could not be made, and why.
    pub left_out: Vec<String>,
    /// Whether text in their pixels may name somebody.
    pub text_in_pixels: TextInPixels,
    /// The reader stopped it.
    pub is_stopped: bool,
}
