//! What stands for a patient where a name must not appear.

/// `Case 07`: the stable alias of the n-th study of a session, counted from 1.
#[must_use]
pub fn alias(number: usize) -> String {
    format!("Case {number:02}")
}

/// Text from a file, fit to be drawn: no control codes, no line breaks, at most 256 characters.
pub(super) fn printable(text: &str) -> Option<String> {
    printable_up_to(text, 256)
}

/// The same with another limit.
pub(super) fn printable_up_to(text: &str, limit: usize) -> Option<String> {
    let clean: String = text
        .chars()
        .map(|c| if c.is_control() || is_direction_mark(c) { ' ' } else { c })
        .take(limit)
        .collect();
    let joined = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    (!joined.is_empty()).then_some(joined)
}

/// Codes that reorder or hide the text around them.
fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}
