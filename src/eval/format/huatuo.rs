//! HuatuoGPT-Vision's benchmark: one list for all data sets, questions with lettered options.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::eval::metric::choice_letter;
use crate::eval::{Dropped, EvalError, Item, Kind};

use super::fields::Fields;
use super::python_list::python_list;
use super::source::Source;

/// Letters that the authors' prompt has.
const MAX_OPTIONS: usize = 11;

pub(super) fn read(
    source: &Source,
    items: &mut Vec<Item>,
    dropped: &mut Dropped,
) -> Result<(), EvalError> {
    let mut seen = BTreeSet::new();
    for record in &source.records {
        let fields = Fields::new(&source.path, record)?;
        let options = options(&fields)?;
        let question_type = fields.optional_text("question_type")?.unwrap_or_default();
        if options.is_empty() || question_type.eq_ignore_ascii_case("open") {
            dropped.open += 1;
            continue;
        }
        let dataset = fields.optional_text("dataset")?.unwrap_or_default().trim();
        if !seen.insert(key(&fields, dataset)) {
            dropped.repeated += 1;
            continue;
        }
        items.push(item(&fields, options, dataset)?);
    }
    Ok(())
}

/// What makes a record the same as an earlier one.
fn key(fields: &Fields<'_>, dataset: &str) -> (String, String) {
    match (fields.get("test_id"), fields.get("id")) {
        (Some(id), _) => (String::new(), id.to_string()),
        (None, Some(id)) => (dataset.to_owned(), format!("id {id}")),
        (None, None) => (String::new(), fields.number().to_string()),
    }
}

fn item(fields: &Fields<'_>, options: Vec<String>, dataset: &str) -> Result<Item, EvalError> {
    if options.len() > MAX_OPTIONS {
        let count = options.len();
        return Err(fields.fault(format!(
            "has {count} options in its field \"options\", and the prompt letters for {MAX_OPTIONS}"
        )));
    }
    let answer = fields.plain("answer")?;
    let answer = answer.ok_or_else(|| fields.fault("has no field \"answer\""))?;
    let mut groups = BTreeMap::new();
    if !dataset.is_empty() {
        groups.insert("dataset".to_owned(), dataset.to_owned());
    }
    let subset = fields.optional_text("subset")?.unwrap_or_default().trim();
    if !subset.is_empty() {
        groups.insert("subset".to_owned(), format!("{dataset}_{subset}"));
    }
    Ok(Item {
        index: 0,
        id: fields.id(&["test_id"]),
        question: prompt(fields.text("question")?, &options),
        history: Vec::new(),
        images: fields.images()?,
        reference: Some(answer),
        kind: Kind::Choice { options },
        groups,
    })
}

/// The authors' prompt.
fn prompt(question: &str, options: &[String]) -> String {
    let lettered = options.iter().enumerate();
    let lines: String =
        lettered.map(|(index, text)| format!("{}. {text}\n", choice_letter(index))).collect();
    format!("{question}\n{lines}Answer with the option's letter from the given choices directly.")
}

/// A list of texts, or the same written as Python writes it.
fn options(fields: &Fields<'_>) -> Result<Vec<String>, EvalError> {
    let Some(Value::String(text)) = fields.get("options") else { return fields.texts("options") };
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    python_list(text)
        .ok_or_else(|| fields.fault("has a field \"options\" that is not a list of texts"))
}
