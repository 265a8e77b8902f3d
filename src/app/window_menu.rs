//! The choice of windows: the file's own, automatic, presets by modality.

use egui::{Button, RichText, Ui};

use super::command::Command;
use super::theme;
use super::view_cx::ViewCx;
use super::widgets::tick_text;
use super::viewport::{Viewport, WindowMode, number, presets};
use crate::imaging::VoiLut;

/// Rows of the menu.
pub(crate) fn window_menu_ui(ui: &mut Ui, cx: &ViewCx<'_>, viewport: &Viewport) {
    ui.set_min_width(250.0);
    let Some(place) = &viewport.place else { return };
    let Some((_, series)) = cx.state.shown_series(place) else { return };
    let loaded = cx.state.frame_ref(place).and_then(|frame_ref| cx.state.frames.loaded(&frame_ref));
    row_ui(ui, cx, viewport, WindowMode::Auto, "Auto", "0.1–99.9 %", Some('0'));
    let choices = loaded.as_ref().map(|loaded| loaded.frame.voi_choices()).unwrap_or_default();
    if choices.is_empty() {
        row_ui(ui, cx, viewport, WindowMode::File(0), "Full range", "", Some('1'));
    }
    for (idx, choice) in choices.iter().enumerate() {
        let numbers = match &choice.voi_lut {
            VoiLut::Window(window) => numbers(window.width, window.center),
            VoiLut::Table(_) => "table".to_owned(),
            VoiLut::Range { .. } => String::new(),
        };
        let key = (idx == 0).then_some('1');
        row_ui(ui, cx, viewport, WindowMode::File(idx), &choice.name, &numbers, key);
    }
    let presets = presets(&series.modality);
    if !presets.is_empty() {
        ui.separator();
    }
    for preset in presets {
        let numbers = numbers(preset.width, preset.center);
        row_ui(ui, cx, viewport, WindowMode::Preset(preset), preset.name, &numbers, preset.key);
    }
}

fn numbers(width: f64, center: f64) -> String {
    format!("{} / {}", number(width), number(center))
}

fn row_ui(
    ui: &mut Ui,
    cx: &ViewCx<'_>,
    viewport: &Viewport,
    mode: WindowMode,
    name: &str,
    numbers: &str,
    key: Option<char>,
) {
    let palette = theme::palette(ui);
    let is_on = viewport.view.window == mode;
    let key = key.map(String::from).unwrap_or_default();
    let right = RichText::new(format!("{numbers}   {key:>1}")).monospace().size(11.0);
    let button = Button::new((tick_text(palette, is_on), name)).shortcut_text(right.color(palette.faint));
    if ui.add(button).accessible_name(name).clicked() {
        cx.send(Command::SetWindow(mode));
        ui.close();
    }
}
