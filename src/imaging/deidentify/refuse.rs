//! Kinds of objects whose content this program cannot clean.

use super::super::{dicom::WholeFile, error::Fault};

const STORAGE: &str = "1.2.840.10008.5.1.4.1.1.";

/// A DICOMDIR: a list of files, not an object.
pub(super) fn is_directory(file: &WholeFile) -> bool {
    file.sop_class_uid == "1.2.840.10008.1.3.10"
}

/// Why an object is left out.
pub(super) fn refuse(file: &WholeFile) -> Result<(), Fault> {
    let uid = file.sop_class_uid.as_str();
    let kind = match uid.strip_prefix(STORAGE) {
        _ if uid.is_empty() => "an object that does not say of what kind it is",
        Some(class) if class.starts_with("88.") => "a structured report",
        Some(class) if class.starts_with("104.") => "an encapsulated document",
        Some("9.4.1" | "9.4.2") => "recorded speech",
        Some("66") => "raw data",
        Some(_) => return Ok(()),
        None if uid.starts_with("1.2.840.10008.5.1.4.") => "an object that is no picture",
        None => "an object of a private kind",
    };
    Err(Fault::NotDeidentified(format!("it is {kind}")))
}
