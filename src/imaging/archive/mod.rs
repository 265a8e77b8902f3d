//! ZIP archives, opened as if they were folders; nothing is written to disk.
//!
//! An entry has a path of its own, the archive's with its name behind: `study.zip/DICOM/IM1`. Such
//! a path is stored, sent to workers and read from like that of a file. `names` says which names
//! are taken, `records` reads the archive's list of contents, `contents` judges what it promises,
//! and `unpack` gives the bytes of one entry as far as they are asked for.

mod contents;
mod names;
mod records;
mod unpack;

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use super::{
    error::{Fault, OpenError},
    open::{OpenWarning, few},
    series::natural_key,
};
use contents::Contents;

pub(super) use unpack::Unpacking;

/// Archives whose contents are remembered.
const MAX_KNOWN: usize = 4;

/// What an archive holds.
pub(super) struct Listed {
    /// Paths of entries, in the order of their names.
    pub(super) files: Vec<PathBuf>,
    /// Entries left out.
    pub(super) warnings: Vec<OpenWarning>,
}

/// Whether a file begins as an archive does.
pub(super) fn is_archive(first: &[u8]) -> bool {
    first.starts_with(b"PK\x03\x04") || first.starts_with(b"PK\x05\x06")
}

/// Whether this is the path of a ZIP archive on the disk, by its content.
#[must_use]
pub fn is_archive_file(path: &Path) -> bool {
    let mut first = [0; 4];
    let is_file = path.is_file();
    is_file
        && File::open(path).is_ok_and(|mut file| file.read_exact(&mut first).is_ok())
        && is_archive(&first)
}

/// Whether there is a file, a folder, or an entry of an archive with this path.
#[must_use]
pub fn is_there(path: &Path) -> bool {
    path.exists()
        || split(path).is_some_and(|(archive, name)| {
            contents_of(&archive).is_ok_and(|contents| contents.holds(&name))
        })
}

/// The archive on the way to a path, and the rest of the path.
pub(super) fn split(path: &Path) -> Option<(PathBuf, String)> {
    let archive = path.ancestors().skip(1).find(|ancestor| ancestor.exists())?;
    let rest = path.strip_prefix(archive).ok()?;
    let parts: Vec<_> = rest.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    is_archive_file(archive).then(|| (archive.to_owned(), parts.join("/")))
}

/// The entry with this path; `None` when there is no archive on the way.
pub(super) fn open_entry(path: &Path) -> Result<Option<Unpacking>, OpenError> {
    let Some((archive, name)) = split(path) else { return Ok(None) };
    let contents = contents_of(&archive)?;
    let entry = contents.entry(&name).ok_or_else(|| OpenError::NotFound { path: path.to_owned() });
    Unpacking::open(&archive, entry?, path).map(Some)
}

/// The entries of an archive, or of a folder in it; an empty name stands for all.
pub(super) fn list(archive: &Path, folder: &str) -> Result<Listed, OpenError> {
    let contents = contents_of(archive)?;
    let mut files: Vec<PathBuf> =
        contents.names_below(folder).map(|name| archive.join(name)).collect();
    files.sort_by_cached_key(|path| natural_key(path));
    let refused = contents.refused().map(|(name, why)| {
        let path = archive.join(name);
        let message = Fault::Entry(why.to_owned()).at(&path).to_string();
        OpenWarning { path, message }
    });
    let mut warnings = few(refused.collect(), archive, "entries of the archive are left out");
    warnings.extend(contents.damage().map(|what| OpenWarning {
        path: archive.to_owned(),
        message: format!("{what}: {}", archive.display()),
    }));
    Ok(Listed { files, warnings })
}

struct Known {
    path: PathBuf,
    len: u64,
    modified: Option<SystemTime>,
    contents: Arc<Contents>,
}

/// A study of hundreds of slices is one archive asked hundreds of times.
static KNOWN: Mutex<Vec<Known>> = Mutex::new(Vec::new());

fn contents_of(archive: &Path) -> Result<Arc<Contents>, OpenError> {
    let unreadable = |error: &std::io::Error| OpenError::io(error, archive);
    let mut file = File::open(archive).map_err(|error| unreadable(&error))?;
    let meta = file.metadata().map_err(|error| unreadable(&error))?;
    let (len, modified) = (meta.len(), meta.modified().ok());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let same =
        |known: &&Known| known.path == archive && known.len == len && known.modified == modified;
    if let Some(found) = known.iter().find(same) {
        return Ok(Arc::clone(&found.contents));
    }
    let contents = Contents::read(&mut file, len);
    let contents = Arc::new(contents.map_err(|why| Fault::Archive(why).at(archive))?);
    known.retain(|known| known.path != archive);
    known.truncate(MAX_KNOWN - 1);
    let path = archive.to_owned();
    known.insert(0, Known { path, len, modified, contents: Arc::clone(&contents) });
    Ok(contents)
}
