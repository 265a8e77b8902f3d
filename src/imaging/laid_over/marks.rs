//! Shapes and the words beside them.

use super::super::measure::{Point, Shape, ShapeKind};
use super::canvas::{Canvas, Spot};

/// The window's yellow.
const MARK: [u8; 3] = [0xFF, 0xD8, 0x4D];
/// In heights of letters.
const CROSS: f64 = 0.7;
const HOLE: f64 = 0.25;
const ARC: f64 = 1.7;
const DOT: f64 = 0.2;
const HEAD: f64 = 0.9;
/// Between the line of an arrow and either side of its head.
const BARB: f64 = 0.5;

/// Its line, with dots at the ends of what is measured between points.
pub(super) fn shape(canvas: &mut Canvas, shape: &Shape, to: impl Fn(Point) -> Spot) {
    let outline: Vec<Spot> = shape.outline().into_iter().map(&to).collect();
    match shape {
        Shape::Probe(_) => outline.first().into_iter().for_each(|at| cross(canvas, *at)),
        Shape::Text(_) => {}
        Shape::Arrow(ends) => arrow(canvas, ends.map(&to)),
        _ => canvas.edged_line(&outline, MARK),
    }
    if let Shape::Angle(points) = shape {
        let arc = arc(points.map(&to), canvas.letters * ARC);
        canvas.edged_line(&arc, MARK);
    }
    if matches!(shape.kind(), ShapeKind::Length | ShapeKind::Angle) {
        for at in shape.anchors().into_iter().map(&to) {
            canvas.edged_disc(at, canvas.letters * DOT, MARK);
        }
    }
}

/// Four arms that leave the place itself free.
fn cross(canvas: &mut Canvas, at: Spot) {
    let (near, far) = (canvas.letters * HOLE, canvas.letters * CROSS);
    for (x, y) in [(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)] {
        let ends = [near, far].map(|len| Spot::new(at.x + x * len, at.y + y * len));
        canvas.edged_line(&ends, MARK);
    }
}

/// A line with a head at its second end.
fn arrow(canvas: &mut Canvas, [tail, head]: [Spot; 2]) {
    let (x, y) = (tail.x - head.x, tail.y - head.y);
    let len = x.hypot(y).max(f64::EPSILON);
    let back = (canvas.letters * HEAD).min(len / 2.0) / len;
    let barb = |turn: f64| {
        let (sin, cos) = turn.sin_cos();
        Spot::new(head.x + (x * cos - y * sin) * back, head.y + (x * sin + y * cos) * back)
    };
    canvas.edged_line(&[tail, head], MARK);
    canvas.edged_line(&[barb(BARB), head, barb(-BARB)], MARK);
}

/// The curve that shows which of the two angles is meant.
fn arc([a, vertex, b]: [Spot; 3], most: f64) -> Vec<Spot> {
    use std::f64::consts::{PI, TAU};
    let leg = |end: Spot| (end.x - vertex.x, end.y - vertex.y);
    let ((ax, ay), (bx, by)) = (leg(a), leg(b));
    let (from, to) = (ay.atan2(ax), by.atan2(bx));
    let turn = (to - from + PI).rem_euclid(TAU) - PI;
    let radius = most.min(ax.hypot(ay)).min(bx.hypot(by));
    let step = |idx: u8| {
        let angle = from + turn * f64::from(idx) / 16.0;
        Spot::new(vertex.x + angle.cos() * radius, vertex.y + angle.sin() * radius)
    };
    (0..=16).map(step).collect()
}

/// Words on a dark ground beside a shape, inside of the picture.
pub(super) fn label(canvas: &mut Canvas, shape: &Shape, words: &str, to: impl Fn(Point) -> Spot) {
    if words.is_empty() {
        return;
    }
    let [a, b] = shape.bounds().map(&to);
    let gap = canvas.letters * 0.6;
    let (left, right, bottom) = (a.x.min(b.x), a.x.max(b.x), a.y.max(b.y));
    let at = match shape.kind() {
        ShapeKind::Rectangle | ShapeKind::Ellipse | ShapeKind::Freehand => {
            Spot::new(left, bottom + gap)
        }
        ShapeKind::Length | ShapeKind::Angle => {
            let points = shape.points().iter().map(|point| to(*point));
            let lowest = points.max_by(|a, b| a.y.total_cmp(&b.y));
            lowest.map_or(b, |at| Spot::new(at.x + gap, at.y + gap))
        }
        ShapeKind::Probe => Spot::new(right + gap, bottom + gap),
        ShapeKind::Text => Spot::new(left, bottom),
        ShapeKind::Arrow => {
            let tail = shape.points().first().map(|point| to(*point));
            tail.map_or(a, |at| Spot::new(at.x + gap, at.y + gap))
        }
    };
    canvas.boxed_words(at, words, MARK);
}
