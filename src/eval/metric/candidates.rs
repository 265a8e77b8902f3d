//! Open accuracy by a list of candidate answers, as LLaVA-Med's `run_eval` reckons it.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::eval::EvalError;
use crate::eval::format::sha256_hex;

use super::normalize::{normalize, words};

/// The answers that a prediction may stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidates {
    /// Normalised.
    answers: Vec<String>,
    /// Of the file, lower-case hexadecimal.
    pub sha256: String,
}

impl Candidates {
    /// Read the authors' file: `{"0": ["answer", 7, …]}`, or a list alone.
    ///
    /// # Errors
    /// When the file cannot be read or has no answers.
    pub fn open(path: &Path) -> Result<Self, EvalError> {
        let what = "the candidates";
        let bytes = std::fs::read(path).map_err(|e| EvalError::unreadable(what, &e, path))?;
        let value: Value = serde_json::from_slice(&bytes)
            .map_err(|error| EvalError::not_json(what, &error, path))?;
        let list = value.get("0").unwrap_or(&value).as_array();
        let answers: Option<Vec<String>> = list.and_then(|list| {
            list.iter()
                .map(|answer| match answer {
                    Value::String(text) => Some(normalize(text)),
                    Value::Number(number) => Some(normalize(&number.to_string())),
                    _ => None,
                })
                .collect()
        });
        match answers {
            Some(answers) if !answers.is_empty() => {
                Ok(Self { answers, sha256: sha256_hex(&bytes) })
            }
            _ => Err(EvalError::Mismatch {
                reason: "the candidates are not a list of answers under the key \"0\"".to_owned(),
                path: path.to_owned(),
            }),
        }
    }

    /// Whether the candidate nearest to the prediction is the reference: the one with the largest
    /// share of its words in the prediction, of equal ones the first.
    ///
    /// Takes normalised texts and normalises them again, as the scripts do.
    #[must_use]
    pub fn hits(&self, prediction: &str, reference: &str) -> bool {
        let (prediction, reference) = (normalize(prediction), normalize(reference));
        let said: BTreeSet<&str> = words(&prediction).collect();
        let mut best: Option<(f64, &String)> = None;
        for answer in &self.answers {
            let wanted: BTreeSet<&str> = words(answer).collect();
            let found = wanted.intersection(&said).count();
            let share = found as f64 / wanted.len().max(1) as f64;
            if best.is_none_or(|(most, _)| share > most) {
                best = Some((share, answer));
            }
        }
        best.is_some_and(|(_, answer)| *answer == reference)
    }
}
