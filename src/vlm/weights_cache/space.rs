//! Room for kept weights: never more than a share of the disk, the oldest go first.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::vlm::gigabytes;
use crate::vlm::weights_cache::{ENDING, PARTIAL};

/// All files together, at most.
const MAX_BYTES: u64 = 60_000_000_000;

/// A file that nobody writes any more is at least this old: its writer has long locked it.
const ABANDONED: Duration = Duration::from_secs(60);

/// A kept file.
pub(super) struct Kept {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    used: SystemTime,
}

/// All whole files of a folder.
pub(super) fn files(folder: &Path) -> Vec<Kept> {
    ending_in(folder, ENDING)
}

fn ending_in(folder: &Path, ending: &str) -> Vec<Kept> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let kept = |entry: std::fs::DirEntry| {
        let metadata = entry.metadata().ok().filter(std::fs::Metadata::is_file)?;
        let is_ours = entry.file_name().to_string_lossy().ends_with(ending);
        let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        is_ours.then(|| Kept { path: entry.path(), bytes: metadata.len(), used })
    };
    entries.filter_map(kept).collect()
}

/// Remove what a writer left that was killed: nobody holds the lock of such a file.
pub(super) fn sweep(folder: &Path) {
    for left in ending_in(folder, PARTIAL) {
        let is_old = left.used.elapsed().is_ok_and(|age| age > ABANDONED);
        let is_free = || File::open(&left.path).is_ok_and(|file| file.try_lock().is_ok());
        if is_old && is_free() {
            std::fs::remove_file(&left.path).ok();
        }
    }
}

/// Remove the oldest files until `bytes` more may be written; `replaced` does not count.
///
/// # Errors
/// With a sentence, when they would take more than their share of the disk.
pub(super) fn make_room(folder: &Path, bytes: u64, replaced: &Path) -> Result<(), String> {
    let mut kept = files(folder);
    kept.retain(|file| file.path != replaced);
    kept.sort_by_key(|file| file.used);
    let mut total: u64 = kept.iter().map(|file| file.bytes).sum();
    let limit = match free_bytes(folder) {
        // half of what is free when nothing is kept
        Some(free) => (free.saturating_add(total) / 2).min(MAX_BYTES),
        None => MAX_BYTES,
    };
    if bytes > limit {
        let (bytes, limit) = (gigabytes(bytes), gigabytes(limit));
        return Err(format!("they take {bytes}, and at most {limit} of this disk are used"));
    }
    for file in kept {
        if total.saturating_add(bytes) <= limit {
            break;
        }
        if std::fs::remove_file(&file.path).is_ok() {
            total = total.saturating_sub(file.bytes);
        }
    }
    Ok(())
}

/// Where the system tells.
#[cfg(unix)]
fn free_bytes(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    disk.f_bavail.checked_mul(disk.f_frsize)
}

/// A full disk shows itself while it is written to.
#[cfg(not(unix))]
fn free_bytes(_folder: &Path) -> Option<u64> {
    None
}
