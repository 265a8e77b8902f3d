//! A chat as Markdown.

use std::fmt::Write as _;

use super::super::history::Calendar;
use super::super::{Conversation, Turn, chat_id_text};
use super::{
    NOTICE, NOTICE_CHINESE, aside_name, drawing_text, end_of, made_by, name_of, source_of,
};

pub(super) fn write(chat: &Conversation, calendar: Calendar) -> String {
    let mut text = String::new();
    // writing to a string cannot fail
    write_all(&mut text, chat, calendar).ok();
    text
}

fn write_all(text: &mut String, chat: &Conversation, calendar: Calendar) -> std::fmt::Result {
    writeln!(text, "# {}\n", one_line(&chat.title))?;
    writeln!(text, "> **{NOTICE}** {NOTICE_CHINESE}\n")?;
    let (id, begun) = (chat_id_text(chat.id), calendar.moment(chat.created_ms));
    writeln!(text, "Chat {id} · {begun} · Reading Room {}", env!("CARGO_PKG_VERSION"))?;
    for (idx, turn) in chat.turns.iter().enumerate() {
        write_turn(text, &format!("Question {}", idx + 1), turn)?;
    }
    for (idx, turn) in chat.turns_aside() {
        write_turn(text, &aside_name(idx), turn)?;
    }
    writeln!(text, "\n---\n\n{NOTICE} {NOTICE_CHINESE}")
}

fn write_turn(text: &mut String, name: &str, turn: &Turn) -> std::fmt::Result {
    writeln!(text, "\n## {name}\n\n{}", quoted(&turn.question))?;
    for evidence in &turn.evidence {
        let alias = Some(&evidence.alias).filter(|alias| !alias.is_empty());
        let alias = alias.map(|alias| format!("{alias} · ")).unwrap_or_default();
        let lost = if evidence.image.is_none() { " · picture missing" } else { "" };
        let (label, hash) = (&evidence.label, &evidence.image_sha256);
        writeln!(text, "\n- Image: {alias}{label} · SHA-256 {hash}{lost}")?;
    }
    if let Some(slices) = &turn.slices {
        writeln!(text, "\n{}, uncalibrated:\n", slices.summary())?;
        writeln!(text, "| slice | P(yes) |\n|---:|---:|")?;
        for answer in &slices.answers {
            writeln!(text, "| {} | {} |", answer.frame_idx + 1, answer.text())?;
        }
        writeln!(text, "\n`{}`", made_by(&slices.provenance).replace('`', "'"))?;
    }
    for (answer_idx, answer) in turn.answers.iter().enumerate() {
        writeln!(text, "\n### {}\n", name_of(turn, answer_idx))?;
        if !answer.text.trim().is_empty() {
            writeln!(text, "{}\n", answer.text.trim_end())?;
        }
        for line in drawing_text(answer).into_iter().chain(end_of(answer)) {
            writeln!(text, "*{}*\n", one_line(&line))?;
        }
        let source = source_of(answer);
        if !source.is_empty() {
            writeln!(text, "`{}`", source.replace('`', "'"))?;
        }
    }
    Ok(())
}

/// Every line of it is a quotation.
fn quoted(text: &str) -> String {
    text.lines().map(|line| format!("> {line}")).collect::<Vec<_>>().join("\n")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
