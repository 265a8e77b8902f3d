//! Painting, zooming and moving the pictures of a comparison, all alike.

use std::sync::Arc;

use egui::{
    Align2, Color32, CursorIcon, Id, Key, Painter, PointerButton, Rect, Role, Sense, Stroke, Ui,
    WidgetInfo, pos2, vec2,
};

use super::super::fonts;
use super::super::icons;
use super::super::theme;
use super::super::view_cx::ViewCx;
use super::super::view_transform::{Placed, ViewTransform};
use super::super::viewport_ui::paint_picture;
use super::ComparePanel;
use crate::imaging::DisplayImage;

const SQUARES_FROM_ZOOM: f32 = 4.0;

/// Zoom and move, of all pictures at once; the picture is known by `name`.
pub(crate) fn look_ui(ui: &Ui, panel: &mut ComparePanel, inner: Rect, name: &str) {
    look_in_ui(ui, panel, (inner, inner), name);
}

/// The same where only a part of the pane shows this picture.
pub(crate) fn look_in_ui(
    ui: &Ui,
    panel: &mut ComparePanel,
    (part, inner): (Rect, Rect),
    name: &str,
) {
    let id = ui.scope_id().with(("pane", name));
    let response = ui.interact(part, id, Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, name));
    let pans =
        response.dragged_by(PointerButton::Primary) || response.dragged_by(PointerButton::Middle);
    if pans {
        ui.ctx().set_cursor_icon(CursorIcon::Grabbing);
        panel.pan += response.drag_delta();
    }
    if response.double_clicked() {
        panel.fit();
    }
    if let Some(pos) = response.hover_pos() {
        panel.zoom_by(zoom_factor(ui), pos - inner.center());
    }
}

fn zoom_factor(ui: &Ui) -> f32 {
    ui.input(|i| {
        let notches: f32 = i
            .events
            .iter()
            .map(|event| match event {
                egui::Event::MouseWheel { unit, delta, .. } => match unit {
                    egui::MouseWheelUnit::Line => delta.y,
                    egui::MouseWheelUnit::Point => delta.y / 40.0,
                    egui::MouseWheelUnit::Page => delta.y * 10.0,
                },
                _ => 0.0,
            })
            .sum();
        1.15_f32.powf(notches) * i.multi_touch().map_or(1.0, |touch| touch.zoom_delta)
    })
}

/// The line between two pictures that are swiped, to drag or to move with the arrow keys.
pub(crate) fn divider_ui(ui: &Ui, panel: &mut ComparePanel, inner: Rect) {
    let x = inner.left() + inner.width() * panel.divider;
    let rect = Rect::from_center_size(pos2(x, inner.center().y), vec2(18.0, inner.height()));
    let response = ui.interact(rect, Id::unique("swipe divider"), Sense::click_and_drag());
    let share = f64::from(panel.divider);
    response.widget_info(|| WidgetInfo::slider(true, share, "Divider"));
    if response.hovered() || response.dragged() {
        ui.ctx().set_cursor_icon(CursorIcon::ResizeHorizontal);
    }
    if let Some(pos) = response.interact_pointer_pos().filter(|_| response.dragged()) {
        panel.divider = ((pos.x - inner.left()) / inner.width().max(1.0)).clamp(0.0, 1.0);
    }
    if response.has_focus() {
        let steps = ui.input(|i| {
            i.num_presses(Key::ArrowRight) as f32 - i.num_presses(Key::ArrowLeft) as f32
        });
        panel.divider = (panel.divider + steps * 0.02).clamp(0.0, 1.0);
    }
    let painter = ui.painter_at(inner);
    let is_lit = response.hovered() || response.dragged() || response.has_focus();
    let color = if is_lit { theme::OVERLAY_ACCENT } else { theme::OVERLAY };
    painter.vline(x, inner.y_range(), Stroke::new(2.0, color));
    let middle = pos2(x, inner.center().y);
    painter.circle(middle, 12.0, theme::OVERLAY_SHADOW, Stroke::new(2.0, color));
    for (side, icon) in [(-6.0, icons::CARET_LEFT), (6.0, icons::CARET_RIGHT)] {
        let at = middle + vec2(side, 0.0);
        painter.text(at, Align2::CENTER_CENTER, icon, fonts::icon(11.0), color);
    }
}

/// Paints a picture into a pane and says where it came to lie.
pub(crate) fn paint(
    ui: &Ui,
    cx: &ViewCx<'_>,
    panel: &ComparePanel,
    inner: Rect,
    picture: (&Arc<DisplayImage>, f32),
) -> Rect {
    paint_with(ui, cx, panel, (&ui.painter_at(inner), inner), picture)
}

/// The same with a painter that may clip more.
pub(crate) fn paint_with(
    ui: &Ui,
    cx: &ViewCx<'_>,
    panel: &ComparePanel,
    (painter, inner): (&Painter, Rect),
    (image, opacity): (&Arc<DisplayImage>, f32),
) -> Rect {
    let placed = placed(ui, panel, inner, image);
    let squares = cx.state.settings.nearest || placed.zoom >= SQUARES_FROM_ZOOM;
    let texture = cx.textures.picture_as(ui.ctx(), image, squares);
    paint_picture(painter, &texture, &placed, theme::faded(Color32::WHITE, opacity));
    corners(&placed)
}

/// How a picture is placed in its pane.
pub(crate) fn placed(ui: &Ui, panel: &ComparePanel, inner: Rect, image: &DisplayImage) -> Placed {
    let size = vec2(image.width as f32, image.height as f32);
    let place =
        |transform: ViewTransform| transform.place(inner, size, 1.0, ui.ctx().pixels_per_point());
    let zoom = Some(place(ViewTransform::default()).zoom * panel.zoom);
    place(ViewTransform { zoom, pan: panel.pan, ..ViewTransform::default() })
}

/// Where it lies on the screen.
pub(crate) fn corners(placed: &Placed) -> Rect {
    let [top_left, _, bottom_right, _] = placed.corners_in_ui();
    Rect::from_min_max(top_left, bottom_right)
}
