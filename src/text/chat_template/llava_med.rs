//! LLaVA-Med 1.5: its own template, and the one its evaluation script falls back to.

use super::clean::{Tokens, strip, without};
use super::{IMAGE_MARKER, TemplateTurn};

pub(super) const TOKENS: Tokens = &[IMAGE_MARKER, "<s>", "</s>", "<unk>"];

pub(super) const VICUNA_SYSTEM: &str = "A chat between a curious user and an artificial intelligence assistant. \
    The assistant gives helpful, detailed, and polite answers to the user's questions.";

/// The answer is stripped; `</s>` is written out and read as the end of the sequence.
pub(super) fn mistral_turn(turn: &TemplateTurn<'_>) -> String {
    let clean = without(turn.question, &[TOKENS]);
    let question = if clean == turn.question { clean.as_str() } else { strip(&clean) };
    let asked = format!("[INST] {}{question} [/INST]", markers(turn));
    match turn.answer {
        Some(answer) => format!("{asked} {} </s>", strip(&without(answer, &[TOKENS]))),
        None => asked,
    }
}

/// Every message is stripped, and in the end the whole.
pub(super) fn vicuna(turns: &[TemplateTurn<'_>], system: &str) -> String {
    let mut text = format!("{system} ");
    for turn in turns {
        let question = format!("{}{}", markers(turn), without(turn.question, &[TOKENS]));
        text.push_str(&format!("USER: {} ASSISTANT:", strip(&question)));
        if let Some(answer) = turn.answer {
            text.push_str(&format!(" {}</s> ", strip(&without(answer, &[TOKENS]))));
        }
    }
    strip(&text).to_owned()
}

fn markers(turn: &TemplateTurn<'_>) -> String {
    format!("{IMAGE_MARKER}\n").repeat(turn.num_images)
}
