//! The lines of the other planes, and the mouse that moves them.

use egui::{Color32, CursorIcon, PointerButton, Rect, Stroke, Ui, pos2, vec2};

use super::super::command::Command;
use super::super::measure::Tool;
use super::super::state::Overlays;
use super::super::theme;
use super::super::view_cx::ViewCx;
use super::super::viewport::Viewport;
use super::super::viewport_mouse::Scene;
use crate::imaging::Plane;

/// How a plane is known on the screen.
fn color_of(plane: Option<Plane>) -> Color32 {
    match plane {
        Some(Plane::Axial) => theme::OVERLAY_AXIAL,
        Some(Plane::Coronal) => theme::OVERLAY_CORONAL,
        Some(Plane::Sagittal) => theme::OVERLAY_SAGITTAL,
        Some(Plane::Oblique) | None => theme::OVERLAY_ACCENT,
    }
}

/// Where other slices cut this one.
pub(crate) fn reference_lines_ui(ui: &Ui, cx: &ViewCx<'_>, scene: &Scene<'_>) {
    if cx.state.viewports.len() < 2 || cx.state.overlays == Overlays::Off {
        return;
    }
    let painter = ui.painter_at(scene.rect);
    for (ends, plane) in cx.state.reference_lines(scene.place) {
        let at = |[x, y]: [f64; 2]| {
            // a pixel's centre is half a pixel from its corner
            scene.placed.ui_from_image(pos2(x as f32 + 0.5, y as f32 + 0.5))
        };
        let stroke = Stroke::new(1.2, theme::faded(color_of(plane), 0.85));
        painter.line_segment(ends.map(at), stroke);
    }
}

/// The colour of a plane's lines, along the top of its own viewport.
pub(crate) fn plane_edge_ui(ui: &Ui, cx: &ViewCx<'_>, viewport: &Viewport, rect: Rect) {
    let Some(place) = &viewport.place else { return };
    if !cx.state.studies.is_plane(place) {
        return;
    }
    let plane = cx.state.shown_series(place).and_then(|(_, series)| series.plane);
    let edge = Rect::from_min_size(rect.min, vec2(rect.width(), 3.0));
    ui.painter().rect_filled(edge, 0.0, color_of(plane));
}

/// Moves the crosshair with its tool, or with Shift over the picture; says whether it did.
pub(crate) fn crosshair_ui(ui: &Ui, cx: &ViewCx<'_>, scene: &Scene<'_>) -> bool {
    let response = scene.response;
    let (shift, any_down, moved) = ui.input(|i| {
        (i.modifiers.shift, i.pointer.any_down(), i.pointer.delta() != egui::Vec2::ZERO)
    });
    let is_tool = cx.state.tool == Tool::Crosshair && !shift;
    let is_pressed = response.dragged_by(PointerButton::Primary) || response.clicked();
    let is_hovering = shift && !any_down && moved && response.hovered();
    if !cx.state.shows_planes() || cx.state.studies.volume_of(scene.place).is_none() {
        return false;
    }
    if is_tool && response.hovered() {
        ui.ctx().set_cursor_icon(CursorIcon::Crosshair);
    }
    let is_meant = is_hovering || (is_tool && is_pressed);
    if !is_meant {
        return false;
    }
    let pos = response.interact_pointer_pos().or_else(|| response.hover_pos());
    let Some(pos) = pos.map(|pos| scene.placed.image_from_ui(pos)) else { return false };
    let geometry = &scene.loaded.frame.info().geometry;
    let at = [f64::from(pos.x) - 0.5, f64::from(pos.y) - 0.5];
    if let Some(to_mm) = geometry.point_mm(at) {
        cx.send(Command::MoveCrosshair { from: cx.index_of(scene.viewport), to_mm });
    }
    true
}
