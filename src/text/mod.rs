//! Strings become ids and ids become strings.

mod chat_template;
mod detokenizer;
mod error;
mod sentencepiece;
mod tokenizer;

pub use chat_template::{ChatTemplate, IMAGE_MARKER, Piece, TemplateTurn};
pub use detokenizer::Detokenizer;
pub use error::TextError;
pub use tokenizer::Tokenizer;
