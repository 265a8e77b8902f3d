//! Scores that a judge gave to chat answers: LLaVA-Med's table of means and relative scores.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::eval::EvalError;
use crate::eval::bootstrap::{Figure, figures};
use crate::eval::format::Source;

/// In the order in which the authors look for a question's domain.
const DOMAINS: [&str; 5] = ["chest_xray", "mri", "histology", "gross", "ct_scan"];

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JudgeRow {
    /// A type, a domain, or `overall`.
    pub name: String,
    /// Mean score of the reference's answers.
    pub gpt4_score: f64,
    /// Mean score of the model's answers.
    pub pred_score: f64,
    /// Mean of the model's score over the reference's, times 100, with its interval.
    pub pred_relative_score: Figure,
    /// Questions.
    pub data_size: usize,
}

/// The whole table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JudgeTable {
    /// Types, domains, `overall`.
    pub rows: Vec<JudgeRow>,
}

impl JudgeTable {
    /// The table for people.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = "| | questions | reference | model | relative, % |\n\
            |---|---|---|---|---|\n"
            .to_owned();
        for row in &self.rows {
            let Figure { value, low, high, .. } = row.pred_relative_score;
            text += &format!(
                "| {} | {} | {:.2} | {:.2} | {value:.1} ({low:.1}–{high:.1}) |\n",
                row.name, row.data_size, row.gpt4_score, row.pred_score
            );
        }
        text
    }
}

/// The first domain that the record says yes to.
pub(in crate::eval) fn domain_of(domain: &Value) -> Option<&str> {
    if let Value::String(name) = domain {
        return Some(name);
    }
    let is_true = |value: &Value| match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
    };
    DOMAINS.into_iter().find(|name| domain.get(name).is_some_and(is_true))
}

/// Read the judge's lines and reckon the table.
///
/// # Errors
/// When the file cannot be read, or a line has no two scores.
pub fn judge_scores(path: &Path) -> Result<JudgeTable, EvalError> {
    let source = Source::read("the scores", path)?;
    let mut by_name: BTreeMap<(u8, String), Vec<[f64; 2]>> = BTreeMap::new();
    for (place, record) in &source.records {
        let fault = |fault: &str| EvalError::Record {
            place: *place,
            fault: fault.to_owned(),
            path: path.to_owned(),
        };
        let verdict = record.get("gpt_eval").and_then(Value::as_str);
        let verdict = verdict.ok_or_else(|| fault("has no text in its field \"gpt_eval\""))?;
        let scores = two_scores(verdict).ok_or_else(|| {
            fault("has a field \"gpt_eval\" that does not begin with two scores above 0")
        })?;
        let mut add = |order, name: &str| {
            by_name.entry((order, name.to_owned())).or_default().push(scores);
        };
        if let Some(kind) = record.get("type").and_then(Value::as_str) {
            add(0, kind);
        }
        if let Some(domain) = record.get("domain").and_then(domain_of) {
            add(1, domain);
        }
        add(2, "overall");
    }
    if by_name.is_empty() {
        return Err(EvalError::Empty { reason: String::new(), path: path.to_owned() });
    }
    let rows = by_name.iter().map(|((_, name), scores)| row(name, scores)).collect();
    Ok(JudgeTable { rows })
}

/// Two numbers alone on the first line, between them a space or a comma.
fn two_scores(verdict: &str) -> Option<[f64; 2]> {
    let line = verdict.lines().next()?;
    let words = line.split([' ', ',', '\t']).filter(|word| !word.is_empty());
    let scores: Option<Vec<f64>> = words.map(|word| word.parse().ok()).collect();
    let scores: [f64; 2] = scores?.try_into().ok()?;
    scores.iter().all(|score| score.is_finite() && *score > 0.0).then_some(scores)
}

fn row(name: &str, scores: &[[f64; 2]]) -> JudgeRow {
    let count = scores.len();
    let mean = |of: fn(&[f64; 2]) -> f64| scores.iter().map(of).sum::<f64>() / count as f64;
    let relative: Vec<_> = scores
        .iter()
        .map(|[reference, model]| {
            BTreeMap::from([("relative".to_owned(), model / reference * 100.0)])
        })
        .collect();
    let relative = figures(&relative.iter().collect::<Vec<_>>()).remove("relative");
    JudgeRow {
        name: name.to_owned(),
        gpt4_score: mean(|[reference, _]| *reference),
        pred_score: mean(|[_, model]| *model),
        pred_relative_score: relative.unwrap_or_default(),
        data_size: count,
    }
}
