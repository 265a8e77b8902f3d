//! One DICOM file: what it is, its frames when asked, and the whole of it for writing it again.

mod blackout;
mod color;
mod directory;
mod document;
mod elements;
mod embedded;
mod encoding;
mod file;
mod functional_groups;
mod header;
mod instance;
mod luts;
mod moment;
mod object;
mod pixel_data;
mod pixels;
mod presentation;
mod report;
mod scan;
mod segmentation;
mod text;
mod transfer_syntax;
mod ultrasound;
mod uptake;
mod whole;
mod write;

pub(super) use directory::{Directory, read_directory};
pub(super) use document::read_document;
pub(super) use elements::{RawRow, RowKind, read_rows};
pub(super) use embedded::read_embedded;
pub(super) use encoding::dictionary_vr;
pub(super) use instance::{read_facts, read_frame};
pub(super) use segmentation::read_segmentation;
pub(super) use whole::{Element, Value, WholeFile, find};
