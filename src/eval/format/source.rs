//! The records of a JSON list, or of a file with one JSON object a line.

use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::eval::EvalError;
use crate::eval::error::Place;

/// A file's records and where each of them is.
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    pub(crate) records: Vec<(Place, Value)>,
    pub(crate) sha256: String,
}

impl Source {
    pub(crate) fn read(what: &'static str, path: &Path) -> Result<Self, EvalError> {
        let bytes = std::fs::read(path).map_err(|e| EvalError::unreadable(what, &e, path))?;
        let sha256 = sha256_hex(&bytes);
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        let records = if is_json_lines(text) {
            read_lines(text, path)?
        } else {
            let list: Value = serde_json::from_slice(text)
                .map_err(|error| EvalError::not_json(what, &error, path))?;
            let Value::Array(list) = list else {
                return Err(EvalError::UnknownFormat { path: path.to_owned() });
            };
            let places = (1..).map(Place::Record);
            places.zip(list).collect()
        };
        Ok(Self { path: path.to_owned(), records, sha256 })
    }
}

/// Whether the text starts with an object that ends on its line, or is empty.
fn is_json_lines(text: &[u8]) -> bool {
    let start = text.trim_ascii_start();
    let line = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    start.is_empty()
        || (start.starts_with(b"{")
            && (serde_json::from_slice::<Value>(line).is_ok() || line.len() > 1))
}

fn read_lines(text: &[u8], path: &Path) -> Result<Vec<(Place, Value)>, EvalError> {
    let lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).enumerate();
    let mut records = Vec::new();
    for (index, line) in lines.filter(|(_, line)| !line.is_empty()) {
        let place = Place::Line(index + 1);
        let value = serde_json::from_slice(line).map_err(|error| EvalError::Record {
            place,
            fault: format!("is not valid JSON ({})", column_only(&error)),
            path: path.to_owned(),
        })?;
        records.push((place, value));
    }
    Ok(records)
}

/// The parser's words with the column; its line is always 1 here.
fn column_only(error: &serde_json::Error) -> String {
    error.to_string().replace(" at line 1 column", " at column")
}

pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
