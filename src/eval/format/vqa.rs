//! LLaVA-Med's visual questions: a list with conversations and the kind of each answer, or lines
//! for its general script.

use serde_json::Value;

use crate::eval::metric::{is_yes_or_no, normalized};
use crate::eval::{EvalError, Item, Kind};

use super::conversations::{exchanges, without_markers};
use super::fields::Fields;
use super::source::Source;

pub(super) fn read(source: &Source, items: &mut Vec<Item>) -> Result<(), EvalError> {
    for record in &source.records {
        let fields = Fields::new(&source.path, record)?;
        let is_line = !fields.has("conversations") && !fields.has("conversatons");
        items.push(if is_line { line_item(&fields)? } else { list_item(&fields)? });
    }
    Ok(())
}

/// Only the first exchange counts, as in the authors' scripts.
fn list_item(fields: &Fields<'_>) -> Result<Item, EvalError> {
    let first = exchanges(fields)?.into_iter().next();
    let first = first
        .ok_or_else(|| fields.fault("has no question with its answer in \"conversations\""))?;
    let reference = Some(first.answer);
    let kind = kind_of(fields.optional_text("answer_type")?, reference.as_deref());
    let (id, question) = (fields.id(&["id", "question_id"]), first.question);
    item(fields, id, question, reference, kind)
}

/// Lines may carry the answer, which the authors keep in a file of its own.
fn line_item(fields: &Fields<'_>) -> Result<Item, EvalError> {
    let mut reference = None;
    for name in ["answer", "reference", "gt_ans", "label"] {
        if reference.is_none() {
            reference = fields.plain(name)?;
        }
    }
    let kind = kind_of(fields.optional_text("answer_type")?, reference.as_deref());
    let question = without_markers(fields.text("text")?);
    item(fields, fields.id(&["question_id", "id"]), question, reference, kind)
}

fn item(
    fields: &Fields<'_>,
    id: Value,
    question: String,
    reference: Option<String>,
    kind: Kind,
) -> Result<Item, EvalError> {
    if question.is_empty() {
        return Err(fields.fault("has an empty question"));
    }
    Ok(Item {
        index: 0,
        id,
        question,
        history: Vec::new(),
        images: fields.images()?,
        reference,
        kind,
        groups: fields.groups(),
    })
}

/// By the file's word, with `PathVQA`'s; without one by the reference.
fn kind_of(answer_type: Option<&str>, reference: Option<&str>) -> Kind {
    match (answer_type.map(str::to_ascii_lowercase).as_deref(), reference) {
        (_, None) => Kind::Unscored,
        (Some("open" | "other" | "number"), _) => Kind::Open,
        (Some("closed" | "yes/no"), _) => Kind::Closed,
        // the authors' scripts pass over other words
        (Some(_), _) => Kind::Unscored,
        (None, Some(reference)) if is_yes_or_no(&normalized(reference)) => Kind::Closed,
        (None, Some(_)) => Kind::Open,
    }
}
