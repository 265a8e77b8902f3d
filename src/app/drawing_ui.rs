//! A drawing in the chat: small, with its count and figures, and a way to see it large.

use egui::{CornerRadius, Frame, Label, Margin, RichText, Sense, Stroke, StrokeKind, Ui, vec2};

use super::command::Command;
use super::compare::{count_bar_ui, figures};
use super::icons;
use super::run_reconstruct::Compared;
use super::theme;
use super::view_cx::ViewCx;
use super::widgets::{badge_ui, primary_button_ui, thumbnail_ui};
use crate::chat::AnswerState;

const SIDE: f32 = 96.0;

/// The card of a drawing.
pub(crate) fn drawing_ui(ui: &mut Ui, cx: &ViewCx<'_>, compared: &Compared<'_>) {
    let palette = theme::palette(ui);
    Frame::new()
        .fill(palette.raised)
        .stroke(Stroke::new(1.0, palette.line))
        .corner_radius(CornerRadius::same(10))
        .inner_margin(Margin::same(10))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.horizontal_top(|ui| {
                small_picture_ui(ui, cx, compared);
                ui.vertical(|ui| {
                    ui.spacing_mut().item_spacing.y = 5.0;
                    facts_ui(ui, cx, compared);
                });
            });
        });
}

fn small_picture_ui(ui: &mut Ui, cx: &ViewCx<'_>, compared: &Compared<'_>) {
    let picture = compared.drawing.picture.as_ref();
    let texture = picture.map(|picture| cx.textures.picture(ui.ctx(), picture));
    let response = thumbnail_ui(ui, texture.as_ref(), SIDE).interact(Sense::click());
    let stroke = Stroke::new(1.5, theme::palette(ui).ai);
    let radius = CornerRadius::same(4);
    ui.painter().rect_stroke(response.rect, radius, stroke, StrokeKind::Inside);
    response.widget_info(|| {
        egui::WidgetInfo::labeled(egui::Role::Button, true, "Show drawing large, AI-generated")
    });
    if response.clicked() {
        cx.send(Command::OpenComparison(compared.turn_idx));
    }
}

fn facts_ui(ui: &mut Ui, cx: &ViewCx<'_>, compared: &Compared<'_>) {
    let palette = theme::palette(ui);
    let drawing = compared.drawing;
    badge_ui(ui, "AI-generated", palette.ai);
    if compared.answer.is_open() {
        count_bar_ui(ui, compared);
    } else if let Some(shortfall) = end_of(compared) {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 5.0;
            let icon = RichText::new(icons::WARNING).font(super::fonts::icon(13.0));
            ui.label(icon.color(palette.warn));
            ui.add(Label::new(RichText::new(shortfall).size(12.0)).wrap());
        });
    } else {
        ui.label(RichText::new(drawing.count()).size(12.0).color(palette.dim));
    }
    if let Some(similarity) = &drawing.similarity {
        let text = RichText::new(figures(similarity)).monospace().size(11.0).color(palette.dim);
        ui.add(Label::new(text).wrap());
        let text = RichText::new("similarity, not correctness").size(11.0).color(palette.faint);
        ui.label(text);
    }
    let is_open = cx.state.compared().is_some_and(|open| std::ptr::eq(open.drawing, drawing));
    if !is_open {
        ui.scope(|ui| {
            ui.spacing_mut().item_spacing = vec2(6.0, 4.0);
            if primary_button_ui(ui, icons::COLUMNS, "Compare").clicked() {
                cx.send(Command::OpenComparison(compared.turn_idx));
            }
        });
    }
}

/// Why the picture is not whole; none when it is.
fn end_of(compared: &Compared<'_>) -> Option<String> {
    let count = compared.drawing.count();
    match &compared.answer.state {
        AnswerState::Stopped => Some(format!("Stopped at {count}")),
        AnswerState::Interrupted(_) => Some(format!("Interrupted at {count}")),
        _ => compared.drawing.shortfall.as_ref().map(|shortfall| format!("Got {shortfall}")),
    }
}
