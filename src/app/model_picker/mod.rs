//! The list of models found, with what it takes to load one.

mod choices;
mod details;
mod memory;
mod row;

use egui::{
    Align, Frame, Layout, Margin, Popup, PopupCloseBehavior, ProgressBar, Response, RichText,
    ScrollArea, Ui,
};

use super::command::Command;
use super::engine_state::{Loading, ModelStatus};
use super::fonts;
use super::theme;
use super::view_cx::ViewCx;
use crate::vlm::{Family, LoadStage, gigabytes};
use choices::choices_ui;
use row::model_row_ui;

const WIDTH: f32 = 520.0;
const MAX_LIST_HEIGHT: f32 = 460.0;

/// Shows the list under `anchor` while it is open.
pub(crate) fn model_picker_ui(ui: &Ui, cx: &ViewCx<'_>, anchor: &Response) {
    let mut open = cx.state.picker_open;
    let palette = theme::palette(ui);
    Popup::from_response(anchor)
        .open_bool(&mut open)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .accessible_name("Models")
        .gap(6.0)
        .frame(Frame::popup(ui.style()).inner_margin(Margin::same(14)))
        .show(|ui| {
            ui.set_width(WIDTH);
            ui.label(RichText::new("Models").font(egui::FontId::new(15.0, fonts::semibold())));
            if let Some(folder) = cx.state.models_dir() {
                let text = RichText::new(folder.display().to_string());
                ui.add(egui::Label::new(text.size(11.5).color(palette.faint)).truncate());
            }
            ui.add_space(4.0);
            if let ModelStatus::Loading(loading) = &cx.state.engine.model {
                loading_ui(ui, cx, loading);
                ui.add_space(4.0);
            }
            list_ui(ui, cx);
            ui.add_space(4.0);
            ui.separator();
            choices_ui(ui, cx);
        });
    // the click that opened it is no click outside
    if cx.state.picker_open && !open && !anchor.clicked() {
        cx.send(Command::ToggleModelPicker);
    }
}

fn list_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    let palette = theme::palette(ui);
    ScrollArea::vertical().max_height(MAX_LIST_HEIGHT).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 6.0;
        for spec in &cx.state.models {
            model_row_ui(ui, cx, spec);
        }
    });
    if cx.state.models.iter().all(|spec| spec.family == Family::Nano) {
        let text = match (cx.state.scanning_models, cx.state.models_dir()) {
            (true, _) => "Looking for models…",
            (false, Some(_)) => {
                "No published model was found here. A model is a folder with config.json, \
                 tokenizer and weights."
            }
            (false, None) => "Choose the folder your models are in.",
        };
        ui.label(RichText::new(text).color(palette.dim));
    }
}

/// Progress by bytes, and a way out.
pub(crate) fn loading_ui(ui: &mut Ui, cx: &ViewCx<'_>, loading: &Loading) {
    let palette = theme::palette(ui);
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add_enabled_ui(!loading.cancelled, |ui| {
                if ui.button("Cancel").clicked() {
                    cx.send(Command::CancelLoad);
                }
            });
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let text = loading_text(loading, cx.state.now_secs);
                ui.add(egui::Label::new(RichText::new(text).color(palette.dim)).truncate());
            });
        });
    });
    let bar = ProgressBar::new(loading.fraction().unwrap_or(0.0))
        .desired_height(4.0)
        .fill(palette.accent);
    ui.add(bar);
}

/// "Reading weights 9.1 of 15.2 GB · 12 s left".
pub(crate) fn loading_text(loading: &Loading, now_secs: f64) -> String {
    if loading.cancelled {
        return "Cancelling…".to_owned();
    }
    let Some(progress) = &loading.progress else { return format!("Starting {}…", loading.title) };
    let stage = match progress.stage {
        LoadStage::Reading => "Reading weights",
        LoadStage::Transfer => "Moving to the device",
        LoadStage::Warmup => return "Warming up…".to_owned(),
    };
    let (done, total) = (progress.bytes_done, progress.bytes_total);
    let mut text = format!("{stage} {} of {}", gigabytes(done), gigabytes(total));
    let elapsed = now_secs - loading.started_secs;
    if done > 0 && elapsed > 1.0 && total > done {
        let left = elapsed * (total - done) as f64 / done as f64;
        text.push_str(&format!(" · {left:.0} s left"));
    }
    text
}
