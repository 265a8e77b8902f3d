//! Records to learn from: conversation JSON of `LLaVA` and `PubMedVision`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use crate::text::IMAGE_MARKER;
use crate::train::TrainError;
use crate::vlm::Exchange;

/// A conversation about pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its own, or its place in the file.
    pub id: String,
    /// In the order of the questions.
    pub images: Vec<PathBuf>,
    /// Questions with their answers.
    pub exchanges: Vec<Exchange>,
    /// The picture that is to be drawn as an answer.
    pub target: Option<PathBuf>,
    /// What is said of the first picture, by key: modality, body part, finding…
    pub labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Raw {
    #[serde(default)]
    id: Value,
    #[serde(default)]
    image: Option<OneOrMore>,
    #[serde(alias = "conversatons")]
    conversations: Vec<Said>,
    #[serde(default)]
    target: Option<PathBuf>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(PathBuf),
    More(Vec<PathBuf>),
}

#[derive(Deserialize)]
struct Said {
    #[serde(alias = "role")]
    from: String,
    #[serde(alias = "content")]
    value: String,
}

/// Read a JSON list, or a JSON object a line.
///
/// # Errors
/// When the file cannot be read or a record is not as it should be: which, and what is wrong.
pub fn read_records(path: &Path) -> Result<Vec<Record>, TrainError> {
    let text = std::fs::read_to_string(path).map_err(TrainError::io(path))?;
    let fault = |reason: String| TrainError::Data { reason, path: path.to_owned() };
    let raw: Vec<Raw> = if text.trim_start().starts_with('[') {
        serde_json::from_str(&text)
            .map_err(|error| fault(format!("not a list of records: {error}")))?
    } else {
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        lines
            .map(|(at, line)| {
                serde_json::from_str(line)
                    .map_err(|error| fault(format!("line {} is no record: {error}", at + 1)))
            })
            .collect::<Result<_, _>>()?
    };
    if raw.is_empty() {
        return Err(fault("there are no records".to_owned()));
    }
    raw.into_iter()
        .enumerate()
        .map(|(at, raw)| {
            record(raw, at).map_err(|reason| fault(format!("record {}: {reason}", at + 1)))
        })
        .collect()
}

fn record(raw: Raw, at: usize) -> Result<Record, String> {
    let images = match raw.image {
        None => Vec::new(),
        Some(OneOrMore::One(image)) => vec![image],
        Some(OneOrMore::More(images)) => images,
    };
    let id = match raw.id {
        Value::String(id) => id,
        Value::Null => (at + 1).to_string(),
        other => other.to_string(),
    };
    let exchanges = exchanges(raw.conversations, images.len(), raw.target.is_some())?;
    if raw.target.is_some() && exchanges.len() > 1 {
        return Err("a picture is drawn for one question, not for several".to_owned());
    }
    Ok(Record { id, exchanges, images, target: raw.target, labels: raw.labels })
}

/// Questions and answers take turns; pictures belong to the questions with their markers, and
/// those without a marker to the first question. Where a picture is drawn nothing need be said.
fn exchanges(said: Vec<Said>, num_images: usize, is_drawn: bool) -> Result<Vec<Exchange>, String> {
    let mut exchanges: Vec<Exchange> = Vec::new();
    let mut question: Option<String> = None;
    for Said { from, value } in said {
        match (from.as_str(), question.take()) {
            // the families have no place for it
            ("system", None) => {}
            ("human" | "user", None) => question = Some(value),
            ("gpt" | "assistant", Some(question)) => {
                exchanges.push(exchange(&question, value));
            }
            (from, _) => return Err(format!("{from:?} speaks out of turn")),
        }
    }
    if let Some(open) = question.take_if(|_| is_drawn) {
        exchanges.push(exchange(&open, String::new()));
    }
    if question.is_some() || exchanges.is_empty() {
        return Err("a question has no answer".to_owned());
    }
    let marked: usize = exchanges.iter().map(|exchange| exchange.num_images).sum();
    match exchanges.first_mut() {
        Some(first) if marked == 0 => first.num_images = num_images,
        _ if marked != num_images => {
            return Err(format!("{marked} markers <image> and {num_images} pictures"));
        }
        _ => {}
    }
    Ok(exchanges)
}

fn exchange(question: &str, answer: String) -> Exchange {
    let num_images = question.matches(IMAGE_MARKER).count();
    // the family's own form says where pictures stand
    let question = question.replace(IMAGE_MARKER, "").trim().to_owned();
    Exchange { question, answer, num_images }
}
