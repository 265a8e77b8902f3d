//! Mirrored and turned: how the reader laid a picture on the screen, and so how the model gets it.

use serde::{Deserialize, Serialize};

use super::{DisplayImage, OrientationLabels, Point};

/// Mirrorings and quarter turns, as where the picture's axes point on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turned {
    /// Screen direction of the picture's columns growing.
    column: (i8, i8),
    /// Screen direction of the picture's rows growing.
    row: (i8, i8),
}

impl Default for Turned {
    fn default() -> Self {
        Self { column: (1, 0), row: (0, 1) }
    }
}

impl Turned {
    /// Mirrors left and right as seen on the screen.
    #[must_use]
    pub fn flipped_horizontally(self) -> Self {
        self.map(|(x, y)| (-x, y))
    }

    /// Mirrors top and bottom as seen on the screen.
    #[must_use]
    pub fn flipped_vertically(self) -> Self {
        self.map(|(x, y)| (x, -y))
    }

    /// A quarter turn clockwise.
    #[must_use]
    pub fn rotated_right(self) -> Self {
        self.map(|(x, y)| (-y, x))
    }

    /// Screen direction of the picture's columns growing: right is (1, 0), down is (0, 1).
    #[must_use]
    pub fn column(self) -> (i8, i8) {
        self.column
    }

    /// Screen direction of the picture's rows growing.
    #[must_use]
    pub fn row(self) -> (i8, i8) {
        self.row
    }

    /// The picture as it stands on the screen.
    #[must_use]
    pub fn apply(self, image: &DisplayImage) -> DisplayImage {
        if self == Self::default() {
            return image.clone();
        }
        let (columns, rows) = (image.width as usize, image.height as usize);
        let samples = image.channels.count();
        let (width, height) = if self.is_sideways() { (rows, columns) } else { (columns, rows) };
        let (Some(start_x), Some(start_y)) = (
            start(self.column.0, columns).or(start(self.row.0, rows)),
            start(self.column.1, columns).or(start(self.row.1, rows)),
        ) else {
            return image.clone();
        };
        let along = |at: usize, direction: i8, step: usize| match direction {
            1 => at + step,
            -1 => at.saturating_sub(step),
            _ => at,
        };
        let mut pixels = vec![0; image.pixels.len()];
        for (index, pixel) in image.pixels.chunks_exact(samples).enumerate() {
            let (column, row) = (index % columns.max(1), index / columns.max(1));
            let x = along(along(start_x, self.column.0, column), self.row.0, row);
            let y = along(along(start_y, self.column.1, column), self.row.1, row);
            let at = (y * width + x) * samples;
            if let Some(place) = pixels.get_mut(at..at + samples) {
                place.copy_from_slice(pixel);
            }
        }
        let sides = (u32::try_from(width), u32::try_from(height));
        let (Ok(width), Ok(height)) = sides else { return image.clone() };
        DisplayImage { width, height, channels: image.channels, pixels }
    }

    /// Where a place of a picture of so many columns and rows is when it is turned.
    #[must_use]
    pub fn point(self, at: Point, (columns, rows): (u32, u32)) -> Point {
        let (columns, rows) = (f64::from(columns), f64::from(rows));
        let along = |column: i8, row: i8| {
            let from = |direction: i8, len: f64| if direction < 0 { len } else { 0.0 };
            let start = from(column, columns) + from(row, rows);
            start + f64::from(column) * at.x + f64::from(row) * at.y
        };
        Point::new(along(self.column.0, self.row.0), along(self.column.1, self.row.1))
    }

    fn map(self, f: impl Fn((i8, i8)) -> (i8, i8)) -> Self {
        Self { column: f(self.column), row: f(self.row) }
    }

    /// Whether columns run up or down the screen.
    #[must_use]
    pub fn is_sideways(self) -> bool {
        self.column.0 == 0
    }

    /// The letters as they stand on the screen.
    #[must_use]
    pub fn labels(self, image: &OrientationLabels) -> OrientationLabels {
        let towards = |direction: (i8, i8)| {
            let opposite = |(x, y): (i8, i8)| (-x, -y);
            if direction == self.column {
                image.right.clone()
            } else if direction == opposite(self.column) {
                image.left.clone()
            } else if direction == self.row {
                image.bottom.clone()
            } else {
                image.top.clone()
            }
        };
        OrientationLabels {
            left: towards((-1, 0)),
            right: towards((1, 0)),
            top: towards((0, -1)),
            bottom: towards((0, 1)),
        }
    }
}

/// Where a side of `len` pixels begins on the screen; `None` when it does not run this way.
fn start(direction: i8, len: usize) -> Option<usize> {
    match direction {
        1 => Some(0),
        -1 => len.checked_sub(1),
        _ => None,
    }
}
