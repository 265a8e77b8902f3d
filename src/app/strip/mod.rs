//! The slice strip: a question for yes or no asked of slices all over a series, and P(yes) of each
//! as a curve beside the scrollbar.
//!
//! `run` asks one slice after the other, outside of what the chat builds on; `kept` keeps what came
//! with the turn whose question it is; `strip_ui` draws it, and `line_ui` sums it up in the chat.

mod kept;
mod line_ui;
mod run;
mod state;
mod strip_ui;

pub(super) use line_ui::slices_line_ui;
pub use state::Strip;
pub(super) use strip_ui::strip_ui;
