//! A chat as one page of HTML with its pictures in it. It asks nothing of any network, and nothing
//! that a model or a reader wrote is taken for HTML.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::super::history::Calendar;
use super::super::{Answer, Conversation, Slices, Turn, chat_id_text};
use super::json::TransferError;
use super::{
    NOTICE, NOTICE_CHINESE, aside_name, drawing_text, end_of, made_by, name_of, source_of,
};
use crate::imaging::DisplayImage;

const STYLE: &str = "
:root { color-scheme: light dark; --line: #8885; --dim: #888; --you: #4c8dff22; --ai: #7c5cff; }
body { font: 15px/1.55 system-ui, sans-serif; max-width: 46rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.35rem; margin: 1rem 0 .25rem; }
h2 { font-size: 1rem; margin: 2rem 0 .25rem; color: var(--dim); }
.strip { border: 1px solid #d39a1f; border-radius: 6px; padding: .5rem .75rem; font-size: .85rem; }
.about, .source, figcaption { color: var(--dim); font-size: .78rem; overflow-wrap: anywhere; }
.question { background: var(--you); border-radius: 10px; padding: .75rem 1rem; margin: 1.5rem 0 .75rem; }
.words { white-space: pre-wrap; overflow-wrap: anywhere; }
figure { margin: 0 0 .75rem; }
img { max-width: 100%; max-height: 24rem; background: #000; border-radius: 4px; }
.drawn img { border: 2px solid var(--ai); }
details, .answer { border-left: 3px solid var(--ai); padding-left: .9rem; margin: .75rem 0; }
.end { font-style: italic; }
td, th { text-align: right; padding: 0 .75rem; font-variant-numeric: tabular-nums; }
";

pub(super) fn write(chat: &Conversation, calendar: Calendar) -> Result<String, TransferError> {
    let mut page = String::new();
    let title = escaped(&chat.title);
    let about = format!(
        "Chat {} · {} · Reading Room {}",
        chat_id_text(chat.id),
        calendar.moment(chat.created_ms),
        env!("CARGO_PKG_VERSION")
    );
    put(
        &mut page,
        &format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         img-src data:; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <p class=\"strip\"><strong>{NOTICE}</strong> <span lang=\"zh\">{NOTICE_CHINESE}</span></p>\n\
         <h1>{title}</h1>\n<p class=\"about\">{about}</p>\n"
        ),
    );
    for turn in &chat.turns {
        write_turn(&mut page, turn)?;
    }
    for (idx, turn) in chat.turns_aside() {
        put(&mut page, &format!("<h2>{}</h2>\n", aside_name(idx)));
        write_turn(&mut page, turn)?;
    }
    put(
        &mut page,
        &format!("<p class=\"strip\">{NOTICE} {NOTICE_CHINESE}</p>\n</body>\n</html>\n"),
    );
    Ok(page)
}

fn write_turn(page: &mut String, turn: &Turn) -> Result<(), TransferError> {
    put(page, "<section class=\"question\">\n");
    for evidence in &turn.evidence {
        let alias = Some(&evidence.alias).filter(|alias| !alias.is_empty());
        let alias = alias.map(|alias| format!("{alias} · ")).unwrap_or_default();
        let caption = format!("{alias}{} · SHA-256 {}", evidence.label, evidence.image_sha256);
        match &evidence.image {
            Some(image) => write_picture(page, image, "", &caption)?,
            None => put(
                page,
                &format!("<p class=\"source\">Picture missing: {}</p>\n", escaped(&caption)),
            ),
        }
    }
    put(page, &format!("<div class=\"words\">{}</div>\n</section>\n", escaped(&turn.question)));
    if let Some(slices) = &turn.slices {
        write_slices(page, slices);
    }
    for (idx, answer) in turn.answers.iter().enumerate() {
        let name = escaped(&name_of(turn, idx));
        let is_shown = idx == turn.shown_idx;
        if is_shown {
            put(page, "<section class=\"answer\">\n");
            if turn.answers.len() > 1 {
                put(page, &format!("<p class=\"source\">{name}</p>\n"));
            }
        } else {
            put(page, &format!("<details><summary>{name}</summary>\n"));
        }
        write_answer(page, answer)?;
        put(page, if is_shown { "</section>\n" } else { "</details>\n" });
    }
    Ok(())
}

fn write_slices(page: &mut String, slices: &Slices) {
    let summary = escaped(&slices.summary());
    put(page, &format!("<details><summary>{summary}, uncalibrated</summary>\n<table>\n"));
    put(page, "<tr><th>slice</th><th>P(yes)</th></tr>\n");
    for answer in &slices.answers {
        let (slice, yes) = (answer.frame_idx + 1, answer.text());
        put(page, &format!("<tr><td>{slice}</td><td>{yes}</td></tr>\n"));
    }
    let source = escaped(&made_by(&slices.provenance));
    put(page, &format!("</table>\n<p class=\"source\">{source}</p>\n</details>\n"));
}

fn write_answer(page: &mut String, answer: &Answer) -> Result<(), TransferError> {
    if !answer.text.trim().is_empty() {
        put(page, &format!("<div class=\"words\">{}</div>\n", escaped(answer.text.trim_end())));
    }
    if let Some(text) = drawing_text(answer) {
        let picture = answer.drawing.as_ref().and_then(|drawing| drawing.picture.as_deref());
        match picture {
            Some(picture) => write_picture(page, picture, "drawn", &text)?,
            None => put(page, &format!("<p class=\"end\">{}</p>\n", escaped(&text))),
        }
    }
    if let Some(end) = end_of(answer) {
        put(page, &format!("<p class=\"end\">{}</p>\n", escaped(&end)));
    }
    put(page, &format!("<p class=\"source\">{}</p>\n", escaped(&source_of(answer))));
    Ok(())
}

fn write_picture(
    page: &mut String,
    picture: &DisplayImage,
    class: &str,
    caption: &str,
) -> Result<(), TransferError> {
    let png = picture.to_png().map_err(|error| TransferError::NotWritten(error.to_string()))?;
    let (data, caption) = (STANDARD.encode(png), escaped(caption));
    put(
        page,
        &format!(
            "<figure class=\"{class}\"><img alt=\"{caption}\" src=\"data:image/png;base64,{data}\">\
         <figcaption>{caption}</figcaption></figure>\n"
        ),
    );
    Ok(())
}

fn put(page: &mut String, text: &str) {
    // writing to a string cannot fail
    page.write_str(text).ok();
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}
