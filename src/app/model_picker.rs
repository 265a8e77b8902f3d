//! The list of models found, with what it takes to load one.

use egui::{
    Align, ComboBox, CornerRadius, Frame, Layout, Margin, Popup, PopupCloseBehavior, ProgressBar,
    Response, RichText, ScrollArea, Ui,
};

use super::command::Command;
use super::engine_state::{Loading, ModelStatus};
use super::fonts;
use super::icons;
use super::theme;
use super::view_cx::ViewCx;
use super::widgets::{badge_ui, primary_button_ui, row_from_right_ui};
use crate::vlm::{DeviceChoice, LoadStage, ModelSpec, Precision, PrecisionChoice};
use crate::worker::LoadRequest;

const WIDTH: f32 = 470.0;

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
    if cx.state.models.is_empty() {
        let text = match (cx.state.scanning_models, cx.state.models_dir()) {
            (true, _) => "Looking for models…",
            (false, Some(_)) => {
                "No model was found here. A model is a folder with config.json, tokenizer and \
                 weights, as published."
            }
            (false, None) => "Choose the folder your models are in.",
        };
        ui.label(RichText::new(text).color(palette.dim));
        return;
    }
    ScrollArea::vertical().max_height(360.0).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 6.0;
        for spec in &cx.state.models {
            model_row_ui(ui, cx, spec);
        }
    });
}

fn model_row_ui(ui: &mut Ui, cx: &ViewCx<'_>, spec: &ModelSpec) {
    let palette = theme::palette(ui);
    let is_loaded = cx.state.engine.is_loaded()
        && cx.state.engine.last_request.as_ref().is_some_and(|r| r.model == spec.path);
    Frame::new()
        .fill(if is_loaded { palette.selection } else { palette.panel })
        .corner_radius(CornerRadius::same(theme::RADIUS))
        .inner_margin(Margin::symmetric(12, 9))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            let height = if spec.missing.is_empty() { 38.0 } else { 58.0 };
            row_from_right_ui(ui, height, |ui| {
                row_action_ui(ui, cx, spec, is_loaded);
                ui.with_layout(Layout::top_down(Align::Min), |ui| row_text_ui(ui, spec));
            });
        });
}

fn row_action_ui(ui: &mut Ui, cx: &ViewCx<'_>, spec: &ModelSpec, is_loaded: bool) {
    if is_loaded {
        if ui.button("Unload").clicked() {
            cx.send(Command::UnloadModel);
        }
        return;
    }
    let can_load = spec.missing.is_empty() && spec.is_supported() && !cx.state.engine.is_loading();
    ui.add_enabled_ui(can_load, |ui| {
        let button =
            primary_button_ui(ui, "", "Load").accessible_name(format!("Load {}", spec.title));
        if button.clicked() {
            cx.send(Command::LoadModel(LoadRequest {
                model: spec.path.clone(),
                device: cx.state.settings.device,
                precision: cx.state.settings.precision,
            }));
        }
    });
}

fn row_text_ui(ui: &mut Ui, spec: &ModelSpec) {
    let palette = theme::palette(ui);
    ui.spacing_mut().item_spacing.y = 3.0;
    let title = RichText::new(&spec.title).font(egui::FontId::new(13.5, fonts::semibold()));
    ui.add(egui::Label::new(title).truncate());
    let mut facts = vec![spec.name.clone(), gigabytes(spec.weights_bytes)];
    if spec.parameters > 0 {
        facts.push(parameters(spec.parameters));
    }
    if !spec.languages.is_empty() {
        facts.push(spec.languages.join(", "));
    }
    facts.extend(spec.licence.clone());
    let text = RichText::new(facts.join(" · ")).size(11.5).color(palette.faint);
    ui.add(egui::Label::new(text).truncate());
    if !spec.missing.is_empty() {
        let text = format!("Missing: {}", spec.missing.join(", "));
        ui.add(egui::Label::new(RichText::new(text).size(11.5).color(palette.warn)).wrap());
    } else if !spec.is_supported() {
        badge_ui(ui, "not supported yet", palette.warn);
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

fn choices_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    let palette = theme::palette(ui);
    let settings = &cx.state.settings;
    let (mut device, mut precision) = (settings.device, settings.precision);
    ui.horizontal(|ui| {
        ui.label(RichText::new("Device").color(palette.dim));
        ComboBox::from_id_salt("device")
            .selected_text(device_name(device))
            .width(90.0)
            .show_ui(ui, |ui| {
                for choice in [DeviceChoice::Auto, DeviceChoice::Gpu, DeviceChoice::Cpu] {
                    ui.selectable_value(&mut device, choice, device_name(choice));
                }
            })
            .response
            .accessible_name("Device");
        ui.add_space(8.0);
        ui.label(RichText::new("Precision").color(palette.dim));
        ComboBox::from_id_salt("precision")
            .selected_text(precision_name(precision))
            .width(90.0)
            .show_ui(ui, |ui| {
                for choice in [
                    PrecisionChoice::Auto,
                    PrecisionChoice::Exactly(Precision::F32),
                    PrecisionChoice::Exactly(Precision::F16),
                    PrecisionChoice::Exactly(Precision::Bf16),
                ] {
                    ui.selectable_value(&mut precision, choice, precision_name(choice));
                }
            })
            .response
            .accessible_name("Precision");
    });
    if (device, precision) != (settings.device, settings.precision) {
        cx.send(Command::ChooseDevice(device, precision));
    }
    ui.horizontal(|ui| {
        for (icon, command) in [
            (icons::FOLDER_OPEN, Command::ChooseModelsFolder),
            (icons::EYE, Command::OpenModelsFolder),
            (icons::REGENERATE, Command::RescanModels),
        ] {
            let icon = RichText::new(icon).font(fonts::icon(14.0)).color(palette.dim);
            let button = egui::Button::new((icon, command.label()));
            let enabled = cx.is_enabled(&command);
            if ui.add_enabled(enabled, button).accessible_name(command.label()).clicked() {
                cx.send(command);
            }
        }
    });
}

fn device_name(device: DeviceChoice) -> &'static str {
    match device {
        DeviceChoice::Auto => "Automatic",
        DeviceChoice::Gpu => "GPU",
        DeviceChoice::Cpu => "CPU",
    }
}

fn precision_name(precision: PrecisionChoice) -> &'static str {
    match precision {
        PrecisionChoice::Auto => "Automatic",
        PrecisionChoice::Exactly(precision) => precision.as_str(),
    }
}

/// "15.2 GB", "340 MB".
pub(crate) fn gigabytes(bytes: u64) -> String {
    let bytes = bytes as f64;
    if bytes >= 1e9 {
        format!("{:.1} GB", bytes / 1e9)
    } else if bytes >= 1e6 {
        format!("{:.0} MB", bytes / 1e6)
    } else {
        format!("{:.0} kB", bytes / 1e3)
    }
}

fn parameters(n: u64) -> String {
    let n = n as f64;
    if n >= 1e9 {
        format!("{:.1} B parameters", n / 1e9)
    } else {
        format!("{:.1} M parameters", n / 1e6)
    }
}
