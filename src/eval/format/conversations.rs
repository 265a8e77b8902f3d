//! Conversations as `PubMedVision` and LLaVA publish them, and in Qwen's words.

use serde_json::{Map, Value};

use crate::eval::item::Exchange;
use crate::eval::{Dropped, EvalError, Item, Kind, Turns};

use super::fields::Fields;
use super::source::Source;

const MARKER: &str = "<image>";

pub(super) fn read(
    source: &Source,
    turns: Turns,
    items: &mut Vec<Item>,
    dropped: &mut Dropped,
) -> Result<(), EvalError> {
    for record in &source.records {
        let fields = Fields::new(&source.path, record)?;
        let exchanges = exchanges(&fields)?;
        let last = exchanges.len().saturating_sub(1);
        let asked = match turns {
            Turns::First => 0..1,
            Turns::Last => last..last + 1,
            Turns::All => 0..exchanges.len(),
        };
        let choices = fields.texts("choices")?;
        let before = items.len();
        for turn in asked {
            let Some((history, [exchange])) = exchanges.get(..=turn).and_then(split_last) else {
                continue;
            };
            if exchange.answer.trim().is_empty() || exchange.question.is_empty() {
                continue;
            }
            let mut groups = fields.groups();
            if turns == Turns::All {
                groups.insert("turn".to_owned(), (turn + 1).to_string());
            }
            items.push(Item {
                index: 0,
                id: fields.id(&["id", "question_id"]),
                question: exchange.question.clone(),
                history: history.to_vec(),
                images: exchange.images.clone(),
                reference: Some(exchange.answer.clone()),
                kind: Kind::Reference { choices: choices.clone() },
                groups,
            });
        }
        dropped.unanswered += usize::from(items.len() == before);
    }
    Ok(())
}

fn split_last(turns: &[Exchange]) -> Option<(&[Exchange], &[Exchange; 1])> {
    turns.split_last_chunk()
}

/// Questions with their answers. Each marker takes a picture; what is left belongs to the first
/// question, as in `PubMedVision`, which has no markers.
pub(super) fn exchanges(fields: &Fields<'_>) -> Result<Vec<Exchange>, EvalError> {
    let name = if fields.has("conversations") { "conversations" } else { "conversatons" };
    let Some(Value::Array(messages)) = fields.get(name) else {
        return Err(fields.fault(format!("has a field \"{name}\" that is not a list")));
    };
    let mut images = fields.images()?.into_iter();
    let mut exchanges: Vec<Exchange> = Vec::new();
    let mut asked: Option<(String, Vec<String>)> = None;
    for message in messages {
        let Some((role, text)) = message.as_object().and_then(role_and_text) else {
            return Err(fields.fault(format!(
                "has a turn in \"{name}\" without \"from\" and \"value\", or \"role\" and \"content\""
            )));
        };
        match role {
            "human" | "user" => {
                let marked = images.by_ref().take(text.matches(MARKER).count()).collect();
                asked = Some((without_markers(text), marked));
            }
            "gpt" | "assistant" => {
                if let Some((question, images)) = asked.take() {
                    exchanges.push(Exchange { question, answer: text.to_owned(), images });
                }
            }
            "system" => {}
            other => return Err(fields.fault(format!("has a turn by an unknown role \"{other}\""))),
        }
    }
    if let Some(first) = exchanges.first_mut() {
        first.images.extend(images);
    }
    Ok(exchanges)
}

fn role_and_text(message: &Map<String, Value>) -> Option<(&str, &str)> {
    let text = |names: [&str; 2]| names.iter().find_map(|name| message.get(*name)?.as_str());
    Some((text(["from", "role"])?, text(["value", "content"])?))
}

/// A question as typed, as the authors' scripts strip it.
pub(super) fn without_markers(text: &str) -> String {
    text.replace(MARKER, "").trim().to_owned()
}
