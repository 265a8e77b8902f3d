//! One model's column: what it costs, what it does, what it says.

use egui::{CornerRadius, Frame, Label, Margin, RichText, Sense, Ui, vec2};
use egui_commonmark::{CommonMarkCache, CommonMarkViewer};

use super::super::command::Command;
use super::super::engine_state::ModelStatus;
use super::super::fonts;
use super::super::icons;
use super::super::model_picker::loading_text;
use super::super::theme;
use super::super::turn_ui::{meter_text, status_ui};
use super::super::view_cx::ViewCx;
use super::super::widgets::{icon_button_ui, inert_markdown, rest_of_row_ui, row_from_right_ui};
use super::facts::Facts;
use super::marks_ui::marks_ui;
use super::own_params_ui::own_params_button_ui;
use super::state::Column;
use crate::chat::{Answer, AnswerState, Marked};
use crate::vlm::{gigabytes, parameters_text};

const SMALL: f32 = 11.5;

/// The most of any column, which the bars are drawn against.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scale {
    pub(super) parameters: u64,
    pub(super) bytes: u64,
}

pub(super) fn column_ui(
    ui: &mut Ui,
    cx: &ViewCx<'_>,
    markdown: &mut CommonMarkCache,
    at: usize,
    (column, facts, scale): (&Column, &Facts, Scale),
    marked: Option<&[Marked]>,
) {
    let palette = theme::palette(ui);
    card_ui(ui, |ui| {
        heading_ui(ui, cx, at, column);
        facts_ui(ui, facts, scale);
        ui.separator();
        match cx.state.side_answer(column) {
            Some(answer) => answer_ui(ui, cx, markdown, (at, column), answer, marked),
            None => {
                ui.label(
                    RichText::new("This answer is not in the chat any more").color(palette.dim),
                );
            }
        }
    });
}

/// A surface of this screen.
pub(super) fn card_ui(ui: &mut Ui, add: impl FnOnce(&mut Ui)) {
    Frame::new()
        .fill(theme::palette(ui).panel)
        .corner_radius(CornerRadius::same(8))
        .inner_margin(Margin::same(14))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            add(ui);
        });
}

fn heading_ui(ui: &mut Ui, cx: &ViewCx<'_>, at: usize, column: &Column) {
    let palette = theme::palette(ui);
    row_from_right_ui(ui, 24.0, |ui| {
        let name = format!("Take {} out", column.title);
        if icon_button_ui(ui, icons::CLOSE, &name).clicked() {
            cx.send(Command::RemoveSide(at));
        }
        own_params_button_ui(ui, cx, at, column);
        rest_of_row_ui(ui, |ui| {
            ui.label(RichText::new(icons::SPARKLE).font(fonts::icon(14.0)).color(palette.ai));
            let font = egui::FontId::new(13.5, fonts::semibold());
            let title = RichText::new(&column.title).font(font).color(palette.ai);
            ui.add(Label::new(title).truncate());
        });
    });
}

fn facts_ui(ui: &mut Ui, facts: &Facts, scale: Scale) {
    let palette = theme::palette(ui);
    if let Some(count) = facts.parameters {
        bar_ui(ui, &parameters_text(count), count as f64 / scale.parameters.max(1) as f64);
    }
    if let Some(bytes) = facts.bytes {
        let text = format!("{} on disk", gigabytes(bytes));
        bar_ui(ui, &text, bytes as f64 / scale.bytes.max(1) as f64);
    }
    let line = facts.line();
    let line = if line.is_empty() { "not measured yet".to_owned() } else { line };
    ui.add(Label::new(RichText::new(line).size(SMALL).color(palette.faint)).wrap());
}

/// A fact over a bar whose length is its share of the largest.
fn bar_ui(ui: &mut Ui, text: &str, share: f64) {
    let palette = theme::palette(ui);
    ui.spacing_mut().item_spacing.y = 3.0;
    ui.label(RichText::new(text).size(SMALL).color(palette.dim));
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 5.0), Sense::hover());
    ui.painter().rect_filled(rect, CornerRadius::same(2), palette.hover);
    let width = (rect.width() * share.clamp(0.0, 1.0) as f32).max(2.0);
    let filled = egui::Rect::from_min_size(rect.min, vec2(width, rect.height()));
    ui.painter().rect_filled(filled, CornerRadius::same(2), palette.ai);
    ui.add_space(3.0);
}

/// "Queued", "Loading: Reading weights 9.1 of 15.2 GB", "Reading image".
fn doing(cx: &ViewCx<'_>, (at, column): (usize, &Column), answer: &Answer) -> Option<String> {
    match &answer.state {
        AnswerState::Waiting => {
            let slot = cx.state.sides.slot(at);
            let is_next = slot.is_some() && cx.state.engine.waiting == slot;
            match &cx.state.engine.model {
                ModelStatus::Loading(loading) if is_next => {
                    Some(loading_text(loading, cx.state.now_secs))
                }
                _ if slot.is_some_and(|slot| cx.state.sides.is_queued(slot)) => {
                    Some("Queued: asked after the one before".to_owned())
                }
                _ => Some(format!("Waiting for {}", column.title)),
            }
        }
        AnswerState::Reading(doing) => Some(format!("{doing}…")),
        AnswerState::Streaming
        | AnswerState::Done(_)
        | AnswerState::Stopped
        | AnswerState::Interrupted(_)
        | AnswerState::Failed(_) => None,
    }
}

fn answer_ui(
    ui: &mut Ui,
    cx: &ViewCx<'_>,
    markdown: &mut CommonMarkCache,
    place: (usize, &Column),
    answer: &Answer,
    marked: Option<&[Marked]>,
) {
    let palette = theme::palette(ui);
    if let Some(doing) = doing(cx, place, answer) {
        status_ui(ui, &doing);
        return;
    }
    match marked {
        Some(marked) if !answer.is_open() => marks_ui(ui, marked),
        _ => {
            let text = inert_markdown(&answer.text);
            CommonMarkViewer::new().show(ui, markdown, &text);
        }
    }
    ui.add_space(4.0);
    match &answer.state {
        AnswerState::Failed(why) | AnswerState::Interrupted(why) => {
            ui.add(Label::new(RichText::new(why).color(palette.bad)).wrap());
        }
        _ => {
            let text = RichText::new(meter_text(answer)).monospace().size(11.0);
            ui.add(Label::new(text.color(palette.faint)).wrap());
        }
    }
}
