//! What of the measurements lies under the cursor.

use egui::{Pos2, pos2};

use super::super::view_cx::ViewCx;
use super::super::view_transform::Placed;
use super::state::Measurement;
use crate::imaging::{FrameRef, Point, Shape, ShapeKind};

/// How near the cursor has to come, in points of the screen.
pub(super) const ANCHOR_REACH: f32 = 9.0;
const LINE_REACH: f32 = 6.0;

/// What is held of a shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// One of its anchors.
    Anchor(usize),
    /// All of it.
    Whole,
}

pub(crate) fn ui_from_point(placed: &Placed, point: Point) -> Pos2 {
    placed.ui_from_image(pos2(point.x as f32, point.y as f32))
}

pub(super) fn point_from_ui(placed: &Placed, pos: Pos2) -> Point {
    let pos_in_image = placed.image_from_ui(pos);
    Point::new(f64::from(pos_in_image.x), f64::from(pos_in_image.y))
}

/// The measurement at a place of the screen; while drawing only anchors are in the way.
pub(super) fn hit<'a>(
    cx: &ViewCx<'a>,
    frame_ref: &'a FrameRef,
    placed: &Placed,
    pos: Pos2,
) -> Option<(&'a Measurement, Part)> {
    let measurements = &cx.state.measurements;
    let is_drawing = cx.state.tool.kind().is_some();
    let selected = measurements.selected();
    let chosen = selected.and_then(|id| measurements.get(id));
    let chosen = chosen.filter(|item| item.frame_ref == *frame_ref);
    // what lies on top comes first: the chosen one, then the newest
    let rest = measurements.on(frame_ref).rev().filter(|item| Some(item.id) != selected);
    chosen.into_iter().chain(rest).find_map(|item| {
        let anchor = anchor_at(placed, &item.shape, selected == Some(item.id), pos);
        let part = anchor.map(Part::Anchor);
        let on_line = || !is_drawing && distance(placed, &item.shape, pos) <= LINE_REACH;
        Some((item, part.or_else(|| on_line().then_some(Part::Whole))?))
    })
}

fn anchor_at(placed: &Placed, shape: &Shape, is_chosen: bool, pos: Pos2) -> Option<usize> {
    // of a line drawn by hand the points are too many to be in the way unasked
    if shape.kind() == ShapeKind::Freehand && !is_chosen {
        return None;
    }
    let away = |point: &Point| ui_from_point(placed, *point).distance(pos);
    let anchors = shape.anchors();
    let near = anchors.iter().map(away).enumerate().filter(|(_, away)| *away <= ANCHOR_REACH);
    near.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(idx, _)| idx)
}

/// From the outline, in points of the screen.
fn distance(placed: &Placed, shape: &Shape, pos: Pos2) -> f32 {
    let outline: Vec<Pos2> =
        shape.outline().into_iter().map(|point| ui_from_point(placed, point)).collect();
    let pairs = outline.windows(2).map(|pair| from_segment(pair[0], pair[1], pos));
    pairs.fold(f32::INFINITY, f32::min)
}

fn from_segment(a: Pos2, b: Pos2, pos: Pos2) -> f32 {
    let along = b - a;
    let len_sq = along.length_sq();
    let share = if len_sq > 0.0 { ((pos - a).dot(along) / len_sq).clamp(0.0, 1.0) } else { 0.0 };
    (a + along * share).distance(pos)
}
