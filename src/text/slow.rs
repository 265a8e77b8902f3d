//! The rules of the tokenizers written in Python, which several authors load: they cut a text at
//! its added tokens before the vocabulary sees it, and put "▁" in front their own way.

use std::collections::HashSet;

use crate::text::TextError;
use crate::text::cutter::{Cutter, Part};
use crate::text::sentencepiece::{Piece, PieceKind};

const UNDERLINE: char = '▁';
/// What `SentencePiece` writes for a piece it does not know.
const UNKNOWN_SURFACE: &str = " \u{2047} ";

/// Where "▁" is put in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prefix {
    /// Nowhere.
    Nothing,
    /// Before every text between added tokens.
    EverySegment,
    /// Once, before the whole text, even when an added token comes first.
    WholeText,
}

/// How a text is cut.
pub(crate) struct SlowRules {
    pub(crate) cutter: Cutter,
    pub(crate) prefix: Prefix,
    /// Id of a "▁" alone.
    pub(crate) underline: Option<u32>,
    /// Tokens before which the "▁" of the whole text is dropped when it stands alone.
    pub(crate) special: HashSet<u32>,
}

impl SlowRules {
    /// Ids of a text; `vocabulary` gives those of a text without added tokens.
    pub(crate) fn encode(
        &self,
        text: &str,
        vocabulary: impl Fn(&str) -> Result<Vec<u32>, TextError>,
    ) -> Result<Vec<u32>, TextError> {
        if text.is_empty() {
            return Ok(Vec::new());
        }
        if self.prefix != Prefix::WholeText {
            return self.encode_parts(text, vocabulary);
        }
        let text = format!("{UNDERLINE}{}", text.replace(UNDERLINE, " "));
        let mut ids = self.encode_parts(&text, vocabulary)?;
        let alone = ids.first().copied() == self.underline;
        if alone && ids.get(1).is_some_and(|second| self.special.contains(second)) {
            ids.remove(0);
        }
        Ok(ids)
    }

    fn encode_parts(
        &self,
        text: &str,
        vocabulary: impl Fn(&str) -> Result<Vec<u32>, TextError>,
    ) -> Result<Vec<u32>, TextError> {
        let mut ids = Vec::new();
        for part in self.cutter.cut(text) {
            match part {
                Part::Token(id) => ids.push(id),
                Part::Text(text) if self.prefix == Prefix::EverySegment => {
                    ids.extend(vocabulary(&format!("{UNDERLINE}{text}"))?);
                }
                Part::Text(text) => ids.extend(vocabulary(text)?),
            }
        }
        Ok(ids)
    }
}

/// How the first of these tokenizers turned ids of a `SentencePiece` vocabulary into text.
pub(crate) struct SlowDecoder {
    pieces: Vec<Piece>,
    has_dummy_prefix: bool,
}

impl SlowDecoder {
    pub(crate) fn new(pieces: Vec<Piece>, has_dummy_prefix: bool) -> Self {
        Self { pieces, has_dummy_prefix }
    }

    pub(crate) fn piece(&self, id: u32) -> Option<&Piece> {
        self.pieces.get(usize::try_from(id).ok()?)
    }

    /// Text of ids: added tokens stand alone between single spaces. `added` gives those, with
    /// `None` for an id of the vocabulary; `is_special` tells which of the latter are written out.
    pub(crate) fn decode<'a>(
        &self,
        ids: &[u32],
        added: impl Fn(u32) -> Option<&'a str>,
        is_special: impl Fn(u32) -> bool,
    ) -> String {
        let mut texts = Vec::new();
        let mut run = Vec::new();
        for id in ids {
            if let Some(content) = added(*id) {
                if !run.is_empty() {
                    texts.push(self.run_text(&run, &is_special));
                    run.clear();
                }
                texts.push(content.to_owned());
            } else if let Some(piece) = self.piece(*id) {
                run.push((*id, piece));
            }
        }
        if !run.is_empty() {
            texts.push(self.run_text(&run, &is_special));
        }
        texts.join(" ")
    }

    /// A space stands before a special token, unless another one or nothing does.
    fn run_text(&self, run: &[(u32, &Piece)], is_special: impl Fn(u32) -> bool) -> String {
        let mut text = String::new();
        let mut pieces = Vec::new();
        let mut follows_special = true;
        for (id, piece) in run {
            if is_special(*id) {
                if !follows_special {
                    text.push(' ');
                }
                text.push_str(&self.pieces_text(&pieces));
                pieces.clear();
                text.push_str(&piece.text);
            } else {
                pieces.push(*piece);
            }
            follows_special = is_special(*id);
        }
        text + &self.pieces_text(&pieces)
    }

    /// The "▁" put in front is taken away again.
    fn pieces_text(&self, pieces: &[&Piece]) -> String {
        let mut text = String::new();
        let mut bytes = Vec::new();
        let mut may_drop = self.has_dummy_prefix;
        for piece in pieces {
            if let PieceKind::Byte(byte) = piece.kind {
                bytes.push(byte);
                continue;
            }
            push_bytes(&mut text, &mut bytes);
            may_drop &= text.is_empty();
            match piece.kind {
                PieceKind::Control => {}
                PieceKind::Unknown => text.push_str(UNKNOWN_SURFACE),
                _ => {
                    let shown = piece.text.strip_prefix(UNDERLINE).filter(|_| may_drop);
                    may_drop &= shown.is_none();
                    text.push_str(&shown.unwrap_or(&piece.text).replace(UNDERLINE, " "));
                }
            }
        }
        push_bytes(&mut text, &mut bytes);
        text
    }
}

/// Bytes become characters; each one that belongs to none is replaced by itself.
fn push_bytes(text: &mut String, bytes: &mut Vec<u8>) {
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    bytes.clear();
}
