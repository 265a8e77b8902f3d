//! The added tokens of a vocabulary, as they are gathered from several files.

use std::collections::HashMap;

use crate::text::cutter::Cutter;
use crate::text::files::AddedToken;

/// Added tokens beside the vocabulary they are added to.
pub(crate) struct AddedList<'a> {
    vocabulary: &'a tokenizers::Tokenizer,
    tokens: Vec<AddedToken>,
    places: HashMap<String, usize>,
    len: usize,
}

impl<'a> AddedList<'a> {
    /// None yet.
    pub(crate) fn new(vocabulary: &'a tokenizers::Tokenizer) -> Self {
        let len = vocabulary.get_vocab_size(false);
        Self { vocabulary, tokens: Vec::new(), places: HashMap::new(), len }
    }

    /// Tokens of both, each counted once: the next free id.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Adds a token, or changes the one that is written so.
    pub(crate) fn push(&mut self, token: AddedToken) {
        if let Some(known) =
            self.places.get(&token.content).and_then(|place| self.tokens.get_mut(*place))
        {
            *known = token;
            return;
        }
        self.len += usize::from(self.vocabulary.token_to_id(&token.content).is_none());
        self.places.insert(token.content.clone(), self.tokens.len());
        self.tokens.push(token);
    }

    /// Makes a token special, and takes it from the vocabulary or as a new one when it is not there.
    /// `strips` are its `lstrip` and `rstrip`; a known one keeps its own unless `overrides`.
    pub(crate) fn name(&mut self, content: &str, strips: (bool, bool), overrides: bool) {
        let known = self.places.get(content).and_then(|place| self.tokens.get_mut(*place));
        if let Some(known) = known {
            known.is_special = true;
            if overrides {
                (known.lstrip, known.rstrip) = strips;
            }
            return;
        }
        let id = self.vocabulary.token_to_id(content).or_else(|| u32::try_from(self.len).ok());
        let mut token = AddedToken::new(content, id.unwrap_or(u32::MAX), true);
        (token.lstrip, token.rstrip) = strips;
        self.push(token);
    }

    /// Appends new special tokens after all others; gives their ids.
    pub(crate) fn append(&mut self, names: &[String]) -> Vec<u32> {
        let mut ids = Vec::new();
        for name in names {
            self.name(name, (false, false), false);
            ids.extend(self.id_of(name));
        }
        ids
    }

    pub(crate) fn id_of(&self, content: &str) -> Option<u32> {
        let added = self.places.get(content).and_then(|place| self.tokens.get(*place));
        added.map(|token| token.id).or_else(|| self.vocabulary.token_to_id(content))
    }

    /// The tokens by their ids, as they are written and whether they are special; and what cuts
    /// them out of a text.
    pub(crate) fn into_parts(self) -> (HashMap<u32, (String, bool)>, Cutter) {
        let texts = self.tokens.iter();
        let texts = texts.map(|token| (token.id, (token.content.clone(), token.is_special)));
        (texts.collect(), Cutter::new(self.tokens))
    }
}
