//! What else is in a file besides pictures: its elements one by one, documents, segments.
//!
//! `dicom` reads; here is what of it is handed on, and what privacy mode hides: the values that
//! the de-identification profile would not leave as they are.

mod document;
mod element_row;
mod outline;
mod presentation;
mod read;
mod segmentation;

use serde::{Deserialize, Serialize};

pub use document::{
    Document, DocumentKind, DocumentLine, Embedded, HIDDEN, LineKind, ReferencedImage,
};
pub use element_row::{ElementFilter, ElementRow, FileElements};
pub(super) use outline::outlines;
pub use presentation::{Presentation, PresentedMarks, PresentedWindow};
pub use read::read_contents;
pub use segmentation::{ImagePlane, SEGMENTATION_STORAGE, Segment, SegmentFrame, Segmentation};

/// What of a file is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Aspect {
    /// All elements.
    Elements,
    /// Its text: a report, a list of key images, what is known of an encapsulated document.
    Document,
    /// The bytes of an encapsulated document.
    Embedded,
    /// Its segments.
    Segmentation,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Contents {
    /// All elements.
    Elements(FileElements),
    /// Its text.
    Document(Box<Document>),
    /// The bytes of an encapsulated document.
    Embedded(Vec<u8>),
    /// Its segments.
    Segmentation(Box<Segmentation>),
}
