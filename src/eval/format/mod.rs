//! Data files: the published layouts become questions.

mod chat;
mod conversations;
mod fields;
mod huatuo;
mod python_list;
mod source;
mod vqa;

use std::path::Path;

use crate::eval::{Dropped, EvalError, Format, Item, Turns};

use fields::Fields;
pub(super) use source::{Source, sha256_hex};

/// The questions of a data file.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// Which layout.
    pub format: Format,
    /// In the file's order.
    pub items: Vec<Item>,
    /// What is not asked.
    pub dropped: Dropped,
    /// Of the file, lower-case hexadecimal.
    pub sha256: String,
}

impl Dataset {
    /// Read a data file of any known layout; `turns` matters for conversations only.
    ///
    /// # Errors
    /// When the file cannot be read, is none of the formats, or a record lacks a field.
    pub fn open(path: &Path, turns: Turns) -> Result<Self, EvalError> {
        let source = Source::read("the data file", path)?;
        let empty = |reason: &str| EvalError::Empty { reason: reason.into(), path: path.into() };
        let Some(first) = source.records.first() else { return Err(empty("")) };
        let format = format_of(&Fields::new(path, first)?)
            .ok_or_else(|| EvalError::UnknownFormat { path: path.to_owned() })?;
        let mut dropped = Dropped::default();
        let mut items = Vec::new();
        match format {
            Format::Huatuo => huatuo::read(&source, &mut items, &mut dropped)?,
            Format::LlavaMedVqa => vqa::read(&source, &mut items)?,
            Format::LlavaMedChat => chat::read(&source, &mut items)?,
            Format::Conversations => {
                conversations::read(&source, turns, &mut items, &mut dropped)?;
            }
        }
        if items.is_empty() {
            return Err(empty(", only records that are not asked"));
        }
        for (index, item) in items.iter_mut().enumerate() {
            item.index = index;
        }
        Ok(Self { format, items, dropped, sha256: source.sha256 })
    }

    /// Take references from LLaVA-Med's ground truth file, for questions that came without.
    ///
    /// # Errors
    /// When the file cannot be read or does not have the same ids in the same order, which the
    /// authors' scripts ask for too.
    pub fn add_references(&mut self, path: &Path) -> Result<String, EvalError> {
        let truth = Self::open(path, Turns::First)?;
        let mismatch = |reason: String| EvalError::Mismatch { reason, path: path.to_owned() };
        if truth.items.len() != self.items.len() {
            return Err(mismatch(format!(
                "the ground truth has {} questions and the data file {}",
                truth.items.len(),
                self.items.len()
            )));
        }
        for (item, known) in self.items.iter_mut().zip(truth.items) {
            if item.id != known.id {
                return Err(mismatch(format!(
                    "the ground truth has id {} where the data file has {}",
                    known.id, item.id
                )));
            }
            item.reference = known.reference;
            item.kind = known.kind;
            item.groups.extend(known.groups);
        }
        Ok(truth.sha256)
    }
}

/// Told by the fields of the first record.
fn format_of(fields: &Fields<'_>) -> Option<Format> {
    let has = |name: &str| fields.has(name);
    if has("options") && has("question") {
        return Some(Format::Huatuo);
    }
    if has("conversations") || has("conversatons") {
        let is_vqa = has("answer_type");
        return Some(if is_vqa { Format::LlavaMedVqa } else { Format::Conversations });
    }
    if has("question_id") && has("text") {
        let is_chat = has("domain") || has("gpt4_answer") || has("fig_caption");
        return Some(if is_chat { Format::LlavaMedChat } else { Format::LlavaMedVqa });
    }
    // a benchmark whose first question is an open one
    (has("question") && has("answer") && has("dataset")).then_some(Format::Huatuo)
}
