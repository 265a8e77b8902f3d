//! Paths → studies and warnings.

use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    archive::{is_archive, is_there},
    dicom,
    doubts::{gaps, without_duplicates},
    error::{Fault, OpenError},
    facts::FileFacts,
    frame::Frame,
    raster,
    series::studies_from,
    source::Source,
    study::{FrameRef, Study},
    walk::{Found, find_files},
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

/// Open files, folders, archives and what a DICOMDIR names.
///
/// # Errors
/// When cancelled, or when a single named path is not there or not a picture.
pub fn open_paths(
    paths: &[PathBuf],
    progress: &mut dyn FnMut(OpenProgress) -> ControlFlow<()>,
) -> Result<Opened, OpenError> {
    let mut cancelled =
        |files_done, files_total| progress(OpenProgress { files_done, files_total }).is_break();
    let found = find_files(paths, &mut |files_total| cancelled(0, files_total))?;
    let is_single = found.is_one_of(paths);
    let Found { files, archives, mut warnings } = found;
    let (mut facts, mut skipped) = (Vec::with_capacity(files.len()), 0);
    for (files_done, path) in files.iter().enumerate() {
        if cancelled(files_done, files.len()) {
            return Err(OpenError::Cancelled);
        }
        match read_facts(path) {
            Ok(found) if found.is_dicomdir => {}
            Ok(mut found) => {
                if let Some(message) = found.doubt.take() {
                    warnings.push(OpenWarning { path: path.clone(), message });
                }
                facts.push(found);
            }
            Err(error) if is_single => return Err(error),
            Err(OpenError::Picture { fault, .. }) if is_of_no_concern(&fault, path) => {
                skipped += 1;
            }
            Err(error) => {
                let message = error.to_string();
                warnings.push(OpenWarning { path: path.clone(), message });
            }
        }
    }
    if cancelled(files.len(), files.len()) {
        return Err(OpenError::Cancelled);
    }
    for archive in archives {
        let holds_some = facts.iter().any(|facts| facts.instance.path.starts_with(&archive));
        if !holds_some && !warnings.iter().any(|warning| warning.path.starts_with(&archive)) {
            let message = format!("There is no picture in this archive: {}", archive.display());
            warnings.push(OpenWarning { path: archive, message });
        }
    }
    let (facts, twice) = without_duplicates(facts);
    warnings.extend(twice);
    let studies = studies_from(facts);
    warnings.extend(gaps(&studies));
    Ok(Opened { studies, warnings, skipped })
}

/// Many warnings of one kind: the first of them, and how many more there are.
pub(super) fn few(mut warnings: Vec<OpenWarning>, path: &Path, what: &str) -> Vec<OpenWarning> {
    const MOST: usize = 20;
    let more = warnings.len().saturating_sub(MOST);
    if more > 0 {
        warnings.truncate(MOST);
        let message = format!("{more} more {what}: {}", path.display());
        warnings.push(OpenWarning { path: path.to_owned(), message });
    }
    warnings
}

/// What a file is, by its content.
fn read_facts(path: &Path) -> Result<FileFacts, OpenError> {
    let (source, first) = begin(path)?;
    if is_archive(&first) {
        let nested = source.is_entry();
        return Err(if nested { Fault::NestedArchive } else { Fault::UnnamedArchive }.at(path));
    }
    match raster::format_of(&first) {
        Some(format) => raster::read_facts(source, path, format),
        None => dicom::read_facts(source, path),
    }
}

fn begin(path: &Path) -> Result<(Source, Vec<u8>), OpenError> {
    let mut source = Source::open(path)?;
    let first = source.read(0, raster::FIRST_BYTES).map_err(|fault| fault.at(path))?;
    Ok((source, first))
}

/// Files that nobody takes for a picture; documents of an office are archives too.
fn is_of_no_concern(fault: &Fault, path: &Path) -> bool {
    match fault {
        Fault::NotAPicture => !claims_picture(path),
        Fault::UnnamedArchive | Fault::NestedArchive => {
            has_extension(path, &["docx", "xlsx", "pptx", "odt", "ods", "odp", "jar", "epub"])
        }
        _ => false,
    }
}

/// Whether a name promises a picture, so that its absence is worth a warning.
fn claims_picture(path: &Path) -> bool {
    has_extension(path, &["dcm", "dicom", "ima", "png", "jpg", "jpeg", "tif", "tiff"])
}

fn has_extension(path: &Path, known: &[&str]) -> bool {
    let extension = path.extension().map(|extension| extension.to_ascii_lowercase());
    extension.is_some_and(|extension| known.iter().any(|known| extension == *known))
}

/// `x.dcm#3` → frame 3, unless a file of that very name exists.
#[must_use]
pub fn parse_image_path(text: &Path) -> (PathBuf, Option<u32>) {
    let whole = || (text.to_owned(), None);
    if is_there(text) {
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
    let path = &frame_ref.path;
    let (source, first) = begin(path)?;
    if is_archive(&first) {
        return Err(Fault::NotAPicture.at(path));
    }
    match raster::format_of(&first) {
        Some(_) if frame_ref.frame_number != 1 => {
            let frame_number = frame_ref.frame_number;
            Err(Fault::FrameOutOfRange { frame_number, num_frames: 1 }.at(path))
        }
        Some(format) => raster::read_picture(source, path, format),
        None => dicom::read_frame(source, path, frame_ref.frame_number),
    }
}
