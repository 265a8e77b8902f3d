//! Qwen2.5-VL: parts between `<|im_start|>` and `<|im_end|>`, nothing stripped.

use super::TemplateTurn;
use super::clean::{Tokens, without};

/// A picture in the text.
pub(super) const PICTURE: &str = "<|vision_start|><|image_pad|><|vision_end|>";

/// Special tokens of Qwen2.5, with and without pictures.
pub(super) const TOKENS: Tokens = &[
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|object_ref_start|>",
    "<|object_ref_end|>",
    "<|box_start|>",
    "<|box_end|>",
    "<|quad_start|>",
    "<|quad_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
];

/// The authors' system prompt.
pub(super) const SYSTEM: &str = "You are a helpful assistant.";

/// The conversation, each turn's pictures written by `pictures`.
pub(super) fn chat(
    turns: &[TemplateTurn<'_>],
    system: &str,
    pictures: fn(usize) -> String,
) -> String {
    let mut text = format!("<|im_start|>system\n{system}<|im_end|>\n");
    for turn in turns {
        let question = without(turn.question, &[TOKENS]);
        let pictures = pictures(turn.num_images);
        text.push_str(&format!(
            "<|im_start|>user\n{pictures}{question}<|im_end|>\n<|im_start|>assistant\n"
        ));
        if let Some(answer) = turn.answer {
            text.push_str(&format!("{}<|im_end|>\n", without(answer, &[TOKENS])));
        }
    }
    text
}

/// As in training: each on its own line.
pub(super) fn trained(number: usize) -> String {
    format!("{PICTURE}\n").repeat(number)
}

/// As a list of contents: one directly after the other.
pub(super) fn list(number: usize) -> String {
    PICTURE.repeat(number)
}
