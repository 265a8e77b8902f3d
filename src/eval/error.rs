//! What can go wrong with an evaluation: one clear sentence each, cause first, path last.

use std::fmt;
use std::path::{Path, PathBuf};

/// Why a data file, an answers file or an output folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// The operating system refused.
    #[error("{what} could not be read ({reason}): {}", .path.display())]
    Unreadable {
        /// "the data file", …
        what: &'static str,
        /// The system's words.
        reason: String,
        /// The file.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("{what} could not be written ({reason}): {}", .path.display())]
    Unwritable {
        /// "the answers", …
        what: &'static str,
        /// The system's words.
        reason: String,
        /// The file.
        path: PathBuf,
    },
    /// A file is not what its name says.
    #[error("{what} is not valid JSON: {reason}: {}", .path.display())]
    NotJson {
        /// "the data file", …
        what: &'static str,
        /// With line and column.
        reason: String,
        /// The file.
        path: PathBuf,
    },
    /// One record lacks something.
    #[error("{place} {fault}: {}", .path.display())]
    Record {
        /// Which record or line.
        place: Place,
        /// "has no field \"question\"", …
        fault: String,
        /// The file.
        path: PathBuf,
    },
    /// No record in the file, or none that can be asked.
    #[error("there is no question in this file{}: {}", .reason, .path.display())]
    Empty {
        /// Empty, or why nothing is left, after a comma.
        reason: String,
        /// The file.
        path: PathBuf,
    },
    /// None of the formats.
    #[error(
        "this is none of the formats that can be evaluated ({}): {}",
        crate::eval::Format::NAMES,
        .path.display()
    )]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// The folder holds another run.
    #[error(
        "this folder holds answers of a run with other settings ({}): choose another folder: {}",
        .differences.join("; "),
        .path.display()
    )]
    OtherSettings {
        /// "sampling.temperature is 0.2 there and 0 here", …
        differences: Vec<String>,
        /// The folder.
        path: PathBuf,
    },
    /// Two runs that do not belong together.
    #[error("these runs do not belong together, {reason}: {}", .path.display())]
    NotMergeable {
        /// The difference.
        reason: String,
        /// The folder that differs from the first.
        path: PathBuf,
    },
    /// Another process writes there.
    #[error("another run is writing to this folder: {}", .path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// Answers and questions do not fit.
    #[error("{reason}: {}", .path.display())]
    Mismatch {
        /// One sentence without its end.
        reason: String,
        /// The answers file.
        path: PathBuf,
    },
}

/// Where in a file something is, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Of a JSON list.
    Record(usize),
    /// Of a file with one JSON object a line.
    Line(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(number) => write!(f, "record {number}"),
            Self::Line(number) => write!(f, "line {number}"),
        }
    }
}

impl EvalError {
    pub(super) fn unreadable(what: &'static str, error: &std::io::Error, path: &Path) -> Self {
        Self::Unreadable { what, reason: error.to_string(), path: path.to_owned() }
    }

    pub(super) fn unwritable(what: &'static str, error: &std::io::Error, path: &Path) -> Self {
        Self::Unwritable { what, reason: error.to_string(), path: path.to_owned() }
    }

    pub(super) fn not_json(what: &'static str, error: &serde_json::Error, path: &Path) -> Self {
        Self::NotJson { what, reason: error.to_string(), path: path.to_owned() }
    }
}
