//! Faults of weight files: one sentence each, cause first, path last.

use std::path::PathBuf;

/// Why weights cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The system would not give or take the file.
    #[error("{}: {}", said_by_system(.source), .path.display())]
    Io {
        /// From the system.
        source: std::io::Error,
        /// The file.
        path: PathBuf,
    },
    /// No weight files at all.
    #[error("no weight files (model.safetensors or pytorch_model.bin) are in this folder: {}", .path.display())]
    NoWeights {
        /// The folder.
        path: PathBuf,
    },
    /// The index names files that are not there.
    #[error("the weights are incomplete, missing: {}: {}", .files.join(", "), .path.display())]
    MissingShards {
        /// File names.
        files: Vec<String>,
        /// The folder.
        path: PathBuf,
    },
    /// The file is not what its name says, or is cut short.
    #[error("the weight file is damaged ({reason}): {}", .path.display())]
    Damaged {
        /// The fault.
        reason: String,
        /// The file.
        path: PathBuf,
    },
    /// The tensors are not those the architecture has.
    #[error("the weights do not fit the model: {faults}: {}", .path.display())]
    DoesNotFit {
        /// Missing, unused, wrong shape: with the names.
        faults: String,
        /// The folder.
        path: PathBuf,
    },
    /// Not-a-number or infinite values.
    #[error("tensor {tensor} holds {count} values that are not finite numbers: {}", .path.display())]
    NotFinite {
        /// Its name.
        tensor: String,
        /// How many.
        count: usize,
        /// The file.
        path: PathBuf,
    },
}

/// What the system said of a file; of a full disk also what to do.
#[must_use]
pub fn said_by_system(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            "the disk is full; what was written before is kept, so make room and start the same \
             command again"
                .to_owned()
        }
        _ => error.to_string(),
    }
}
