//! One model of the list: what it is, what it needs, what it can do, and the button that loads it.

use egui::{Align, CornerRadius, Frame, Label, Layout, Margin, RichText, Ui};

use super::super::command::Command;
use super::super::fonts;
use super::super::theme::{self, Palette};
use super::super::view_cx::ViewCx;
use super::super::widgets::{badge_ui, primary_button_ui, row_from_right_ui};
use super::details::details_ui;
use super::memory::Reckoned;
use crate::vlm::{Fit, ModelSpec, gigabytes, parameters_text};

const SMALL: f32 = 11.5;

pub(super) fn model_row_ui(ui: &mut Ui, cx: &ViewCx<'_>, spec: &ModelSpec) {
    let palette = theme::palette(ui);
    let is_loaded = cx.state.engine.is_loaded()
        && cx.state.engine.last_request.as_ref().is_some_and(|r| r.model == spec.path);
    let reckoned = Reckoned::new(cx.state, spec);
    Frame::new()
        .fill(if is_loaded { palette.selection } else { palette.panel })
        .corner_radius(CornerRadius::same(theme::RADIUS))
        .inner_margin(Margin::symmetric(12, 9))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = 4.0;
            row_from_right_ui(ui, 36.0, |ui| {
                row_action_ui(ui, cx, spec, reckoned.as_ref(), is_loaded);
                ui.with_layout(Layout::top_down(Align::Min), |ui| heading_ui(ui, spec));
            });
            if let Some(reckoned) = &reckoned {
                need_ui(ui, palette, reckoned);
            }
            lacks_ui(ui, palette, spec);
            details_ui(ui, spec, reckoned.as_ref());
        });
}

fn row_action_ui(
    ui: &mut Ui,
    cx: &ViewCx<'_>,
    spec: &ModelSpec,
    reckoned: Option<&Reckoned>,
    is_loaded: bool,
) {
    if is_loaded {
        if ui.button("Unload").clicked() {
            cx.send(Command::UnloadModel);
        }
        return;
    }
    let offered = spec.tasks();
    let is_any = offered.questions || offered.reconstruction;
    let can_load = is_any && spec.is_supported() && !cx.state.engine.is_loading();
    ui.add_enabled_ui(can_load, |ui| {
        let mut button =
            primary_button_ui(ui, "", "Load").accessible_name(format!("Load {}", spec.title));
        if let Some(doubt) = reckoned.and_then(Reckoned::doubt) {
            button = button.on_hover_text(doubt);
        }
        if button.clicked() {
            cx.send(Command::LoadModel(cx.state.load_request(&spec.path)));
        }
    });
}

/// Title and facts, a line each.
fn heading_ui(ui: &mut Ui, spec: &ModelSpec) {
    let palette = theme::palette(ui);
    ui.spacing_mut().item_spacing.y = 3.0;
    ui.spacing_mut().interact_size.y = 17.0;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        let title = RichText::new(&spec.title).font(egui::FontId::new(13.5, fonts::semibold()));
        ui.add(Label::new(title).truncate());
        ui.add_space(2.0);
        abilities_ui(ui, palette, spec);
    });
    let mut facts = vec![spec.name.clone()];
    facts.extend((spec.weights_bytes > 0).then(|| gigabytes(spec.weights_bytes)));
    if spec.parameters > 0 {
        facts.push(parameters_text(spec.parameters));
    }
    if !spec.languages.is_empty() {
        facts.push(spec.languages.join(", "));
    }
    facts.extend(spec.licence.clone());
    let text = RichText::new(facts.join(" · ")).size(SMALL).color(palette.faint);
    ui.add(Label::new(text).truncate());
}

fn need_ui(ui: &mut Ui, palette: &Palette, reckoned: &Reckoned) {
    let color = match reckoned.fit() {
        Some(Fit::Tight | Fit::TooLarge) => palette.warn,
        Some(Fit::Comfortable) | None => palette.dim,
    };
    ui.add(Label::new(RichText::new(reckoned.line()).size(SMALL).color(color)).wrap());
}

fn lacks_ui(ui: &mut Ui, palette: &Palette, spec: &ModelSpec) {
    if !spec.missing.is_empty() {
        let text = format!("Missing: {}", spec.missing.join(", "));
        ui.add(Label::new(RichText::new(text).size(SMALL).color(palette.warn)).wrap());
    }
    if let Some(status) = spec.reconstruction_status() {
        let text = format!("Reconstruction: {status}");
        ui.add(Label::new(RichText::new(text).size(SMALL).color(palette.faint)).wrap());
    }
}

fn abilities_ui(ui: &mut Ui, palette: &Palette, spec: &ModelSpec) {
    if !spec.is_supported() {
        badge_ui(ui, "not supported yet", palette.warn);
        return;
    }
    if spec.abilities.questions {
        badge_ui(ui, "questions", palette.ok);
    }
    if spec.abilities.several_images {
        badge_ui(ui, "several images", palette.accent);
    }
    if spec.abilities.reconstruction {
        badge_ui(ui, "reconstruction", palette.ai);
    }
}
