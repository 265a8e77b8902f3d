//! One answer: its text, how far it got, and what it would take to ask again.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::id::fresh_id;
use super::{Drawing, Tokens};
use crate::vlm::EyeFacts;

/// What a model wrote, or is writing.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Tells answers apart, in every history.
    pub id: u64,
    /// The text so far, in Markdown. It comes from a model: nothing in it is to be trusted.
    pub text: String,
    /// How far it got.
    pub state: AnswerState,
    /// Speed and counts.
    pub meter: Meter,
    /// Which model, with which sampling; known once the question has been sent.
    pub provenance: Option<Provenance>,
    /// The picture, when one was asked for.
    pub drawing: Option<Drawing>,
    /// What it is made of; known once it is whole, and not of a picture.
    pub tokens: Option<Arc<Tokens>>,
    /// How each picture of the question was prepared for the model; known once it is whole.
    pub seen: Vec<EyeFacts>,
}

/// How far an answer got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AnswerState {
    /// Kept until a model is loaded.
    Waiting,
    /// Sent; the model looks at the picture and reads the question. The text says what it does.
    Reading(String),
    /// Text is arriving.
    Streaming,
    /// Ended by itself.
    Done(Finish),
    /// Stopped by the reader; the text so far is kept.
    Stopped,
    /// The engine ended in the middle; the text so far is kept.
    Interrupted(String),
    /// Nothing came of it.
    Failed(String),
}

/// Why an answer ended by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Finish {
    /// The model ended its turn.
    Stop,
    /// The token budget was used up.
    Length,
}

/// Speed and counts of one answer; durations in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Meter {
    /// Tokens written so far.
    pub tokens: usize,
    /// How many of them were there before this run went on from them.
    #[serde(default)]
    pub earlier_tokens: usize,
    /// Since the question was sent.
    pub elapsed_ms: f64,
    /// From the question to the first text.
    pub first_token_ms: Option<f64>,
    /// Encoding the pictures.
    pub image_encode_ms: f64,
    /// Reading the prompt.
    pub prefill_ms: f64,
    /// Tokens of it that were computed anew.
    pub prefill_tokens: u32,
    /// Tokens of the whole prompt: what the chat takes of the model's context.
    pub prompt_tokens: u32,
    /// Writing, from the first token to the last.
    pub decode_ms: f64,
}

/// What it would take to ask again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Folder name of the model.
    pub model: String,
    /// Its title, such as "HuatuoGPT-Vision 7B".
    pub title: String,
    /// SHA-256 over the weights.
    pub weights_sha256: String,
    /// Number format of the weights in memory.
    pub precision: String,
    /// What computed it.
    pub device: String,
    /// Name and version of its driver, of the CPU the instructions used; empty in what earlier
    /// versions wrote.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub driver: String,
    /// 0 is greedy.
    pub temperature: f32,
    /// Nucleus, when sampling.
    pub top_p: Option<f32>,
    /// Candidates kept, when sampling.
    pub top_k: Option<u32>,
    /// 1 is none.
    pub repetition_penalty: f32,
    /// Seed of the generator.
    pub seed: u64,
    /// Token budget; 0 is as many as a picture takes.
    pub max_new_tokens: u32,
    /// In place of the authors' system prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// How many of the chat's first questions were not sent along, for lack of room.
    #[serde(default)]
    pub left_out: usize,
    /// Earlier questions were sent with this model's own answers, not with those shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own_words: bool,
    /// Version of this program.
    pub program_version: String,
}

impl Answer {
    /// An answer that waits for its model.
    pub fn waiting() -> Self {
        Self {
            id: fresh_id(),
            text: String::new(),
            state: AnswerState::Waiting,
            meter: Meter::default(),
            provenance: None,
            drawing: None,
            tokens: None,
            seen: Vec::new(),
        }
    }

    /// An answer that is to be a picture.
    pub fn waiting_for_picture() -> Self {
        Self { drawing: Some(Drawing::default()), ..Self::waiting() }
    }

    /// Whether there is something in it that must not be lost.
    pub fn has_content(&self) -> bool {
        !self.text.is_empty() || self.drawing.as_ref().is_some_and(|d| !d.codes.is_empty())
    }

    /// Whether the model did not end it: it can go on from where it stands.
    pub fn can_go_on(&self) -> bool {
        let broke_off = match &self.state {
            AnswerState::Done(finish) => *finish == Finish::Length,
            AnswerState::Stopped | AnswerState::Interrupted(_) => true,
            _ => false,
        };
        broke_off && self.tokens.as_ref().is_some_and(|tokens| !tokens.written.is_empty())
    }

    /// Whether more may still come.
    pub fn is_open(&self) -> bool {
        matches!(
            self.state,
            AnswerState::Waiting | AnswerState::Reading(_) | AnswerState::Streaming
        )
    }
}

impl Meter {
    /// Tokens per second after the first, once there is something to divide.
    pub fn tokens_per_sec(&self) -> Option<f64> {
        let writing_ms = if self.decode_ms > 0.0 {
            self.decode_ms
        } else {
            self.elapsed_ms - self.first_token_ms?
        };
        let written = self.tokens.saturating_sub(self.earlier_tokens);
        (written > 1 && writing_ms > 1.0).then(|| (written as f64 - 1.0) / (writing_ms / 1000.0))
    }
}

impl Provenance {
    /// One line for the clipboard.
    pub fn line(&self) -> String {
        let sampling = if self.temperature <= 0.0 {
            "greedy".to_owned()
        } else {
            format!("temperature {}, seed {}", self.temperature, self.seed)
        };
        let budget = match self.max_new_tokens {
            0 => "as many tokens as a picture takes".to_owned(),
            n => format!("at most {n} tokens"),
        };
        let system = match &self.system {
            Some(system) => format!(" · system prompt \u{201C}{system}\u{201D}"),
            None => String::new(),
        };
        let device = match self.driver.as_str() {
            "" => self.device.clone(),
            driver => format!("{}, {driver}", self.device),
        };
        format!(
            "{} · weights {} · {} · {device} · {sampling} · repetition penalty {} · {budget}{system} · \
             Reading Room {}",
            self.title,
            short_hash(&self.weights_sha256),
            self.precision,
            self.repetition_penalty,
            self.program_version,
        )
    }
}

/// As much of a hash as people need to tell two apart.
#[must_use]
pub fn short_hash(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}
