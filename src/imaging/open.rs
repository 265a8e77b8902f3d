//! Paths → studies and warnings; the only walk over folders.

use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    error::OpenError,
    frame::Frame,
    study::{FrameRef, Study},
};

/// How far opening has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenProgress {
    /// Files looked at.
    pub files_done: usize,
    /// Files found.
    pub files_total: usize,
}

/// A file that was left out or is doubtful.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenWarning {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub message: String,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Opened {
    /// By patient and date.
    pub studies: Vec<Study>,
    /// Damaged files; the others open all the same.
    pub warnings: Vec<OpenWarning>,
    /// Files that are no pictures at all: counted, not warned about.
    pub skipped: usize,
}

/// Open files and folders.
///
/// # Errors
/// When cancelled, or when a single named path is not there or not a picture.
pub fn open_paths(
    paths: &[PathBuf],
    progress: &mut dyn FnMut(OpenProgress) -> ControlFlow<()>,
) -> Result<Opened, OpenError> {
    if progress(OpenProgress { files_done: 0, files_total: paths.len() }).is_break() {
        return Err(OpenError::Cancelled);
    }
    Ok(Opened::default())
}

/// `x.dcm#3` → frame 3, unless a file of that very name exists.
#[must_use]
pub fn parse_image_path(text: &Path) -> (PathBuf, Option<u32>) {
    let whole = || (text.to_owned(), None);
    if text.exists() {
        return whole();
    }
    let Some((path, number)) = text.to_str().and_then(|text| text.rsplit_once('#')) else {
        return whole();
    };
    match number.parse() {
        Ok(number) if number > 0 => (PathBuf::from(path), Some(number)),
        _ => whole(),
    }
}

/// Decode one frame of one file.
///
/// # Errors
/// One clear sentence about what is wrong with the file.
pub fn read_frame(frame_ref: &FrameRef) -> Result<Frame, OpenError> {
    super::dicom::read_frame(&frame_ref.path, frame_ref.frame_number)
}
