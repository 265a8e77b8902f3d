//! Text becomes ids and ids become text, by the rules that a model's authors used.
//!
//! Checked against: `tests/model_text.rs` (the strings of every fixture family, and the real
//! Qwen2, Mistral, Llama 2, Phi-3, phi-4 vocabularies).

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use tokenizers::{Decoder as _, Model as _};

use crate::text::TextError;
use crate::text::load::load;
use crate::text::sentencepiece::{PieceKind, byte_of};
use crate::text::slow::{SlowDecoder, SlowRules};

/// How a folder's tokenizer files are read: by which program the authors read them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenizerKind {
    /// `tokenizer.json` as it is, else `tokenizer.model` as the fast tokenizers convert it.
    #[default]
    AsShipped,
    /// `tokenizer.model` as the first `LLaMA` tokenizer of April 2023 read it: LLaVA-Med 1.
    LlamaSlow,
    /// A `LLaMA` vocabulary as the later tokenizer written in Python reads it: HealthGPT on Phi-3.
    Phi3Slow,
    /// A byte-level vocabulary as the GPT-2 tokenizer written in Python reads it: HealthGPT on
    /// phi-4.
    Gpt2Slow,
}

/// How to load a tokenizer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenizerOptions {
    /// Whose rules.
    pub kind: TokenizerKind,
    /// Number of picture tokens that HealthGPT appends, with their begin, end and newline; nothing
    /// is appended to a vocabulary that names additional special tokens already.
    pub vq_tokens: Option<u32>,
}

/// Text ↔ ids of one model.
pub struct Tokenizer {
    /// Without its added tokens where `slow` cuts them out.
    pub(crate) inner: tokenizers::Tokenizer,
    pub(crate) path: PathBuf,
    /// Ids put before and after every text, where `inner` does not put them itself.
    pub(crate) before: Option<u32>,
    pub(crate) after: Option<u32>,
    /// What stands first in every text encoded with `add_special`, whoever puts it there.
    pub(crate) bos: Option<u32>,
    pub(crate) has_byte_tokens: bool,
    /// Added tokens as they are written, and whether they are special. The library's own decoding
    /// takes normalised ones for something else.
    pub(crate) added: HashMap<u32, (String, bool)>,
    pub(crate) slow: Option<SlowRules>,
    pub(crate) slow_decoder: Option<SlowDecoder>,
    pub(crate) base_len: usize,
    pub(crate) len: usize,
}

impl Tokenizer {
    /// `tokenizer.json` of a folder, else its `tokenizer.model`.
    ///
    /// # Errors
    /// When there is none or a file is damaged; the error names it.
    pub fn load(folder: &Path) -> Result<Self, TextError> {
        Self::load_with(folder, TokenizerOptions::default())
    }

    /// The tokenizer of a folder, read as its authors read it.
    ///
    /// # Errors
    /// When a file it needs is not there or damaged; the error names it.
    pub fn load_with(folder: &Path, options: TokenizerOptions) -> Result<Self, TextError> {
        load(folder, options)
    }

    /// Where it came from.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Ids of a text; with `add_special`, what the model puts around every text too.
    ///
    /// # Errors
    /// When the tokenizer's own code fails.
    pub fn encode(&self, text: &str, add_special: bool) -> Result<Vec<u32>, TextError> {
        let ids = match &self.slow {
            Some(rules) => rules.encode(text, |text| self.encode_inner(text, false))?,
            None => self.encode_inner(text, add_special)?,
        };
        let around = if add_special { (self.before, self.after) } else { (None, None) };
        Ok(around.0.into_iter().chain(ids).chain(around.1).collect())
    }

    fn encode_inner(&self, text: &str, add_special: bool) -> Result<Vec<u32>, TextError> {
        guarded(|| self.inner.encode_fast(text, add_special).map_err(|error| error.to_string()))
            .map(|encoded| encoded.get_ids().to_vec())
            .map_err(|reason| TextError::Encode { reason })
    }

    /// Text of ids; those the tokenizer does not know give nothing.
    ///
    /// # Errors
    /// When the tokenizer's own code fails.
    pub fn decode(&self, ids: &[u32], skip_special: bool) -> Result<String, TextError> {
        let shown = ids.iter().copied().filter(|id| !(skip_special && self.is_silent(*id)));
        if let Some(decoder) = &self.slow_decoder {
            let added = |id| self.added.get(&id).map(|(content, _)| content.as_str());
            // a special token of the vocabulary itself is no added one
            let outside = |id| added(id).filter(|_| decoder.piece(id).is_none());
            let shown: Vec<u32> = shown.collect();
            return Ok(decoder.decode(&shown, outside, |id| added(id).is_some()));
        }
        let tokens: Vec<String> = shown.filter_map(|id| self.token_of(id)).collect();
        let Some(decoder) = self.inner.get_decoder() else { return Ok(tokens.join(" ")) };
        guarded(|| decoder.decode(tokens).map_err(|error| error.to_string()))
            .map_err(|reason| TextError::Encode { reason })
    }

    fn token_of(&self, id: u32) -> Option<String> {
        let added = self.added.get(&id).map(|(content, _)| content.clone());
        added.or_else(|| self.inner.get_model().id_to_token(id))
    }

    /// Id of a token, added ones included.
    #[must_use]
    pub fn id_of(&self, token: &str) -> Option<u32> {
        let added = self.slow.as_ref().and_then(|rules| rules.cutter.id_of(token));
        added.or_else(|| self.inner.token_to_id(token))
    }

    /// Tokens it has, the added ones included, the appended picture tokens not: the id of the first
    /// of those.
    #[must_use]
    pub fn base_len(&self) -> usize {
        self.base_len
    }

    /// Tokens it has, all of them.
    #[must_use]
    pub fn vocab_size(&self) -> usize {
        self.len
    }

    /// The id that stands first in every text encoded with `add_special`.
    #[must_use]
    pub fn bos(&self) -> Option<u32> {
        self.bos
    }

    /// Whether the id is a special token or none at all: it leaves no trace in the text.
    pub(crate) fn is_silent(&self, id: u32) -> bool {
        match self.added.get(&id) {
            Some((_, is_special)) => *is_special,
            None => self.inner.get_model().id_to_token(id).is_none(),
        }
    }

    /// Whether the id stands for one byte of a character.
    pub(crate) fn is_byte(&self, id: u32) -> bool {
        if let Some(decoder) = &self.slow_decoder {
            return matches!(decoder.piece(id).map(|piece| piece.kind), Some(PieceKind::Byte(_)));
        }
        self.has_byte_tokens && self.token_of(id).is_some_and(|token| byte_of(&token).is_some())
    }

    /// What the tokenizer puts first, found by trying.
    pub(crate) fn find_bos(&self) -> Result<Option<u32>, TextError> {
        let (with, without) = (self.encode("a", true)?, self.encode("a", false)?);
        let is_in_front = with.get(1..).is_some_and(|rest| rest.starts_with(&without));
        Ok(with.first().copied().filter(|_| is_in_front && with != without))
    }
}

/// Run the tokenizer library, which panics on some damaged files, at load or later.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result,
        Err(panic) => Err(panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
            .unwrap_or_else(|| "its parts do not fit together".to_owned())),
    }
}
