//! The bar beside a chosen region: what can be asked about it.

use egui::{Button, CornerRadius, Frame, Id, Layout, Margin, Pos2, Rect, Sense, Stroke, Ui};
use egui::{UiBuilder, pos2, vec2};

use super::super::command::Command;
use super::super::measure::{are_shown, ui_from_point};
use super::super::theme;
use super::super::view_cx::ViewCx;
use super::super::viewport_mouse::Scene;
use super::super::widgets::menu_item_ui;

const ZOOM_HINT: &str =
    "Ask about this part of the picture alone, with a little of what is around it";
const MARK_HINT: &str = "Ask about the whole picture with the region outlined in it; the outline \
    is in the model's picture only";
const ERASE_HINT: &str = "Ask the last question about this view again with the region filled with \
    the mean of the ring around it, and compare the answers";

/// Room the bar takes.
const SIZE: egui::Vec2 = vec2(292.0, 34.0);
/// From the region: its points can be taken hold of.
const GAP: f32 = 14.0;
/// Below a region its figures come first.
const BELOW: f32 = 38.0;

/// The three things to ask about the region chosen on the active viewport.
pub(crate) fn bar_ui(ui: &mut Ui, cx: &ViewCx<'_>, scene: &Scene<'_>) {
    if cx.state.active != cx.index_of(scene.viewport) || !are_shown(cx) {
        return;
    }
    let chosen = cx.state.selected_region().filter(|item| item.frame_ref == *scene.frame_ref);
    let Some(item) = chosen else { return };
    let ends = item.shape.bounds().map(|point| ui_from_point(scene.placed, point));
    let rect = place(scene.rect, Rect::from_two_pos(ends[0], ends[1]));
    // a press between two buttons is not one on the picture behind
    ui.interact(rect, Id::unique("region bar"), Sense::click_and_drag());
    let layout = Layout::left_to_right(egui::Align::Center);
    let builder = UiBuilder::new().id_salt("region bar").max_rect(rect).layout(layout);
    let mut ui = ui.new_child(builder);
    let palette = theme::palette(&ui);
    Frame::new()
        .fill(palette.raised)
        .stroke(Stroke::new(1.0, palette.line))
        .corner_radius(CornerRadius::same(theme::RADIUS))
        .inner_margin(Margin::same(3))
        .show(&mut ui, |ui| {
            ui.spacing_mut().item_spacing.x = 2.0;
            button_ui(ui, cx, Command::ZoomAsk, ZOOM_HINT);
            button_ui(ui, cx, Command::MarkAsk, MARK_HINT);
            button_ui(ui, cx, Command::EraseAsk, ERASE_HINT);
        });
}

/// Above the region, below where there is no room, and always in sight.
fn place(room: Rect, around: Rect) -> Rect {
    let room = room.shrink(6.0);
    let above = around.top() - GAP - SIZE.y;
    let top = if above >= room.top() { above } else { around.bottom() + BELOW };
    let last: Pos2 = (room.max - SIZE).max(room.min);
    Rect::from_min_size(pos2(around.left(), top).clamp(room.min, last), SIZE)
}

fn button_ui(ui: &mut Ui, cx: &ViewCx<'_>, command: Command, hint: &str) {
    let label = command.label();
    let obstacle = match command {
        Command::EraseAsk => cx.state.cannot_erase(),
        _ => None,
    };
    let button = Button::new(label).frame_when_inactive(false);
    let response = ui.add_enabled(cx.is_enabled(&command), button).accessible_name(label);
    let response = response.on_hover_text(hint);
    if response.on_disabled_hover_text(obstacle.unwrap_or_default()).clicked() {
        cx.send(command);
    }
}

/// The same as rows of a menu.
pub(crate) fn region_menu_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    for command in [Command::ZoomAsk, Command::MarkAsk, Command::EraseAsk] {
        menu_item_ui(ui, cx, command, None);
    }
    ui.separator();
    menu_item_ui(ui, cx, Command::AskSlices, None);
}
