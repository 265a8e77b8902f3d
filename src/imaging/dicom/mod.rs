//! One DICOM file: what it is, and its frames when asked.

mod color;
mod encoding;
mod file;
mod functional_groups;
mod header;
mod instance;
mod luts;
mod object;
mod pixel_data;
mod pixels;
mod scan;
mod source;
mod text;
mod transfer_syntax;

pub(super) use instance::{read_facts, read_frame};
