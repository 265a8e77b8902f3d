//! Letters of the window's own font, made once at a large size and drawn at any smaller one.

use std::sync::OnceLock;

use super::super::display_image::DisplayImage;
use super::canvas::{Cover, Spot, places, whole};

/// As `assets/letters/make.py` has them.
const EM: f64 = 40.0;
const PAD: f64 = 4.0;
const HEIGHT: f64 = 52.0;
/// Capitals and digits begin so far below the top of a cell, and reach to the baseline.
const CAPITALS: f64 = 11.0;
const BASE: f64 = 40.0;
/// In place of a letter there is none of.
const UNKNOWN: char = '?';

struct Letter {
    code: u32,
    left: f64,
    width: f64,
    advance: f64,
}

struct Letters {
    all: Vec<Letter>,
    strip: DisplayImage,
}

fn letters() -> &'static Letters {
    static LETTERS: OnceLock<Letters> = OnceLock::new();
    LETTERS.get_or_init(|| {
        let table = include_str!("../../../assets/letters/letters.tsv");
        let strip = include_bytes!("../../../assets/letters/letters.png");
        let letter = |line: &str| {
            let mut parts = line.split('\t');
            Some(Letter {
                code: parts.next()?.parse().ok()?,
                left: parts.next()?.parse().ok()?,
                width: parts.next()?.parse().ok()?,
                advance: parts.next()?.parse().ok()?,
            })
        };
        let nothing = DisplayImage {
            width: 0,
            height: 0,
            channels: super::super::display_image::Channels::Gray,
            pixels: Vec::new(),
        };
        Letters {
            all: table.lines().filter_map(letter).collect(),
            strip: DisplayImage::from_png(strip).unwrap_or(nothing),
        }
    })
}

impl Letters {
    fn of(&self, letter: char) -> Option<&Letter> {
        let known = |code: u32| {
            let at = self.all.binary_search_by_key(&code, |one| one.code);
            at.ok().and_then(|idx| self.all.get(idx))
        };
        known(letter.into()).or_else(|| known(UNKNOWN.into()))
    }

    /// Blackness between pixels of the strip.
    fn at(&self, x: f64, y: f64) -> f64 {
        let (left, top) = ((x - 0.5).floor(), (y - 0.5).floor());
        let (right, down) = (x - 0.5 - left, y - 0.5 - top);
        let sample = |x: f64, y: f64| {
            let is_inside = (0.0..f64::from(self.strip.width)).contains(&x)
                && (0.0..f64::from(self.strip.height)).contains(&y);
            let idx = places(y) * self.strip.width as usize + places(x);
            let level = self.strip.pixels.get(idx).copied().filter(|_| is_inside);
            f64::from(level.unwrap_or(0)) / 255.0
        };
        let upper = sample(left, top) * (1.0 - right) + sample(left + 1.0, top) * right;
        let lower = sample(left, top + 1.0) * (1.0 - right) + sample(left + 1.0, top + 1.0) * right;
        upper * (1.0 - down) + lower * down
    }
}

/// How wide a text is at a height of letters.
pub(super) fn width_of(text: &str, size: f64) -> f64 {
    let known = letters();
    let advance = |letter: char| known.of(letter).map_or(0.0, |letter| letter.advance);
    text.chars().map(advance).sum::<f64>() * size / EM
}

/// The pixels of a text whose capitals begin at a place; `size` is the font's, not theirs.
pub(super) fn cover_of(text: &str, size: f64, from: Spot) -> Cover {
    let known = letters();
    let scale = size / EM;
    // capitals stand in the middle of a line
    let middle = f64::midpoint(CAPITALS, BASE);
    let top = from.y + size / 2.0 - middle * scale;
    let left = (from.x - PAD * scale).floor();
    let (first_row, last_row) = (top.floor(), (top + HEIGHT * scale).ceil());
    let columns = places((width_of(text, size) + 2.0 * PAD * scale).ceil()) + 2;
    let rows = places(last_row - first_row);
    let mut shares = vec![0.0_f32; columns * rows];
    // so many samples along each side of a pixel
    let fine = places((2.0 / scale).ceil()).clamp(1, 8);
    let mut pen = from.x;
    for letter in text.chars().filter_map(|letter| known.of(letter)) {
        let begins = pen - PAD * scale;
        let from_column = places(begins - left);
        let to_column = places((begins - left + letter.width * scale).ceil()) + 1;
        for row in 0..rows {
            for column in from_column..to_column.min(columns) {
                let at = Spot::new(left + column as f64, first_row + row as f64);
                let share = average(fine, |dx, dy| {
                    let x = (at.x + dx - begins) / scale;
                    let y = (at.y + dy - top) / scale;
                    if x < 0.0 || x >= letter.width { 0.0 } else { known.at(letter.left + x, y) }
                });
                if let Some(known) = shares.get_mut(row * columns + column) {
                    *known = known.max(share);
                }
            }
        }
        pen += letter.advance * scale;
    }
    Cover { left: whole(left), top: whole(first_row), width: columns, shares }
}

/// Over places evenly spread in one pixel.
#[expect(clippy::cast_possible_truncation, reason = "a share from 0 to 1")]
fn average(fine: usize, at: impl Fn(f64, f64) -> f64) -> f32 {
    let place = |step: usize| (step as f64 + 0.5) / fine as f64;
    let mut sum = 0.0;
    for row in 0..fine {
        for column in 0..fine {
            sum += at(place(column), place(row));
        }
    }
    (sum / (fine * fine) as f64) as f32
}
