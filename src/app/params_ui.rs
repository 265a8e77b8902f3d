//! How answers are sampled.

use egui::{DragValue, Frame, Margin, Popup, PopupCloseBehavior, RichText, Slider, TextEdit, Ui};

use super::command::Command;
use super::fonts;
use super::icons;
use super::settings::Sampling;
use super::theme;
use super::view_cx::ViewCx;
use super::widgets::{icon_button_ui, rest_of_row_ui, row_from_right_ui};

const WIDTH: f32 = 330.0;

/// A button that opens the parameters.
pub(crate) fn params_button_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    let response = icon_button_ui(ui, icons::PARAMETERS, "Parameters");
    Popup::from_toggle_button_response(&response)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .accessible_name("Parameters")
        .gap(4.0)
        .frame(Frame::popup(ui.style()).inner_margin(Margin::same(14)))
        .show(|ui| {
            ui.set_width(WIDTH);
            params_ui(ui, cx);
        });
}

fn params_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    let mut sampling = cx.state.settings.sampling.clone();
    ui.spacing_mut().item_spacing.y = 8.0;
    ui.label(RichText::new("Parameters").font(egui::FontId::new(15.0, fonts::semibold())));
    sampling_ui(ui, &mut sampling);
    system_ui(ui, cx);
    presets_ui(ui, cx);
    ui.separator();
    let command = Command::UseAuthorDefaults;
    let enabled = cx.is_enabled(&command);
    if ui.add_enabled(enabled, egui::Button::new(command.label())).clicked() {
        cx.send(command);
    }
    if sampling != cx.state.settings.sampling {
        cx.send(Command::SetSampling(sampling));
    }
}

/// All that says how an answer is sampled.
pub(crate) fn sampling_ui(ui: &mut Ui, sampling: &mut Sampling) {
    let palette = theme::palette(ui);
    ui.checkbox(&mut sampling.deterministic, "Deterministic");
    let hint = "The same question about the same view gets the same answer";
    ui.label(RichText::new(hint).size(11.5).color(palette.faint));
    ui.add_enabled_ui(!sampling.deterministic, |ui| sampled_ui(ui, sampling));
    ui.separator();
    row_ui(ui, "Repetition penalty", |ui| {
        ui.add(Slider::new(&mut sampling.repetition_penalty, 1.0..=2.0).fixed_decimals(2))
    });
    row_ui(ui, "Max tokens", |ui| {
        ui.add(Slider::new(&mut sampling.max_new_tokens, 1..=4096).logarithmic(true))
    });
}

fn sampled_ui(ui: &mut Ui, sampling: &mut Sampling) {
    row_ui(ui, "Temperature", |ui| {
        ui.add(Slider::new(&mut sampling.temperature, 0.01..=2.0).fixed_decimals(2))
    });
    row_ui(ui, "Top p", |ui| {
        ui.add(Slider::new(&mut sampling.top_p, 0.05..=1.0).fixed_decimals(2))
    });
    row_ui(ui, "Top k", |ui| {
        let slider = Slider::new(&mut sampling.top_k, 0..=200);
        ui.add(slider).on_hover_text("0 keeps all candidates")
    });
    row_ui(ui, "Seed", |ui| {
        let response = ui.add(DragValue::new(&mut sampling.seed));
        if icon_button_ui(ui, icons::DICE, "Another seed").clicked() {
            sampling.next_seed();
        }
        response
    });
    let hint = "Every answer has this seed; otherwise each has the next";
    ui.checkbox(&mut sampling.seed_locked, "Keep the seed").on_hover_text(hint);
}

/// Words before the first question, where the model's authors have some.
fn system_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    let Some(own) = cx.state.engine.info().and_then(|info| info.system_prompt.clone()) else {
        return;
    };
    let palette = theme::palette(ui);
    let changed = cx.state.system_prompt();
    let mut text = changed.clone().unwrap_or_else(|| own.clone());
    ui.separator();
    ui.horizontal(|ui| {
        ui.label("System prompt");
        if changed.is_some() && ui.small_button("Authors' own").clicked() {
            cx.send(Command::SetSystemPrompt(None));
        }
    });
    let edit = TextEdit::multiline(&mut text).desired_rows(2).desired_width(f32::INFINITY);
    if ui.add(edit).accessible_name("System prompt").changed() {
        cx.send(Command::SetSystemPrompt(Some(text)));
    }
    if changed.is_some() {
        let hint = "The model was taught with other words: its answers may suffer";
        ui.label(RichText::new(hint).size(11.5).color(palette.warn));
    }
}

/// Parameters kept under names.
fn presets_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    ui.separator();
    ui.horizontal(|ui| {
        ui.label("Presets");
        for (text, command) in
            [("Export…", Command::ExportPresets), ("Import…", Command::ImportPresets)]
        {
            let button = egui::Button::new(text).small();
            let response = ui.add_enabled(cx.is_enabled(&command), button);
            if response.accessible_name(command.label()).clicked() {
                cx.send(command);
            }
        }
    });
    for preset in &cx.state.settings.presets {
        row_from_right_ui(ui, 24.0, |ui| {
            let forget = format!("Forget {}", preset.name);
            if icon_button_ui(ui, icons::TRASH, &forget).clicked() {
                cx.send(Command::DeletePreset(preset.name.clone()));
            }
            rest_of_row_ui(ui, |ui| {
                let is_set = preset.sampling == cx.state.settings.sampling
                    && preset.system == cx.state.system_prompt();
                if ui.selectable_label(is_set, &preset.name).clicked() {
                    cx.send(Command::UsePreset(preset.name.clone()));
                }
            });
        });
    }
    let id = ui.scope_id().with("new preset");
    let mut name: String = ui.data(|data| data.get_temp(id)).unwrap_or_default();
    row_from_right_ui(ui, 24.0, |ui| {
        let can_save = !name.trim().is_empty();
        if ui.add_enabled(can_save, egui::Button::new("Save preset")).clicked() {
            cx.send(Command::SavePreset(std::mem::take(&mut name)));
        }
        rest_of_row_ui(ui, |ui| {
            let edit = TextEdit::singleline(&mut name).hint_text("Keep these under a name");
            ui.add(edit.desired_width(f32::INFINITY)).accessible_name("Name of the preset");
        });
    });
    ui.data_mut(|data| data.insert_temp(id, name));
}

fn row_ui(ui: &mut Ui, label: &str, control: impl FnOnce(&mut Ui) -> egui::Response) {
    ui.horizontal(|ui| {
        let label_width = 126.0;
        let (rect, _) = ui.allocate_exact_size(egui::vec2(label_width, 22.0), egui::Sense::hover());
        let at = rect.left_center();
        let font = egui::FontId::proportional(13.0);
        let color = ui.visuals().text_color();
        ui.painter().text(at, egui::Align2::LEFT_CENTER, label, font, color);
        control(ui).accessible_name(label);
    });
}
