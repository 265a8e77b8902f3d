//! Tools above the viewports.

use egui::{Align, Button, Layout, Popup, RichText, Ui};

use super::command::Command;
use super::fonts;
use super::icons;
use super::run_chat::window_label;
use super::state::Overlays;
use super::studies::series_name;
use super::theme;
use super::view_cx::ViewCx;
use super::widgets::command_icon_ui;
use super::window_menu::window_menu_ui;

/// Less room than this is left to the tools.
const ROOM_FOR_TITLE: f32 = 60.0;
/// In a bar narrower than this the window is named without its numbers, which overlays show too.
const ROOM_FOR_NUMBERS: f32 = 500.0;

/// The whole bar.
pub(crate) fn toolbar_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        window_button_ui(ui, cx);
        gap_ui(ui);
        let view = &cx.state.active_viewport().view;
        command_icon_ui(ui, cx, icons::INVERT, Command::Invert, view.inverted);
        command_icon_ui(ui, cx, icons::FLIP_H, Command::FlipHorizontal, false);
        command_icon_ui(ui, cx, icons::FLIP_V, Command::FlipVertical, false);
        command_icon_ui(ui, cx, icons::ROTATE_CW, Command::Rotate(1), false);
        gap_ui(ui);
        command_icon_ui(ui, cx, icons::FIT, Command::Fit, view.transform.zoom.is_none());
        command_icon_ui(ui, cx, icons::RESET, Command::ResetView, false);
        gap_ui(ui);
        let n = cx.state.viewports.len();
        command_icon_ui(ui, cx, icons::SQUARE, Command::SetViewports(1), n == 1);
        command_icon_ui(ui, cx, icons::COLUMNS, Command::SetViewports(2), n == 2);
        command_icon_ui(ui, cx, icons::FOUR, Command::SetViewports(4), n == 4);
        let shows_planes = cx.state.shows_planes();
        let planes = command_icon_ui(ui, cx, icons::STACK, Command::TogglePlanes, shows_planes);
        if let Some(why) = cx.state.cannot_show_planes() {
            planes.on_disabled_hover_text(why);
        }
        command_icon_ui(ui, cx, icons::LINK, Command::ToggleLink, cx.state.are_linked);
        let is_playing = cx.state.is_playing();
        let cine = if is_playing { icons::PAUSE } else { icons::CONTINUE };
        command_icon_ui(ui, cx, cine, Command::ToggleCine, is_playing);
        gap_ui(ui);
        let overlays = cx.state.overlays != Overlays::Off;
        command_icon_ui(ui, cx, icons::TEXT, Command::CycleOverlays, overlays);
        command_icon_ui(ui, cx, icons::EYE, Command::ToggleEye, cx.state.eye.is_on);
        if ui.available_width() > ROOM_FOR_TITLE {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| series_ui(ui, cx));
        }
    });
}

fn gap_ui(ui: &mut Ui) {
    let palette = theme::palette(ui);
    let (rect, _) = ui.allocate_exact_size(egui::vec2(13.0, 18.0), egui::Sense::hover());
    ui.painter().vline(rect.center().x, rect.y_range(), egui::Stroke::new(1.0, palette.line));
}

fn window_button_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    let palette = theme::palette(ui);
    let viewport = cx.state.active_viewport();
    let place = viewport.place.as_ref();
    let loaded = place.and_then(|place| cx.state.frames.loaded(&cx.state.frame_ref(place)?));
    let is_colour = loaded.as_ref().is_some_and(|loaded| !loaded.frame.is_monochrome());
    let name =
        if is_colour { "Colour".to_owned() } else { viewport.view.window_name(loaded.as_ref()) };
    let numbers = loaded
        .as_ref()
        .filter(|_| !is_colour && ui.available_width() > ROOM_FOR_NUMBERS)
        .map(|loaded| window_label(&viewport.view.grayscale(loaded)))
        .unwrap_or_default();
    let numbers = RichText::new(numbers).monospace().size(11.5).color(palette.dim);
    let caret = RichText::new(icons::CARET_DOWN).font(fonts::icon(11.0)).color(palette.faint);
    let response = ui
        .add_enabled_ui(place.is_some() && !is_colour, |ui| {
            ui.add(Button::new((name, numbers, caret)).gap(8.0).fill(palette.raised))
        })
        .inner
        .accessible_name("Window");
    Popup::menu(&response).show(|ui| window_menu_ui(ui, cx, viewport));
}

fn series_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    let Some(place) = &cx.state.active_viewport().place else { return };
    let Some((open, series)) = cx.state.shown_series(place) else { return };
    let palette = theme::palette(ui);
    let title = open.title(cx.state.settings.privacy);
    let text = format!("{title} · {}", series_name(series, cx.state.settings.privacy));
    ui.add(egui::Label::new(RichText::new(text).size(12.0).color(palette.dim)).truncate());
}
