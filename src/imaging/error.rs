//! Why a file could not be opened or a frame not be read, in words for the reader.
//!
//! Messages name the fault, then what to do where there is something to do, and the path last.
//! They hold numbers, tags and codec names, never an attribute's text: no patient identifier can
//! reach them.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What went wrong with a file or a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
pub enum OpenError {
    /// The reader pressed Cancel.
    #[error("Opening was cancelled")]
    Cancelled,
    /// The operating system refused.
    #[error("Can't read the file ({reason}): {}", path.display())]
    Unreadable {
        /// The system's words.
        reason: String,
        /// The file.
        path: PathBuf,
    },
    /// The path is not there.
    #[error("There is no such file or folder: {}", path.display())]
    NotFound {
        /// What was asked for.
        path: PathBuf,
    },
    /// The file was read but not understood.
    #[error("{fault}: {}", path.display())]
    Picture {
        /// What is wrong with it.
        fault: Fault,
        /// The file.
        path: PathBuf,
    },
    /// Pasted bytes were not understood.
    #[error("{0}")]
    Pasted(Fault),
}

impl OpenError {
    pub(super) fn io(error: &std::io::Error, path: &Path) -> Self {
        use std::io::ErrorKind::{NotADirectory, NotFound};
        if matches!(error.kind(), NotFound | NotADirectory) {
            return Self::NotFound { path: path.to_owned() };
        }
        Self::Unreadable { reason: error.kind().to_string(), path: path.to_owned() }
    }
}

/// What is wrong with the content of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
pub enum Fault {
    /// Neither DICOM nor PNG, JPEG or TIFF.
    #[error("This is not a DICOM file, PNG, JPEG or TIFF")]
    NotAPicture,
    /// A ZIP archive that nobody named.
    #[error("This is a ZIP archive, opened only when it is named itself")]
    UnnamedArchive,
    /// A ZIP archive in another.
    #[error("An archive inside an archive is not opened: unpack it first")]
    NestedArchive,
    /// An archive as a whole.
    #[error("Can't open this archive: {0}")]
    Archive(String),
    /// One entry of an archive.
    #[error("Can't open this entry of the archive, because {0}")]
    Entry(String),
    /// A DICOM file without Pixel Data.
    #[error("This DICOM file holds no picture ({0})")]
    NoPixels(String),
    /// An attribute without which nothing can be drawn.
    #[error("The file does not say its {0}")]
    Missing(String),
    /// An attribute outside what the standard allows.
    #[error("The file's {name} can't be right ({value})")]
    OutOfRange {
        /// The attribute, in words.
        name: String,
        /// What the file says, numbers only.
        value: i64,
    },
    /// A compression this build has no decoder for.
    #[error("Can't decode {name} ({uid}) in this build")]
    UnsupportedCodec {
        /// `HTJ2K lossless`.
        name: String,
        /// Transfer Syntax UID.
        uid: String,
    },
    /// A picture kind or feature that is not supported.
    #[error("Can't show this picture: {0}")]
    Unsupported(String),
    /// An object that would not come out clean.
    #[error("Can't de-identify this file: {0}")]
    NotDeidentified(String),
    /// The compressed picture contradicts the file's header.
    #[error("The compressed picture does not match the file's header: {0}")]
    Mismatch(String),
    /// The compressed data are damaged.
    #[error("The compressed picture is damaged: {0}")]
    Damaged(String),
    /// The structure of the data set is damaged.
    #[error("The DICOM file is damaged: {0}")]
    Structure(String),
    /// A frame that is not there.
    #[error("There is no frame {frame_number}: the file holds {num_frames}")]
    FrameOutOfRange {
        /// Asked for, from 1.
        frame_number: u32,
        /// In the file.
        num_frames: u32,
    },
    /// More pixels than the program is prepared to hold.
    #[error("The picture is too large: {columns} × {rows} pixels need {mebibytes} MiB")]
    TooLarge {
        /// Width.
        columns: u64,
        /// Height.
        rows: u64,
        /// What it would need.
        mebibytes: u64,
    },
    /// The file ends before its first pixel.
    #[error("The file ends before its pixels do")]
    Truncated,
}

impl Fault {
    pub(super) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged(what.into())
    }

    pub(super) fn at(self, path: &Path) -> OpenError {
        OpenError::Picture { fault: self, path: path.to_owned() }
    }
}
