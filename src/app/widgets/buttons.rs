//! Buttons: an icon with a name, a menu row with its keys.

use egui::{Align, Button, Layout, Response, RichText, Ui, vec2};

use super::super::command::Command;
use super::super::fonts;
use super::super::theme;
use super::super::view_cx::ViewCx;

const ICON_SIZE: f32 = 17.0;

/// A quiet square button; its name is its tooltip and what screen readers say.
pub(crate) fn icon_button_ui(ui: &mut Ui, icon: &str, name: &str) -> Response {
    icon_toggle_ui(ui, icon, name, false)
}

/// The same, drawn as chosen while `is_on`.
pub(crate) fn icon_toggle_ui(ui: &mut Ui, icon: &str, name: &str, is_on: bool) -> Response {
    let palette = theme::palette(ui);
    let color = if is_on { palette.accent } else { palette.dim };
    let text = RichText::new(icon).font(fonts::icon(ICON_SIZE)).color(color);
    let button = Button::new(text).frame_when_inactive(false).min_size(vec2(28.0, 28.0));
    let response = ui
        .scope(|ui| {
            ui.spacing_mut().button_padding = vec2(5.0, 3.0);
            ui.add(button)
        })
        .inner;
    response.on_hover_text(name).accessible_name(name)
}

/// An icon that asks for a command and knows its keys and whether it applies.
pub(crate) fn command_icon_ui(
    ui: &mut Ui,
    cx: &ViewCx<'_>,
    icon: &str,
    command: Command,
    is_on: bool,
) -> Response {
    let label = command.label().trim_end_matches('…');
    let response = ui
        .add_enabled_ui(cx.is_enabled(&command), |ui| {
            let response = icon_toggle_ui_with_keys(ui, icon, label, &command, is_on);
            response.accessible_name(label)
        })
        .inner;
    if response.clicked() {
        cx.send(command);
    }
    response
}

fn icon_toggle_ui_with_keys(
    ui: &mut Ui,
    icon: &str,
    label: &str,
    command: &Command,
    is_on: bool,
) -> Response {
    match command.shortcut() {
        Some(keys) => {
            let keys = ui.ctx().format_shortcut(&keys);
            icon_toggle_ui(ui, icon, &format!("{label}  {keys}"), is_on)
        }
        None => icon_toggle_ui(ui, icon, label, is_on),
    }
}

/// A row of one line that is filled from its right end.
pub(crate) fn row_from_right_ui<R>(ui: &mut Ui, height: f32, add: impl FnOnce(&mut Ui) -> R) -> R {
    let size = vec2(ui.available_width(), height);
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), add).inner
}

/// What is left of such a row, filled from its left end.
pub(crate) fn rest_of_row_ui<R>(ui: &mut Ui, add: impl FnOnce(&mut Ui) -> R) -> R {
    ui.with_layout(Layout::left_to_right(Align::Center), add).inner
}

/// A row of a menu, with a tick while `is_on`.
pub(crate) fn menu_item_ui(ui: &mut Ui, cx: &ViewCx<'_>, command: Command, is_on: Option<bool>) {
    let palette = theme::palette(ui);
    let label = command.label();
    let mut button = match is_on {
        Some(is_on) => Button::new((tick_text(palette, is_on), label)),
        None => Button::new(label),
    };
    if let Some(keys) = command.shortcut() {
        button = button.shortcut_text(ui.ctx().format_shortcut(&keys));
    }
    let response = ui.add_enabled(cx.is_enabled(&command), button).accessible_name(label);
    if response.clicked() {
        cx.send(command);
        ui.close();
    }
}

/// A tick, or the room one takes.
pub(crate) fn tick_text(palette: &theme::Palette, is_on: bool) -> RichText {
    let color = if is_on { palette.accent } else { egui::Color32::TRANSPARENT };
    RichText::new(super::super::icons::CHECK).font(fonts::icon(13.0)).color(color)
}

/// The one button of a place that is meant to be pressed.
pub(crate) fn primary_button_ui(ui: &mut Ui, icon: &str, label: &str) -> Response {
    let palette = theme::palette(ui);
    let ink = if ui.is_enabled() { palette.on_accent } else { palette.faint };
    let fill = if ui.is_enabled() { palette.accent } else { palette.hover };
    let text = RichText::new(label).color(ink);
    let button = if icon.is_empty() {
        Button::new(text)
    } else {
        Button::new((RichText::new(icon).font(fonts::icon(15.0)).color(ink), text))
    };
    ui.add(button.fill(fill).min_size(vec2(0.0, 30.0))).accessible_name(label)
}
