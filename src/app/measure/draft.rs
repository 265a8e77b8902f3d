//! Points on the way to a shape.

use crate::imaging::{Figures, Frame, FrameRef, Point, Shape, ShapeKind};

use super::run::PIXELS_ON_THE_WAY;

/// What is half drawn on a frame.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) kind: ShapeKind,
    pub(super) frame_ref: FrameRef,
    points: Vec<Point>,
    /// Where the cursor is: the next point.
    at: Point,
    /// The last preview and what it measures.
    measured: Option<(Shape, Option<Figures>)>,
}

impl Draft {
    pub(super) fn new(kind: ShapeKind, frame_ref: FrameRef, at: Point) -> Self {
        Self { kind, frame_ref, points: Vec::new(), at, measured: None }
    }

    /// The cursor is elsewhere.
    pub(super) fn follow(&mut self, at: Point) {
        self.at = at;
    }

    /// The next point is set; gives the shape when it is whole. A closed line is whole when its
    /// first point is met again, `near` pixels around it.
    pub(super) fn place(&mut self, at: Point, near: f64) -> Option<Shape> {
        self.at = at;
        let Some(num_points) = self.kind.num_points() else {
            let first = self.points.first().filter(|_| self.points.len() > 2);
            if first.is_some_and(|first| first.pixels_to(at) <= near) {
                return self.finish();
            }
            self.trace(at, near / 4.0);
            return None;
        };
        self.points.push(at);
        if self.points.len() < num_points {
            return None;
        }
        let shape = Shape::from_points(self.kind, &self.points);
        if shape.is_none() {
            // the same place twice is no second point
            self.points.pop();
        }
        shape
    }

    /// A point of a line drawn by hand, unless it is hardly away from the one before.
    pub(super) fn trace(&mut self, at: Point, step: f64) {
        self.at = at;
        if self.points.last().is_none_or(|last| last.pixels_to(at) >= step) {
            self.points.push(at);
        }
    }

    /// Closes a line.
    pub(super) fn finish(&self) -> Option<Shape> {
        Shape::from_points(self.kind, &self.points)
    }

    /// What it would be if the cursor were the next point; a first leg is a line.
    fn preview(&self) -> Option<Shape> {
        let mut points = self.points.clone();
        if points.last() != Some(&self.at) {
            points.push(self.at);
        }
        let whole = Shape::from_points(self.kind, &points);
        whole.or_else(|| Shape::from_points(ShapeKind::Length, &points))
    }

    /// What is to be drawn, and what it measures as far as that is quick to say.
    pub(super) fn measured(&mut self, frame: &Frame) -> Option<(&Shape, Option<&Figures>)> {
        let shape = self.preview()?;
        let is_known = self.measured.as_ref().is_some_and(|(known, _)| *known == shape);
        if !is_known {
            let is_quick = Figures::num_pixels_at_most(&shape) <= PIXELS_ON_THE_WAY;
            let figures =
                (shape.kind() == self.kind && is_quick).then(|| Figures::of(frame, &shape));
            self.measured = Some((shape, figures));
        }
        self.measured.as_ref().map(|(shape, figures)| (shape, figures.as_ref()))
    }
}
