//! The slice strip: a question for yes or no asked of slices all over a series, and P(yes) of each
//! as a curve beside the scrollbar.
//!
//! `run` asks one slice after the other, outside of every chat; `strip_ui` draws what came.

mod run;
mod state;
mod strip_ui;

pub use state::{SliceAnswer, Strip};
pub(super) use strip_ui::strip_ui;
