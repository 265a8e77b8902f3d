//! What can go wrong with training: one clear sentence each.

use std::path::PathBuf;

use crate::checkpoint::{CheckpointError, said_by_system};
use crate::imaging::OpenError;
use crate::vlm::ModelError;

/// Why training cannot begin, or ended.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The configuration is not as it should be.
    #[error("{reason}: {}", .path.display())]
    Config {
        /// The fault.
        reason: String,
        /// The file.
        path: PathBuf,
    },
    /// The examples are not as they should be.
    #[error("{reason}: {}", .path.display())]
    Data {
        /// Which record and what is wrong with it.
        reason: String,
        /// The file.
        path: PathBuf,
    },
    /// A picture of an example cannot be read.
    #[error("a picture of example {id} cannot be used: {source}")]
    Picture {
        /// Of the record.
        id: String,
        /// From its file.
        source: OpenError,
    },
    /// A picture of an example is not one that the model takes.
    #[error("a picture of example {id} cannot be used: {reason}")]
    Unfit {
        /// Of the record.
        id: String,
        /// Why.
        reason: String,
    },
    /// The loss became something that is not a number.
    #[error("the loss of step {step} is not a number; {kept}; try a smaller learning rate")]
    NotFinite {
        /// Counted from 1 over all stages.
        step: u64,
        /// What is safe.
        kept: String,
    },
    /// The device does not multiply as asked for.
    #[error("{0}")]
    Arithmetic(String),
    /// A saved state does not belong to this configuration.
    #[error("the saved state cannot be resumed: {reason}: {}", .path.display())]
    State {
        /// The fault.
        reason: String,
        /// The folder.
        path: PathBuf,
    },
    /// The model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Weight files.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A file could not be read or written.
    #[error("{}: {}", said_by_system(.source), .path.display())]
    Io {
        /// From the system.
        source: std::io::Error,
        /// The file.
        path: PathBuf,
    },
    /// Stopped by the caller; everything up to the last saved step is kept.
    #[error("stopped")]
    Stopped,
}

impl TrainError {
    pub(crate) fn not_finite(step: u64, save_every: u64) -> Self {
        let saved = step - 1 - (step - 1) % save_every;
        let kept = match saved {
            0 => "nothing was saved before it".to_owned(),
            saved => format!("the state of step {saved} is kept"),
        };
        Self::NotFinite { step, kept }
    }

    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { source, path }
    }
}
