//! Why the history could not be used, in one sentence each.

use std::io;

use rusqlite::ErrorCode;

/// What went wrong with the history.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// Another version of the program has been here.
    #[error(
        "the history was written by a newer version of this program (its form is {found}, this \
         version knows forms up to {known}): update Reading Room, or choose another folder with \
         --data-dir"
    )]
    Newer {
        /// Form of the file.
        found: i64,
        /// The newest form this version writes.
        known: i64,
    },
    /// Not what SQLite wrote.
    #[error(
        "the history is damaged ({0}): open the window, which sets it aside and takes over what \
         can still be read"
    )]
    Damaged(String),
    /// No right to write, or no folder.
    #[error(
        "the history cannot be written ({0}): make its folder writable, or choose another with \
         --data-dir"
    )]
    NotWritable(String),
    /// No room.
    #[error("the disk is full: make room and the history is written again")]
    DiskFull,
    /// Somebody else is writing for very long.
    #[error("another program keeps the history to itself: close it and try again")]
    Busy,
    /// There is no such chat.
    #[error("there is no chat {0} in the history: `reading-room history list` shows them")]
    NoChat(String),
    /// A beginning that several chats share.
    #[error("{0} is the beginning of more than one chat's id: type more of it")]
    SeveralChats(String),
    /// A part of a chat was not understood.
    #[error("a chat in the history was not understood ({0})")]
    NotUnderstood(String),
    /// Anything else SQLite says.
    #[error("the history could not be used: {0}")]
    Other(String),
}

impl HistoryError {
    pub(super) fn from_io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull => Self::DiskFull,
            // the kind says what is wrong without naming a path
            kind => Self::NotWritable(kind.to_string()),
        }
    }

    /// Whether trying again later may help.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::NotWritable(_) | Self::DiskFull | Self::Busy | Self::Other(_))
    }
}

impl From<rusqlite::Error> for HistoryError {
    fn from(error: rusqlite::Error) -> Self {
        let Some(code) = error.sqlite_error_code() else {
            return Self::NotUnderstood(error.to_string());
        };
        match code {
            ErrorCode::DatabaseCorrupt => Self::Damaged("a page of it is not in order".to_owned()),
            ErrorCode::NotADatabase => Self::Damaged("its file is no database".to_owned()),
            ErrorCode::DiskFull => Self::DiskFull,
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Busy,
            ErrorCode::ReadOnly => Self::NotWritable("it may only be read".to_owned()),
            ErrorCode::CannotOpen | ErrorCode::PermissionDenied => {
                Self::NotWritable("its file cannot be opened".to_owned())
            }
            ErrorCode::SystemIoFailure => {
                Self::NotWritable("the disk refuses to read or write".to_owned())
            }
            _ => Self::Other(error.to_string()),
        }
    }
}

impl From<serde_json::Error> for HistoryError {
    fn from(error: serde_json::Error) -> Self {
        Self::NotUnderstood(error.to_string())
    }
}
