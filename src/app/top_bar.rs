//! Menus, the model, what computes, and the two promises: research use only, offline.

use egui::{Align, Button, CornerRadius, Layout, MenuBar, RichText, Stroke, Ui};

use super::command::Command;
use super::engine_state::ModelStatus;
use super::fonts;
use super::icons;
use super::inside::{presentations_menu_ui, segments_menu_ui};
use super::look::colors_menu_ui;
use super::measure::{measure_menu_ui, tools_menu_ui};
use super::model_picker::model_picker_ui;
use super::recent::recent_menu_ui;
use super::region::region_menu_ui;
use super::results::ResultsScreen;
use super::settings::ThemeChoice;
use super::state::{Overlays, Sheet};
use super::theme;
use super::view_cx::ViewCx;
use super::volume::planes_menu_ui;
use super::widgets::{menu_item_ui, tick_text};
use super::window_menu::window_menu_ui;

use crate::chat::transfer::Format;

/// The whole bar.
pub(crate) fn top_bar_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    MenuBar::new().ui(ui, |ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        // menu bars squeeze their buttons
        ui.spacing_mut().button_padding = egui::vec2(8.0, 4.0);
        ui.menu_button("File", |ui| file_menu_ui(ui, cx));
        ui.menu_button("View", |ui| view_menu_ui(ui, cx));
        ui.menu_button("Image", |ui| image_menu_ui(ui, cx));
        ui.menu_button("Model", |ui| model_menu_ui(ui, cx));
        ui.menu_button("Help", |ui| help_menu_ui(ui, cx));
        ui.add_space(8.0);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 8.0;
            promises_ui(ui);
            device_ui(ui, cx);
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| model_chip_ui(ui, cx));
        });
    });
}

fn promises_ui(ui: &mut Ui) {
    let palette = theme::palette(ui);
    let sealed = seal_ui(ui, icons::LOCK, "Offline", palette.ok);
    sealed.on_hover_text("Nothing leaves this computer: the program has no network code");
    let research = seal_ui(ui, "", "RESEARCH USE ONLY", palette.warn);
    research.on_hover_text("Not a medical device. Answers can be wrong while sounding sure.");
}

fn seal_ui(ui: &mut Ui, icon: &str, text: &str, color: egui::Color32) -> egui::Response {
    let ink = RichText::new(text).font(egui::FontId::new(11.0, fonts::semibold())).color(color);
    let button = if icon.is_empty() {
        Button::new(ink)
    } else {
        Button::new((RichText::new(icon).font(fonts::icon(13.0)).color(color), ink))
    };
    let button = button
        .sense(egui::Sense::hover())
        .stroke(Stroke::new(1.0, theme::faded(color, 0.45)))
        .fill(theme::wash(ui, color, 0.08))
        .corner_radius(CornerRadius::same(5));
    ui.add(button).accessible_name(text)
}

fn device_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    let palette = theme::palette(ui);
    let device = cx.state.engine.device();
    let icon = if device.starts_with("gpu") { icons::GPU } else { icons::CPU };
    let short: String = device.chars().take(44).collect();
    let text = RichText::new(short).size(11.5).color(palette.dim);
    ui.spacing_mut().item_spacing.x = 5.0;
    ui.label(text).on_hover_text("What computes the answers");
    ui.label(RichText::new(icon).font(fonts::icon(15.0)).color(palette.faint));
    ui.add_space(8.0);
}

/// The model with its state; opens the list.
fn model_chip_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    let palette = theme::palette(ui);
    let engine = &cx.state.engine;
    let (color, text, aside) = match &engine.model {
        ModelStatus::Unloaded => (palette.faint, "No model loaded".to_owned(), String::new()),
        ModelStatus::Loading(loading) => {
            let percent = loading.fraction().map(|share| format!("{:.0} %", share * 100.0));
            (palette.accent, format!("Loading {}", loading.title), percent.unwrap_or_default())
        }
        ModelStatus::Ready(info) => (palette.ok, info.title.clone(), info.precision.clone()),
        ModelStatus::Lost(info) => (palette.warn, info.title.clone(), "to be reloaded".to_owned()),
        ModelStatus::Failed(_) => (palette.bad, "Model not loaded".to_owned(), String::new()),
    };
    let dot = RichText::new(icons::CUBE).font(fonts::icon(15.0)).color(color);
    let aside = RichText::new(aside).size(11.5).color(palette.faint);
    let caret = RichText::new(icons::CARET_DOWN).font(fonts::icon(11.0)).color(palette.faint);
    let ink = RichText::new(text.clone()).color(palette.text);
    let button = Button::new((dot, ink, aside, caret))
        .fill(palette.raised)
        .stroke(Stroke::new(1.0, palette.line))
        .corner_radius(CornerRadius::same(theme::RADIUS));
    let response = ui
        .scope(|ui| {
            // menu bars strip fills from buttons; this one is no menu
            ui.spacing_mut().button_padding = egui::vec2(10.0, 4.0);
            ui.add(button)
        })
        .inner
        .accessible_name(format!("Model: {text}"));
    if response.clicked() {
        cx.send(Command::ToggleModelPicker);
    }
    model_picker_ui(ui, cx, &response);
}

fn file_menu_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    ui.set_min_width(240.0);
    menu_item_ui(ui, cx, Command::OpenFiles, None);
    menu_item_ui(ui, cx, Command::OpenFolder, None);
    ui.menu_button("Open recent", |ui| recent_menu_ui(ui, cx));
    menu_item_ui(ui, cx, Command::OpenSample, None);
    ui.separator();
    menu_item_ui(ui, cx, Command::OpenTraining, None);
    menu_item_ui(ui, cx, Command::OpenEvaluation, None);
    ui.separator();
    ui.menu_button("Export chat", |ui| export_menu_ui(ui, cx));
    menu_item_ui(ui, cx, Command::ImportChat, None);
    ui.separator();
    menu_item_ui(ui, cx, Command::ExportDocument(0), None);
    menu_item_ui(ui, cx, Command::ExportView, None);
    menu_item_ui(ui, cx, Command::ExportSeries, None);
    menu_item_ui(ui, cx, Command::ExportDeidentified, None);
    menu_item_ui(ui, cx, Command::CloseActiveStudy, None);
    ui.separator();
    menu_item_ui(ui, cx, Command::Quit, None);
}

/// The three forms of a file.
pub(crate) fn export_menu_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    ui.set_min_width(220.0);
    for format in [Format::Markdown, Format::Html, Format::Json] {
        menu_item_ui(ui, cx, Command::ExportChat(format), None);
    }
}

fn view_menu_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    ui.set_min_width(280.0);
    let state = cx.state;
    let n = state.viewports.len();
    menu_item_ui(ui, cx, Command::SetViewports(1), Some(n == 1));
    menu_item_ui(ui, cx, Command::SetViewports(2), Some(n == 2));
    menu_item_ui(ui, cx, Command::SetViewports(4), Some(n == 4));
    menu_item_ui(ui, cx, Command::ToggleLink, Some(state.are_linked));
    ui.separator();
    for screen in [ResultsScreen::Training, ResultsScreen::Evaluation] {
        let is_on = state.results.shown == Some(screen);
        menu_item_ui(ui, cx, Command::ToggleResults(screen), Some(is_on));
    }
    ui.separator();
    menu_item_ui(ui, cx, Command::ToggleLeftPanel, Some(state.settings.left_open));
    menu_item_ui(ui, cx, Command::ToggleChatPanel, Some(state.settings.right_open));
    menu_item_ui(ui, cx, Command::CycleOverlays, Some(state.overlays != Overlays::Off));
    menu_item_ui(ui, cx, Command::TogglePrivacy, Some(state.settings.privacy));
    ui.separator();
    let palette = theme::palette(ui);
    ui.menu_button((tick_text(palette, false), "Theme"), |ui| {
        for theme in [ThemeChoice::Dark, ThemeChoice::Light, ThemeChoice::System] {
            menu_item_ui(ui, cx, Command::SetTheme(theme), Some(state.settings.theme == theme));
        }
    });
    ui.menu_button((tick_text(palette, false), "Scale"), |ui| {
        for percent in [80, 90, 100, 110, 125, 150, 175, 200] {
            let scale = percent as f32 / 100.0;
            let is_on = (state.settings.ui_scale - scale).abs() < 0.01;
            if ui.add(Button::selectable(is_on, format!("{percent} %"))).clicked() {
                cx.send(Command::SetScale(scale));
                ui.close();
            }
        }
    });
    menu_item_ui(ui, cx, Command::ToggleFullScreen, Some(state.full_screen));
}

fn image_menu_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    ui.set_min_width(250.0);
    let viewport = cx.state.active_viewport();
    ui.add_enabled_ui(viewport.place.is_some() && cx.state.has_viewports(), |ui| {
        ui.menu_button("Window", |ui| window_menu_ui(ui, cx, viewport));
    });
    menu_item_ui(ui, cx, Command::Invert, Some(viewport.view.inverted));
    ui.menu_button("Colours", |ui| colors_menu_ui(ui, cx));
    ui.menu_button("Planes", |ui| planes_menu_ui(ui, cx));
    ui.separator();
    menu_item_ui(ui, cx, Command::ToggleCine, Some(cx.state.is_playing()));
    for command in [true, false].map(|faster| Command::ChangeCineRate { faster }) {
        menu_item_ui(ui, cx, command, None);
    }
    ui.separator();
    ui.menu_button("Tool", |ui| tools_menu_ui(ui, cx));
    ui.menu_button("Measurements", |ui| measure_menu_ui(ui, cx));
    ui.menu_button("Region", |ui| region_menu_ui(ui, cx));
    ui.menu_button("Key images", |ui| key_images_menu_ui(ui, cx));
    ui.menu_button("Presentation states", |ui| presentations_menu_ui(ui, cx));
    ui.menu_button("Segmentations", |ui| segments_menu_ui(ui, cx));
    menu_item_ui(ui, cx, Command::ToggleSheet(Sheet::Tags), None);
    ui.separator();
    for command in
        [Command::FlipHorizontal, Command::FlipVertical, Command::Rotate(-1), Command::Rotate(1)]
    {
        menu_item_ui(ui, cx, command, None);
    }
    ui.separator();
    for command in [
        Command::Fit,
        Command::ActualSize,
        Command::ZoomBy(1.25),
        Command::ZoomBy(0.8),
        Command::ResetView,
    ] {
        menu_item_ui(ui, cx, command, None);
    }
    menu_item_ui(ui, cx, Command::ToggleInterpolation, Some(!cx.state.settings.nearest));
    menu_item_ui(ui, cx, Command::ToggleEye, Some(cx.state.eye.is_on));
    ui.separator();
    menu_item_ui(ui, cx, Command::Undo, None);
    menu_item_ui(ui, cx, Command::Redo, None);
}

fn key_images_menu_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    ui.set_min_width(240.0);
    let place = cx.state.active_viewport().place.as_ref();
    let is_key = place.is_some_and(|place| cx.state.key_images.is_key(place));
    menu_item_ui(ui, cx, Command::ToggleKeyImage, Some(is_key));
    menu_item_ui(ui, cx, Command::StepKeyImage(1), None);
    menu_item_ui(ui, cx, Command::StepKeyImage(-1), None);
    menu_item_ui(ui, cx, Command::ToggleKeyOnly, Some(cx.state.key_images.only));
    ui.separator();
    menu_item_ui(ui, cx, Command::ExportKeyImages, None);
    menu_item_ui(ui, cx, Command::ExportKeyPictures, None);
}

fn model_menu_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    ui.set_min_width(240.0);
    menu_item_ui(ui, cx, Command::ToggleModelPicker, None);
    menu_item_ui(ui, cx, Command::UnloadModel, None);
    menu_item_ui(ui, cx, Command::CancelLoad, None);
    ui.separator();
    menu_item_ui(ui, cx, Command::AskAboutView, None);
    let reconstruct = Command::Reconstruct { request: String::new(), again_of: None };
    menu_item_ui(ui, cx, reconstruct, None);
    menu_item_ui(ui, cx, Command::RegenerateLast, None);
    menu_item_ui(ui, cx, Command::ToggleTint, Some(cx.state.has_tint));
    let by_model = Some(cx.state.settings.sides_by_model);
    menu_item_ui(ui, cx, Command::ToggleSidesByModel, by_model);
    menu_item_ui(ui, cx, Command::StopAnswer, None);
    menu_item_ui(ui, cx, Command::NewChat, None);
    ui.separator();
    menu_item_ui(ui, cx, Command::OpenModelsFolder, None);
}

fn help_menu_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    ui.set_min_width(220.0);
    menu_item_ui(ui, cx, Command::ToggleSheet(Sheet::Shortcuts), None);
    menu_item_ui(ui, cx, Command::OpenSample, None);
    ui.separator();
    menu_item_ui(ui, cx, Command::ToggleSheet(Sheet::About), None);
}
