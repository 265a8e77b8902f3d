//! The star over a key image, and where the others are along the scrollbar.

use egui::{Align2, Id, Painter, Rect, Role, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

use super::super::fonts;
use super::super::icons;
use super::super::state::Overlays;
use super::super::theme;
use super::super::view_cx::ViewCx;
use super::super::viewport::Place;

/// Beside the letter at the upper edge.
const OFF: egui::Vec2 = vec2(34.0, 10.0);
const SIZE: f32 = 18.0;

/// Over the slice at a place.
pub(crate) fn key_mark_ui(ui: &Ui, cx: &ViewCx<'_>, place: &Place, rect: Rect, id: usize) {
    if cx.state.overlays == Overlays::Off || !cx.state.key_images.is_key(place) {
        return;
    }
    let at = rect.center_top() + OFF;
    let painter = ui.painter_at(rect);
    for (offset, color) in [(1.0, theme::OVERLAY_SHADOW), (0.0, theme::OVERLAY_KEY)] {
        let at = at + vec2(offset, offset);
        painter.text(at, Align2::CENTER_TOP, icons::STAR, fonts::icon(SIZE), color);
    }
    let place = Rect::from_center_size(at + vec2(0.0, SIZE / 2.0), vec2(SIZE, SIZE));
    let response = ui.interact(place, Id::unique(("key image", id)), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::GraphicsSymbol, true, "Key image"));
}

/// A tick for every key image of a series of so many slices; the handle has this height.
pub(crate) fn key_ticks_ui(
    painter: &Painter,
    cx: &ViewCx<'_>,
    place: &Place,
    track: Rect,
    (num_frames, handle_height): (usize, f32),
) {
    let travel = track.height() - handle_height;
    for frame_idx in cx.state.key_images.in_series(place) {
        let share = frame_idx as f32 / (num_frames - 1).max(1) as f32;
        let y = track.top() + handle_height / 2.0 + travel * share;
        let ends = [pos2(track.left() + 1.0, y), pos2(track.right() - 1.0, y)];
        painter.line_segment(ends, Stroke::new(2.0, theme::OVERLAY_KEY));
    }
}
