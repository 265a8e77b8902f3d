//! LLaVA-Med's normalisation of answers, with the quirks of its published code.

use super::contractions::contraction;

/// In the order in which they are dealt with.
const PUNCTUATION: [char; 21] = [
    ';', '/', '[', ']', '"', '{', '}', '(', ')', '=', '+', '\\', '_', '-', '>', '<', '@', '`', ',',
    '?', '!',
];

/// The published code passes a flag where a count belongs.
const MAX_PERIODS: usize = 32;

/// Lower-cased and normalised, as the scripts do with both texts.
#[must_use]
pub fn normalized(text: &str) -> String {
    normalize(&text.to_lowercase())
}

/// The scripts' function itself.
///
/// A punctuation mark is removed everywhere when it stands next to a space anywhere, or when the
/// text has a digit, a comma and a digit; else it becomes a space. Of the periods that no digit
/// follows the first 32 are removed: what was meant to keep those after a digit has no effect.
#[must_use]
pub fn normalize(text: &str) -> String {
    let is_grouped = has_grouped_digits(text);
    let mut marked = text.to_owned();
    for mark in PUNCTUATION {
        let by_space = text.contains(&format!("{mark} ")) || text.contains(&format!(" {mark}"));
        marked = marked.replace(mark, if by_space || is_grouped { "" } else { " " });
    }
    let lower = without_periods(&marked).to_lowercase();
    let words = words(&lower).map(digit_of).filter(|word| !is_article(word));
    let words: Vec<&str> = words.map(|word| contraction(word).unwrap_or(word)).collect();
    words.join(" ")
}

/// The words of a text, split where Python splits.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_space = |c: char| c.is_whitespace() || matches!(c, '\x1c'..='\x1f');
    text.split(is_space).filter(|word| !word.is_empty())
}

/// "1,500".
fn has_grouped_digits(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes
        .windows(3)
        .any(|part| matches!(part, [a, b',', c] if a.is_ascii_digit() && c.is_ascii_digit()))
}

fn without_periods(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut removed = 0;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let before_digit = chars.peek().is_some_and(char::is_ascii_digit);
        if c == '.' && !before_digit && removed < MAX_PERIODS {
            removed += 1;
        } else {
            kept.push(c);
        }
    }
    kept
}

fn is_article(word: &str) -> bool {
    matches!(word, "a" | "an" | "the")
}

fn digit_of(word: &str) -> &str {
    match word {
        "none" | "zero" => "0",
        "one" => "1",
        "two" => "2",
        "three" => "3",
        "four" => "4",
        "five" => "5",
        "six" => "6",
        "seven" => "7",
        "eight" => "8",
        "nine" => "9",
        "ten" => "10",
        other => other,
    }
}
