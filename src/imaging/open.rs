//! Paths → studies and warnings; the only walk over folders.

use std::{
    collections::BTreeSet,
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    dicom,
    error::{Fault, OpenError},
    facts::FileFacts,
    frame::Frame,
    raster,
    series::{natural_key, studies_from},
    study::{FrameRef, Study},
};

/// A folder may not hold more.
const MAX_FILES: usize = 1_000_000;

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
    let mut cancelled =
        |files_done, files_total| progress(OpenProgress { files_done, files_total }).is_break();
    let mut walk = Walk::default();
    for path in paths {
        walk.add_named(path)?;
        while let Some(folder) = walk.folders.pop() {
            if cancelled(0, walk.files.len()) {
                return Err(OpenError::Cancelled);
            }
            walk.list(&folder);
        }
    }
    let Walk { files, mut warnings, .. } = walk;
    let is_single = matches!(paths, [only] if only.is_file() && !is_dicomdir_name(only));
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
            Err(OpenError::Picture { fault: Fault::NotAPicture, .. }) if !claims_picture(path) => {
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
    Ok(Opened { studies: studies_from(facts), warnings, skipped })
}

/// The files among these paths and in their folders, and what could not be listed.
pub(super) fn list_files(paths: &[PathBuf]) -> Result<(Vec<PathBuf>, Vec<OpenWarning>), OpenError> {
    let mut walk = Walk::default();
    for path in paths {
        walk.add_named(path)?;
        while let Some(folder) = walk.folders.pop() {
            walk.list(&folder);
        }
    }
    Ok((walk.files, walk.warnings))
}

/// What a file is, by its content.
fn read_facts(path: &Path) -> Result<FileFacts, OpenError> {
    match raster::format_of_file(path)? {
        Some(format) => raster::read_facts(path, format),
        None => dicom::read_facts(path),
    }
}

/// Whether a name promises a picture, so that its absence is worth a warning.
fn claims_picture(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_ascii_lowercase());
    let known = ["dcm", "dicom", "ima", "png", "jpg", "jpeg", "tif", "tiff"];
    extension.is_some_and(|extension| known.iter().any(|known| extension == *known))
}

fn is_dicomdir_name(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.eq_ignore_ascii_case("DICOMDIR"))
}

/// Files found so far and folders still to be looked into.
#[derive(Default)]
struct Walk {
    files: Vec<PathBuf>,
    seen_files: BTreeSet<PathBuf>,
    folders: Vec<PathBuf>,
    /// By canonical path: a link back up is not followed twice.
    seen_folders: BTreeSet<PathBuf>,
    warnings: Vec<OpenWarning>,
}

impl Walk {
    /// A path the reader named; a DICOMDIR stands for its folder.
    fn add_named(&mut self, path: &Path) -> Result<(), OpenError> {
        let meta = fs::metadata(path).map_err(|error| OpenError::io(&error, path))?;
        if meta.is_dir() {
            self.folders.push(path.to_owned());
        } else if is_dicomdir_name(path) {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            self.folders.push(folder.unwrap_or(Path::new(".")).to_owned());
        } else {
            self.add_file(path.to_owned());
        }
        Ok(())
    }

    fn add_file(&mut self, path: PathBuf) {
        if self.files.len() < MAX_FILES && self.seen_files.insert(path.clone()) {
            self.files.push(path);
        }
    }

    /// List one folder: its files now, its folders later.
    fn list(&mut self, folder: &Path) {
        let unreadable = |error: &std::io::Error| OpenWarning {
            path: folder.to_owned(),
            message: OpenError::io(error, folder).to_string(),
        };
        match folder.canonicalize() {
            Ok(real) => {
                if !self.seen_folders.insert(real) {
                    return;
                }
            }
            Err(error) => return self.warnings.push(unreadable(&error)),
        }
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => return self.warnings.push(unreadable(&error)),
        };
        let mut paths: Vec<PathBuf> =
            entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
        paths.sort_by_cached_key(|path| natural_key(path));
        let mut folders = Vec::new();
        for path in paths {
            let hidden =
                path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            match fs::metadata(&path) {
                Ok(meta) if meta.is_dir() && !hidden => folders.push(path),
                Ok(meta) if meta.is_file() && !hidden => self.add_file(path),
                _ => {}
            }
        }
        // the first folder is looked into first
        self.folders.extend(folders.into_iter().rev());
    }
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
    let path = &frame_ref.path;
    match raster::format_of_file(path)? {
        Some(_) if frame_ref.frame_number != 1 => {
            let frame_number = frame_ref.frame_number;
            Err(Fault::FrameOutOfRange { frame_number, num_frames: 1 }.at(path))
        }
        Some(format) => raster::read_picture(path, format),
        None => dicom::read_frame(path, frame_ref.frame_number),
    }
}
