//! Which pixels lie inside a region: those whose centres do.

use std::ops::Range;

use super::shape::{Point, Shape, ellipse};

/// Gives every run of pixels inside: the row, and the columns from the first to past the last.
pub(in super::super) fn for_runs(
    shape: &Shape,
    (columns, rows): (u32, u32),
    mut see: impl FnMut(u32, Range<u32>),
) {
    let mut run = |row: u32, columns: Range<u32>| {
        if !columns.is_empty() {
            see(row, columns);
        }
    };
    let [low, high] = shape.bounds();
    let lines = first_at(low.y, rows)..first_at(high.y, rows);
    match shape {
        Shape::Rectangle([a, b]) => {
            let across = first_at(a.x, columns)..first_at(b.x, columns);
            lines.for_each(|row| run(row, across.clone()));
        }
        Shape::Ellipse([a, b]) => {
            lines.for_each(|row| run(row, ellipse_run(*a, *b, row, columns)));
        }
        Shape::Freehand(points) => {
            let mut crossings = Vec::new();
            for row in lines {
                cross(points, centre(row), &mut crossings);
                for pair in crossings.chunks_exact(2) {
                    run(row, first_at(pair[0], columns)..first_at(pair[1], columns));
                }
            }
        }
        Shape::Length(_) | Shape::Angle(_) | Shape::Probe(_) | Shape::Arrow(_) | Shape::Text(_) => {
        }
    }
}

fn centre(idx: u32) -> f64 {
    f64::from(idx) + 0.5
}

/// The first pixel whose centre is not before `edge`; `len` when there is none.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the frame before"
)]
fn first_at(edge: f64, len: u32) -> u32 {
    (edge - 0.5).ceil().clamp(0.0, f64::from(len)) as u32
}

fn ellipse_run(a: Point, b: Point, row: u32, columns: u32) -> Range<u32> {
    let (middle, radii) = ellipse(a, b);
    let squared = |v: f64| v * v;
    let down = squared((centre(row) - middle.y) / radii.y);
    if down > 1.0 {
        return 0..0;
    }
    let is_inside = |column: u32| squared((centre(column) - middle.x) / radii.x) + down <= 1.0;
    let half = radii.x * (1.0 - down).sqrt();
    let (mut from, mut to) =
        (first_at(middle.x - half, columns), first_at(middle.x + half, columns));
    // the root rounds: the pixels at both ends are asked themselves
    if from > 0 && is_inside(from - 1) {
        from -= 1;
    }
    while from < to && !is_inside(from) {
        from += 1;
    }
    if to < columns && is_inside(to) {
        to += 1;
    }
    while to > from && !is_inside(to - 1) {
        to -= 1;
    }
    from..to
}

/// Where a polygon crosses the middle of a row, from the left.
fn cross(points: &[Point], y: f64, crossings: &mut Vec<f64>) {
    crossings.clear();
    let next = points.iter().cycle().skip(1);
    for (a, b) in points.iter().zip(next) {
        if (a.y > y) != (b.y > y) {
            crossings.push((b.x - a.x) * (y - a.y) / (b.y - a.y) + a.x);
        }
    }
    crossings.sort_by(f64::total_cmp);
}
