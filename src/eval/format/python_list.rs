//! A list of strings as Python prints it: `['CT', "Crohn's", 'a\tb']`.

use std::iter::Peekable;
use std::str::Chars;

/// The strings; `None` when it is anything but a list of strings and numbers.
pub(super) fn python_list(text: &str) -> Option<Vec<String>> {
    let text = text.trim();
    let inner = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .or_else(|| text.strip_prefix('(').and_then(|text| text.strip_suffix(')')))?;
    let mut chars = inner.chars().peekable();
    let mut list = Vec::new();
    loop {
        skip_spaces(&mut chars);
        match chars.peek() {
            None => return Some(list),
            Some('\'' | '"') => list.push(quoted(&mut chars)?),
            Some(_) => list.push(number(&mut chars)?),
        }
        skip_spaces(&mut chars);
        match chars.next() {
            None => return Some(list),
            Some(',') => {}
            Some(_) => return None,
        }
    }
}

fn skip_spaces(chars: &mut Peekable<Chars<'_>>) {
    while chars.next_if(|c| c.is_whitespace()).is_some() {}
}

fn number(chars: &mut Peekable<Chars<'_>>) -> Option<String> {
    let mut text = String::new();
    while let Some(c) = chars.next_if(|c| !c.is_whitespace() && *c != ',') {
        text.push(c);
    }
    text.parse::<f64>().is_ok().then_some(text)
}

fn quoted(chars: &mut Peekable<Chars<'_>>) -> Option<String> {
    let quote = chars.next()?;
    let mut text = String::new();
    loop {
        match chars.next()? {
            c if c == quote => return Some(text),
            '\\' => escaped(chars, &mut text)?,
            c => text.push(c),
        }
    }
}

/// What follows a backslash; Python keeps the backslash of an escape it does not know.
fn escaped(chars: &mut Peekable<Chars<'_>>, text: &mut String) -> Option<()> {
    let c = match chars.next() {
        Some('n') => '\n',
        Some('t') => '\t',
        Some('r') => '\r',
        Some('x') => hex(chars, 2)?,
        Some('u') => hex(chars, 4)?,
        Some('U') => hex(chars, 8)?,
        Some(c @ ('\\' | '\'' | '"')) => c,
        Some(c) => {
            text.push('\\');
            c
        }
        None => return None,
    };
    text.push(c);
    Some(())
}

fn hex(chars: &mut Peekable<Chars<'_>>, digits: usize) -> Option<char> {
    let hex: String = chars.by_ref().take(digits).collect();
    char::from_u32(u32::from_str_radix(&hex, 16).ok()?)
}
