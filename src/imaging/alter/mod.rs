//! What is done to a picture before a model is asked about it: a region alone, a region marked or
//! erased, nothing in its place, noise in its place.
//!
//! A region lies in the pixels of the stored frame, and so does everything here: a picture is
//! altered first and turned afterwards, as the reader has it on the screen.

mod erase;
mod mark;

use serde::{Deserialize, Serialize};

use super::display_image::{Channels, DisplayImage};
use super::measure::{Point, Shape, ShapeKind};

/// What a blank picture is filled with.
pub const MID_GREY: u8 = 128;
/// Share of a region's sides that a crop shows around it.
const MARGIN: f64 = 0.15;

/// How a picture was altered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alteration {
    /// Only a rectangle of it: column, row, width, height.
    Crop([u32; 4]),
    /// The outline of a region drawn over it.
    Mark(Shape),
    /// A region filled with the mean of the ring around it.
    Erase(Shape),
    /// Mid-grey all over.
    Blank,
    /// Every sample at random, from this seed.
    Noise(u64),
}

impl Alteration {
    /// The altered picture; none when the rectangle reaches outside, or the shape is no region or
    /// has no pixel inside.
    #[must_use]
    pub fn apply(&self, whole: &DisplayImage) -> Option<DisplayImage> {
        match self {
            Self::Crop([x, y, width, height]) => whole.crop(*x, *y, *width, *height),
            Self::Mark(shape) => shape.is_region().then(|| mark::marked(whole, shape)),
            Self::Erase(shape) => erase::erased(whole, shape),
            Self::Blank => Some(filled(whole, &mut || MID_GREY)),
            Self::Noise(seed) => Some(noise(whole, *seed)),
        }
    }

    /// "region 34,34 60×60", "erased ellipse 40,40 48×48 (mean of the ring around it)".
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Crop(rect) => format!("region {}", rect_text(*rect)),
            Self::Mark(shape) => format!("marked {}", shape_text(shape)),
            Self::Erase(shape) => {
                format!("erased {} (mean of the ring around it)", shape_text(shape))
            }
            Self::Blank => "blank instead".to_owned(),
            Self::Noise(seed) => format!("noise instead (seed {seed})"),
        }
    }

    /// The rectangle around a region with some of what surrounds it, as far as the picture goes.
    #[must_use]
    pub fn crop_around(shape: &Shape, (columns, rows): (u32, u32)) -> Self {
        let [low, high] = shape.bounds();
        let (x, width) = span([low.x, high.x], columns);
        let (y, height) = span([low.y, high.y], rows);
        Self::Crop([x, y, width, height])
    }
}

impl Shape {
    /// Whether it has an inside.
    #[must_use]
    pub fn is_region(&self) -> bool {
        matches!(self.kind(), ShapeKind::Rectangle | ShapeKind::Ellipse | ShapeKind::Freehand)
    }

    /// The rectangle of these whole pixels; none when it is empty.
    #[must_use]
    pub fn of_pixels([x, y, width, height]: [u32; 4]) -> Option<Self> {
        let (x, y) = (f64::from(x), f64::from(y));
        let ends = [Point::new(x, y), Point::new(x + f64::from(width), y + f64::from(height))];
        Self::from_points(ShapeKind::Rectangle, &ends)
    }
}

/// Where a crop begins along one side, and how far it reaches.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the picture before"
)]
fn span([low, high]: [f64; 2], len: u32) -> (u32, u32) {
    let margin = (high - low) * MARGIN;
    let within = |at: f64| at.clamp(0.0, f64::from(len)) as u32;
    let from = within((low - margin).floor()).min(len.saturating_sub(1));
    let to = within((high + margin).ceil()).max(from + 1);
    (from, to - from)
}

fn rect_text([x, y, width, height]: [u32; 4]) -> String {
    format!("{x},{y} {width}×{height}")
}

fn shape_text(shape: &Shape) -> String {
    let [low, high] = shape.bounds();
    let (x, y) = (low.x.floor(), low.y.floor());
    let (width, height) = (high.x.ceil() - x, high.y.ceil() - y);
    format!("{} {x},{y} {width}×{height}", shape.kind().as_str().to_lowercase())
}

fn filled(whole: &DisplayImage, sample: &mut impl FnMut() -> u8) -> DisplayImage {
    let pixels = whole.pixels.iter().map(|_| sample()).collect();
    DisplayImage { pixels, ..*whole }
}

/// The same on every machine and in every version.
fn noise(whole: &DisplayImage, seed: u64) -> DisplayImage {
    let mut state = seed;
    filled(whole, &mut || {
        // SplitMix64
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let [first, ..] = (mixed ^ (mixed >> 31)).to_le_bytes();
        first
    })
}

/// The place of a pixel's first sample, and of the one behind its last.
fn samples_at(
    image: &DisplayImage,
    row: usize,
    columns: std::ops::Range<usize>,
) -> std::ops::Range<usize> {
    let samples = image.channels.count();
    let row = row * image.width as usize;
    (row + columns.start) * samples..(row + columns.end) * samples
}

/// The picture in colour.
fn in_colour(whole: &DisplayImage) -> DisplayImage {
    DisplayImage { channels: Channels::Rgb, pixels: whole.to_rgb8(), ..*whole }
}
