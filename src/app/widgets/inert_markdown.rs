//! Makes a model's Markdown harmless: no pictures fetched, no links to follow.

/// The same text with pictures and links as plain words, outside of code.
#[must_use]
pub fn inert_markdown(text: &str) -> String {
    let mut inert = String::with_capacity(text.len() + 16);
    let mut in_fence = false;
    for line in text.split_inclusive('\n') {
        let starts_fence =
            line.trim_start().starts_with("```") || line.trim_start().starts_with("~~~");
        if starts_fence {
            in_fence = !in_fence;
        }
        if in_fence || starts_fence {
            inert.push_str(line);
        } else {
            push_inert_line(&mut inert, line);
        }
    }
    inert
}

fn push_inert_line(inert: &mut String, line: &str) {
    let mut in_code = false;
    let mut before = '\0';
    for c in line.chars() {
        if c == '`' {
            in_code = !in_code;
        }
        // `[` begins links and pictures, `<` tags and addresses; a task's box stays a box
        let begins = c == '[' || c == '<';
        if begins && !in_code && before != '\\' {
            inert.push('\\');
        }
        inert.push(c);
        before = c;
    }
}
