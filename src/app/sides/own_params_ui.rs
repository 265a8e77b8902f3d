//! Parameters of one column's model, where they are not those of all.

use egui::{Frame, Margin, Popup, PopupCloseBehavior, RichText, Ui};

use super::super::command::Command;
use super::super::fonts;
use super::super::icons;
use super::super::params_ui::sampling_ui;
use super::super::theme;
use super::super::view_cx::ViewCx;
use super::super::widgets::icon_toggle_ui;
use super::state::Column;

const WIDTH: f32 = 330.0;

/// A button that opens them; it is lit while they are the model's own.
pub(super) fn own_params_button_ui(ui: &mut Ui, cx: &ViewCx<'_>, at: usize, column: &Column) {
    let name = format!("Parameters of {}", column.title);
    let response = icon_toggle_ui(ui, icons::PARAMETERS, &name, column.own.is_some());
    Popup::from_toggle_button_response(&response)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .accessible_name(&name)
        .gap(4.0)
        .frame(Frame::popup(ui.style()).inner_margin(Margin::same(14)))
        .show(|ui| {
            ui.set_width(WIDTH);
            own_params_ui(ui, cx, at, column);
        });
}

fn own_params_ui(ui: &mut Ui, cx: &ViewCx<'_>, at: usize, column: &Column) {
    let palette = theme::palette(ui);
    ui.spacing_mut().item_spacing.y = 8.0;
    let font = egui::FontId::new(15.0, fonts::semibold());
    ui.label(RichText::new(&column.title).font(font));
    let mut own = column.own.clone();
    let mut has_own = own.is_some();
    ui.checkbox(&mut has_own, "Parameters of its own");
    if has_own {
        let hint = "The answers are not compared like for like";
        ui.label(RichText::new(hint).size(11.5).color(palette.warn));
        let common = &cx.state.settings.sampling;
        sampling_ui(ui, own.get_or_insert_with(|| common.clone()));
    } else {
        own = None;
        let hint = "It is asked with the same parameters as all others";
        ui.label(RichText::new(hint).size(11.5).color(palette.faint));
    }
    if own != column.own {
        cx.send(Command::SetSideSampling { column: at, own });
    }
    ui.separator();
    let command = Command::AskSideAgain(at);
    let enabled = cx.is_enabled(&command);
    if ui.add_enabled(enabled, egui::Button::new("Answer again with these")).clicked() {
        cx.send(command);
        ui.close();
    }
}
