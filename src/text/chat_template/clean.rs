//! Strings that would change the structure of a prompt, taken out of what somebody typed.

use crate::text::is_space;

/// Tokens, each written from `<` to `>`; a `#` in one stands for a number.
pub(super) type Tokens = &'static [&'static str];

/// A text without these tokens, nor any that appear where one was taken out.
pub(super) fn without(text: &str, lists: &[Tokens]) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        clean.push(c);
        if c == '>'
            && let Some(len) = lists.iter().copied().flatten().find_map(|t| end_len(&clean, t))
        {
            clean.truncate(clean.len() - len);
        }
    }
    clean
}

/// Length of the token at the end of the text, when it is there.
fn end_len(text: &str, token: &str) -> Option<usize> {
    let Some((before, after)) = token.split_once('#') else {
        return text.ends_with(token).then_some(token.len());
    };
    let start = text.strip_suffix(after)?;
    let rest = start.trim_end_matches(|c: char| c.is_ascii_digit());
    (rest.len() < start.len() && rest.ends_with(before))
        .then(|| text.len() - rest.len() + before.len())
}

/// What the references' `strip` takes away.
pub(super) fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}
