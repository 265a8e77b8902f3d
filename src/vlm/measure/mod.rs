//! How long a model takes for a piece of work, run after run, each from nothing.

mod clock;
mod prompt;
mod run;

use crate::imaging::DisplayImage;
use crate::vlm::features::FeatureCache;
use crate::vlm::{ModelError, Vlm};

pub use clock::Span;
pub(crate) use clock::Stopwatch;
pub(crate) use run::Subject;

/// Greedy ids that are kept of a run.
const KEPT_TOKENS: usize = 16;

/// What a model shall do, again and again.
#[derive(Clone, Debug, PartialEq)]
pub struct Workload {
    /// Pictures of the question.
    pub images: Vec<DisplayImage>,
    /// What stands around them.
    pub prompt: WorkPrompt,
    /// Tokens after the first.
    pub decode_tokens: u32,
    /// Runs that count; one before them warms up.
    pub repeat: u32,
}

/// What a model is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorkPrompt {
    /// A question in the form of the model's family, and another that follows it.
    Text {
        /// The one that is measured.
        question: String,
        /// The one about the same pictures right after it.
        other: String,
    },
    /// Exactly these ids before and after the pictures.
    Ids {
        /// In front of the first picture.
        before: Vec<u32>,
        /// Behind the last.
        after: Vec<u32>,
    },
    /// So many ids that mean nothing, always the same, half of them before the pictures.
    Filler {
        /// Beside those of the pictures.
        tokens: usize,
    },
}

/// The times of one run; a network that only does a part of it has only some.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RunTimes {
    /// Preprocessing, tower and projector, of all pictures.
    pub image_encode: Span,
    /// Up to and including the first token.
    pub prefill: Option<Span>,
    /// The tokens after the first.
    pub decode: Option<Span>,
    /// From codes to a picture.
    pub picture_decode: Option<Span>,
}

impl RunTimes {
    /// From the question to the first token, in milliseconds.
    #[must_use]
    pub fn first_token_ms(&self) -> Option<f64> {
        self.prefill.map(|prefill| self.image_encode.ms + prefill.ms)
    }
}

/// Another question about the same pictures right after the first: the pictures are not encoded
/// and the common beginning is not read again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SecondQuestion {
    /// Positions that were read.
    pub prefill_tokens: u32,
    /// From the question to the first token, in milliseconds.
    pub first_token_ms: f64,
}

/// What came of all runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// Positions of the prompt.
    pub prefill_tokens: u32,
    /// Tokens after the first.
    pub decode_tokens: u32,
    /// The first run, which found nothing prepared.
    pub cold: RunTimes,
    /// Those after it.
    pub runs: Vec<RunTimes>,
    /// The first greedy ids of the last run.
    pub tokens: Vec<u32>,
    /// Scores after the prompt, of all ids.
    pub logits: Vec<f32>,
    /// After the last run.
    pub second_question: Option<SecondQuestion>,
}

impl Vlm {
    /// Time a piece of work; `tell` is called after every run.
    ///
    /// Every run begins with empty caches; what the model kept of earlier questions is forgotten.
    ///
    /// # Errors
    /// When the work does not fit the model or the device fails.
    pub fn measure(
        &mut self,
        work: &Workload,
        tell: &mut dyn FnMut(),
    ) -> Result<Measured, ModelError> {
        self.guard("measuring", |vlm| {
            vlm.session = None;
            vlm.features = FeatureCache::default();
            let prompts = prompt::of_model(vlm, work)?;
            vlm.subject().measure(work, &prompts, tell)
        })
    }

    pub(crate) fn subject(&self) -> Subject<'_> {
        Subject { config: &self.config, device: &self.device, networks: &self.networks }
    }
}

impl Subject<'_> {
    /// The same without a tokenizer.
    ///
    /// # Errors
    /// As [`Vlm::measure`], and when the prompt is text.
    pub(crate) fn measure_ids(
        &self,
        work: &Workload,
        tell: &mut dyn FnMut(),
    ) -> Result<Measured, ModelError> {
        let prompts = prompt::of_ids(self, work)?;
        self.measure(work, &prompts, tell)
    }
}
