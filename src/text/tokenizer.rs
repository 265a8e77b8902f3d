//! Loads the tokenizer a model ships and keeps its faults inside.
//!
//! Checked against: `tests/model_text.rs` (the strings of every fixture family, and the real
//! Qwen2, Mistral, Llama 2, Phi-3, phi-4 vocabularies).

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use serde_json::Value;
use tokenizers::{Decoder as _, Model as _};

use crate::text::TextError;
use crate::text::sentencepiece::json_from_model;

/// The largest published tokenizer has 7 MB.
const MAX_BYTES: u64 = 64 << 20;

/// Text ↔ ids of one model.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    path: PathBuf,
    /// Ids put before and after every text (`tokenizer.model` only; `tokenizer.json` says it itself).
    bos: Option<u32>,
    eos: Option<u32>,
    has_byte_tokens: bool,
    /// Added tokens as they are written, and whether they are special. The library's own decoding
    /// takes normalised ones for something else.
    added: HashMap<u32, (String, bool)>,
}

impl Tokenizer {
    /// `tokenizer.json` of a folder, else its `tokenizer.model`.
    ///
    /// # Errors
    /// When there is none or it is damaged.
    pub fn load(folder: &Path) -> Result<Self, TextError> {
        let config = read_json(&folder.join("tokenizer_config.json"))?.unwrap_or_default();
        let json_path = folder.join("tokenizer.json");
        if let Some(json) = read_json(&json_path)? {
            return Self::from_json(json, json_path);
        }
        let model_path = folder.join("tokenizer.model");
        let Some(bytes) = read_capped(&model_path)? else {
            return Err(TextError::NoTokenizer { path: folder.to_owned() });
        };
        let json = json_from_model(&bytes, &config)
            .map_err(|reason| TextError::Damaged { reason, path: model_path.clone() })?;
        let mut tokenizer = Self::from_json(json, model_path)?;
        let flag = |key: &str, default| config.get(key).and_then(Value::as_bool).unwrap_or(default);
        let id = |key: &str, usual| tokenizer.id_of(token_text(&config, key).unwrap_or(usual));
        let (bos, eos) = (id("bos_token", "<s>"), id("eos_token", "</s>"));
        tokenizer.bos = bos.filter(|_| flag("add_bos_token", true));
        tokenizer.eos = eos.filter(|_| flag("add_eos_token", false));
        Ok(tokenizer)
    }

    fn from_json(mut json: Value, path: PathBuf) -> Result<Self, TextError> {
        let damaged = |reason: String| TextError::Damaged { reason, path: path.clone() };
        // both are for batches, and either can ask for gigabytes
        if let Some(fields) = json.as_object_mut() {
            fields.insert("padding".to_owned(), Value::Null);
            fields.insert("truncation".to_owned(), Value::Null);
        }
        let has_byte_tokens = json.pointer("/model/byte_fallback") == Some(&Value::Bool(true));
        let inner = guarded(|| {
            serde_json::from_value::<tokenizers::Tokenizer>(json).map_err(|error| error.to_string())
        })
        .map_err(damaged)?;
        let added = inner.get_added_vocabulary().get_added_tokens_decoder().iter();
        let added =
            added.map(|(id, token)| (*id, (token.content.clone(), token.special))).collect();
        let path_of = path.clone();
        let tokenizer = Self { inner, path: path_of, bos: None, eos: None, has_byte_tokens, added };
        let probe = "The chest X-ray, 2 views:\n 正常 é 🩻 <s>";
        tokenizer
            .encode(probe, true)
            .and_then(|ids| tokenizer.decode(&ids, false))
            .map_err(|error| damaged(format!("a probe failed: {error}")))?;
        Ok(tokenizer)
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
        let encoded = guarded(|| {
            self.inner.encode_fast(text, add_special).map_err(|error| error.to_string())
        })
        .map_err(|reason| TextError::Encode { reason })?;
        let ids = encoded.get_ids().iter().copied();
        if !add_special {
            return Ok(ids.collect());
        }
        Ok(self.bos.into_iter().chain(ids).chain(self.eos).collect())
    }

    /// Text of ids; those the tokenizer does not know give nothing.
    ///
    /// # Errors
    /// When the tokenizer's own code fails.
    pub fn decode(&self, ids: &[u32], skip_special: bool) -> Result<String, TextError> {
        let tokens: Vec<String> = ids
            .iter()
            .filter(|id| !(skip_special && self.is_silent(**id)))
            .filter_map(|id| self.token_of(*id))
            .collect();
        let Some(decoder) = self.inner.get_decoder() else { return Ok(tokens.join(" ")) };
        guarded(|| decoder.decode(tokens).map_err(|error| error.to_string()))
            .map_err(|reason| TextError::Encode { reason })
    }

    fn token_of(&self, id: u32) -> Option<String> {
        let added = self.added.get(&id).map(|(content, _)| content.clone());
        added.or_else(|| self.inner.get_model().id_to_token(id))
    }

    /// Id of a token.
    #[must_use]
    pub fn id_of(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// Tokens it has, the added ones included.
    #[must_use]
    pub fn vocab_size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    pub(crate) fn bos(&self) -> Option<u32> {
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
        self.has_byte_tokens
            && self.token_of(id).is_some_and(|token| {
                token.len() == 6 && token.starts_with("<0x") && token.ends_with('>')
            })
    }
}

/// Run the tokenizer library, which panics on some damaged files, at load or later.
fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result,
        Err(panic) => Err(panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
            .unwrap_or_else(|| "its parts do not fit together".to_owned())),
    }
}

/// A token named in `tokenizer_config.json`, as a string or as an object with its content.
fn token_text<'a>(config: &'a Value, key: &str) -> Option<&'a str> {
    let token = config.get(key)?;
    token.as_str().or_else(|| token.get("content")?.as_str())
}

fn read_capped(path: &Path) -> Result<Option<Vec<u8>>, TextError> {
    let io = |source| TextError::Io { source, path: path.to_owned() };
    if !path.is_file() {
        return Ok(None);
    }
    if std::fs::metadata(path).map_err(io)?.len() > MAX_BYTES {
        let reason = "it is larger than 64 MB".to_owned();
        return Err(TextError::Damaged { reason, path: path.to_owned() });
    }
    std::fs::read(path).map(Some).map_err(io)
}

fn read_json(path: &Path) -> Result<Option<Value>, TextError> {
    let Some(bytes) = read_capped(path)? else { return Ok(None) };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| TextError::Damaged { reason: error.to_string(), path: path.to_owned() })
}
