//! A file that holds text instead of pictures, in the order a reader reads it.

use serde::{Deserialize, Serialize};

use super::Presentation;

/// What stands where privacy mode hides a value.
pub const HIDDEN: &str = "(hidden)";

/// Kinds of files that are read rather than looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DocumentKind {
    /// Structured Report.
    Report,
    /// Key Object Selection.
    KeyObjects,
    /// Encapsulated PDF.
    Pdf,
    /// Encapsulated CDA.
    Cda,
    /// Another file inside a DICOM file: STL, OBJ, MTL.
    Model,
    /// How images are to be shown.
    PresentationState,
}

impl DocumentKind {
    /// By the last parts of the SOP Class UID; none for pictures and everything else.
    #[must_use]
    pub fn of(sop_class_uid: &str) -> Option<Self> {
        let class = sop_class_uid.strip_prefix("1.2.840.10008.5.1.4.1.1.")?;
        Some(match class {
            "88.59" => Self::KeyObjects,
            "104.1" => Self::Pdf,
            "104.2" => Self::Cda,
            "104.3" | "104.4" | "104.5" => Self::Model,
            _ if class.starts_with("88.") => Self::Report,
            _ if class.starts_with("11.") => Self::PresentationState,
            _ => return None,
        })
    }

    /// In words, as a title.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Report => "Structured report",
            Self::KeyObjects => "Key object selection",
            Self::Pdf => "PDF document",
            Self::Cda => "CDA document",
            Self::Model => "3D model",
            Self::PresentationState => "Presentation state",
        }
    }

    /// Whether it is a file inside the file, which can be written out.
    #[must_use]
    pub fn is_embedded(self) -> bool {
        matches!(self, Self::Pdf | Self::Cda | Self::Model)
    }

    /// What a file with its bytes is called; it names nobody.
    #[must_use]
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Pdf => "document.pdf",
            Self::Cda => "document.xml",
            _ => "document.bin",
        }
    }
}

/// How a line is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LineKind {
    /// The name of what follows, deeper.
    Heading,
    /// A name and its value.
    Value,
    /// An image or another object that is referred to.
    Reference,
}

/// One line of a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentLine {
    /// How far it is indented.
    pub depth: usize,
    /// How it is set.
    pub kind: LineKind,
    /// The concept; may be empty.
    pub name: String,
    /// Empty for a heading.
    pub value: String,
    /// Whether privacy mode hides the value: free text, names, dates and UIDs.
    pub identifies: bool,
    /// Place in the list of references.
    pub reference: Option<usize>,
}

impl DocumentLine {
    /// The value, or what stands for it in privacy mode.
    #[must_use]
    pub fn shown_value(&self, privacy: bool) -> &str {
        if privacy && self.identifies && !self.value.is_empty() { HIDDEN } else { &self.value }
    }

    /// As plain text.
    #[must_use]
    pub fn text(&self, privacy: bool) -> String {
        let value = self.shown_value(privacy);
        let colon = if self.name.is_empty() || value.is_empty() { "" } else { ": " };
        format!("{}{}{colon}{value}", "  ".repeat(self.depth), self.name)
    }
}

/// An image, or another object, that a document refers to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferencedImage {
    /// SOP Instance UID.
    pub sop_instance_uid: String,
    /// Of a multi-frame image; none for all of it.
    pub frame_number: Option<u32>,
}

/// The file inside the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Embedded {
    /// `application/pdf`.
    pub media_type: String,
    /// Its size.
    pub bytes: u64,
}

/// A file that holds text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// What it is.
    pub kind: DocumentKind,
    /// The concept it is called after, or its own title.
    pub title: DocumentLine,
    /// What the file says about the whole of it.
    pub facts: Vec<DocumentLine>,
    /// Its text.
    pub lines: Vec<DocumentLine>,
    /// What it refers to, each once.
    pub references: Vec<ReferencedImage>,
    /// Lines beyond the limit.
    pub left_out: usize,
    /// The file inside the file.
    pub embedded: Option<Embedded>,
    /// How it wants images shown.
    pub presentation: Option<Box<Presentation>>,
}
