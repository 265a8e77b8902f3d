//! LLaVA-Med's chat questions: answers are written down for a judge to score.

use std::collections::BTreeMap;

use crate::eval::metric::domain_of;
use crate::eval::{EvalError, Item, Kind};

use super::conversations::without_markers;
use super::fields::Fields;
use super::source::Source;

pub(super) fn read(source: &Source, items: &mut Vec<Item>) -> Result<(), EvalError> {
    for record in &source.records {
        let fields = Fields::new(&source.path, record)?;
        let question = without_markers(fields.text("text")?);
        let mut groups = BTreeMap::new();
        if let Some(kind) = fields.optional_text("type")? {
            groups.insert("type".to_owned(), kind.to_owned());
        }
        if let Some(domain) = fields.get("domain").and_then(domain_of) {
            groups.insert("domain".to_owned(), domain.to_owned());
        }
        items.push(Item {
            index: 0,
            id: fields.id(&["question_id", "id"]),
            question,
            history: Vec::new(),
            images: fields.images()?,
            reference: fields.optional_text("gpt4_answer")?.map(str::to_owned),
            kind: Kind::Unscored,
            groups,
        });
    }
    Ok(())
}
