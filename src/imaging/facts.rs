//! What one file says about its place among the studies.

use super::{
    apart::Apart,
    study::{Instance, Patient},
};

/// What listing needs to know about one file.
#[derive(Clone, Debug)]
pub(super) struct FileFacts {
    pub(super) study_uid: String,
    pub(super) series_uid: String,
    pub(super) patient: Patient,
    pub(super) study_date: Option<String>,
    pub(super) study_description: Option<String>,
    pub(super) institution: Option<String>,
    pub(super) series_number: Option<i32>,
    pub(super) series_description: Option<String>,
    pub(super) modality: String,
    pub(super) body_part: Option<String>,
    pub(super) frame_of_reference_uid: Option<String>,
    pub(super) instance: Instance,
    /// Something to tell the reader, though the file opens.
    pub(super) doubt: Option<String>,
    /// What tells it from others at the same place.
    pub(super) apart: Apart,
    /// A directory of other files.
    pub(super) is_dicomdir: bool,
    /// Pictures with the same one form a stack.
    pub(super) stack_name: Option<String>,
}
