//! HealthGPT: the instruction form of each base model.
//!
//! Its authors ask a single question. Further turns are written as the base models' own chat
//! templates write them: the answer, the mark that ends it, the next question.

use super::clean::{Tokens, without};
use super::qwen_vl;
use super::{IMAGE_MARKER, START_INDEX, TemplateTurn};

const PICTURE_TOKENS: Tokens =
    &[IMAGE_MARKER, START_INDEX, "<idx_#>", "<end_index>", "<pixel_newline>"];
const PHI3_TOKENS: Tokens = &[
    "<s>",
    "</s>",
    "<unk>",
    "<|endoftext|>",
    "<|assistant|>",
    "<|system|>",
    "<|user|>",
    "<|end|>",
    "<|placeholder#|>",
];
const PHI4_TOKENS: Tokens = &[
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_sep|>",
    "<|im_end|>",
    "<|endofprompt|>",
    "<|fim_prefix|>",
    "<|fim_middle|>",
    "<|fim_suffix|>",
    "<|dummy_#|>",
];

/// What stands before and after each part of a conversation.
pub(super) struct Form {
    /// Before the system prompt.
    opening: &'static str,
    /// The authors' system prompt.
    pub(super) system: &'static str,
    /// Between the system prompt and the first question.
    first: &'static str,
    /// Between a question and its answer.
    answer: &'static str,
    /// Between an answer and the next question.
    question: &'static str,
    /// Taken out of what is typed.
    pub(super) tokens: &'static [Tokens],
}

pub(super) const PHI3: Form = Form {
    opening: "<|system|>\n",
    system: "You are a helpful AI assistant.",
    first: "<|end|>\n<|user|>\n",
    answer: "<|end|>\n<|assistant|>\n",
    question: "<|end|>\n<|user|>\n",
    tokens: &[PICTURE_TOKENS, PHI3_TOKENS],
};
pub(super) const PHI4: Form = Form {
    opening: "<|im_start|>system<|im_sep|>\n",
    system: "You are a medieval knight and must provide explanations to modern people.",
    first: "<|im_end|>\n<|im_start|>user<|im_sep|>\n",
    answer: "<|im_end|>\n<|im_start|>assistant<|im_sep|>\n",
    question: "<|im_end|>\n<|im_start|>user<|im_sep|>\n",
    tokens: &[PICTURE_TOKENS, PHI4_TOKENS],
};
/// Its vocabulary has no picture tokens, so they are plain text to it.
pub(super) const QWEN2: Form = Form {
    opening: "<|im_start|>system\n",
    system: "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.",
    first: "<|im_end|>\n<|im_start|>user\n",
    answer: "<|im_end|>\n<|im_start|>assistant\n",
    question: "<|im_end|>\n<|im_start|>user\n",
    tokens: &[&[IMAGE_MARKER], qwen_vl::TOKENS],
};

impl Form {
    /// The conversation; each picture stands on a line of its own before its question.
    pub(super) fn chat(&self, turns: &[TemplateTurn<'_>], system: &str) -> String {
        let mut text = [self.opening, system, self.first].concat();
        for turn in turns {
            text.push_str(&format!("{IMAGE_MARKER}\n").repeat(turn.num_images));
            text.push_str(&without(turn.question, self.tokens));
            text.push_str(self.answer);
            if let Some(answer) = turn.answer {
                text.push_str(&without(answer, self.tokens));
                text.push_str(self.question);
            }
        }
        text
    }
}
