//! The choice of windows: the file's own, automatic, presets by modality.

use egui::{Button, RichText, Ui};

use super::command::Command;
use super::theme;
use super::view_cx::ViewCx;
use super::viewport::{Viewport, WindowMode, number, presets};
use super::widgets::tick_text;
use crate::imaging::VoiLut;

/// Rows of the menu.
pub(crate) fn window_menu_ui(ui: &mut Ui, cx: &ViewCx<'_>, viewport: &Viewport) {
    ui.set_min_width(250.0);
    let Some(place) = &viewport.place else { return };
    let Some((_, series)) = cx.state.shown_series(place) else { return };
    let loaded = cx.state.frame_ref(place).and_then(|frame_ref| cx.state.frames.loaded(&frame_ref));
    let row = |ui: &mut Ui, mode: WindowMode, name: &str, numbers: String, key| {
        let is_on = viewport.view.window == mode;
        row_ui(ui, cx, is_on, mode, name, &Aside { numbers, key });
    };
    row(ui, WindowMode::Auto, "Auto", "0.1–99.9 %".to_owned(), Some('0'));
    let choices = loaded.as_ref().map(|loaded| loaded.frame.voi_choices()).unwrap_or_default();
    if choices.is_empty() {
        row(ui, WindowMode::File(0), "Full range", String::new(), Some('1'));
    }
    for (idx, choice) in choices.iter().enumerate() {
        let numbers = match &choice.voi_lut {
            VoiLut::Window(window) => numbers(window.width, window.center),
            VoiLut::Table(_) => "table".to_owned(),
            VoiLut::Range { .. } => String::new(),
        };
        row(ui, WindowMode::File(idx), &choice.name, numbers, (idx == 0).then_some('1'));
    }
    let presets = presets(&series.modality);
    if !presets.is_empty() {
        ui.separator();
    }
    for preset in presets {
        let numbers = numbers(preset.width, preset.center);
        row(ui, WindowMode::Preset(preset), preset.name, numbers, preset.key);
    }
}

fn numbers(width: f64, center: f64) -> String {
    format!("{} / {}", number(width), number(center))
}

/// What stands at the right of a row.
struct Aside {
    numbers: String,
    key: Option<char>,
}

fn row_ui(ui: &mut Ui, cx: &ViewCx<'_>, is_on: bool, mode: WindowMode, name: &str, aside: &Aside) {
    let palette = theme::palette(ui);
    let key = aside.key.map(String::from).unwrap_or_default();
    let right = RichText::new(format!("{}   {key:>1}", aside.numbers)).monospace().size(11.0);
    let button =
        Button::new((tick_text(palette, is_on), name)).shortcut_text(right.color(palette.faint));
    if ui.add(button).accessible_name(name).clicked() {
        cx.send(Command::SetWindow(mode));
        ui.close();
    }
}
