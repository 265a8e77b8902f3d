//! Strings become ids and ids become strings.

mod added;
mod chat_template;
mod cutter;
mod detokenizer;
mod error;
mod files;
mod load;
mod load_slow;
mod protobuf;
mod sentencepiece;
mod slow;
mod tokenizer;

pub use chat_template::{ChatTemplate, IMAGE_MARKER, ImageSpan, Piece, START_INDEX, TemplateTurn};
pub use detokenizer::Detokenizer;
pub use error::TextError;
pub use tokenizer::{Tokenizer, TokenizerKind, TokenizerOptions};

/// Whitespace as Python has it: the four separators are part of it.
fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}
