//! Faults of tokenizer files.

use std::path::PathBuf;

/// Why text cannot become ids.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// The system would not give the file.
    #[error("{source}: {}", .path.display())]
    Io {
        /// From the system.
        source: std::io::Error,
        /// The file.
        path: PathBuf,
    },
    /// No tokenizer at all.
    #[error("no tokenizer (tokenizer.json or tokenizer.model) is in this folder: {}", .path.display())]
    NoTokenizer {
        /// The folder.
        path: PathBuf,
    },
    /// A file these rules cannot do without.
    #[error("the tokenizer lacks a file: {}", .path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// The file cannot be used.
    #[error("the tokenizer is damaged ({reason}): {}", .path.display())]
    Damaged {
        /// The fault.
        reason: String,
        /// The file.
        path: PathBuf,
    },
    /// A text could not be cut into tokens.
    #[error("the text could not be cut into tokens: {reason}")]
    Encode {
        /// The fault.
        reason: String,
    },
}
