//! Loads the tokenizer a model ships, by the rules its authors used, and keeps its faults inside.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::text::files::{
    AddedToken, NamedToken, SideFiles, damaged, read_added, read_capped, read_json,
};
use crate::text::load_slow::{load_first_llama, load_slow};
use crate::text::sentencepiece::{Merging, Model, json_from_model, parse_model};
use crate::text::tokenizer::guarded;
use crate::text::{TextError, Tokenizer, TokenizerKind, TokenizerOptions};

/// Special tokens of `LLaMA` tokenizers, where no file names others.
pub(crate) const LLAMA_USUAL: [(&str, &str); 3] =
    [("bos_token", "<s>"), ("eos_token", "</s>"), ("unk_token", "<unk>")];

/// A thousand times what any picture takes.
const MAX_VQ_TOKENS: u32 = 1 << 20;

/// # Errors
/// When a file is missing or damaged; the error names it.
pub(crate) fn load(folder: &Path, options: TokenizerOptions) -> Result<Tokenizer, TextError> {
    let files = SideFiles::read(folder)?;
    let appended = vq_names(&files, options.vq_tokens)?;
    match options.kind {
        TokenizerKind::AsShipped => load_shipped(&files, &appended),
        TokenizerKind::LlamaSlow => load_first_llama(&files, &appended),
        TokenizerKind::Phi3Slow | TokenizerKind::Gpt2Slow => {
            load_slow(&files, options.kind, &appended)
        }
    }
}

/// Picture tokens in their order; none where the vocabulary has additional special tokens already.
fn vq_names(files: &SideFiles, number: Option<u32>) -> Result<Vec<String>, TextError> {
    let Some(number) = number.filter(|number| *number <= MAX_VQ_TOKENS) else {
        return match number {
            None => Ok(Vec::new()),
            Some(_) => Err(damaged(&files.folder, "more picture tokens are asked for than any")),
        };
    };
    if !files.more_special()?.is_empty() {
        return Ok(Vec::new());
    }
    let codes = (0..number).map(|code| format!("<idx_{code}>"));
    let last = ["<end_index>", "<pixel_newline>"].map(str::to_owned);
    Ok(std::iter::once("<start_index>".to_owned()).chain(codes).chain(last).collect())
}

/// `tokenizer.json`, else `tokenizer.model` as a `tokenizer.json`.
fn load_shipped(files: &SideFiles, appended: &[String]) -> Result<Tokenizer, TextError> {
    let (mut json, path, model) = read_vocabulary(files, Merging::Every)?;
    let mut known: HashSet<String> =
        shipped_tokens(&json, &path)?.into_iter().map(|token| token.content).collect();
    let mut missing = files.added_tokens()?;
    missing.retain(|token| known.insert(token.content.clone()));
    push_added(&mut json, missing.iter().cloned());
    let is_new = |name: &&String| !known.contains(*name) && !is_piece(&json, name);
    let new: Vec<&String> = appended.iter().filter(is_new).collect();
    push_added(&mut json, new.iter().map(|name| AddedToken::new(name, 0, true)));

    let mut tokenizer = build(json, path)?;
    if let Some(token) =
        missing.iter().find(|token| tokenizer.id_of(&token.content) != Some(token.id))
    {
        return Err(damaged(
            &files.file_adding(token)?,
            "an added token has another id than the next free one",
        ));
    }
    tokenizer.base_len = tokenizer.len.saturating_sub(new.len());
    if model.is_some() {
        let named = files.named_tokens(&LLAMA_USUAL, !files.is_modern())?;
        surround(&mut tokenizer, files, &named, true);
    }
    tokenizer.bos = tokenizer.find_bos()?;
    Ok(tokenizer)
}

fn is_piece(json: &Value, name: &str) -> bool {
    json.pointer("/model/vocab").and_then(|vocab| vocab.get(name)).is_some()
}

/// The vocabulary of a folder, its file, and the `SentencePiece` model when it is one.
pub(crate) fn read_vocabulary(
    files: &SideFiles,
    merging: Merging,
) -> Result<(Value, PathBuf, Option<Model>), TextError> {
    let json_path = files.path("tokenizer.json");
    if let Some(json) = read_json(&json_path)? {
        return Ok((json, json_path, None));
    }
    let model_path = files.path("tokenizer.model");
    let Some(bytes) = read_capped(&model_path)? else {
        return Err(TextError::NoTokenizer { path: files.folder.clone() });
    };
    let model = parse_model(&bytes).map_err(|reason| damaged(&model_path, &reason))?;
    let json = json_from_model(&model, files.flag("legacy").unwrap_or(true), merging);
    Ok((json, model_path, Some(model)))
}

/// Added tokens that the vocabulary file itself has.
pub(crate) fn shipped_tokens(json: &Value, path: &Path) -> Result<Vec<AddedToken>, TextError> {
    let list = json.get("added_tokens").and_then(Value::as_array);
    let mut tokens = Vec::new();
    for token in list.into_iter().flatten() {
        let id = token.get("id").and_then(Value::as_u64).and_then(|id| u32::try_from(id).ok());
        let token = id.and_then(|id| read_added(token, id));
        tokens.push(token.ok_or_else(|| damaged(path, "an added token is not a token"))?);
    }
    Ok(tokens)
}

fn push_added(json: &mut Value, tokens: impl Iterator<Item = AddedToken>) {
    let tokens = tokens.map(|token| {
        json!({"id": token.id, "content": token.content, "single_word": false,
            "lstrip": token.lstrip, "rstrip": token.rstrip, "normalized": false,
            "special": token.is_special})
    });
    match json.get_mut("added_tokens").and_then(Value::as_array_mut) {
        Some(list) => list.extend(tokens),
        None => {
            if let Some(fields) = json.as_object_mut() {
                fields.insert("added_tokens".to_owned(), tokens.collect());
            }
        }
    }
}

/// What the library makes of a `tokenizer.json`, tried out once.
pub(crate) fn build(mut json: Value, path: PathBuf) -> Result<Tokenizer, TextError> {
    // both are for batches, and either can ask for gigabytes
    if let Some(fields) = json.as_object_mut() {
        fields.insert("padding".to_owned(), Value::Null);
        fields.insert("truncation".to_owned(), Value::Null);
    }
    let has_byte_tokens = json.pointer("/model/byte_fallback") == Some(&Value::Bool(true));
    let read = || serde_json::from_value::<tokenizers::Tokenizer>(json);
    let inner = guarded(|| read().map_err(|error| error.to_string()))
        .map_err(|reason| damaged(&path, &reason))?;
    let added = inner.get_added_vocabulary().get_added_tokens_decoder().iter();
    let added = added.map(|(id, token)| (*id, (token.content.clone(), token.special))).collect();
    let len = inner.get_vocab_size(true);
    let tokenizer = Tokenizer {
        inner,
        path,
        before: None,
        after: None,
        bos: None,
        has_byte_tokens,
        added,
        slow: None,
        slow_decoder: None,
        base_len: len,
        len,
    };
    let probe = "The chest X-ray, 2 views:\n 正常 é 🩻 <s>";
    tokenizer
        .encode(probe, true)
        .and_then(|ids| tokenizer.decode(&ids, false))
        .map_err(|error| damaged(&tokenizer.path, &format!("a probe failed: {error}")))?;
    Ok(tokenizer)
}

/// Sets what stands around every text.
pub(crate) fn surround(
    tokenizer: &mut Tokenizer,
    files: &SideFiles,
    named: &[(&'static str, NamedToken)],
    has_bos: bool,
) {
    let id = |role: &str| {
        let (_, token) = named.iter().find(|(of, _)| *of == role)?;
        tokenizer.id_of(&token.content)
    };
    let (bos, eos) = (id("bos_token"), id("eos_token"));
    tokenizer.before = bos.filter(|_| files.flag("add_bos_token").unwrap_or(has_bos));
    tokenizer.after = eos.filter(|_| files.flag("add_eos_token").unwrap_or(false));
    tokenizer.bos = tokenizer.before;
}
