//! The mouse over a picture: window, zoom, position, slices.

use std::sync::Arc;

use egui::{CursorIcon, PointerButton, Rect, Response, Ui, Vec2};

use super::command::Command;
use super::frames::LoadedFrame;
use super::measure::Tool;
use super::view_cx::ViewCx;
use super::view_transform::Placed;
use super::viewport::{Place, Viewport, WindowMode, dragged_window, window_step};
use super::volume::crosshair_ui;
use crate::imaging::FrameRef;

const ZOOM_PER_POINT: f32 = 1.006;

/// A picture in its place, and the mouse over it.
pub(crate) struct Scene<'a> {
    pub(crate) viewport: &'a Viewport,
    pub(crate) response: &'a Response,
    pub(crate) rect: Rect,
    pub(crate) loaded: &'a Arc<LoadedFrame>,
    pub(crate) placed: &'a Placed,
    /// Of the frame that is drawn, which may be the one before while the next is read.
    pub(crate) place: &'a Place,
    pub(crate) frame_ref: &'a FrameRef,
}

/// Drags; `is_taken` says that the left button draws or moves shapes.
pub(crate) fn drag_ui(ui: &Ui, cx: &ViewCx<'_>, scene: &Scene<'_>, is_taken: bool) {
    if !is_taken && crosshair_ui(ui, cx, scene) {
        return;
    }
    let Scene { viewport, response, rect, loaded, placed, .. } = *scene;
    let shift = ui.input(|i| i.modifiers.shift);
    let left = response.dragged_by(PointerButton::Primary);
    let is_pens = left && is_taken;
    let is_tools = left && !is_taken;
    if response.drag_started() && !is_pens {
        cx.send(Command::RememberView);
    }
    let delta = response.drag_delta();
    let transform = viewport.view.transform;
    let tool = cx.state.tool;
    if response.dragged_by(PointerButton::Middle) || (is_tools && (shift || tool == Tool::Pan)) {
        ui.ctx().set_cursor_icon(CursorIcon::Grabbing);
        cx.send(Command::MoveView { zoom: transform.zoom, pan: transform.pan + delta });
    } else if response.dragged_by(PointerButton::Secondary) || (is_tools && tool == Tool::Zoom) {
        ui.ctx().set_cursor_icon(CursorIcon::ResizeVertical);
        let zoom = placed.zoom * ZOOM_PER_POINT.powf(-delta.y);
        let fixed = ui.input(|i| i.pointer.press_origin()).unwrap_or(rect.center());
        if delta.y != 0.0 {
            let pan = placed.pan_for_zoom(zoom, fixed, rect);
            cx.send(Command::MoveView { zoom: Some(zoom), pan });
        }
    } else if is_tools && loaded.frame.is_monochrome() {
        window_drag_ui(ui, cx, viewport, loaded, delta);
    }
    let is_double = response.double_clicked_by(PointerButton::Primary) && !is_taken;
    if is_double && tool.kind().is_none() {
        let n = if cx.state.viewports.len() == 1 { 2 } else { 1 };
        cx.send(Command::SetViewports(n));
    }
}

fn window_drag_ui(
    ui: &Ui,
    cx: &ViewCx<'_>,
    viewport: &Viewport,
    loaded: &Arc<LoadedFrame>,
    delta: Vec2,
) {
    ui.ctx().set_cursor_icon(CursorIcon::Move);
    let modifiers = ui.input(|i| i.modifiers);
    let pace = match (modifiers.command, modifiers.alt) {
        (true, _) => 4.0,
        (false, true) => 0.25,
        (false, false) => 1.0,
    };
    if delta != Vec2::ZERO {
        let step = window_step(loaded.frame.modality_range()) * pace;
        let window = dragged_window(viewport.view.window_of(loaded), delta, step);
        cx.send(Command::SetWindow(WindowMode::Custom(window)));
    }
}

/// The wheel; `turned` is what has not become a whole slice yet.
pub(crate) fn wheel_ui(ui: &Ui, cx: &ViewCx<'_>, scene: &Scene<'_>, turned: &mut f32) {
    let Scene { viewport, response, rect, placed, .. } = *scene;
    if !response.contains_pointer() {
        return;
    }
    let Some(place) = &viewport.place else { return };
    let num_frames = cx.state.shown_series(place).map_or(0, |(_, series)| series.num_frames());
    let (notches, is_zoom, is_fast) = ui.input(|i| {
        let mut notches = 0.0;
        let (mut is_zoom, mut is_fast) = (false, false);
        for event in &i.events {
            if let egui::Event::MouseWheel { unit, delta, modifiers, .. } = event {
                let along = if delta.y == 0.0 { delta.x } else { delta.y };
                notches += match unit {
                    egui::MouseWheelUnit::Line => along,
                    egui::MouseWheelUnit::Point => along / 40.0,
                    egui::MouseWheelUnit::Page => along * 10.0,
                };
                is_zoom |= modifiers.command;
                is_fast |= modifiers.shift;
            }
        }
        (notches, is_zoom, is_fast)
    });
    let pinch = ui.input(|i| i.multi_touch().map_or(1.0, |touch| touch.zoom_delta));
    if (is_zoom || num_frames <= 1 || pinch != 1.0) && (notches != 0.0 || pinch != 1.0) {
        let zoom = placed.zoom * 1.15_f32.powf(notches) * pinch;
        let fixed = response.hover_pos().unwrap_or(rect.center());
        let pan = placed.pan_for_zoom(zoom, fixed, rect);
        cx.send(Command::MoveView { zoom: Some(zoom), pan });
        return;
    }
    *turned += notches;
    let whole = turned.trunc();
    if whole != 0.0 {
        *turned -= whole;
        let step = -whole as isize * if is_fast { 5 } else { 1 };
        if cx.state.active != cx.index_of(viewport) {
            cx.send(Command::ActivateViewport(cx.index_of(viewport)));
        }
        cx.send(Command::StepFrame(step));
    }
}
