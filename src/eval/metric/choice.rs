//! Which option an answer means: HuatuoGPT-Vision's scorer, and choices named in free text.

use super::normalize::normalized;
use super::similarity::ratio;

/// How an option was found in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChoiceRule {
    /// A letter that stands alone.
    Letter,
    /// The option whose text comes last in the answer.
    Text,
    /// The option most like the answer.
    Similar,
}

/// The option an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// As written, so lower-case letters stay lower-case.
    pub letter: char,
    /// By which rule.
    pub rule: ChoiceRule,
}

/// The letter of an option, counted from 0; `?` from the 27th on.
pub(in crate::eval) fn choice_letter(index: usize) -> char {
    u8::try_from(index).ok().filter(|index| *index < 26).map_or('?', |i| char::from(b'A' + i))
}

/// The authors' rule, with its fault repaired: where no letter stands alone their code compares
/// the answer with the record's fields and not with its options, and crashes.
///
/// `None` without options.
#[must_use]
pub fn choose(answer: &str, options: &[String]) -> Option<Chosen> {
    let by_letter = standing_letter(answer).map(|letter| (letter, ChoiceRule::Letter));
    let (letter, rule) = by_letter
        .or_else(|| Some((last_option(answer, options)?, ChoiceRule::Text)))
        .or_else(|| Some((most_similar(answer, options)?, ChoiceRule::Similar)))?;
    Some(Chosen { letter, rule })
}

/// The same with lower-case letters accepted.
#[must_use]
pub fn choose_any_case(answer: &str, options: &[String]) -> Option<char> {
    choose(answer, options).map(|chosen| chosen.letter.to_ascii_uppercase())
}

/// The first letter from a to n, of either case, between characters that are no word's. Before
/// it "是" and "为" count as such, and "A " or "a " is the article.
fn standing_letter(answer: &str) -> Option<char> {
    let ends = |c: Option<&char>| c.is_none_or(|c| !is_word(*c));
    let starts = |c: Option<&char>| ends(c) || matches!(c, Some('是' | '为'));
    let chars: Vec<char> = answer.chars().collect();
    let before = std::iter::once(None).chain(chars.iter().map(Some));
    let after = chars.iter().skip(1).map(Some).chain([None]);
    before.zip(&chars).zip(after).find_map(|((before, letter), after)| {
        let in_range = matches!(letter, 'a'..='n' | 'A'..='N');
        let is_article = matches!(letter, 'a' | 'A') && after == Some(&' ');
        (in_range && !is_article && starts(before) && ends(after)).then_some(*letter)
    })
}

/// Python's `\w`.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Of options that come equally late, the first.
fn last_option(answer: &str, options: &[String]) -> Option<char> {
    let answer = answer.to_lowercase();
    let mut last: Option<(usize, usize)> = None;
    for (index, option) in options.iter().enumerate() {
        let Some(at) = answer.rfind(&option.to_lowercase()) else { continue };
        if last.is_none_or(|(latest, _)| at > latest) {
            last = Some((at, index));
        }
    }
    last.map(|(_, index)| choice_letter(index))
}

/// Of options equally like the answer, the last.
fn most_similar(answer: &str, options: &[String]) -> Option<char> {
    let answer = answer.to_lowercase();
    let mut best: Option<(f64, usize)> = None;
    for (index, option) in options.iter().enumerate() {
        let likeness = ratio(&option.to_lowercase(), &answer);
        if best.is_none_or(|(most, _)| likeness >= most) {
            best = Some((likeness, index));
        }
    }
    best.map(|(_, index)| choice_letter(index))
}

/// The choice that a text names in whole words after normalisation: the longest, of equally
/// long ones the first in the text. Gives its place among the choices.
#[must_use]
pub fn contained_choice(text: &str, choices: &[String]) -> Option<usize> {
    let text = normalized(text);
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut best: Option<(usize, usize, usize)> = None;
    for (index, choice) in choices.iter().enumerate() {
        let choice = normalized(choice);
        let wanted: Vec<&str> = choice.split_whitespace().collect();
        if wanted.is_empty() {
            continue;
        }
        let Some(at) = words.windows(wanted.len()).position(|part| part == wanted) else {
            continue;
        };
        let len = choice.chars().count();
        if best.is_none_or(|(most, first, _)| len > most || (len == most && at < first)) {
            best = Some((len, at, index));
        }
    }
    best.map(|(_, _, index)| index)
}
