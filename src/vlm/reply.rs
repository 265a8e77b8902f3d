//! An answer while it grows: ids, text, and when to stop.

use std::ops::ControlFlow;
use std::time::Instant;

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use crate::text::Detokenizer;
use crate::vlm::closed::yes_no;
use crate::vlm::generate::{Pulse, Scores, StopText, Wanted};
use crate::vlm::prompt::Prompt;
use crate::vlm::sampling::{LogProbs, next_token, pass_draw};
use crate::vlm::{
    Answer, EyeFacts, FinishReason, Likely, ModelError, Progress, Question, SamplingParams, Step,
    Task, Timings, Vlm, YesNo,
};

/// Ids that are kept at every step beside the one that came.
const NUM_LIKELY: usize = 5;

pub(crate) fn ms_since(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}

/// An answer while it grows.
pub(crate) struct Reply {
    pub(crate) prompt: Prompt,
    pub(crate) output_ids: Vec<u32>,
    /// How many of them were given.
    begun: usize,
    task: Task,
    /// Codes of the picture so far.
    codes: Vec<u32>,
    /// Until there are this many, nothing else may come.
    only_codes: usize,
    /// What the repetition penalty looks at.
    seen_ids: Vec<u32>,
    logprobs: Vec<f32>,
    steps: Vec<Step>,
    yes_no: Option<YesNo>,
    /// How the pictures of the question were prepared.
    pub(crate) seen: Vec<EyeFacts>,
    text: String,
    pub(crate) detokenizer: Detokenizer,
    pub(crate) stop_text: StopText,
    pub(crate) stops: Vec<u32>,
    forbidden_at_first: usize,
    sampling: SamplingParams,
    rng: ChaCha8Rng,
    pub(crate) budget: usize,
    pub(crate) timings: Timings,
    pub(crate) prefill_started: Instant,
    decode_started: Instant,
}

impl Reply {
    pub(crate) fn new(vlm: &Vlm, question: &Question, prompt: Prompt) -> Self {
        let stops = if question.ignore_eos { Vec::new() } else { vlm.config.eos.clone() };
        let own = vlm.rules.stop_text.filter(|_| !question.ignore_eos).map(str::to_owned);
        let stop_texts = question.stop.iter().cloned().chain(own).collect();
        let seen_ids = if vlm.rules.penalises_prompt {
            prompt.ids.iter().filter_map(|id| u32::try_from(*id).ok()).collect()
        } else {
            Vec::new()
        };
        Self {
            prompt,
            output_ids: Vec::new(),
            begun: 0,
            task: question.task,
            codes: Vec::new(),
            only_codes: question.only_codes as usize,
            seen_ids,
            logprobs: Vec::new(),
            steps: Vec::new(),
            yes_no: None,
            seen: Vec::new(),
            text: String::new(),
            detokenizer: Detokenizer::new(),
            stop_text: StopText::new(stop_texts),
            stops,
            forbidden_at_first: vlm.rules.min_new_tokens,
            sampling: question.sampling,
            rng: ChaCha8Rng::seed_from_u64(question.sampling.seed),
            budget: question.max_new_tokens as usize,
            timings: Timings { load_ms: vlm.load_ms, ..Timings::default() },
            prefill_started: Instant::now(),
            decode_started: Instant::now(),
        }
    }

    /// Takes ids as if they had been chosen one by one.
    ///
    /// # Errors
    /// When the tokenizer's own code fails.
    pub(crate) fn begin_with(&mut self, vlm: &Vlm, ids: &[u32]) -> Result<(), ModelError> {
        for id in ids {
            let text = self.detokenizer.push(&vlm.tokenizer, *id)?;
            self.output_ids.push(*id);
            self.seen_ids.push(*id);
            self.logprobs.push(0.0);
            self.steps.push(Step { text: text.clone(), likely: Vec::new() });
            self.text.push_str(&self.stop_text.push(&text));
            if self.sampling.temperature > 0.0 {
                pass_draw(&mut self.rng);
            }
        }
        self.begun = ids.len();
        Ok(())
    }

    /// Tells the text so far.
    pub(crate) fn repeat(&self, pulse: &mut Pulse<'_>) -> ControlFlow<()> {
        pulse.tell(Progress::Text { text: self.text.clone(), tokens: self.output_ids.len() })
    }

    pub(crate) fn started(&mut self, asked: Instant) {
        self.timings.prefill_ms = ms_since(self.prefill_started);
        self.timings.first_token_ms = ms_since(asked);
        self.decode_started = Instant::now();
    }

    /// Of the scores before the next choice; the highest suffices where nothing is drawn, no score
    /// is changed and no id forbidden.
    pub(crate) fn wanted(&self, vlm: &Vlm) -> Wanted {
        let is_changed = self.sampling.repetition_penalty != 1.0 || self.is_too_early();
        let is_restricted = vlm.codes.is_some() && self.codes.len() < self.only_codes;
        if self.sampling.temperature > 0.0 || is_changed || is_restricted {
            return Wanted::All;
        }
        Wanted::Best(self.limit(vlm).unwrap_or(usize::MAX))
    }

    fn is_too_early(&self) -> bool {
        self.output_ids.len() < self.forbidden_at_first
    }

    /// How many of the ids the tokenizer knows.
    fn limit(&self, vlm: &Vlm) -> Option<usize> {
        vlm.config.vocab_limit.filter(|_| self.task == Task::Question)
    }

    /// # Errors
    /// When the tokenizer's own code fails.
    pub(crate) fn choose(&mut self, vlm: &Vlm, scores: &Scores) -> Result<u32, ModelError> {
        let (id, log_prob, likely) = match scores {
            Scores::All(logits) => self.choose_among(vlm, logits)?,
            Scores::Best { id, log_prob } => (*id, *log_prob, Vec::new()),
        };
        self.output_ids.push(id);
        self.seen_ids.push(id);
        self.logprobs.push(log_prob);
        self.steps.push(Step { text: String::new(), likely });
        Ok(id)
    }

    fn choose_among(
        &mut self,
        vlm: &Vlm,
        logits: &[f32],
    ) -> Result<(u32, f32, Vec<Likely>), ModelError> {
        let forbidden = if self.is_too_early() { vlm.config.eos.as_slice() } else { &[] };
        let known = self.limit(vlm).and_then(|limit| logits.get(..limit));
        let only = vlm.codes.filter(|_| self.codes.len() < self.only_codes);
        let only = only.map(|codes| codes.only(logits));
        let logits = only.as_deref().or(known).unwrap_or(logits);
        let id = next_token(logits, &self.seen_ids, forbidden, &self.sampling, &mut self.rng);
        let probs = LogProbs::of(logits);
        if self.task == Task::Reconstruction {
            return Ok((id, probs.get(id), Vec::new()));
        }
        if self.output_ids.is_empty() {
            self.yes_no = yes_no(&vlm.tokenizer, &probs);
        }
        let likely = probs.likeliest(NUM_LIKELY).into_iter().map(|id| {
            let text = vlm.tokenizer.decode(&[id], false)?;
            Ok(Likely { id, text, log_prob: probs.get(id) })
        });
        Ok((id, probs.get(id), likely.collect::<Result<_, ModelError>>()?))
    }

    /// A code goes to the picture, anything else to the text.
    pub(crate) fn tell(
        &mut self,
        vlm: &Vlm,
        id: u32,
        text: &str,
        pulse: &mut Pulse<'_>,
    ) -> ControlFlow<()> {
        let codes = vlm.codes.filter(|_| self.task == Task::Reconstruction);
        match codes.and_then(|codes| codes.code(id)) {
            Some(code) => {
                self.codes.push(code);
                pulse.tell(Progress::Code { code, done: self.codes.len() })
            }
            None => self.say(text, pulse),
        }
    }

    fn say(&mut self, text: &str, pulse: &mut Pulse<'_>) -> ControlFlow<()> {
        if let Some(step) = self.steps.last_mut() {
            step.text.push_str(text);
        }
        let text = self.stop_text.push(text);
        self.text.push_str(&text);
        pulse.tell(Progress::Text { text, tokens: self.output_ids.len() })
    }

    /// What was held back, now that nothing follows.
    pub(crate) fn end_text(&mut self, vlm: &Vlm, pulse: &mut Pulse<'_>) -> Result<(), ModelError> {
        let last = self.detokenizer.finish(&vlm.tokenizer)?;
        if let Some(step) = self.steps.last_mut() {
            step.text.push_str(&last);
        }
        let mut rest = self.stop_text.push(&last);
        rest.push_str(&self.stop_text.finish());
        if !rest.is_empty() {
            self.text.push_str(&rest);
            let tokens = self.output_ids.len();
            // it is the end either way
            let (ControlFlow::Continue(()) | ControlFlow::Break(())) =
                pulse.tell(Progress::Text { text: rest, tokens });
        }
        Ok(())
    }

    pub(crate) fn finish(mut self, finish_reason: FinishReason) -> Answer {
        let written = self.output_ids.len() - self.begun;
        self.timings.decode_tokens = written.saturating_sub(1) as u32;
        if written > 0 {
            self.timings.decode_ms = ms_since(self.decode_started);
        }
        Answer {
            prompt: self.prompt.text,
            prompt_ids: self.prompt.ids,
            output_ids: self.output_ids,
            begun: self.begun,
            text: self.text,
            codes: self.codes,
            finish_reason,
            logprobs: self.logprobs,
            steps: self.steps,
            yes_no: self.yes_no,
            seen: self.seen,
            timings: self.timings,
        }
    }
}
