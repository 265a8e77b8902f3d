//! The outline of a region burned into a picture: a coloured line with dark edges, seen on black
//! and on white alike.

use super::super::display_image::DisplayImage;
use super::super::measure::{Point, Shape};
use super::{in_colour, samples_at};

const LINE: [u8; 3] = [255, 64, 32];
const EDGE: [u8; 3] = [0, 0, 0];
/// Width of the line as a share of the picture's longer side.
const WIDTH: f64 = 0.005;
/// Width of each edge as a share of the line's.
const EDGE_WIDTH: f64 = 0.5;

/// In colour, whatever the picture was.
pub(super) fn marked(whole: &DisplayImage, shape: &Shape) -> DisplayImage {
    let mut image = in_colour(whole);
    let width = (f64::from(whole.width.max(whole.height)) * WIDTH).round().max(1.0);
    let edge = (width * EDGE_WIDTH).round().max(1.0);
    let outline = shape.outline();
    for (reach, colour) in [(width / 2.0 + edge, EDGE), (width / 2.0, LINE)] {
        for pair in outline.windows(2) {
            draw(&mut image, [pair[0], pair[1]], reach, colour);
        }
    }
    image
}

/// Colours the pixels whose centres are so near to a line.
fn draw(image: &mut DisplayImage, [a, b]: [Point; 2], reach: f64, colour: [u8; 3]) {
    let columns = near([a.x, b.x], reach, image.width);
    for row in near([a.y, b.y], reach, image.height) {
        for column in columns.clone() {
            let centre = Point::new(f64::from(column) + 0.5, f64::from(row) + 0.5);
            if away([a, b], centre) > reach {
                continue;
            }
            let column = column as usize;
            let at = samples_at(image, row as usize, column..column + 1);
            if let Some(pixel) = image.pixels.get_mut(at) {
                pixel.copy_from_slice(&colour);
            }
        }
    }
}

/// Pixels along one side that may be near enough.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the picture before"
)]
fn near([a, b]: [f64; 2], reach: f64, len: u32) -> std::ops::Range<u32> {
    let within = |at: f64| at.clamp(0.0, f64::from(len)) as u32;
    within((a.min(b) - reach).floor())..within((a.max(b) + reach).ceil())
}

/// How far a place is from the line between two others.
fn away([a, b]: [Point; 2], at: Point) -> f64 {
    let (x, y) = (b.x - a.x, b.y - a.y);
    let len_sq = x * x + y * y;
    let along = (at.x - a.x) * x + (at.y - a.y) * y;
    let share = if len_sq > 0.0 { (along / len_sq).clamp(0.0, 1.0) } else { 0.0 };
    at.pixels_to(Point::new(a.x + x * share, a.y + y * share))
}
