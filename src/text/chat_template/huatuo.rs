//! HuatuoGPT-Vision: user and assistant parts, each tokenised by itself.

use super::clean::{Tokens, strip, without};
use super::{IMAGE_MARKER, Piece, TemplateTurn};

/// What its authors take out; `<|user|>` is plain text to this model and stays.
const TOKENS: Tokens = &[IMAGE_MARKER, "<s>", "</s>"];

/// A space before the newline follows every answer, and no end-of-sequence.
pub(super) fn turn(turn: &TemplateTurn<'_>) -> Vec<Piece> {
    let user = without(turn.question, &[TOKENS]);
    let user = format!("{}{user}", format!("{IMAGE_MARKER}\n").repeat(turn.num_images));
    let user = format!("<|user|>\n{}\n", strip(&user));
    match turn.answer {
        Some(answer) => vec![
            Piece { text: user, has_images: true },
            Piece { text: format!("<|assistant|>\n{answer} \n"), has_images: false },
        ],
        None => vec![Piece { text: format!("{user}<|assistant|>\n"), has_images: true }],
    }
}
