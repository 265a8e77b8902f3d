//! Strings become ids and ids become strings.

mod error;

pub use error::TextError;
