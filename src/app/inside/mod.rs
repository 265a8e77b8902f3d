//! What else is in the files shown: their elements, and documents in place of pictures.

mod document_ui;
mod place;
mod run;
mod state;
mod tags_ui;

pub use state::{Found, Inside, TagBrowser};

pub(crate) use document_ui::{document_ui, shows_document};
pub(crate) use tags_ui::tags_ui;
