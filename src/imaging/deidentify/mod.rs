//! DICOM files written again without what identifies a person: PS3.15 Annex E, Basic Application
//! Level Confidentiality Profile, with the options that only retain.
//!
//! The way of a file: `refuse` says whether its kind can be cleaned at all; `doubts` what the
//! reader should look at; `clean` goes through every element on every level and does what `action`
//! decides from the standard's table (`profile`, data in `profile.tsv`); `stamp` says in the file
//! what was done; `export` gives it a place that names nobody.
//!
//! It is an allow-list: an attribute stays only if the standard's dictionary has it and the table
//! does not. Free text, names and dates that the table does not list are removed as well. The
//! profile alone does not promise that nobody can be recognised.

mod action;
mod clean;
mod doubts;
mod dummy;
mod export;
mod names;
mod profile;
mod refuse;
mod stamp;
mod traces;
mod uids;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{error::OpenError, open::OpenWarning};

pub(super) use action::identifies;
pub use export::deidentify;

/// What is kept beyond the Basic Profile, and what is made black.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeidentifyOptions {
    /// Retain UIDs Option (113110).
    pub keep_uids: bool,
    /// Retain Longitudinal Temporal Information Full Dates Option (113106).
    pub keep_dates: bool,
    /// Retain Device Identity Option (113109).
    pub keep_device: bool,
    /// Retain Patient Characteristics Option (113108).
    pub keep_patient_characteristics: bool,
    /// Rectangles made black in every picture: column, row, width, height.
    pub blackout: Vec<[u32; 4]>,
    /// Refuse files whose pixels may have text burned in.
    pub strict: bool,
}

impl DeidentifyOptions {
    /// The profile and the options as CID 7050 codes them.
    #[must_use]
    pub fn method_codes(&self) -> Vec<(&'static str, &'static str)> {
        let options = [
            (true, "113100", "Basic Application Confidentiality Profile"),
            (!self.blackout.is_empty(), "113101", "Clean Pixel Data Option"),
            (
                self.keep_dates,
                "113106",
                "Retain Longitudinal Temporal Information Full Dates Option",
            ),
            (self.keep_patient_characteristics, "113108", "Retain Patient Characteristics Option"),
            (self.keep_device, "113109", "Retain Device Identity Option"),
            (self.keep_uids, "113110", "Retain UIDs Option"),
        ];
        options.into_iter().filter(|(used, ..)| *used).map(|(_, code, name)| (code, name)).collect()
    }
}

/// Something to look at before files of a series are given away.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SeriesWarning {
    /// The folder of the series, as written.
    pub series: String,
    /// What to look at.
    pub message: String,
}

/// What an export did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deidentified {
    /// The files written.
    pub written: Vec<PathBuf>,
    /// Files left out, and why.
    pub refused: Vec<OpenWarning>,
    /// At most one of a kind for a series.
    pub warnings: Vec<SeriesWarning>,
    /// Files that are no DICOM objects.
    pub skipped: usize,
}

/// Why nothing, or nothing more, could be exported.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DeidentifyError {
    /// The files could not be looked for, or it was cancelled.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Only a new or an empty folder is written to.
    #[error("The folder is not empty; name a new one: {}", path.display())]
    NotEmpty {
        /// Asked for.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("The folder can't be written to ({reason}): {}", path.display())]
    Unwritable {
        /// The system's words.
        reason: String,
        /// Asked for.
        path: PathBuf,
    },
    /// There is no key for the new UIDs.
    #[error("This system gives no random numbers, without which UIDs can't be replaced")]
    NoRandomNumbers,
    /// Only pictures without a header, or other files.
    #[error("There is no DICOM file in what was named")]
    NothingToDo,
}
