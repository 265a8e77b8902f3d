//! What else is in the files shown: their elements, and documents in place of pictures.

mod document_ui;
mod place;
mod presentation;
mod presentation_ui;
mod run;
mod segments;
mod segments_ui;
mod state;
mod tags_ui;

pub use segments::Segments;
pub use state::{Found, Inside, TagBrowser};

pub(crate) use document_ui::{document_ui, shows_document};
pub(crate) use presentation_ui::{over_picture_ui, presentations_menu_ui};
pub(crate) use segments_ui::segments_menu_ui;
pub(crate) use tags_ui::tags_ui;
