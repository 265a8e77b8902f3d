//! Shapes and their figures over the picture: light lines with dark edges, readable on any grey.

use egui::{Color32, CornerRadius, FontId, Id, Painter, Pos2, Rect, Role, Sense, Stroke, Ui};
use egui::{WidgetInfo, pos2, vec2};

use super::super::theme;
use super::super::view_cx::ViewCx;
use super::super::viewport_mouse::Scene;
use super::hit::ui_from_point;
use super::pen::{Pen, are_shown};
use super::state::Measurement;
use super::words::{NO_TEXT, label, label_of};
use crate::imaging::{Shape, ShapeKind};

const LINE: f32 = 1.5;
const EDGE: f32 = 3.5;
const ANCHOR: f32 = 3.0;
const CHOSEN_ANCHOR: f32 = 4.5;
/// Between anchors of a line drawn by hand.
const APART: f32 = 24.0;
const CROSS: f32 = 8.0;
const ARC: f32 = 20.0;
/// Of an arrow: how long, and how far from the line.
const HEAD: f32 = 16.0;
const BARB: f32 = 0.42;
/// Words are broken to lines of this width; figures are not.
const WORDS: f32 = 280.0;
/// Anchors beyond so many are not named one by one.
const MAX_NAMED: usize = 8;

/// How one shape is drawn.
#[derive(Clone, Copy)]
struct Look {
    color: Color32,
    is_chosen: bool,
}

/// Draws what lies on the frame of a viewport, and what is being drawn.
pub(crate) fn measurements_ui(ui: &Ui, cx: &ViewCx<'_>, scene: &Scene<'_>, pen: &mut Pen) {
    if !are_shown(cx) {
        return;
    }
    let painter = ui.painter_at(scene.rect);
    let selected = cx.state.measurements.selected();
    let suv = cx.state.settings.suv;
    let look_of = |item: &Measurement| {
        let is_chosen = selected == Some(item.id);
        let color = if is_chosen { theme::MEASURE_CHOSEN } else { theme::MEASURE };
        Look { color, is_chosen }
    };
    for item in cx.state.measurements.on(scene.frame_ref) {
        shape_ui(&painter, scene, &item.shape, look_of(item));
    }
    // words lie over every line
    for item in cx.state.measurements.on(scene.frame_ref) {
        let Look { color, is_chosen } = look_of(item);
        let text = label_of(item, suv);
        let is_written = cx.state.measurements.editing() == Some(item.id);
        let rect = if text.is_empty() || is_written {
            let ends = item.shape.bounds().map(|point| ui_from_point(scene.placed, point));
            Rect::from_two_pos(ends[0], ends[1]).expand(ANCHOR)
        } else {
            label_ui(&painter, scene, &item.shape, &text, color)
        };
        name_ui(ui, cx, scene, item, rect, if text.is_empty() { NO_TEXT } else { &text });
        if is_chosen {
            name_anchors_ui(ui, cx, scene, item);
        }
    }
    if let Some((shape, figures)) = pen.preview(scene) {
        let look = Look { color: theme::MEASURE_CHOSEN, is_chosen: false };
        shape_ui(&painter, scene, shape, look);
        if figures.is_some() && !shape.kind().has_text() {
            label_ui(&painter, scene, shape, &label(figures, suv), look.color);
        }
    }
}

fn shape_ui(painter: &Painter, scene: &Scene<'_>, shape: &Shape, look: Look) {
    let on_screen = |point| ui_from_point(scene.placed, point);
    let outline: Vec<Pos2> = shape.outline().into_iter().map(on_screen).collect();
    match shape {
        Shape::Probe(_) => outline.first().into_iter().for_each(|at| cross(painter, *at, look)),
        Shape::Text(_) => outline.first().into_iter().for_each(|at| dot(painter, *at, look)),
        Shape::Arrow(_) => arrow(painter, &outline, look),
        _ => edged(painter, outline, look),
    }
    if let Shape::Angle(points) = shape {
        edged(painter, arc(points.map(on_screen)), look);
    }
    let is_dotted = !matches!(shape.kind(), ShapeKind::Probe | ShapeKind::Text)
        && (look.is_chosen || matches!(shape.kind(), ShapeKind::Length | ShapeKind::Angle));
    if is_dotted {
        let radius = if look.is_chosen { CHOSEN_ANCHOR } else { ANCHOR };
        let mut last: Option<Pos2> = None;
        for at in shape.anchors().into_iter().map(on_screen) {
            // of a line drawn by hand only some, or they would hide it
            if last.is_some_and(|last| last.distance(at) < APART) {
                continue;
            }
            last = (shape.kind() == ShapeKind::Freehand).then_some(at);
            filled(painter, at, radius, look);
        }
    }
}

/// A line that stands out from light and from dark pixels.
fn edged(painter: &Painter, line: Vec<Pos2>, look: Look) {
    painter.line(line.clone(), Stroke::new(EDGE, theme::OVERLAY_SHADOW));
    painter.line(line, Stroke::new(LINE, look.color));
}

fn filled(painter: &Painter, at: Pos2, radius: f32, look: Look) {
    painter.circle_filled(at, radius + 1.0, theme::OVERLAY_SHADOW);
    painter.circle_filled(at, radius, look.color);
}

/// Where words stand.
fn dot(painter: &Painter, at: Pos2, look: Look) {
    filled(painter, at, if look.is_chosen { CHOSEN_ANCHOR } else { ANCHOR }, look);
}

/// A line with a head at its second end.
fn arrow(painter: &Painter, line: &[Pos2], look: Look) {
    let &[tail, head] = line else { return };
    let back = (tail - head).normalized() * HEAD.min((tail - head).length() / 2.0);
    let barb = |turn: f32| head + egui::emath::Rot2::from_angle(turn) * back;
    edged(painter, vec![tail, head], look);
    edged(painter, vec![barb(BARB), head, barb(-BARB)], look);
}

fn cross(painter: &Painter, at: Pos2, look: Look) {
    for (x, y) in [(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)] {
        let arm = vec2(x, y);
        edged(painter, vec![at + arm * 3.0, at + arm * CROSS], look);
    }
    if look.is_chosen {
        painter.circle_stroke(at, CROSS + 2.0, Stroke::new(LINE, look.color));
    }
}

/// The curve that shows which of the two angles is meant.
fn arc([a, vertex, b]: [Pos2; 3]) -> Vec<Pos2> {
    let (from, to) = ((a - vertex).angle(), (b - vertex).angle());
    let turn =
        (to - from + std::f32::consts::PI).rem_euclid(std::f32::consts::TAU) - std::f32::consts::PI;
    let radius = ARC.min((a - vertex).length()).min((b - vertex).length());
    let step = |idx: u8| {
        let angle = from + turn * f32::from(idx) / 16.0;
        vertex + vec2(angle.cos(), angle.sin()) * radius
    };
    (0..=16).map(step).collect()
}

/// Words on a dark ground beside the shape, inside of the viewport.
fn label_ui(
    painter: &Painter,
    scene: &Scene<'_>,
    shape: &Shape,
    text: &str,
    color: Color32,
) -> Rect {
    let font = FontId::proportional(theme::OVERLAY_SIZE);
    let width = if shape.kind().has_text() { WORDS } else { f32::INFINITY };
    let galley = painter.layout(text.to_owned(), font, color, width);
    let padding = vec2(5.0, 2.0);
    let size = galley.size() + padding * 2.0;
    let ends = shape.bounds().map(|point| ui_from_point(scene.placed, point));
    let around = Rect::from_two_pos(ends[0], ends[1]);
    let wanted = match shape.kind() {
        ShapeKind::Rectangle | ShapeKind::Ellipse | ShapeKind::Freehand => {
            pos2(around.left(), around.bottom() + 8.0)
        }
        ShapeKind::Length | ShapeKind::Angle => {
            let points = shape.points().iter().map(|point| ui_from_point(scene.placed, *point));
            let lowest = points.max_by(|a, b| a.y.total_cmp(&b.y)).unwrap_or(around.max);
            lowest + vec2(8.0, 8.0)
        }
        ShapeKind::Probe | ShapeKind::Text => around.max + vec2(10.0, 8.0),
        ShapeKind::Arrow => behind_tail(scene, shape, size),
    };
    let room = scene.rect.shrink(6.0);
    let last = (room.max - size).max(room.min);
    let rect = Rect::from_min_size(wanted.clamp(room.min, last), size);
    painter.rect_filled(rect, CornerRadius::same(3), theme::OVERLAY_SHADOW);
    painter.galley(rect.min + padding, galley, color);
    rect
}

/// Where words of this size do not lie on the arrow they belong to.
fn behind_tail(scene: &Scene<'_>, shape: &Shape, size: egui::Vec2) -> Pos2 {
    let mut ends = shape.points().iter().map(|point| ui_from_point(scene.placed, *point));
    let tail = ends.next().unwrap_or(scene.rect.center());
    let back = ends.next().map_or(egui::Vec2::DOWN, |head| (tail - head).normalized());
    tail + back * (size / 2.0 + vec2(7.0, 7.0)) - size / 2.0
}

/// What screen readers say of a shape.
fn name_ui(
    ui: &Ui,
    cx: &ViewCx<'_>,
    scene: &Scene<'_>,
    item: &Measurement,
    rect: Rect,
    text: &str,
) {
    let id = Id::unique(("measurement", cx.index_of(scene.viewport), item.id));
    let response = ui.interact(rect, id, Sense::hover());
    let name = format!("{}: {text}", item.shape.kind().as_str());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &name));
}

fn name_anchors_ui(ui: &Ui, cx: &ViewCx<'_>, scene: &Scene<'_>, item: &Measurement) {
    let anchors = item.shape.anchors();
    let n = anchors.len();
    for (idx, anchor) in anchors.into_iter().enumerate().take(MAX_NAMED) {
        let at = ui_from_point(scene.placed, anchor);
        let rect = Rect::from_center_size(at, vec2(2.0, 2.0) * CHOSEN_ANCHOR);
        let id = Id::unique(("anchor", cx.index_of(scene.viewport), item.id, idx));
        let response = ui.interact(rect, id, Sense::hover());
        let name = format!("Anchor {} of {n}", idx + 1);
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &name));
    }
}
