//! What a run's answers depend on, kept beside them so that nothing else is mixed in.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::eval::{Dropped, Format, Shard, Turns};
use crate::vlm::SamplingParams;

/// Of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Of this program.
    pub program_version: String,
    /// File name of the data.
    pub dataset: String,
    /// Of the data file.
    pub dataset_sha256: String,
    /// Its layout.
    pub format: Format,
    /// Questions that are asked, over all shards.
    pub questions: usize,
    /// Records that are not asked.
    pub dropped: Dropped,
    /// Only so many questions were taken from the front.
    pub limit: Option<usize>,
    /// The part of the questions that this run asks.
    pub shard: Option<Shard>,
    /// Which turns of conversations.
    pub turns: Turns,
    /// Every picture was mid-grey.
    pub blind: bool,
    /// Of the file of references.
    pub ground_truth_sha256: Option<String>,
    /// Of the file of candidate answers.
    pub candidates_sha256: Option<String>,
    /// None when another program answered.
    pub asked: Option<Asked>,
}

/// How a model was asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// Folder name.
    pub model: String,
    /// `huatuo-vision-7b`, …
    pub family: String,
    /// Of all weight files; not known before the model is loaded.
    pub weights_sha256: Option<String>,
    /// How the weights are stored; not known before the model is loaded.
    pub precision: Option<String>,
    /// How ids are chosen.
    pub sampling: SamplingParams,
    /// Budget of an answer.
    pub max_new_tokens: u32,
    /// Go on to the budget.
    pub ignore_eos: bool,
    /// Texts that end an answer.
    pub stop: Vec<String>,
    /// Form of the prompt by name.
    pub template: Option<String>,
}

impl Settings {
    /// What differs from other settings, in words. What is not known on one side does not count.
    #[must_use]
    pub fn differences(&self, there: &Self) -> Vec<String> {
        let (here, there) = (serde_json::to_value(self), serde_json::to_value(there));
        let mut found = Vec::new();
        if let (Ok(here), Ok(there)) = (here, there) {
            compare("", &here, &there, &mut found);
        }
        found
    }

    /// What forbids going on with a run of these settings. Asking more of its questions does not.
    #[must_use]
    pub fn obstacles(&self, there: &Self) -> Vec<String> {
        let mut there = there.clone();
        if there.questions <= self.questions {
            (there.questions, there.limit) = (self.questions, self.limit);
        }
        self.differences(&there)
    }

    /// Whether the weights are known, or none were used.
    pub(super) fn is_known(&self) -> bool {
        self.asked.as_ref().is_none_or(|asked| asked.weights_sha256.is_some())
    }

    /// The same for all shards of a run.
    #[must_use]
    pub fn without_shard(&self) -> Self {
        Self { shard: None, ..self.clone() }
    }

    /// How many questions this run asks.
    #[must_use]
    pub fn expected(&self) -> usize {
        (0..self.questions).filter(|index| self.asks(*index)).count()
    }

    /// Whether this run asks a question.
    #[must_use]
    pub fn asks(&self, index: usize) -> bool {
        index < self.questions && self.shard.is_none_or(|shard| shard.has(index))
    }
}

/// Known only once the model is loaded.
const LATE: [&str; 2] = ["asked.weights_sha256", "asked.precision"];

fn compare(name: &str, here: &Value, there: &Value, found: &mut Vec<String>) {
    if let (Value::Object(here), Value::Object(there)) = (here, there) {
        for (key, value) in here {
            let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
            compare(&name, value, there.get(key).unwrap_or(&Value::Null), found);
        }
        return;
    }
    if here.is_object() || there.is_object() {
        if here != there {
            found.push(format!("only one of the two has {name}"));
        }
        return;
    }
    let is_unknown = LATE.contains(&name) && (here.is_null() || there.is_null());
    if here != there && !is_unknown {
        found.push(format!("{name} is {there} there and {here} here"));
    }
}
