//! The note below the picture: whose eye it is, what was lost on the way, what can be done with it.

use egui::{
    Button, CornerRadius, Frame, Label, Margin, Panel, Rect, RichText, Ui, UiBuilder, vec2,
};

use super::super::command::Command;
use super::super::fonts;
use super::super::icons;
use super::super::theme;
use super::super::view_cx::ViewCx;
use super::super::widgets::{icon_button_ui, rest_of_row_ui, row_from_right_ui};
use super::picture_ui::fitted_ui;

const ROW: f32 = 30.0;

/// Draws the note along the lower edge of `rect`; gives the room above it.
pub(crate) fn note_ui(ui: &mut Ui, cx: &ViewCx<'_>, rect: Rect) -> Rect {
    let palette = theme::palette(ui);
    let mut ui = ui.new_child(UiBuilder::new().id_salt("model's eye").max_rect(rect));
    let frame = Frame::new().fill(palette.panel).inner_margin(Margin::symmetric(12, 6));
    Panel::bottom("model's eye note").frame(frame).resizable(false).show(&mut ui, |ui| {
        ui.spacing_mut().item_spacing.y = 4.0;
        heading_ui(ui, cx);
        if let Some(why) = cx.state.cannot_look() {
            missing_ui(ui, cx, why);
        } else {
            facts_ui(ui, cx);
        }
    });
    ui.available_rect_before_wrap()
}

fn heading_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    let palette = theme::palette(ui);
    let title = match (&cx.state.eye.seen, cx.state.cannot_look()) {
        (Some(seen), None) => seen.title(),
        _ => "Model's eye".to_owned(),
    };
    row_from_right_ui(ui, ROW, |ui| {
        if icon_button_ui(ui, icons::CLOSE, "Close model's eye").clicked() {
            cx.send(Command::ToggleEye);
        }
        if cx.state.cannot_look().is_none() {
            buttons_ui(ui, cx);
            if !cx.state.eye.is_current {
                ui.add(egui::Spinner::new().size(13.0).color(palette.ai));
            }
        }
        rest_of_row_ui(ui, |ui| {
            ui.spacing_mut().item_spacing.x = 6.0;
            ui.label(RichText::new(icons::EYE).font(fonts::icon(15.0)).color(palette.ai));
            let font = egui::FontId::new(13.0, fonts::semibold());
            ui.add(Label::new(RichText::new(title).font(font).color(palette.text)).truncate());
        });
    });
}

/// Out of reach while what is shown is being looked at.
fn buttons_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    for (label, command) in
        [("Copy facts", Command::CopyEyeFacts), ("Save picture…", Command::SaveEye)]
    {
        if ui.add_enabled(cx.is_enabled(&command), Button::new(label)).clicked() {
            cx.send(command);
        }
    }
}

fn missing_ui(ui: &mut Ui, cx: &ViewCx<'_>, why: &str) {
    let palette = theme::palette(ui);
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new(why).color(palette.dim));
        if !cx.state.engine.is_loading() && ui.button("Choose model…").clicked() {
            cx.send(Command::ToggleModelPicker);
        }
    });
}

fn facts_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    let palette = theme::palette(ui);
    let Some(seen) = &cx.state.eye.seen else { return };
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(14.0, 3.0);
        match &seen.sight {
            Ok(sight) => {
                for line in seen.lines() {
                    ui.label(RichText::new(line).size(12.0).color(palette.dim));
                }
                let hash = RichText::new(format!("tensor {}", sight.facts.short_hash()));
                let hash = ui.label(hash.monospace().size(11.0).color(palette.faint));
                hash.on_hover_text(format!("SHA-256 {}", sight.facts.tensor_sha256));
            }
            Err(why) => {
                ui.add(Label::new(RichText::new(why).color(palette.warn)).wrap());
            }
        }
    });
}

/// The picture of a question with the model's eye, in place of the viewports.
pub(crate) fn stored_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    let rect = ui.available_rect_before_wrap();
    ui.painter().rect_filled(rect, CornerRadius::ZERO, theme::VIEWPORT);
    let mut room = note_ui(ui, cx, rect);
    if let Some(stored) = &cx.state.eye.stored {
        let (bar, rest) = room.split_top_bottom_at_y(room.top() + ROW);
        let mut ui = ui.new_child(UiBuilder::new().id_salt("model's eye of").max_rect(bar));
        let text = format!("The picture of a question · {}", stored.label);
        let text = RichText::new(text).size(theme::OVERLAY_SIZE).color(theme::OVERLAY_DIM);
        ui.centered_and_justified(|ui| ui.add(Label::new(text).truncate()));
        room = rest;
    }
    if let Some(seen) = cx.state.eye_shown() {
        fitted_ui(ui, cx, room.shrink(8.0), seen);
    }
}
