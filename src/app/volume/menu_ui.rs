//! The menu of the planes: on or off, how thick, what becomes of the values across.

use egui::{RichText, Ui};

use super::super::command::Command;
use super::super::theme;
use super::super::view_cx::ViewCx;
use super::super::widgets::menu_item_ui;
use crate::imaging::Projection;

/// Rows of the menu.
pub(crate) fn planes_menu_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    ui.set_min_width(250.0);
    let (state, planes) = (cx.state, &cx.state.planes);
    menu_item_ui(ui, cx, Command::TogglePlanes, Some(state.shows_planes()));
    if let Some(why) = state.cannot_show_planes() {
        let palette = theme::palette(ui);
        let text = RichText::new(why).size(12.0).color(palette.faint);
        ui.add(egui::Label::new(text).wrap());
    }
    ui.separator();
    let choices =
        [None, Some(Projection::Mean), Some(Projection::Maximum), Some(Projection::Minimum)];
    for projection in choices {
        let is_on = planes.projection == projection;
        menu_item_ui(ui, cx, Command::SetProjection(projection), Some(is_on));
    }
    ui.separator();
    for mm in [5, 10, 20, 40] {
        let is_on = planes.projection.is_some() && planes.thickness_mm.0 == mm;
        menu_item_ui(ui, cx, Command::SetSlabThickness(mm), Some(is_on));
    }
}
