//! `tokenizer.model` (`SentencePiece`) as a `tokenizer.json`, as the fast tokenizers convert it.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use crate::text::protobuf::{Field, Fields};

/// No published vocabulary has more.
const MAX_PIECES: usize = 1 << 20;
/// No published piece has more than 48.
const MAX_PIECE_BYTES: usize = 256;

/// What a piece stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PieceKind {
    Normal,
    Unknown,
    Control,
    User,
    Byte(u8),
}

pub(crate) struct Piece {
    pub(crate) text: String,
    score: f32,
    pub(crate) kind: PieceKind,
}

/// What a `tokenizer.model` says.
#[derive(Default)]
pub(crate) struct Model {
    pub(crate) pieces: Vec<Piece>,
    is_bpe: bool,
    byte_fallback: bool,
    has_charsmap: bool,
    pub(crate) add_dummy_prefix: bool,
}

/// Which pieces two others may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Merging {
    /// Every one, as the library's conversion has it.
    Every,
    /// Those that stand for text, as `SentencePiece` itself has it.
    TextOnly,
}

/// The `tokenizer.json` that does what the file says; with `legacy`, every segment between special
/// tokens gets its own "▁", else the text only.
pub(crate) fn json_from_model(model: &Model, legacy: bool, merging: Merging) -> Value {
    let unknown = model.pieces.iter().find(|piece| piece.kind == PieceKind::Unknown);
    let unknown = unknown.map(|piece| piece.text.clone());
    let vocab: serde_json::Map<String, Value> = model
        .pieces
        .iter()
        .enumerate()
        .map(|(id, piece)| (piece.text.clone(), json!(id)))
        .collect();
    let added: Vec<Value> = model
        .pieces
        .iter()
        .enumerate()
        .filter(|(_, piece)| !matches!(piece.kind, PieceKind::Normal | PieceKind::Byte(_)))
        .map(|(id, piece)| {
            json!({"id": id, "content": piece.text, "single_word": false, "lstrip": false,
                   "rstrip": false, "normalized": false, "special": piece.kind != PieceKind::User})
        })
        .collect();
    let (normalizer, pre_tokenizer) = spaces(model, legacy);
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added,
        "normalizer": normalizer,
        "pre_tokenizer": pre_tokenizer,
        "post_processor": null,
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
            {"type": "ByteFallback"},
            {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": usize::from(model.add_dummy_prefix), "stop": 0}]},
        "model": {"type": "BPE", "dropout": null, "unk_token": unknown,
            "continuing_subword_prefix": null, "end_of_word_suffix": null, "fuse_unk": true,
            "byte_fallback": model.byte_fallback, "ignore_merges": false,
            "vocab": vocab, "merges": merges(&model.pieces, merging)},
    })
}

/// How spaces become "▁": before every segment ("legacy"), or before the text only.
fn spaces(model: &Model, legacy: bool) -> (Value, Value) {
    let replace = json!({"type": "Replace", "pattern": {"String": " "}, "content": "▁"});
    if !model.add_dummy_prefix {
        return (replace, Value::Null);
    }
    if legacy {
        let prepend = json!({"type": "Prepend", "prepend": "▁"});
        return (json!({"type": "Sequence", "normalizers": [prepend, replace]}), Value::Null);
    }
    let first =
        json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": false});
    (Value::Null, first)
}

/// Every way to cut a piece into two pieces, best result first.
fn merges(pieces: &[Piece], merging: Merging) -> Vec<[&str; 2]> {
    let ids: HashMap<&str, usize> =
        pieces.iter().enumerate().map(|(id, piece)| (piece.text.as_str(), id)).collect();
    let is_result = |piece: &&Piece| match merging {
        Merging::Every => true,
        Merging::TextOnly => piece.kind == PieceKind::Normal,
    };
    let mut order: Vec<&Piece> = pieces.iter().filter(is_result).collect();
    order.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut merges = Vec::new();
    for piece in order {
        let mut cuts: Vec<(usize, usize, [&str; 2])> = piece
            .text
            .char_indices()
            .skip(1)
            .filter_map(|(at, _)| {
                let (left, right) = piece.text.split_at(at);
                Some((*ids.get(left)?, *ids.get(right)?, [left, right]))
            })
            .collect();
        cuts.sort_by_key(|cut| std::cmp::Reverse((cut.0, cut.1)));
        merges.extend(cuts.into_iter().map(|(_, _, pair)| pair));
    }
    merges
}

/// # Errors
/// When it is damaged, or no byte-pair vocabulary.
pub(crate) fn parse_model(bytes: &[u8]) -> Result<Model, String> {
    let model = read_model(bytes)?;
    if !model.is_bpe {
        return Err("it is not a BPE vocabulary".to_owned());
    }
    if model.has_charsmap {
        return Err("its normalisation of characters is not supported".to_owned());
    }
    let texts: HashSet<&str> = model.pieces.iter().map(|piece| piece.text.as_str()).collect();
    if texts.len() != model.pieces.len() {
        return Err("a piece is there twice".to_owned());
    }
    Ok(model)
}

fn read_model(bytes: &[u8]) -> Result<Model, String> {
    let mut model = Model { add_dummy_prefix: true, ..Model::default() };
    for field in Fields::new(bytes) {
        match field? {
            (1, Field::Bytes(piece)) => {
                if model.pieces.len() == MAX_PIECES {
                    return Err("it has more than a million pieces".to_owned());
                }
                model.pieces.push(parse_piece(piece)?);
            }
            (2, Field::Bytes(trainer)) => {
                for field in Fields::new(trainer) {
                    match field? {
                        (3, Field::Number(kind)) => model.is_bpe = kind == 2,
                        (35, Field::Number(flag)) => model.byte_fallback = flag != 0,
                        _ => {}
                    }
                }
            }
            (3, Field::Bytes(normalizer)) => {
                for field in Fields::new(normalizer) {
                    match field? {
                        (2, Field::Bytes(charsmap)) => model.has_charsmap = !charsmap.is_empty(),
                        (3, Field::Number(flag)) => model.add_dummy_prefix = flag != 0,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    if model.pieces.is_empty() { Err("it has no pieces".to_owned()) } else { Ok(model) }
}

fn parse_piece(bytes: &[u8]) -> Result<Piece, String> {
    let mut piece = Piece { text: String::new(), score: 0.0, kind: PieceKind::Normal };
    let mut kind = 1;
    for field in Fields::new(bytes) {
        match field? {
            (1, Field::Bytes(text)) => {
                piece.text =
                    std::str::from_utf8(text).map_err(|error| error.to_string())?.to_owned();
            }
            (2, Field::Fixed32(bits)) => piece.score = f32::from_bits(bits),
            (3, Field::Number(number)) => kind = number,
            _ => {}
        }
    }
    if piece.text.len() > MAX_PIECE_BYTES {
        return Err("a piece is longer than any that is published".to_owned());
    }
    piece.kind = match kind {
        2 => PieceKind::Unknown,
        3 => PieceKind::Control,
        4 => PieceKind::User,
        6 => PieceKind::Byte(byte_of(&piece.text).ok_or("a piece stands for no byte")?),
        _ => PieceKind::Normal,
    };
    Ok(piece)
}

/// The byte that a piece written `<0xNN>` stands for.
pub(crate) fn byte_of(piece: &str) -> Option<u8> {
    let digits = piece.strip_prefix("<0x")?.strip_suffix('>')?;
    let is_byte = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    u8::from_str_radix(digits, 16).ok().filter(|_| is_byte)
}
