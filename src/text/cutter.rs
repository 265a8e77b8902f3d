//! Cuts added tokens out of a text: the first that begins, the longest of those that begin there.

use crate::text::files::AddedToken;
use crate::text::is_space;

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// Between added tokens; never empty.
    Text(&'a str),
    /// An added token.
    Token(u32),
}

/// The added tokens of a vocabulary.
#[derive(Default)]
pub(crate) struct Cutter {
    /// By their bytes, so that a search narrows them down byte by byte.
    tokens: Vec<AddedToken>,
}

impl Cutter {
    /// Of several tokens with the same content the last counts.
    pub(crate) fn new(tokens: impl IntoIterator<Item = AddedToken>) -> Self {
        let mut tokens: Vec<AddedToken> = tokens.into_iter().collect();
        tokens.reverse();
        tokens.sort_by(|a, b| a.content.cmp(&b.content));
        tokens.dedup_by(|later, first| later.content == first.content);
        Self { tokens }
    }

    /// The parts of a text, whitespace that a token takes along left out.
    pub(crate) fn cut<'a>(&self, text: &'a str) -> Vec<Part<'a>> {
        let mut parts = Vec::new();
        let mut rest = text;
        let mut takes_space = false;
        while let Some((before, token, after)) = self.first(rest) {
            let before = if takes_space { before.trim_start_matches(is_space) } else { before };
            let before = if token.lstrip { before.trim_end_matches(is_space) } else { before };
            parts.extend(Some(Part::Text(before)).filter(|_| !before.is_empty()));
            parts.push(Part::Token(token.id));
            takes_space = token.rstrip;
            rest = after;
        }
        let rest = if takes_space { rest.trim_start_matches(is_space) } else { rest };
        parts.extend(Some(Part::Text(rest)).filter(|_| !rest.is_empty()));
        parts
    }

    /// Id of the added token that is written so.
    pub(crate) fn id_of(&self, content: &str) -> Option<u32> {
        let found = self.tokens.binary_search_by(|token| token.content.as_str().cmp(content));
        Some(self.tokens.get(found.ok()?)?.id)
    }

    fn first<'a>(&self, text: &'a str) -> Option<(&'a str, &AddedToken, &'a str)> {
        text.char_indices().find_map(|(at, _)| {
            let (before, rest) = text.split_at(at);
            let token = self.longest(rest)?;
            Some((before, token, rest.strip_prefix(token.content.as_str())?))
        })
    }

    fn longest(&self, rest: &str) -> Option<&AddedToken> {
        let mut candidates = self.tokens.as_slice();
        let mut longest = None;
        for (depth, byte) in rest.bytes().enumerate() {
            let at = |token: &AddedToken| token.content.as_bytes().get(depth).copied();
            let start = candidates.partition_point(|token| at(token) < Some(byte));
            let end = candidates.partition_point(|token| at(token) <= Some(byte));
            candidates = candidates.get(start..end).unwrap_or_default();
            let Some(shortest) = candidates.first() else { break };
            if shortest.content.len() == depth + 1 {
                longest = Some(shortest);
            }
        }
        longest
    }
}
