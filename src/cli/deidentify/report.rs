//! `deidentify --json`.

use std::path::Path;

use serde::Serialize;

use crate::imaging::{Deidentified, DeidentifyOptions};

/// What the standard says about its own profile.
pub(super) const NOTE: &str = "The profile alone does not promise that nobody can be recognised: \
                               look at the pictures before you give them away.";

/// What was done. Names of new files name nobody; those of refused ones are as the user has them.
#[derive(Serialize)]
pub(super) struct Report {
    out: String,
    methods: Vec<Method>,
    written: Vec<String>,
    refused: Vec<Refused>,
    warnings: Vec<Warning>,
    skipped_files: usize,
    note: &'static str,
}

/// A code of CID 7050.
#[derive(Serialize)]
struct Method {
    code: &'static str,
    meaning: &'static str,
}

#[derive(Serialize)]
struct Refused {
    path: String,
    reason: String,
}

#[derive(Serialize)]
struct Warning {
    series: String,
    message: String,
}

impl Report {
    pub(super) fn new(out: &Path, options: &DeidentifyOptions, done: &Deidentified) -> Self {
        let text = |path: &Path| path.display().to_string();
        let methods = options.method_codes().into_iter();
        let refused = done.refused.iter();
        let warnings = done.warnings.iter();
        Self {
            out: text(out),
            methods: methods.map(|(code, meaning)| Method { code, meaning }).collect(),
            written: done.written.iter().map(|path| text(path)).collect(),
            refused: refused
                .map(|refused| Refused {
                    path: text(&refused.path),
                    reason: refused.message.clone(),
                })
                .collect(),
            warnings: warnings
                .map(|warning| Warning {
                    series: warning.series.clone(),
                    message: warning.message.clone(),
                })
                .collect(),
            skipped_files: done.skipped,
            note: NOTE,
        }
    }
}
