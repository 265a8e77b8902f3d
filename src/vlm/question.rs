//! What is asked of a model and what it answers.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::checkpoint::{WrittenValues, write_safetensors};
use crate::imaging::DisplayImage;
use crate::vlm::{EyeFacts, ModelError};

/// A finished exchange of the same conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// As typed.
    pub question: String,
    /// As the model gave it.
    pub answer: String,
    /// Pictures attached to this question.
    pub images: Vec<DisplayImage>,
}

/// What a model is asked to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Task {
    /// Answer in words.
    #[default]
    Question,
    /// Give the codes of a picture.
    Reconstruction,
}

impl Task {
    /// In words.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Question => "questions",
            Self::Reconstruction => "reconstruction",
        }
    }
}

/// One question, with everything the answer depends on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// Oldest first.
    pub history: Vec<Turn>,
    /// As typed, without image markers.
    pub text: String,
    /// New pictures.
    pub images: Vec<DisplayImage>,
    /// How ids are chosen.
    pub sampling: SamplingParams,
    /// Budget of the answer, with what it begins with.
    pub max_new_tokens: u32,
    /// Go on to the budget (benchmarks).
    pub ignore_eos: bool,
    /// Further texts that end the answer; they are not part of it.
    pub stop: Vec<String>,
    /// Form of the prompt by name; `None` for the model's usual one.
    pub template: Option<String>,
    /// What to do with it.
    pub task: Task,
    /// Only codes may follow until there are this many; 0 for as the authors do it.
    pub only_codes: u32,
    /// What the answer goes on from.
    pub beginning: Beginning,
    /// In place of the authors' own system prompt; `None` keeps theirs.
    pub system: Option<String>,
}

impl Question {
    /// A question in words alone, answered greedily and as the authors ask.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self {
            history: Vec::new(),
            text: text.to_owned(),
            images: Vec::new(),
            sampling: SamplingParams::greedy(),
            max_new_tokens: 512,
            ignore_eos: false,
            stop: Vec::new(),
            template: None,
            task: Task::Question,
            only_codes: 0,
            beginning: Beginning::Nothing,
            system: None,
        }
    }
}

/// How an answer begins before the model writes its first id. It counts as written: towards the
/// budget, for the repetition penalty and for the generator, so that an answer that was stopped
/// and goes on ends as if it had never been stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Beginning {
    /// The model begins.
    #[default]
    Nothing,
    /// With these ids. Who gives them has their text: it is not told as progress.
    Ids(Vec<u32>),
    /// With this text, as the tokenizer cuts it.
    Text(String),
}

/// How the next id is chosen from the scores.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SamplingParams {
    /// 0 = greedy.
    pub temperature: f32,
    /// Keep the most likely ids up to this probability.
    pub top_p: Option<f32>,
    /// Keep this many; `None` = all.
    pub top_k: Option<u32>,
    /// 1 = none.
    pub repetition_penalty: f32,
    /// Of the generator.
    pub seed: u64,
}

impl SamplingParams {
    /// Always the most likely id.
    #[must_use]
    pub fn greedy() -> Self {
        Self { temperature: 0.0, top_p: None, top_k: None, repetition_penalty: 1.0, seed: 0 }
    }

    /// # Errors
    /// When a value is out of its range.
    pub fn check(&self) -> Result<(), ModelError> {
        let bad =
            |name, allowed, given: String| Err(ModelError::BadParameter { name, allowed, given });
        if !(self.temperature.is_finite() && self.temperature >= 0.0) {
            return bad("temperature", "0 or more", self.temperature.to_string());
        }
        if !(self.repetition_penalty.is_finite() && self.repetition_penalty > 0.0) {
            return bad("repetition penalty", "more than 0", self.repetition_penalty.to_string());
        }
        match (self.top_p, self.top_k) {
            (Some(top_p), _) if !(top_p > 0.0 && top_p <= 1.0) => {
                bad("top p", "more than 0 and at most 1", top_p.to_string())
            }
            (_, Some(0)) => bad("top k", "at least 1", "0".to_owned()),
            _ => Ok(()),
        }
    }
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FinishReason {
    /// The model ended it.
    Stop,
    /// The budget or the context was used up.
    Length,
    /// The reader stopped it.
    Cancelled,
}

impl FinishReason {
    /// `stop`, `length` or `cancelled`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Where the time went, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timings {
    /// Loading the model (0 when it was loaded before).
    pub load_ms: f64,
    /// Preprocessing, tower and projector.
    pub image_encode_ms: f64,
    /// Positions computed before the first new token; those kept from the last question are not in it.
    pub prefill_tokens: u32,
    /// Up to and including the first token.
    pub prefill_ms: f64,
    /// From the question to the first token.
    pub first_token_ms: f64,
    /// Tokens after the first.
    pub decode_tokens: u32,
    /// Time for these.
    pub decode_ms: f64,
}

/// What a model said, with the evidence to check it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// `<image>` stands where a picture goes.
    pub prompt: String,
    /// As the published code has them: −200 stands for a picture, or an id for each of its rows.
    pub prompt_ids: Vec<i64>,
    /// The stop token included when there was one.
    pub output_ids: Vec<u32>,
    /// How many of them the question gave as the beginning.
    pub begun: usize,
    /// Special tokens left out.
    pub text: String,
    /// Codes of a picture, in the order they came.
    pub codes: Vec<u32>,
    /// Why it ended.
    pub finish_reason: FinishReason,
    /// Of every output id, from the raw scores; 0 for those of the beginning.
    pub logprobs: Vec<f32>,
    /// Of every output id, what else is known of it.
    pub steps: Vec<Step>,
    /// Of an answer in words.
    pub yes_no: Option<YesNo>,
    /// How each picture of the question was prepared for the tower.
    pub seen: Vec<EyeFacts>,
    /// Where the time went.
    pub timings: Timings,
}

/// One output id among those that could have come in its place.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// What it added to the text; nothing while a character is not whole, or at the end.
    pub text: String,
    /// The likeliest ids, from the raw scores; empty where the scores stay on the device, which
    /// tells the highest alone, and where codes of a picture are written.
    pub likely: Vec<Likely>,
}

/// An id that was likely.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Likely {
    /// In the vocabulary.
    pub id: u32,
    /// By itself.
    pub text: String,
    /// Logarithm of its probability.
    pub log_prob: f32,
}

/// Probabilities of the two answers to a closed question as the first word, from the raw scores.
/// They are the model's own, not calibrated.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct YesNo {
    /// Of all words for yes.
    pub yes: f32,
    /// Of all words for no.
    pub no: f32,
}

impl YesNo {
    /// Of yes among the two.
    #[must_use]
    pub fn share(self) -> f32 {
        self.yes / (self.yes + self.no)
    }
}

/// Progress of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Progress {
    /// A picture goes through the vision tower.
    EncodingImage {
        /// From 0.
        index: usize,
        /// Pictures in all.
        count: usize,
    },
    /// The prompt is being read.
    Prefill {
        /// Positions done.
        done: usize,
        /// Positions in all.
        total: usize,
    },
    /// Codes of a picture come.
    Code {
        /// The latest.
        code: u32,
        /// Codes so far.
        done: usize,
    },
    /// The picture so far.
    Glimpse {
        /// Places without a code are plain.
        picture: DisplayImage,
        /// Codes so far.
        done: usize,
    },
    /// The whole picture is compared with the original.
    Measuring,
    /// A further piece of the answer.
    Text {
        /// Never half a character; may be empty.
        text: String,
        /// Tokens of the answer so far, its beginning included.
        tokens: usize,
    },
}

/// Shape and values, row-major.
pub type TraceTensor = Option<(Vec<usize>, Vec<f32>)>;

/// Tensors on the way of an answer, to compare with a reference.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// `[images, 3, height, width]`
    pub pixel_values: TraceTensor,
    /// `[images, patches, width]`, before the projector.
    pub vision_features: TraceTensor,
    /// `[images, tokens, hidden]`
    pub projected: TraceTensor,
    /// `[vocab]`, of the last position.
    pub prefill_logits: TraceTensor,
    /// Of a reconstruction, in the order they came.
    pub codes: Option<Vec<i64>>,
    /// Of a reconstruction: `[3, height, width]`, about −1 to 1 before clamping.
    pub image: TraceTensor,
}

impl Trace {
    /// Write what there is as safetensors.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), ModelError> {
        let all = [
            ("pixel_values", &self.pixel_values),
            ("vision_features", &self.vision_features),
            ("projected", &self.projected),
            ("prefill_logits", &self.prefill_logits),
            ("image", &self.image),
        ];
        let numbers = all.into_iter().filter_map(|(name, tensor)| {
            let (shape, values) = tensor.as_ref()?;
            Some((name, shape.clone(), WrittenValues::F32(values)))
        });
        let codes = self.codes.as_ref();
        let codes = codes.map(|codes| ("codes", vec![codes.len()], WrittenValues::I64(codes)));
        let tensors: Vec<_> = numbers.chain(codes).collect();
        write_safetensors(path, &tensors)?;
        Ok(())
    }
}
