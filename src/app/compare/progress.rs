//! How far a drawing is, and how it ended when that is not as wished.

use egui::{CornerRadius, FontId, Frame, Label, Margin, ProgressBar, RichText, Ui, vec2};

use super::super::command::Command;
use super::super::fonts;
use super::super::icons;
use super::super::run_reconstruct::Compared;
use super::super::theme;
use super::super::turn_ui::status_ui;
use super::super::view_cx::ViewCx;
use crate::chat::AnswerState;

/// Stage, bar, a way to stop.
pub(crate) fn progress_ui(ui: &mut Ui, cx: &ViewCx<'_>, compared: &Compared<'_>) {
    let doing = match &compared.answer.state {
        AnswerState::Reading(doing) => doing.as_str(),
        _ => "Kept until a model is loaded, then drawn",
    };
    let secs = cx.state.asked_secs().map_or(String::new(), |secs| format!(" · {secs:.1} s"));
    status_ui(ui, &format!("{doing}…{secs}"));
    count_bar_ui(ui, compared);
    if let Some(asking) = &cx.state.engine.asking {
        let label = if asking.stopping { "Stopping…" } else { "Stop and keep what came" };
        ui.add_enabled_ui(!asking.stopping, |ui| {
            let icon = RichText::new(icons::STOP).font(fonts::icon(15.0));
            let button = egui::Button::new((icon, label)).min_size(vec2(0.0, 30.0));
            if ui.add(button).on_hover_text("Esc").accessible_name(label).clicked() {
                cx.send(Command::StopAnswer);
            }
        });
    }
}

/// How many codes came, as a bar once it is known of how many.
pub(crate) fn count_bar_ui(ui: &mut Ui, compared: &Compared<'_>) {
    let palette = theme::palette(ui);
    let drawing = compared.drawing;
    let bar = ProgressBar::new(drawing.fraction().unwrap_or(0.0))
        .desired_height(8.0)
        .corner_radius(CornerRadius::same(4))
        .fill(palette.ai);
    ui.add(bar).accessible_name("Codes");
    let text = RichText::new(drawing.count()).monospace().size(12.0).color(palette.dim);
    ui.label(text);
}

/// What went otherwise than wished; nothing when all went well.
pub(crate) fn end_ui(ui: &mut Ui, cx: &ViewCx<'_>, compared: &Compared<'_>) {
    let (title, text) = match (&compared.answer.state, &compared.drawing.shortfall) {
        (AnswerState::Failed(why), _) => ("No picture".to_owned(), why.clone()),
        (AnswerState::Interrupted(why), _) => {
            (format!("Interrupted at {}", compared.drawing.count()), why.clone())
        }
        (AnswerState::Stopped, _) => {
            let text = "You stopped it. What came is kept; places without a code are left plain.";
            (format!("Stopped at {}", compared.drawing.count()), text.to_owned())
        }
        (_, Some(shortfall)) => {
            let text = "What came is kept; places without a code are left plain.";
            (format!("Got {shortfall}"), text.to_owned())
        }
        (_, None) => return,
    };
    let palette = theme::palette(ui);
    Frame::new()
        .fill(theme::wash(ui, palette.warn, 0.1))
        .corner_radius(CornerRadius::same(8))
        .inner_margin(Margin::symmetric(10, 8))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = 4.0;
            ui.horizontal(|ui| {
                let icon = RichText::new(icons::WARNING).font(fonts::icon(15.0));
                ui.label(icon.color(palette.warn));
                let font = FontId::new(13.0, fonts::semibold());
                ui.label(RichText::new(title).font(font));
            });
            ui.add(Label::new(RichText::new(text).size(12.0).color(palette.dim)).wrap());
            again_ui(ui, cx, compared);
        });
}

fn again_ui(ui: &mut Ui, cx: &ViewCx<'_>, compared: &Compared<'_>) {
    let turn_idx = compared.turn_idx;
    let is_free = cx.state.engine.asking.is_none();
    ui.horizontal_wrapped(|ui| {
        ui.add_enabled_ui(is_free, |ui| {
            if ui.button("Draw again").clicked() {
                cx.send(Command::Regenerate(turn_idx));
            }
            let response = ui.button("Draw again, codes only");
            let hint = "Nothing but codes may come until the picture is whole";
            if response.on_hover_text(hint).clicked() {
                cx.send(Command::RedrawCodesOnly(turn_idx));
            }
        });
    });
}
