//! Weights in blocks, kept on disk as they lie in memory: the second start reads a quarter of the
//! bytes and converts nothing.
//!
//! One file a model and precision, in the platform's folder for what can be made again. It says
//! which weight files it was made of ([`identity`]), holds their SHA-256 for the evidence of
//! answers, and a checksum of every piece ([`index`]). Whatever is wrong with such a file, it is
//! removed and made anew: a fault of the cache is never a fault of the model.

mod identity;
mod index;
mod reader;
mod space;
mod writer;

use std::path::{Path, PathBuf};

use directories::ProjectDirs;

use crate::vlm::conversion::Conversion;
use crate::vlm::parts::Parts;
use crate::vlm::storage::{Role, Storage};
use crate::vlm::weights::Plan;

pub(crate) use reader::Found;
pub(crate) use writer::Keeping;

/// Another place for all kept weights.
const FOLDER_VARIABLE: &str = "READING_ROOM_CACHE";

/// Ending of a whole file; one that is being written ends in [`PARTIAL`].
const ENDING: &str = ".weights";
const PARTIAL: &str = ".partial";

/// A folder of kept weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightsCache {
    folder: PathBuf,
}

impl WeightsCache {
    /// In the platform's folder for such files, or where `READING_ROOM_CACHE` says; `None` where
    /// there is neither.
    #[must_use]
    pub fn usual() -> Option<Self> {
        let told = std::env::var_os(FOLDER_VARIABLE).filter(|told| !told.is_empty());
        let usual = || Some(ProjectDirs::from("", "", "reading-room")?.cache_dir().to_owned());
        let folder = told.map(PathBuf::from).or_else(usual)?;
        Some(Self::in_folder(folder.join("weights")))
    }

    /// In this folder, which is made when the first file is written.
    #[must_use]
    pub fn in_folder(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Where files are kept.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Bytes of all files kept.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        space::files(&self.folder).iter().map(|file| file.bytes).sum()
    }

    /// The place of a model; `None` when nothing of it is converted to blocks.
    pub(crate) fn entry(
        &self,
        parts: &Parts,
        plan: &Plan,
        conversion: &Conversion,
    ) -> Option<CacheEntry> {
        let storage = conversion.storage_of(Role::Layers);
        if !matches!(storage, Storage::Host(_)) {
            return None;
        }
        let name = identity::file_name(parts, plan, conversion);
        let identity = identity::of_files(parts, plan, conversion).ok()?;
        Some(CacheEntry { path: self.folder.join(name), identity })
    }
}

/// Where a model's weights are kept, and what they must be made of.
#[derive(Clone, Debug)]
pub(crate) struct CacheEntry {
    path: PathBuf,
    identity: String,
}

impl CacheEntry {
    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(&self.path)
    }
}
