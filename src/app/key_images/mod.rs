//! Slices the reader has starred: listed, gone through, kept by keyed hashes of their UIDs.

mod list_ui;
mod mark_ui;
mod run;
mod state;
mod table;

pub(crate) use list_ui::key_list_ui;
pub(crate) use mark_ui::{key_mark_ui, key_ticks_ui};
pub use state::{KeyImage, KeyImages};
