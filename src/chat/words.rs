//! Words of an answer, and which of them matter most when two answers differ.

/// What a word is, whether or not others wrote it too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WordKind {
    /// Any other.
    Plain,
    /// Left or right, in English or Chinese.
    Side,
    /// Digits.
    Number,
    /// What turns a statement into its opposite.
    Negation,
}

/// One word as it stands in the answer, with what follows it up to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word<'a> {
    pub(super) text: &'a str,
    /// In lower case, without what stands around it: what is compared.
    pub(super) core: String,
    pub(super) kind: WordKind,
}

const SIDES: &[&str] = &[
    "left",
    "right",
    "left-sided",
    "right-sided",
    "bilateral",
    "bilaterally",
    "unilateral",
    "左",
    "右",
    "双",
];
const NEGATIONS: &[&str] = &[
    "no", "not", "none", "without", "absent", "absence", "never", "neither", "nor", "negative",
    "cannot", "isn't", "aren't", "doesn't", "don't", "wasn't", "否", "无", "不", "未", "没", "非",
];

/// The words of a text; a Chinese character is one.
pub(super) fn words(text: &str) -> Vec<Word<'_>> {
    let mut starts = Vec::new();
    let mut was_inside = false;
    for (at, letter) in text.char_indices() {
        let is_inside = !letter.is_whitespace();
        if is_inside && (!was_inside || is_chinese(letter) || follows_chinese(text, at)) {
            starts.push(at);
        }
        was_inside = is_inside;
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    let cut = starts.iter().zip(ends).filter_map(|(start, end)| text.get(*start..end));
    cut.map(word).collect()
}

fn word(text: &str) -> Word<'_> {
    let core = text.trim_matches(|letter: char| !letter.is_alphanumeric()).to_lowercase();
    let kind = if SIDES.contains(&core.as_str()) {
        WordKind::Side
    } else if NEGATIONS.contains(&core.as_str()) {
        WordKind::Negation
    } else if core.chars().any(|letter| letter.is_ascii_digit()) {
        WordKind::Number
    } else {
        WordKind::Plain
    };
    Word { text, core, kind }
}

fn is_chinese(letter: char) -> bool {
    matches!(letter, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}')
}

/// A letter right after a Chinese character begins a word of its own, unless it is punctuation.
fn follows_chinese(text: &str, at: usize) -> bool {
    let before = text.get(..at).and_then(|before| before.chars().next_back());
    let own = text.get(at..).and_then(|rest| rest.chars().next());
    before.is_some_and(is_chinese) && own.is_some_and(char::is_alphanumeric)
}
