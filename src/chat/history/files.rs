//! The files of the history: the database, the key of its marks, and what was set aside.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::super::id::now_ms;
use super::super::marks::{KEY_LEN, Marker};
use super::calendar::Date;
use super::error::HistoryError;

const DATABASE: &str = "history.db";
const KEY: &str = "history.key";
/// What SQLite keeps beside a database.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// Where the database is.
pub(super) fn database_in(folder: &Path) -> PathBuf {
    folder.join(DATABASE)
}

/// Makes folder and database file, for nobody else to read.
pub(super) fn make(folder: &Path) -> Result<(), HistoryError> {
    fs::create_dir_all(folder).map_err(|error| HistoryError::from_io(&error))?;
    match private(&database_in(folder)) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(HistoryError::from_io(&error)),
    }
}

fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

/// The key of the marks, made at the first start.
pub(super) fn marker_in(folder: &Path) -> Result<Marker, HistoryError> {
    let path = folder.join(KEY);
    let read = || fs::read(&path).ok().and_then(|bytes| <[u8; KEY_LEN]>::try_from(bytes).ok());
    if let Some(key) = read() {
        return Ok(Marker::new(key));
    }
    let key = random_key();
    // whole or not at all: another program may be starting at the same moment
    let written = tempfile::NamedTempFile::new_in(folder).and_then(|mut file| {
        file.write_all(&key)?;
        if path.exists() && read().is_none() {
            // half a key marks nothing that could be found again
            file.persist(&path).map_err(|error| error.error)
        } else {
            file.persist_noclobber(&path).map_err(|error| error.error)
        }
    });
    match (written, read()) {
        (_, Some(key)) => Ok(Marker::new(key)),
        (Err(error), None) => Err(HistoryError::from_io(&error)),
        (Ok(_), None) => Ok(Marker::new(key)),
    }
}

/// A key for as long as the program runs, where none can be kept.
pub(super) fn passing_marker() -> Marker {
    Marker::new(random_key())
}

fn random_key() -> [u8; KEY_LEN] {
    let mut key = [0; KEY_LEN];
    if getrandom::fill(&mut key).is_err() {
        for part in key.chunks_mut(8) {
            let random = super::super::id::fresh_id().to_le_bytes();
            part.copy_from_slice(&random[..part.len()]);
        }
    }
    key
}

/// Renames a damaged database, with what lies beside it, and says what it is called now.
pub(super) fn set_aside(folder: &Path) -> Result<String, HistoryError> {
    let now_secs = now_ms() / 1000;
    let (date, secs) = (Date::of_secs(now_secs), now_secs % 86_400);
    let stamp = format!("{date}-{:02}{:02}{:02}", secs / 3600, secs / 60 % 60, secs % 60);
    let mut name = format!("history.damaged-{stamp}.db");
    let mut copy = 2;
    while folder.join(&name).exists() {
        name = format!("history.damaged-{stamp}-{copy}.db");
        copy += 1;
    }
    let to = |beside: &str| folder.join(format!("{name}{beside}"));
    let from = |beside: &str| folder.join(format!("{DATABASE}{beside}"));
    fs::rename(from(""), to("")).map_err(|error| HistoryError::from_io(&error))?;
    for beside in BESIDE {
        match fs::rename(from(beside), to(beside)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(HistoryError::from_io(&error));
            }
            _ => {}
        }
    }
    Ok(name)
}
