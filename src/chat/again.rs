//! Questions asked again about an altered picture: which question each repeats, and what the
//! answers together say about how much the model minds the picture.
//!
//! Such a turn is an experiment. It is asked as the question it repeats was asked, after the same
//! turns, and no later question builds on it.

use serde::{Deserialize, Serialize};

use super::{Agreement, Answer, Conversation, Evidence, Turn, agreement};
use crate::imaging::{Alteration, DisplayImage};

/// How the picture given to the model came out of the view's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Altered {
    /// What was done, in pixels of the stored frame.
    pub how: Alteration,
    /// SHA-256 of the picture before.
    pub whole_sha256: String,
    /// A question that was asked before is asked again with it.
    pub repeats: bool,
}

/// How much an answer minds its picture: its question was asked again about a blank picture and
/// about noise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reliance {
    /// Without the picture the answer is another one each time.
    High,
    /// One of the two is the same.
    Low,
    /// Both are the same.
    None,
}

impl Reliance {
    /// Of an answer and those to the same question without the picture.
    #[must_use]
    pub fn of(answer: &str, without: [&str; 2]) -> Self {
        let is_same = |other: &&str| agreement(&[answer, other]) == Some(Agreement::Agree);
        match without.iter().filter(|other| is_same(other)).count() {
            0 => Self::High,
            1 => Self::Low,
            _ => Self::None,
        }
    }

    /// As the window says it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::High => "Image reliance: high",
            Self::Low => "Image reliance: low",
            Self::None => "Image reliance: none",
        }
    }

    /// The rule, in words.
    #[must_use]
    pub fn why(self) -> &'static str {
        match self {
            Self::High => "on a blank picture and on noise the answer is another one",
            Self::Low => "on one of a blank picture and noise the answer says the same",
            Self::None => "on a blank picture and on noise the answer says the same",
        }
    }
}

impl Evidence {
    /// The same with what is done to its picture; `altered` is the outcome.
    #[must_use]
    pub fn with_alteration(mut self, how: Alteration, altered: DisplayImage) -> Self {
        let label = how.label();
        // what was done stands before the slice: a chip has room for the beginning alone
        self.label = match self.label.split_once(" · ") {
            Some((what, rest)) => format!("{what} · {label} · {rest}"),
            None => format!("{} · {label}", self.label),
        };
        let whole_sha256 = std::mem::replace(&mut self.image_sha256, altered.sha256());
        self.altered = Some(Altered { how, whole_sha256, repeats: false });
        self.with_image(Some(altered))
    }

    /// The same for a question that repeats none.
    #[must_use]
    pub fn asked_anew(mut self) -> Self {
        self.altered.iter_mut().for_each(|altered| altered.repeats = false);
        self
    }
}

impl Turn {
    /// Whether it asks an earlier question again about an altered picture.
    #[must_use]
    pub fn is_experiment(&self) -> bool {
        !self.wants_picture && self.experiment().is_some()
    }

    /// What its picture is altered by.
    #[must_use]
    pub fn experiment(&self) -> Option<&Altered> {
        let altered = self.evidence.last()?.altered.as_ref()?;
        altered.repeats.then_some(altered)
    }

    /// Whether later questions build on it. A turn that was stopped or failed before its first
    /// word is not part of what was said; a picture is drawn outside of the conversation in words.
    pub(super) fn is_told(&self) -> bool {
        let is_told = |answer: &Answer| answer.is_open() || !answer.text.is_empty();
        !self.wants_picture && !self.is_experiment() && self.shown().is_some_and(is_told)
    }
}

impl Conversation {
    /// The last picture that the next question's history brings along.
    #[must_use]
    pub fn last_evidence(&self) -> Option<&Evidence> {
        last_told(&self.turns)
    }

    /// The picture a turn is about: its own, or the last one told before it.
    #[must_use]
    pub fn evidence_at(&self, turn_idx: usize) -> Option<&Evidence> {
        let own = self.turns.get(turn_idx)?.evidence.last();
        own.or_else(|| last_told(self.turns.get(..turn_idx)?))
    }

    /// The last question that was asked about one picture, as the view has it.
    pub fn last_about(&self, is_it: impl Fn(&Evidence) -> bool) -> Option<usize> {
        let is_about = |turn_idx: &usize| {
            let evidence = self.evidence_at(*turn_idx).filter(|one| one.altered.is_none());
            let may_be = |turn: &Turn| turn.is_told() && turn.evidence.len() < 2;
            self.turns.get(*turn_idx).is_some_and(may_be) && evidence.is_some_and(&is_it)
        };
        (0..self.turns.len()).rev().find(is_about)
    }

    /// The turn whose question an experiment asks again.
    #[must_use]
    pub fn repeated_by(&self, turn_idx: usize) -> Option<usize> {
        let turn = self.turns.get(turn_idx).filter(|turn| turn.is_experiment())?;
        let altered = turn.experiment()?;
        (0..turn_idx).rev().find(|idx| {
            let is_same = self.turns.get(*idx).is_some_and(|before| {
                before.question == turn.question && !before.wants_picture && !before.is_experiment()
            });
            let evidence = self.evidence_at(*idx).filter(|_| is_same);
            evidence.is_some_and(|one| one.image_sha256 == altered.whole_sha256)
        })
    }

    /// What the blind test of a turn's answer says, once both answers are there.
    #[must_use]
    pub fn reliance(&self, turn_idx: usize) -> Option<Reliance> {
        let answer = whole_text(self.turns.get(turn_idx)?)?;
        let later = turn_idx + 1..self.turns.len();
        let last = |is_kind: fn(&Alteration) -> bool| {
            let is_it = |idx: &usize| {
                let turn = self.turns.get(*idx);
                let how = turn.and_then(Turn::experiment).map(|altered| &altered.how);
                how.is_some_and(is_kind) && self.repeated_by(*idx) == Some(turn_idx)
            };
            let found = later.clone().rev().find(is_it)?;
            whole_text(self.turns.get(found)?)
        };
        let blank = last(|how| matches!(how, Alteration::Blank))?;
        let noise = last(|how| matches!(how, Alteration::Noise(_)))?;
        Some(Reliance::of(answer, [blank, noise]))
    }
}

/// Of the answer shown, once it is whole.
fn whole_text(turn: &Turn) -> Option<&str> {
    let answer = turn.shown().filter(|answer| !answer.is_open())?;
    Some(answer.text.as_str()).filter(|text| !text.trim().is_empty())
}

fn last_told(turns: &[Turn]) -> Option<&Evidence> {
    turns.iter().rev().filter(|turn| turn.is_told()).find_map(|turn| turn.evidence.last())
}
