//! LLaVA-Med 1: parts between `###`, a greeting before the first question, pictures after each.

use super::clean::{Tokens, strip, without};
use super::{IMAGE_MARKER, TemplateTurn};

pub(super) const TOKENS: Tokens =
    &[IMAGE_MARKER, "<im_start>", "<im_patch>", "<im_end>", "<s>", "</s>", "<unk>"];

pub(super) const CHAT_SYSTEM: &str = "You are LLaVA-Med, a large language and vision assistant trained by a \
    group of researchers at Microsoft, based on the general domain LLaVA architecture.You are able \
    to understand the visual content that the user provides, and assist the user with a variety of \
    medical and clinical tasks using natural language.Follow the instructions carefully and explain \
    your answers in detail.";
pub(super) const EVALUATION_SYSTEM: &str = "A chat between a curious human and an artificial intelligence \
    assistant. The assistant gives helpful, detailed, and polite answers to the human's questions.";
const GREETING: &str = "###Human: Hi!###Assistant: Hi there!  How can I help you today?\n###";

/// The form of the chat: the assistant's name ends the prompt.
pub(super) fn chat(turns: &[TemplateTurn<'_>], system: &str) -> String {
    let turns = turns.iter().map(|turn| {
        let question = without(turn.question, &[TOKENS]);
        format!("{}Assistant:{}", human(&question, turn.num_images), answer(turn))
    });
    format!("{system}{GREETING}{}", turns.collect::<String>())
}

/// The form of the evaluation: the question is stripped, and nothing follows its separator.
pub(super) fn evaluation(turns: &[TemplateTurn<'_>], system: &str) -> String {
    let turns = turns.iter().map(|turn| {
        let question = without(turn.question, &[TOKENS]);
        let role = if turn.answer.is_some() { "Assistant:" } else { "" };
        format!("{}{role}{}", human(strip(&question), turn.num_images), answer(turn))
    });
    format!("{system}{GREETING}{}", turns.collect::<String>())
}

fn human(question: &str, num_images: usize) -> String {
    format!("Human: {question}{}###", format!("\n{IMAGE_MARKER}").repeat(num_images))
}

fn answer(turn: &TemplateTurn<'_>) -> String {
    let answer = turn.answer.map(|answer| without(answer, &[TOKENS]));
    answer.map(|answer| format!(" {}###", strip(&answer))).unwrap_or_default()
}
