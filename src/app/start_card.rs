//! What a first visitor sees: three steps, and the statement to acknowledge once.

use egui::{Align, Align2, CornerRadius, Frame, Label, Layout, Margin, RichText, Stroke, Ui, vec2};

use super::command::Command;
use super::fonts;
use super::icons;
use super::recent::{ROW_HEIGHT, recent_card_ui};
use super::studies::count;
use super::theme;
use super::view_cx::ViewCx;
use crate::vlm::Family;

const WIDTH: f32 = 500.0;
/// Of the line above recent files.
const RECENT_HEAD: f32 = 40.0;

const STATEMENT: &str = "This workbench is for research and teaching. It is not a medical device, \
    has not been evaluated for diagnosis or treatment, and its answers can be wrong while sounding \
    sure. Do not use it to make decisions about a person's care. Use data you are allowed to use. \
    Nothing leaves this computer.";

/// The card in the middle of the empty viewport.
pub(crate) fn start_card_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    let palette = theme::palette(ui);
    let rect = ui.available_rect_before_wrap();
    ui.painter().rect_filled(rect, CornerRadius::ZERO, theme::VIEWPORT);
    let base = if cx.state.settings.acknowledged.is_none() { 560.0 } else { 410.0 };
    let room = rect.height() - 32.0 - base;
    let rows = cx.state.settings.recent.len().min(rows_in(room));
    let height = if rows > 0 { base + RECENT_HEAD + ROW_HEIGHT * rows as f32 } else { base };
    let card = Align2::CENTER_CENTER
        .align_size_within_rect(vec2(WIDTH.min(rect.width() - 32.0), height), rect);
    let mut ui = ui.new_child(egui::UiBuilder::new().max_rect(card));
    Frame::new()
        .fill(palette.panel)
        .stroke(Stroke::new(1.0, palette.line))
        .corner_radius(CornerRadius::same(14))
        .inner_margin(Margin::same(24))
        .show(&mut ui, |ui| {
            ui.set_width(ui.available_width());
            ui.label(
                RichText::new("Reading Room").font(egui::FontId::new(22.0, fonts::semibold())),
            );
            let text = "Open a study, ask a model on this computer about it, see the answer \
                        beside the image.";
            ui.add(Label::new(RichText::new(text).color(palette.dim)).wrap());
            ui.add_space(10.0);
            steps_ui(ui, cx);
            if rows > 0 {
                ui.add_space(2.0);
                recent_card_ui(ui, cx, rows);
            }
            if cx.state.settings.acknowledged.is_none() {
                ui.add_space(6.0);
                statement_ui(ui, cx);
            }
        });
}

/// Recent files that fit into so much height, with the line above them.
fn rows_in(room: f32) -> usize {
    ((room - RECENT_HEAD) / ROW_HEIGHT).floor().max(0.0) as usize
}

fn steps_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    let published = || cx.state.models.iter().filter(|spec| spec.family != Family::Nano);
    let models = published().filter(|spec| spec.missing.is_empty()).count();
    let incomplete = published().count() - models;
    let has_nano = published().count() < cx.state.models.len();
    let mut found = match (models, cx.state.scanning_models) {
        (0, true) => "Looking for models…".to_owned(),
        (0, false) if has_nano => {
            "nano, a small demonstration, answers until then: what kind of image, which body part"
                .to_owned()
        }
        (0, false) => {
            "A folder of models as published: configuration, tokenizer, weights".to_owned()
        }
        (n, _) => format!("{} found", count(n, "model", "models")),
    };
    if incomplete > 0 {
        found.push_str(&format!(", {incomplete} incomplete"));
    }
    step_ui(ui, 1, models > 0, "Point to your model folder", &found, |ui| {
        if models > 0 {
            step_button_ui(ui, cx, icons::CUBE, "Choose model…", Command::ToggleModelPicker);
        }
        step_button_ui(ui, cx, icons::FOLDER_OPEN, "Choose folder…", Command::ChooseModelsFolder);
    });
    let text =
        "DICOM files or folders, ZIP archives, PNG, JPEG, TIFF — or drop them on this window";
    step_ui(ui, 2, false, "Open a study", text, |ui| {
        step_button_ui(ui, cx, icons::FOLDER_OPEN, "Open folder…", Command::OpenFolder);
        step_button_ui(ui, cx, icons::FILE_PLUS, "Open files…", Command::OpenFiles);
        step_button_ui(ui, cx, icons::BOOKS, "Open sample", Command::OpenSample);
    });
    let text = "Type a question about the slice and window you are looking at";
    step_ui(ui, 3, false, "Ask", text, |_| {});
}

fn step_ui(
    ui: &mut Ui,
    number: usize,
    is_done: bool,
    title: &str,
    text: &str,
    actions: impl FnOnce(&mut Ui),
) {
    let palette = theme::palette(ui);
    ui.with_layout(Layout::left_to_right(Align::Min), |ui| {
        ui.spacing_mut().item_spacing.x = 14.0;
        let (rect, _) = ui.allocate_exact_size(vec2(28.0, 28.0), egui::Sense::hover());
        let color = if is_done { palette.ok } else { palette.accent };
        ui.painter().circle_filled(rect.center(), 14.0, theme::wash(ui, color, 0.18));
        let (mark, font) = if is_done {
            (icons::CHECK.to_owned(), fonts::icon(15.0))
        } else {
            (number.to_string(), egui::FontId::new(13.0, fonts::semibold()))
        };
        ui.painter().text(rect.center(), Align2::CENTER_CENTER, mark, font, color);
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing = vec2(8.0, 4.0);
            ui.add_space(4.0);
            ui.label(RichText::new(title).font(egui::FontId::new(14.5, fonts::semibold())));
            ui.add(Label::new(RichText::new(text).size(12.5).color(palette.dim)).wrap());
            ui.horizontal_wrapped(actions);
            ui.add_space(10.0);
        });
    });
}

fn step_button_ui(ui: &mut Ui, cx: &ViewCx<'_>, icon: &str, label: &str, command: Command) {
    let palette = theme::palette(ui);
    let icon = RichText::new(icon).font(fonts::icon(15.0)).color(palette.dim);
    let button = egui::Button::new((icon, label)).min_size(vec2(0.0, 30.0));
    if ui.add(button).accessible_name(label).clicked() {
        cx.send(command);
    }
}

fn statement_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    let palette = theme::palette(ui);
    Frame::new()
        .fill(theme::wash(ui, palette.warn, 0.07))
        .stroke(Stroke::new(1.0, theme::faded(palette.warn, 0.35)))
        .corner_radius(CornerRadius::same(8))
        .inner_margin(Margin::same(14))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            let title = RichText::new("RESEARCH USE ONLY · 仅供研究使用");
            ui.label(title.font(egui::FontId::new(11.5, fonts::semibold())).color(palette.warn));
            ui.add(Label::new(RichText::new(STATEMENT).size(12.0).color(palette.dim)).wrap());
            let mut understood = false;
            if ui.checkbox(&mut understood, "I understand").changed() {
                cx.send(Command::Acknowledge);
            }
        });
}
