//! Paths → files to look at: the only walk over folders, archives and what a DICOMDIR names.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::{
    archive,
    dicomdir::{self, Named},
    error::OpenError,
    open::OpenWarning,
    series::natural_key,
};

/// A folder may not hold more.
const MAX_FILES: usize = 1_000_000;

/// What a walk came upon.
#[derive(Default)]
pub(super) struct Found {
    pub(super) files: Vec<PathBuf>,
    /// Archives whose entries are among the files.
    pub(super) archives: Vec<PathBuf>,
    /// What could not be listed, or is named and not there.
    pub(super) warnings: Vec<OpenWarning>,
}

impl Found {
    /// Whether one file was named, and is all there is.
    pub(super) fn is_one_of(&self, named: &[PathBuf]) -> bool {
        matches!((self.files.as_slice(), named), ([file], [named]) if file == named)
    }
}

/// Look for files; `is_cancelled` is told how many there are so far.
pub(super) fn find_files(
    paths: &[PathBuf],
    is_cancelled: &mut dyn FnMut(usize) -> bool,
) -> Result<Found, OpenError> {
    let mut walk = Walk::default();
    for path in paths {
        match walk.add_named(path) {
            // of several the others are opened all the same
            Err(error @ OpenError::Picture { .. }) if paths.len() > 1 => {
                let (path, message) = (path.clone(), error.to_string());
                walk.found.warnings.push(OpenWarning { path, message });
            }
            added => added?,
        }
        while let Some(folder) = walk.folders.pop() {
            if is_cancelled(walk.found.files.len()) {
                return Err(OpenError::Cancelled);
            }
            walk.list(&folder);
        }
    }
    Ok(walk.found)
}

/// Files found so far and folders still to be looked into.
#[derive(Default)]
struct Walk {
    found: Found,
    seen_files: BTreeSet<PathBuf>,
    folders: Vec<PathBuf>,
    /// By canonical path: a link back up is not followed twice.
    seen_folders: BTreeSet<PathBuf>,
}

impl Walk {
    /// A path the reader named.
    fn add_named(&mut self, path: &Path) -> Result<(), OpenError> {
        let meta = match fs::metadata(path) {
            Ok(meta) => meta,
            Err(error) => {
                return match archive::split(path) {
                    Some((archive, name)) => self.add_entries(&archive, &name, path),
                    None => Err(OpenError::io(&error, path)),
                };
            }
        };
        if meta.is_dir() {
            self.folders.push(path.to_owned());
        } else if is_dicomdir_name(path) || is_renamed_dicomdir(path) {
            self.add_dicomdir(path)?;
        } else if archive::is_archive_file(path) {
            self.add_archive(path, "")?;
        } else {
            self.add_file(path.to_owned());
        }
        Ok(())
    }

    /// An entry of an archive, or a folder in it.
    fn add_entries(&mut self, archive: &Path, name: &str, path: &Path) -> Result<(), OpenError> {
        let is_folder = !archive::list(archive, name)?.files.is_empty();
        if is_folder {
            return self.add_archive(archive, name);
        }
        if is_dicomdir_name(path) {
            return self.add_dicomdir(path);
        }
        self.add_file(path.to_owned());
        Ok(())
    }

    fn add_archive(&mut self, archive: &Path, folder: &str) -> Result<(), OpenError> {
        let listed = archive::list(archive, folder)?;
        listed.files.into_iter().for_each(|path| self.add_file(path));
        self.found.warnings.extend(listed.warnings);
        self.found.archives.push(archive.to_owned());
        Ok(())
    }

    /// What a DICOMDIR names; the whole of its folder when it is of no use.
    fn add_dicomdir(&mut self, path: &Path) -> Result<(), OpenError> {
        let unusable = match dicomdir::read(path) {
            Ok(Named { files, warnings }) if !files.is_empty() => {
                files.into_iter().for_each(|path| self.add_file(path));
                self.found.warnings.extend(warnings);
                return Ok(());
            }
            Ok(_) => "none of the files it names is there".to_owned(),
            Err(why) => why,
        };
        let message = format!(
            "The DICOMDIR is of no use, because {unusable}; all files of its folder are looked at: {}",
            path.display()
        );
        self.found.warnings.push(OpenWarning { path: path.to_owned(), message });
        if let Some((archive, name)) = archive::split(path) {
            let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
            return self.add_archive(&archive, folder);
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        self.folders.push(folder.unwrap_or(Path::new(".")).to_owned());
        Ok(())
    }

    fn add_file(&mut self, path: PathBuf) {
        if self.found.files.len() < MAX_FILES && self.seen_files.insert(path.clone()) {
            self.found.files.push(path);
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
            Err(error) => return self.found.warnings.push(unreadable(&error)),
        }
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => return self.found.warnings.push(unreadable(&error)),
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

/// `DICOMDIR.dcm` or `DICOMDIR (1)`, when it is one.
fn is_renamed_dicomdir(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_uppercase());
    let begins = name.is_some_and(|name| name.starts_with("DICOMDIR"));
    begins && dicomdir::read(path).is_ok_and(|named| !named.files.is_empty())
}

fn is_dicomdir_name(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.eq_ignore_ascii_case("DICOMDIR"))
}
