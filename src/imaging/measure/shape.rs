//! What can be drawn: points in columns and rows of the stored frame.

use serde::{Deserialize, Serialize};

/// Corners of the polygon an ellipse is shown and grabbed as.
const ELLIPSE_CORNERS: u32 = 64;

/// A place on a frame, columns to the right and rows down. The first pixel reaches from (0, 0) to
/// (1, 1); its centre is (0.5, 0.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Columns from the left edge.
    pub x: f64,
    /// Rows from the top edge.
    pub y: f64,
}

impl Point {
    /// So many columns and rows from the corner.
    #[must_use]
    pub fn new(x: f64, y: f64) -> Self {
        Self { x, y }
    }

    /// The nearest place that is not outside a frame of this size.
    #[must_use]
    pub fn within(self, (columns, rows): (u32, u32)) -> Self {
        Self { x: self.x.clamp(0.0, f64::from(columns)), y: self.y.clamp(0.0, f64::from(rows)) }
    }

    /// How many pixels apart, whatever they are worth.
    #[must_use]
    pub fn pixels_to(self, other: Self) -> f64 {
        (other.x - self.x).hypot(other.y - self.y)
    }
}

/// What kind of thing is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ShapeKind {
    /// From one point to another.
    Length,
    /// Between two legs.
    Angle,
    /// A region with four right angles, along columns and rows.
    Rectangle,
    /// A region inside an ellipse, along columns and rows.
    Ellipse,
    /// A region inside a closed line.
    Freehand,
    /// The value of one pixel.
    Probe,
    /// Points at something; measures nothing.
    Arrow,
    /// Words at a place; measures nothing.
    Text,
}

impl ShapeKind {
    /// In the order of the tools.
    pub const ALL: [Self; 8] = [
        Self::Length,
        Self::Angle,
        Self::Rectangle,
        Self::Ellipse,
        Self::Freehand,
        Self::Probe,
        Self::Arrow,
        Self::Text,
    ];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Length => "Length",
            Self::Angle => "Angle",
            Self::Rectangle => "Rectangle",
            Self::Ellipse => "Ellipse",
            Self::Freehand => "Freehand",
            Self::Probe => "Probe",
            Self::Arrow => "Arrow",
            Self::Text => "Text",
        }
    }

    /// Whether it says something in words instead of measuring.
    #[must_use]
    pub fn has_text(self) -> bool {
        matches!(self, Self::Arrow | Self::Text)
    }

    /// How many points make it whole; a closed line has as many as the reader likes.
    #[must_use]
    pub fn num_points(self) -> Option<usize> {
        match self {
            Self::Probe | Self::Text => Some(1),
            Self::Length | Self::Rectangle | Self::Ellipse | Self::Arrow => Some(2),
            Self::Angle => Some(3),
            Self::Freehand => None,
        }
    }
}

/// One thing drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// From, to.
    Length([Point; 2]),
    /// End of a leg, vertex, end of the other leg.
    Angle([Point; 3]),
    /// Two opposite corners, the smaller columns and rows first.
    Rectangle([Point; 2]),
    /// Two opposite corners of the rectangle around it, the smaller columns and rows first.
    Ellipse([Point; 2]),
    /// Corners of a polygon that closes itself.
    Freehand(Vec<Point>),
    /// One place.
    Probe(Point),
    /// From its tail, where words stand, to its head.
    Arrow([Point; 2]),
    /// Where words stand.
    Text(Point),
}

impl Shape {
    /// A whole shape of these points; none when they are too few, too many or enclose nothing.
    #[must_use]
    pub fn from_points(kind: ShapeKind, points: &[Point]) -> Option<Self> {
        let shape = match (kind, points) {
            (ShapeKind::Length, &[from, to]) => Self::Length([from, to]),
            (ShapeKind::Angle, &[a, vertex, b]) => Self::Angle([a, vertex, b]),
            (ShapeKind::Rectangle, &[a, b]) => Self::Rectangle(ordered(a, b)),
            (ShapeKind::Ellipse, &[a, b]) => Self::Ellipse(ordered(a, b)),
            (ShapeKind::Freehand, points) if points.len() > 2 => Self::Freehand(points.to_vec()),
            (ShapeKind::Probe, &[at]) => Self::Probe(at),
            (ShapeKind::Arrow, &[tail, head]) => Self::Arrow([tail, head]),
            (ShapeKind::Text, &[at]) => Self::Text(at),
            _ => return None,
        };
        (!shape.is_flat()).then_some(shape)
    }

    fn is_flat(&self) -> bool {
        match self {
            Self::Length([from, to]) | Self::Arrow([from, to]) => from == to,
            Self::Angle([a, vertex, b]) => a == vertex || b == vertex,
            Self::Rectangle([a, b]) | Self::Ellipse([a, b]) => b.x <= a.x || b.y <= a.y,
            Self::Freehand(points) => polygon_area(points) <= 0.0,
            Self::Probe(_) | Self::Text(_) => false,
        }
    }

    /// What kind it is of.
    #[must_use]
    pub fn kind(&self) -> ShapeKind {
        match self {
            Self::Length(_) => ShapeKind::Length,
            Self::Angle(_) => ShapeKind::Angle,
            Self::Rectangle(_) => ShapeKind::Rectangle,
            Self::Ellipse(_) => ShapeKind::Ellipse,
            Self::Freehand(_) => ShapeKind::Freehand,
            Self::Probe(_) => ShapeKind::Probe,
            Self::Arrow(_) => ShapeKind::Arrow,
            Self::Text(_) => ShapeKind::Text,
        }
    }

    /// The points it is made of.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        match self {
            Self::Length(points)
            | Self::Rectangle(points)
            | Self::Ellipse(points)
            | Self::Arrow(points) => points,
            Self::Angle(points) => points,
            Self::Freehand(points) => points,
            Self::Probe(point) | Self::Text(point) => std::slice::from_ref(point),
        }
    }

    /// Where it can be taken hold of: its points, or the four corners around it.
    #[must_use]
    pub fn anchors(&self) -> Vec<Point> {
        match self {
            Self::Rectangle(ends) | Self::Ellipse(ends) => corners(*ends).to_vec(),
            other => other.points().to_vec(),
        }
    }

    /// The same with one anchor elsewhere; none when nothing would be left of it.
    #[must_use]
    pub fn with_anchor(&self, anchor_idx: usize, to: Point) -> Option<Self> {
        match self {
            Self::Rectangle(ends) | Self::Ellipse(ends) => {
                let opposite = *corners(*ends).get((anchor_idx + 2) % 4)?;
                Self::from_points(self.kind(), &[opposite, to])
            }
            other => {
                let mut points = other.points().to_vec();
                *points.get_mut(anchor_idx)? = to;
                Self::from_points(self.kind(), &points)
            }
        }
    }

    /// The same elsewhere, as far as a frame of this size reaches.
    #[must_use]
    pub fn moved(&self, by: Point, (columns, rows): (u32, u32)) -> Self {
        let [low, high] = self.bounds();
        let fit = |by: f64, low: f64, high: f64, len: u32| by.min(f64::from(len) - high).max(-low);
        let (dx, dy) = (fit(by.x, low.x, high.x, columns), fit(by.y, low.y, high.y, rows));
        let mut moved = self.clone();
        let points: &mut [Point] = match &mut moved {
            Self::Length(points)
            | Self::Rectangle(points)
            | Self::Ellipse(points)
            | Self::Arrow(points) => points,
            Self::Angle(points) => points,
            Self::Freehand(points) => points,
            Self::Probe(point) | Self::Text(point) => std::slice::from_mut(point),
        };
        for point in points {
            *point = Point::new(point.x + dx, point.y + dy);
        }
        moved
    }

    /// The smallest and the largest column and row it reaches.
    #[must_use]
    pub fn bounds(&self) -> [Point; 2] {
        let points = self.points();
        let first = points.first().copied().unwrap_or_default();
        points.iter().fold([first, first], |[low, high], point| {
            [
                Point::new(low.x.min(point.x), low.y.min(point.y)),
                Point::new(high.x.max(point.x), high.y.max(point.y)),
            ]
        })
    }

    /// The line to draw; of a region it ends where it began.
    #[must_use]
    pub fn outline(&self) -> Vec<Point> {
        match self {
            Self::Length(points) | Self::Arrow(points) => points.to_vec(),
            Self::Angle(points) => points.to_vec(),
            Self::Probe(point) | Self::Text(point) => vec![*point],
            Self::Rectangle(ends) => closed(corners(*ends).to_vec()),
            Self::Freehand(points) => closed(points.clone()),
            Self::Ellipse([a, b]) => {
                let (middle, radii) = ellipse(*a, *b);
                let corner = |idx: u32| {
                    let turn = std::f64::consts::TAU * f64::from(idx) / f64::from(ELLIPSE_CORNERS);
                    Point::new(middle.x + radii.x * turn.cos(), middle.y + radii.y * turn.sin())
                };
                (0..=ELLIPSE_CORNERS).map(corner).collect()
            }
        }
    }
}

/// Middle and radii.
pub(super) fn ellipse(a: Point, b: Point) -> (Point, Point) {
    let middle = Point::new(f64::midpoint(a.x, b.x), f64::midpoint(a.y, b.y));
    (middle, Point::new((b.x - a.x) / 2.0, (b.y - a.y) / 2.0))
}

/// Of the polygon through these points, in pixels.
pub(super) fn polygon_area(points: &[Point]) -> f64 {
    let next = points.iter().cycle().skip(1);
    let twice: f64 = points.iter().zip(next).map(|(a, b)| a.x * b.y - b.x * a.y).sum();
    twice.abs() / 2.0
}

fn ordered(a: Point, b: Point) -> [Point; 2] {
    [Point::new(a.x.min(b.x), a.y.min(b.y)), Point::new(a.x.max(b.x), a.y.max(b.y))]
}

fn corners([a, b]: [Point; 2]) -> [Point; 4] {
    [a, Point::new(b.x, a.y), b, Point::new(a.x, b.y)]
}

fn closed(mut points: Vec<Point>) -> Vec<Point> {
    points.extend(points.first().copied());
    points
}
