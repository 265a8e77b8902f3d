//! The choice of colours for grey levels.

use egui::{RichText, Ui};

use super::super::command::Command;
use super::super::theme;
use super::super::view_cx::ViewCx;
use super::super::widgets::menu_item_ui;
use crate::imaging::ColorMap;

/// Rows of the menu.
pub(crate) fn colors_menu_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    ui.set_min_width(230.0);
    let chosen = cx.state.active_viewport().view.color_map;
    for map in ColorMap::ALL {
        menu_item_ui(ui, cx, Command::SetColorMap(map), Some(chosen == map));
    }
    let palette = theme::palette(ui);
    let text = RichText::new("For your eye alone: a model is given the grey picture.");
    ui.add(egui::Label::new(text.size(12.0).color(palette.faint)).wrap());
}
