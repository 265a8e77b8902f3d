//! Answers of several models to one question, side by side, in place of the viewports.
//!
//! They are answers of the same turn, asked one after the other, so that each model's speed is its
//! own. Models that go into the memory together stay there (`kept`); else one makes room for the
//! next. Which is being loaded, read and written is seen in its column.

mod column_ui;
mod compared;
mod facts;
mod kept;
mod ladder_ui;
mod marks_ui;
mod own_params_ui;
mod panel_ui;
mod run;
mod state;

pub(crate) use marks_ui::{agreement_ui, marks_ui};
pub(crate) use panel_ui::{SidesPanel, sides_ui};
pub use state::{Column, Sides, ToAsk};
