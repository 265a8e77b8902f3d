//! Loads vocabularies under the rules of the tokenizers written in Python.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::text::added::AddedList;
use crate::text::files::{AddedToken, NamedToken, SideFiles, check_length, damaged, read_capped};
use crate::text::load::{LLAMA_USUAL, build, read_vocabulary, shipped_tokens, surround};
use crate::text::sentencepiece::{Merging, PieceKind, json_from_model, parse_model};
use crate::text::slow::{Prefix, SlowDecoder, SlowRules};
use crate::text::{TextError, Tokenizer, TokenizerKind};

/// Special tokens of GPT-2's tokenizer, where no file names others.
const GPT2_USUAL: [(&str, &str); 3] = [
    ("bos_token", "<|endoftext|>"),
    ("eos_token", "<|endoftext|>"),
    ("unk_token", "<|endoftext|>"),
];

/// A vocabulary under the rules of the later tokenizers written in Python.
///
/// # Errors
/// When a file is missing or damaged; the error names it.
pub(crate) fn load_slow(
    files: &SideFiles,
    kind: TokenizerKind,
    appended: &[String],
) -> Result<Tokenizer, TextError> {
    let is_llama = kind == TokenizerKind::Phi3Slow;
    let json_path = files.path("tokenizer.json");
    if !is_llama && !json_path.exists() {
        return Err(TextError::Missing { path: json_path });
    }
    let (mut json, path, model) = read_vocabulary(files, Merging::TextOnly)?;
    let shipped = shipped_tokens(&json, &path)?;
    for token in &shipped {
        check_length(&path, &token.content)?;
    }
    strip_to_vocabulary(&mut json, is_llama);
    let mut tokenizer = build(json, path)?;

    let usual = if is_llama { LLAMA_USUAL } else { GPT2_USUAL };
    let named = files.named_tokens(&usual, !files.is_modern())?;
    let mut added = AddedList::new(&tokenizer.inner);
    for token in shipped.into_iter().chain(files.added_tokens()?) {
        added.push(token);
    }
    for (_, token) in &named {
        added.name(&token.content, token.strips.unwrap_or_default(), false);
    }
    let special = named.iter().filter_map(|(_, token)| added.id_of(&token.content));
    let mut special: HashSet<u32> = special.collect();
    let base_len = added.len();
    special.extend(added.append(appended));

    let has_prefix = is_llama && model.as_ref().is_none_or(|model| model.add_dummy_prefix);
    let prefix = match files.flag("legacy").unwrap_or(true) {
        _ if !has_prefix => Prefix::Nothing,
        true => Prefix::EverySegment,
        false => Prefix::WholeText,
    };
    let underline = tokenizer.inner.token_to_id("▁");
    (tokenizer.base_len, tokenizer.len) = (base_len, added.len());
    let (texts, cutter) = added.into_parts();
    tokenizer.added = texts;
    tokenizer.slow = Some(SlowRules { cutter, prefix, underline, special });
    surround(&mut tokenizer, files, &named, is_llama);
    Ok(tokenizer)
}

/// Leaves nothing but the vocabulary: what is done before and around it, the rules here do.
fn strip_to_vocabulary(json: &mut Value, is_llama: bool) {
    let spaces = json!({"type": "Replace", "pattern": {"String": " "}, "content": "▁"});
    let bytes = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
        "use_regex": true});
    let (normalizer, pre_tokenizer) =
        if is_llama { (spaces, Value::Null) } else { (Value::Null, bytes) };
    let Some(fields) = json.as_object_mut() else { return };
    fields.insert("added_tokens".to_owned(), json!([]));
    fields.insert("normalizer".to_owned(), normalizer);
    fields.insert("pre_tokenizer".to_owned(), pre_tokenizer);
    fields.insert("post_processor".to_owned(), Value::Null);
    if let Some(model) = fields.get_mut("model").and_then(Value::as_object_mut) {
        // that tokenizer always merges, even what is a piece as it stands
        model.insert("ignore_merges".to_owned(), Value::Bool(false));
    }
}

/// `tokenizer.model` under the rules of the first `LLaMA` tokenizer: a token named by a plain string
/// takes the whitespace on both sides along, and the map of special tokens always counts.
///
/// # Errors
/// When a file is missing or damaged; the error names it.
pub(crate) fn load_first_llama(
    files: &SideFiles,
    appended: &[String],
) -> Result<Tokenizer, TextError> {
    let path = files.path("tokenizer.model");
    let Some(bytes) = read_capped(&path)? else { return Err(TextError::Missing { path }) };
    let model = parse_model(&bytes).map_err(|reason| damaged(&path, &reason))?;
    if model.pieces.iter().any(|piece| piece.kind == PieceKind::User) {
        return Err(damaged(&path, "it has pieces defined by hand, which is not supported"));
    }
    let mut json = json_from_model(&model, true, Merging::TextOnly);
    strip_to_vocabulary(&mut json, true);
    let mut tokenizer = build(json, path)?;

    let named = first_llama_names(files)?;
    let mut added = AddedList::new(&tokenizer.inner);
    for (content, id) in files.added_ids()? {
        if usize::try_from(id).ok() != Some(added.len()) {
            let reason = "an added token has another id than the next free one";
            return Err(damaged(&files.path("added_tokens.json"), reason));
        }
        added.push(AddedToken {
            lstrip: true,
            rstrip: true,
            ..AddedToken::new(&content, id, false)
        });
    }
    for (_, token) in &named {
        added.name(&token.content, (true, true), false);
    }
    // a name with rules of its own counts before a plain one for the same token
    for (_, token) in &named {
        if let Some(strips) = token.strips {
            added.name(&token.content, strips, true);
        }
    }
    let base_len = added.len();
    added.append(appended);
    (tokenizer.base_len, tokenizer.len) = (base_len, added.len());
    let (texts, cutter) = added.into_parts();
    tokenizer.added = texts;
    let prefix = if model.add_dummy_prefix { Prefix::EverySegment } else { Prefix::Nothing };
    tokenizer.slow = Some(SlowRules { cutter, prefix, underline: None, special: HashSet::new() });
    tokenizer.slow_decoder = Some(SlowDecoder::new(model.pieces, model.add_dummy_prefix));
    surround(&mut tokenizer, files, &named, true);
    Ok(tokenizer)
}

/// The names of the configuration, those of the map over them. The four roles of a `LLaMA` tokenizer
/// take no whitespace along when the configuration or nobody names them.
fn first_llama_names(files: &SideFiles) -> Result<Vec<(&'static str, NamedToken)>, TextError> {
    let mut named = files.named_tokens(&LLAMA_USUAL, true)?;
    for (role, token) in &mut named {
        let is_wrapped = matches!(*role, "bos_token" | "eos_token" | "unk_token" | "pad_token");
        if is_wrapped && files.named_in_map(role)?.is_none() {
            token.strips = token.strips.or(Some((false, false)));
        }
    }
    Ok(named)
}
