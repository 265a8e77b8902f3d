//! The model's eye: the very picture a model is given, in place of what the reader sees of it.
//!
//! Preparing a picture takes longer than drawing one: it is done on a thread of its own, one view
//! at a time, and of the views that came meanwhile only the newest is looked at next. The engine
//! is not asked, so it works while a model writes.

mod note_ui;
mod picture_ui;
mod run;
mod save;
mod state;

pub(crate) use note_ui::{note_ui, stored_ui};
pub(crate) use picture_ui::{eye_picture_ui, shows_eye};
pub use state::{EyeRequest, EyeSource, EyeState, EyeView, Stored};
