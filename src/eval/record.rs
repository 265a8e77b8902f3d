//! One line of `answers.jsonl`: what was asked and answered, with the evidence to check it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::eval::score::{Scored, score};
use crate::eval::{Candidates, Item, Kind};
use crate::vlm::{Answer, Timings};

/// A question that was asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// From 0, over the questions of the data file that are asked.
    pub index: usize,
    /// As the data file has it.
    pub id: Value,
    /// As asked, without image markers.
    pub question: String,
    /// The prompt's text with `<image>` where a picture goes.
    pub prompt: String,
    /// Options in the order of their letters, of a question that has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// Files of the pictures.
    pub images: Vec<String>,
    /// What the model said.
    pub text: String,
    /// Its ids, the stop token included when there was one.
    pub output_ids: Vec<u32>,
    /// `stop` or `length`.
    pub finish_reason: String,
    /// The right answer.
    pub reference: Option<String>,
    /// By name, from 0 to 1.
    pub scores: BTreeMap<String, f64>,
    /// The right class, where the reference is one of few.
    pub class: Option<String>,
    /// The class that the answer was taken for.
    pub predicted: Option<String>,
    /// Field and value by which the report is divided.
    pub groups: BTreeMap<String, String>,
    /// Why there is no answer.
    pub failure: Option<String>,
    /// What the model ran on.
    pub device: String,
    /// Where the time went.
    pub timings: Option<Timings>,
}

impl Record {
    /// A question with its answer.
    #[must_use]
    pub fn answered(
        item: &Item,
        images: Vec<String>,
        answer: &Answer,
        device: &str,
        candidates: Option<&Candidates>,
    ) -> Self {
        Self {
            prompt: answer.prompt.clone(),
            images,
            output_ids: answer.output_ids.clone(),
            finish_reason: answer.finish_reason.as_str().to_owned(),
            device: device.to_owned(),
            timings: Some(answer.timings),
            ..Self::given(item, &answer.text, candidates)
        }
    }

    /// A question with an answer that another program gave.
    #[must_use]
    pub fn given(item: &Item, text: &str, candidates: Option<&Candidates>) -> Self {
        let Scored { scores, class, predicted } = score(item, text, candidates);
        Self { text: text.to_owned(), scores, class, predicted, ..Self::unanswered(item) }
    }

    /// A question that could not be asked.
    #[must_use]
    pub fn failed(item: &Item, images: Vec<String>, reason: String) -> Self {
        Self { images, failure: Some(reason), ..Self::unanswered(item) }
    }

    fn unanswered(item: &Item) -> Self {
        let options = match &item.kind {
            Kind::Choice { options } => options.clone(),
            _ => Vec::new(),
        };
        Self {
            index: item.index,
            id: item.id.clone(),
            question: item.question.clone(),
            prompt: String::new(),
            options,
            images: item.images.clone(),
            text: String::new(),
            output_ids: Vec::new(),
            finish_reason: String::new(),
            reference: item.reference.clone(),
            scores: BTreeMap::new(),
            class: None,
            predicted: None,
            groups: item.groups.clone(),
            failure: None,
            device: String::new(),
            timings: None,
        }
    }
}
