//! Ids become text as they arrive: never half a character, and in the end the same text as the
//! ids give at once.

use crate::text::{TextError, Tokenizer};

/// The text of a growing list of ids, special tokens left out.
#[derive(Clone, Debug, Default)]
pub struct Detokenizer {
    ids: Vec<u32>,
    emitted: String,
}

impl Detokenizer {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A further id; gives the text that is now certain, which may be empty.
    ///
    /// Bytes that stand for a character one by one are held back until something else follows,
    /// because one bad byte spoils those before it.
    ///
    /// # Errors
    /// When the tokenizer's own code fails.
    pub fn push(&mut self, tokenizer: &Tokenizer, id: u32) -> Result<String, TextError> {
        if tokenizer.is_silent(id) {
            return Ok(String::new());
        }
        self.ids.push(id);
        if tokenizer.is_byte(id) {
            return Ok(String::new());
        }
        let text = tokenizer.decode(&self.ids, true)?;
        // the end may be the beginning of a character of several tokens
        Ok(self.emit(text.trim_end_matches(char::REPLACEMENT_CHARACTER)))
    }

    /// The rest: what was held back, broken characters replaced.
    ///
    /// # Errors
    /// When the tokenizer's own code fails.
    pub fn finish(&mut self, tokenizer: &Tokenizer) -> Result<String, TextError> {
        let text = tokenizer.decode(&self.ids, true)?;
        Ok(self.emit(&text))
    }

    /// Everything emitted so far.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.emitted
    }

    fn emit(&mut self, text: &str) -> String {
        let new = text.strip_prefix(self.emitted.as_str()).unwrap_or_default().to_owned();
        self.emitted.push_str(&new);
        new
    }
}
