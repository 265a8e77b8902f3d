//! Where answers to one question differ, word by word, and whether they say the same.

use serde::Serialize;

use super::words::{Word, WordKind, words};

/// Words of an answer beyond which it is compared no further: the table of two grows with both.
const MOST_WORDS: usize = 4_000;

/// Some text of an answer that is marked in one way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Marked {
    /// As it stands in the answer, with the space behind it.
    pub text: String,
    /// Every other answer has it in the same place.
    pub is_shared: bool,
    /// Sides, numbers and negations stand out always.
    pub kind: WordKind,
}

/// Whether answers say the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Agreement {
    /// The same answer to a closed question, or the same words.
    Agree,
    /// Other words, and neither yes against no nor one side against the other.
    Differ,
    /// Yes and no, or left and right.
    Contradict,
}

impl Agreement {
    /// As the window says it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Agree => "Agree",
            Self::Differ => "Differ",
            Self::Contradict => "Contradict",
        }
    }
}

/// The words of every answer; neighbours that are marked alike are one.
#[must_use]
pub fn differences(answers: &[&str]) -> Vec<Vec<Marked>> {
    let all: Vec<Vec<Word<'_>>> = answers.iter().map(|answer| words(answer)).collect();
    let marked = |(at, own): (usize, &Vec<Word<'_>>)| {
        let mut is_shared = vec![all.len() > 1; own.len()];
        for (other, theirs) in all.iter().enumerate() {
            if other != at {
                let common = common_places(own, theirs);
                is_shared.iter_mut().zip(common).for_each(|(all, one)| *all &= one);
            }
        }
        joined(own, &is_shared)
    };
    all.iter().enumerate().map(marked).collect()
}

/// What share of two answers' words stands in both, from 0 to 1; empty ones are alike.
#[must_use]
pub fn likeness(a: &str, b: &str) -> f64 {
    let (a, b) = (words(a), words(b));
    let shared = common_places(&a, &b).into_iter().filter(|is_shared| *is_shared).count();
    match a.len() + b.len() {
        0 => 1.0,
        total => 2.0 * shared as f64 / total as f64,
    }
}

/// Whether some answers to one question say the same; `None` for fewer than two that say anything.
#[must_use]
pub fn agreement(answers: &[&str]) -> Option<Agreement> {
    let all: Vec<Vec<Word<'_>>> = answers.iter().map(|answer| words(answer)).collect();
    let said: Vec<&Vec<Word<'_>>> = all.iter().filter(|words| !words.is_empty()).collect();
    let (first, others) = said.split_first()?;
    if others.is_empty() {
        return None;
    }
    let closed: Vec<Option<bool>> = said.iter().map(|words| yes_or_no(words)).collect();
    if closed.contains(&Some(true)) && closed.contains(&Some(false)) {
        return Some(Agreement::Contradict);
    }
    let sides: Vec<Option<&str>> = said.iter().map(|words| side(words)).collect();
    let is = |wanted: [&str; 2]| sides.iter().flatten().any(|side| wanted.contains(side));
    if is(["left", "左"]) && is(["right", "右"]) {
        return Some(Agreement::Contradict);
    }
    let cores = |words: &[Word<'_>]| -> Vec<String> {
        words.iter().map(|word| word.core.clone()).filter(|core| !core.is_empty()).collect()
    };
    let is_same = others.iter().all(|words| cores(words) == cores(first));
    let is_closed = closed.iter().all(Option::is_some);
    Some(if is_same || is_closed { Agreement::Agree } else { Agreement::Differ })
}

/// What an answer begins with, when that is yes or no.
fn yes_or_no(words: &[Word<'_>]) -> Option<bool> {
    match words.iter().find(|word| !word.core.is_empty())?.core.as_str() {
        "yes" | "是" | "有" | "对" => Some(true),
        "no" | "否" | "无" | "没" | "不" => Some(false),
        _ => None,
    }
}

/// The side an answer speaks of, when it is one alone.
fn side<'a>(words: &'a [Word<'_>]) -> Option<&'a str> {
    let mut sides = words.iter().filter(|word| word.kind == WordKind::Side);
    let first = sides.next()?.core.as_str();
    let first = first.strip_suffix("-sided").unwrap_or(first);
    sides.all(|word| word.core.starts_with(first)).then_some(first)
}

/// Which of `own` belong to the longest sequence of words that both have in this order.
fn common_places(own: &[Word<'_>], theirs: &[Word<'_>]) -> Vec<bool> {
    let (own, theirs) = (first(own), first(theirs));
    let width = theirs.len() + 1;
    // the longest from each pair of places on
    let mut longest = vec![0_u16; (own.len() + 1) * width];
    let at = |longest: &[u16], a: usize, b: usize| {
        longest.get(a * width + b).copied().unwrap_or_default()
    };
    for (a, word) in own.iter().enumerate().rev() {
        for (b, other) in theirs.iter().enumerate().rev() {
            let best = if word.core == other.core {
                at(&longest, a + 1, b + 1) + 1
            } else {
                at(&longest, a + 1, b).max(at(&longest, a, b + 1))
            };
            if let Some(place) = longest.get_mut(a * width + b) {
                *place = best;
            }
        }
    }
    let mut is_shared = vec![false; own.len()];
    let (mut a, mut b) = (0, 0);
    while let (Some(word), Some(other)) = (own.get(a), theirs.get(b)) {
        if word.core == other.core {
            if let Some(place) = is_shared.get_mut(a) {
                *place = true;
            }
            (a, b) = (a + 1, b + 1);
        } else if at(&longest, a + 1, b) >= at(&longest, a, b + 1) {
            a += 1;
        } else {
            b += 1;
        }
    }
    is_shared
}

fn first<'a, 'b>(words: &'a [Word<'b>]) -> &'a [Word<'b>] {
    words.get(..MOST_WORDS).unwrap_or(words)
}

fn joined(words: &[Word<'_>], is_shared: &[bool]) -> Vec<Marked> {
    let mut all: Vec<Marked> = Vec::new();
    let shared = is_shared.iter().copied().chain(std::iter::repeat(false));
    for (word, is_shared) in words.iter().zip(shared) {
        match all.last_mut() {
            Some(last) if last.is_shared == is_shared && last.kind == word.kind => {
                last.text.push_str(word.text);
            }
            _ => all.push(Marked { text: word.text.to_owned(), is_shared, kind: word.kind }),
        }
    }
    all
}
