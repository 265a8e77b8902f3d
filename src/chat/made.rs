//! What a model's answer makes of an answer in a chat, in the window and without one.

use super::{Answer, AnswerState, Finish, Provenance, Tokens};
use crate::vlm::{self, FinishReason, ModelInfo, Question, SamplingParams};

impl Provenance {
    /// Of a question to a loaded model.
    #[must_use]
    pub fn of(info: &ModelInfo, question: &Question) -> Self {
        let sampling = &question.sampling;
        Self {
            model: info.name.clone(),
            title: info.title.clone(),
            weights_sha256: info.weights_sha256.clone(),
            precision: info.precision.clone(),
            device: info.device.clone(),
            driver: info.driver.clone(),
            temperature: sampling.temperature,
            top_p: sampling.top_p,
            top_k: sampling.top_k,
            repetition_penalty: sampling.repetition_penalty,
            seed: sampling.seed,
            max_new_tokens: question.max_new_tokens,
            system: question.system.clone(),
            left_out: 0,
            own_words: false,
            program_version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// How ids were chosen.
    #[must_use]
    pub fn sampling(&self) -> SamplingParams {
        SamplingParams {
            temperature: self.temperature,
            top_p: self.top_p,
            top_k: self.top_k,
            repetition_penalty: self.repetition_penalty,
            seed: self.seed,
        }
    }

    /// Whether the same weights were asked in the same way, wherever it was computed.
    #[must_use]
    pub fn asks_same(&self, other: &Self) -> bool {
        self.weights_sha256 == other.weights_sha256
            && self.sampling() == other.sampling()
            && self.max_new_tokens == other.max_new_tokens
            && self.system == other.system
    }
}

impl Answer {
    /// Text, end, figures and tokens of a model's answer, whatever it is made of; `image_tokens` is
    /// what the model takes for a picture.
    pub fn take(&mut self, whole: &vlm::Answer, image_tokens: u32) {
        self.text.clone_from(&whole.text);
        self.state = match whole.finish_reason {
            FinishReason::Stop => AnswerState::Done(Finish::Stop),
            FinishReason::Length => AnswerState::Done(Finish::Length),
            FinishReason::Cancelled => AnswerState::Stopped,
        };
        let (meter, timings) = (&mut self.meter, &whole.timings);
        meter.tokens = whole.output_ids.len();
        meter.image_encode_ms = timings.image_encode_ms;
        meter.prefill_ms = timings.prefill_ms;
        meter.prefill_tokens = timings.prefill_tokens;
        meter.first_token_ms = Some(timings.first_token_ms);
        meter.decode_ms = timings.decode_ms;
        meter.elapsed_ms = timings.first_token_ms + timings.decode_ms;
        meter.prompt_tokens = prompt_tokens(whole, image_tokens);
        meter.earlier_tokens = whole.begun;
        self.seen.clone_from(&whole.seen);
        // the codes of a picture are kept with it
        let before = self.tokens.take();
        self.tokens = self.drawing.is_none().then(|| {
            let mut tokens = Tokens::of(whole);
            if let Some(before) = before {
                tokens.take_beginning(&before, whole.begun);
            }
            tokens.into()
        });
    }
}

/// Positions of the whole prompt: one slot stands for all positions of a picture.
fn prompt_tokens(answer: &vlm::Answer, image_tokens: u32) -> u32 {
    let slots = answer.prompt_ids.iter().filter(|id| **id < 0).count();
    let words = answer.prompt_ids.len() - slots;
    u32::try_from(words + slots * image_tokens as usize).unwrap_or(u32::MAX)
}
