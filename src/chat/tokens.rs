//! What an answer is made of, token by token: enough to see whether it comes out the same again.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::vlm::{self, Likely, YesNo};

/// The way of one answer through the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tokens {
    /// As the model read it; `<image>` stands where a picture goes.
    pub prompt: String,
    /// Its ids; −200 stands for a picture, or an id for each of its rows.
    pub prompt_ids: Vec<i64>,
    /// What was written.
    pub written: Vec<Token>,
    /// How many of the first were chosen by the reader, not by the model: all up to another word
    /// in the place of one.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub given: usize,
    /// As the first word.
    pub yes_no: Option<YesNo>,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// One id that was written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Token {
    /// In the vocabulary.
    pub id: u32,
    /// What it added to the text.
    pub text: String,
    /// Logarithm of its probability, from the raw scores.
    pub log_prob: f32,
    /// The likeliest ids in its place; empty where they are not known.
    pub likely: Vec<Likely>,
}

/// How one run of the same question is to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sameness {
    /// All ids are the same.
    Identical {
        /// So many.
        tokens: usize,
    },
    /// The models did not read the same.
    OtherPrompt,
    /// An id is another one.
    Differs {
        /// Which, from 1.
        token: usize,
        /// Of so many before.
        of: usize,
        /// Its text; none where the answer had ended.
        before: Option<String>,
        /// The same of the later run.
        now: Option<String>,
    },
}

impl Tokens {
    /// Of a model's answer.
    #[must_use]
    pub fn of(answer: &vlm::Answer) -> Self {
        let written = answer.output_ids.iter().zip(&answer.logprobs).zip(&answer.steps);
        let token = |((id, log_prob), step): ((&u32, &f32), &vlm::Step)| Token {
            id: *id,
            text: step.text.clone(),
            log_prob: *log_prob,
            likely: step.likely.clone(),
        };
        Self {
            prompt: answer.prompt.clone(),
            prompt_ids: answer.prompt_ids.clone(),
            written: written.map(token).collect(),
            given: 0,
            yes_no: answer.yes_no,
        }
    }

    /// The ids, in order.
    #[must_use]
    pub fn ids(&self) -> Vec<u32> {
        self.written.iter().map(|token| token.id).collect()
    }

    /// The text of all of it.
    #[must_use]
    pub fn text(&self) -> String {
        self.written.iter().map(|token| token.text.as_str()).collect()
    }

    /// The part that was chosen by the reader, if there is one.
    #[must_use]
    pub fn given_part(&self) -> Option<Self> {
        (self.given > 0).then(|| Self {
            written: self.written.get(..self.given).unwrap_or_default().to_vec(),
            ..self.clone()
        })
    }

    /// The same up to a token, in whose place another id comes that was likely there.
    #[must_use]
    pub fn turned_off(&self, token_idx: usize, id: u32) -> Option<Self> {
        let replaced = self.written.get(token_idx)?;
        let chosen = replaced.likely.iter().find(|likely| likely.id == id)?;
        // by itself a word may lack the blank before it
        let blank = match replaced.text.starts_with(' ') && !chosen.text.starts_with(' ') {
            true => " ",
            false => "",
        };
        let mut written = self.written.get(..token_idx)?.to_vec();
        written.push(Token {
            id,
            text: format!("{blank}{}", chosen.text),
            log_prob: chosen.log_prob,
            likely: replaced.likely.clone(),
        });
        Some(Self { given: written.len(), written, ..self.clone() })
    }

    /// What was known of the first so many, which this run was given and knows less of.
    pub(super) fn take_beginning(&mut self, before: &Self, len: usize) {
        for (token, known) in self.written.iter_mut().zip(&before.written).take(len) {
            token.log_prob = known.log_prob;
            token.likely.clone_from(&known.likely);
        }
        self.given = before.given;
        self.yes_no = self.yes_no.or(before.yes_no);
    }

    /// How this run is to one before it.
    #[must_use]
    pub fn compared_with(&self, before: &Self) -> Sameness {
        if self.prompt_ids != before.prompt_ids {
            return Sameness::OtherPrompt;
        }
        let len = self.written.len().max(before.written.len());
        let (a, b) = (&before.written, &self.written);
        let id = |tokens: &[Token], at: usize| tokens.get(at).map(|token| token.id);
        let Some(at) = (0..len).find(|at| id(a, *at) != id(b, *at)) else {
            return Sameness::Identical { tokens: len };
        };
        let text = |tokens: &[Token]| tokens.get(at).map(|token| token.text.clone());
        Sameness::Differs { token: at + 1, of: a.len(), before: text(a), now: text(b) }
    }
}

impl Sameness {
    /// Of the codes of two pictures.
    #[must_use]
    pub fn of_codes(before: &[u32], now: &[u32]) -> Self {
        let len = before.len().max(now.len());
        match (0..len).find(|at| before.get(*at) != now.get(*at)) {
            None => Self::Identical { tokens: len },
            Some(at) => {
                let text = |codes: &[u32]| codes.get(at).map(u32::to_string);
                let (before_text, now) = (text(before), text(now));
                Self::Differs { token: at + 1, of: before.len(), before: before_text, now }
            }
        }
    }
}

impl fmt::Display for Sameness {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = |text: &Option<String>| match text {
            Some(text) if text.is_empty() => "an end".to_owned(),
            Some(text) => format!("“{}”", text.trim()),
            None => "nothing".to_owned(),
        };
        match self {
            Self::Identical { tokens } => write!(to, "Identical, {tokens} of {tokens} tokens"),
            Self::OtherPrompt => {
                to.write_str("Not comparable: pictures or earlier answers were others")
            }
            Self::Differs { token, of, before, now } => write!(
                to,
                "Differs from token {token} of {of} on: {} before, {} now",
                named(before),
                named(now)
            ),
        }
    }
}
