//! The list of chats: those of the history and those in memory, searched, renamed, deleted.
//!
//! What is on disk belongs to the history's own thread. Here is what the window knows of it, and
//! [`Saver`], which hands over every chat that changed.

mod apply;
mod export;
mod list_ui;
mod panel_ui;
mod row_ui;
mod run;
mod saver;
mod state;

pub(crate) use panel_ui::{HistoryPanel, history_panel_ui};
pub(crate) use saver::Saver;
pub use state::{ChatSearch, HistoryState, Opening};
