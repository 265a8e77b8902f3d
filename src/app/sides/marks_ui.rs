//! An answer with the words marked that not all others have.

use egui::text::{LayoutJob, TextFormat};
use egui::{FontId, Label, Stroke, Ui};

use super::super::fonts;
use super::super::theme;
use super::super::widgets::badge_ui;
use crate::chat::{Agreement, Marked, WordKind};

/// Words that all have are quiet; sides, numbers and negations stand out even among those.
pub(crate) fn marks_ui(ui: &mut Ui, marked: &[Marked]) {
    let palette = theme::palette(ui);
    let font = FontId::new(theme::CHAT_SIZE, fonts::reading());
    let mut job = LayoutJob::default();
    job.wrap.max_width = ui.available_width();
    for part in marked {
        let quiet = part.is_shared && part.kind == WordKind::Plain;
        let mut format = TextFormat {
            font_id: font.clone(),
            color: if quiet { palette.dim } else { palette.text },
            line_height: Some(theme::CHAT_SIZE * 1.5),
            ..TextFormat::default()
        };
        if !part.is_shared {
            format.background = theme::wash(ui, palette.warn, 0.22);
        }
        if part.kind != WordKind::Plain {
            let color = if part.kind == WordKind::Negation { palette.bad } else { palette.accent };
            format.underline = Stroke::new(1.5, color);
        }
        // the space behind a word is not part of what is marked
        let words = part.text.trim_end();
        let space = part.text.get(words.len()..).unwrap_or_default();
        job.append(words, 0.0, format.clone());
        let plain = TextFormat { font_id: font.clone(), ..TextFormat::default() };
        job.append(space, 0.0, TextFormat { line_height: format.line_height, ..plain });
    }
    ui.add(Label::new(job).wrap());
}

/// How far answers agree, as a badge.
pub(crate) fn agreement_ui(ui: &mut Ui, agreement: Agreement) {
    let palette = theme::palette(ui);
    let color = match agreement {
        Agreement::Agree => palette.ok,
        Agreement::Differ => palette.warn,
        Agreement::Contradict => palette.bad,
    };
    badge_ui(ui, agreement.title(), color);
}
