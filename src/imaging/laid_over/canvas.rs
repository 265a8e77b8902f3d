//! Pixels that are drawn on: lines, discs and boxes with soft edges.

use super::super::display_image::{Channels, DisplayImage};
use super::letters;

/// Height of letters as a share of the picture's shorter side, and its least and most.
const LETTERS: f64 = 1.0 / 40.0;
const LEAST: f64 = 11.0;
const MOST: f64 = 96.0;
/// What lies under everything light.
const SHADOW: [u8; 3] = [0, 0, 0];
const SHADE: f64 = 0.86;

/// A place on the canvas, in its pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spot {
    pub(super) x: f64,
    pub(super) y: f64,
}

impl Spot {
    pub(super) fn new(x: f64, y: f64) -> Self {
        Self { x, y }
    }
}

/// How much of each pixel of a rectangle is covered.
pub(super) struct Cover {
    pub(super) left: i64,
    pub(super) top: i64,
    pub(super) width: usize,
    pub(super) shares: Vec<f32>,
}

/// A picture in colour that is drawn on.
pub(super) struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
    /// Height of letters.
    pub(super) letters: f64,
}

impl Canvas {
    /// The picture with each pixel so many times as wide and as high.
    pub(super) fn new(image: &DisplayImage, times: u32) -> Self {
        let rgb = image.to_rgb8();
        let factor = times as usize;
        let row_len = (image.width as usize * 3).max(1);
        let pixels: Vec<u8> = if factor == 1 {
            rgb
        } else {
            let rows = rgb.chunks_exact(row_len).flat_map(|row| {
                let wide = row.chunks_exact(3).flat_map(move |pixel| pixel.repeat(factor));
                wide.collect::<Vec<u8>>().repeat(factor)
            });
            rows.collect()
        };
        let (width, height) = (image.width as usize * factor, image.height as usize * factor);
        let letters = (width.min(height) as f64 * LETTERS).clamp(LEAST, MOST);
        Self { width, height, pixels, letters }
    }

    pub(super) fn into_image(self) -> DisplayImage {
        let side = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
        DisplayImage {
            width: side(self.width),
            height: side(self.height),
            channels: Channels::Rgb,
            pixels: self.pixels,
        }
    }

    pub(super) fn width(&self) -> f64 {
        self.width as f64
    }

    pub(super) fn height(&self) -> f64 {
        self.height as f64
    }

    /// Lays a colour over one pixel.
    fn blend(&mut self, x: i64, y: i64, colour: [u8; 3], share: f64) {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else { return };
        if x >= self.width || y >= self.height || share <= 0.0 {
            return;
        }
        let at = (y * self.width + x) * 3;
        let Some(pixel) = self.pixels.get_mut(at..at + 3) else { return };
        for (sample, new) in pixel.iter_mut().zip(colour) {
            let mixed = f64::from(*sample) * (1.0 - share) + f64::from(new) * share;
            *sample = level(mixed);
        }
    }

    /// Lays a colour over what is covered.
    pub(super) fn lay(&mut self, cover: &Cover, colour: [u8; 3], strength: f64) {
        for (row, shares) in cover.shares.chunks_exact(cover.width.max(1)).enumerate() {
            for (column, share) in shares.iter().enumerate() {
                let x = cover.left + whole(column as f64);
                let y = cover.top + whole(row as f64);
                self.blend(x, y, colour, f64::from(*share) * strength);
            }
        }
    }

    /// A box without soft edges.
    pub(super) fn fill(&mut self, from: Spot, to: Spot, colour: [u8; 3], strength: f64) {
        let (left, right) = (whole(from.x.round()).max(0), whole(to.x.round()));
        let (top, bottom) = (whole(from.y.round()).max(0), whole(to.y.round()));
        for y in top..bottom.min(whole(self.height())) {
            for x in left..right.min(whole(self.width())) {
                self.blend(x, y, colour, strength);
            }
        }
    }

    /// A light line with dark edges.
    pub(super) fn edged_line(&mut self, line: &[Spot], colour: [u8; 3]) {
        let thick = self.letters / 8.0;
        let edge = self.line(line, thick / 2.0 + thick.max(1.0) * 0.7);
        self.lay(&edge, SHADOW, SHADE);
        let light = self.line(line, thick / 2.0);
        self.lay(&light, colour, 1.0);
    }

    /// A light disc with a dark edge.
    pub(super) fn edged_disc(&mut self, at: Spot, radius: f64, colour: [u8; 3]) {
        let edge = self.line(&[at, at], radius + self.letters / 12.0);
        self.lay(&edge, SHADOW, SHADE);
        let light = self.line(&[at, at], radius);
        self.lay(&light, colour, 1.0);
    }

    /// The pixels so near to a line of several points, those outside of the canvas left out.
    fn line(&self, line: &[Spot], reach: f64) -> Cover {
        let bound = |of: fn(&Spot) -> f64, most: f64| {
            let low = line.iter().map(of).fold(f64::INFINITY, f64::min) - reach - 1.0;
            let high = line.iter().map(of).fold(f64::NEG_INFINITY, f64::max) + reach + 1.0;
            (low.clamp(0.0, most).floor(), high.clamp(0.0, most).ceil())
        };
        let (left, right) = bound(|spot| spot.x, self.width());
        let (top, bottom) = bound(|spot| spot.y, self.height());
        let (columns, rows) = (places(right - left), places(bottom - top));
        let mut shares = vec![0.0_f32; columns * rows];
        for pair in line.windows(2) {
            let &[a, b] = pair else { continue };
            let span = |a: f64, b: f64, from: f64, len: usize| {
                let low = places((a.min(b) - reach - 1.0 - from).max(0.0)).min(len);
                low..places((a.max(b) + reach + 2.0 - from).max(0.0)).min(len)
            };
            for row in span(a.y, b.y, top, rows) {
                for column in span(a.x, b.x, left, columns) {
                    let at = Spot::new(left + column as f64 + 0.5, top + row as f64 + 0.5);
                    let share = (reach + 0.5 - away([a, b], at)).clamp(0.0, 1.0);
                    if let Some(known) = shares.get_mut(row * columns + column) {
                        *known = known.max(narrow(share));
                    }
                }
            }
        }
        Cover { left: whole(left), top: whole(top), width: columns, shares }
    }

    /// Words of which this share of their width and height lies left of and above a place.
    pub(super) fn words(&mut self, at: Spot, anchor: [f64; 2], text: &str, colour: [u8; 3]) {
        let (size, width) = (self.letters, letters::width_of(text, self.letters));
        let from = Spot::new(at.x - width * anchor[0], at.y - size * anchor[1]);
        let mut cover = letters::cover_of(text, size, from);
        let step = whole((size / 14.0).round()).max(1);
        let (left, top) = (cover.left, cover.top);
        // all around, so that words are read on white as well
        for (dx, dy) in (-1..=1).flat_map(|dy| (-1..=1).map(move |dx| (dx, dy))) {
            (cover.left, cover.top) = (left + dx * step, top + dy * step);
            self.lay(&cover, SHADOW, SHADE);
        }
        (cover.left, cover.top) = (left, top);
        self.lay(&cover, colour, 1.0);
    }

    /// How wide words are.
    pub(super) fn width_of(&self, text: &str) -> f64 {
        letters::width_of(text, self.letters)
    }

    /// Words on a dark ground, moved so that all of it lies inside.
    pub(super) fn boxed_words(&mut self, at: Spot, text: &str, colour: [u8; 3]) {
        let (size, padding) = (self.letters, self.letters * 0.3);
        let (width, height) = (self.width_of(text) + padding * 2.0, size * 1.1 + padding);
        let last = |most: f64, len: f64| (most - len - padding).max(0.0);
        let x = at.x.clamp(0.0, last(self.width(), width));
        let y = at.y.clamp(0.0, last(self.height(), height));
        self.fill(Spot::new(x, y), Spot::new(x + width, y + height), SHADOW, SHADE);
        let inside = Spot::new(x + padding, y + height / 2.0);
        self.words(inside, [0.0, 0.5], text, colour);
    }
}

/// How far a place is from the line between two others.
fn away([a, b]: [Spot; 2], at: Spot) -> f64 {
    let (x, y) = (b.x - a.x, b.y - a.y);
    let len_sq = x * x + y * y;
    let along = (at.x - a.x) * x + (at.y - a.y) * y;
    let share = if len_sq > 0.0 { (along / len_sq).clamp(0.0, 1.0) } else { 0.0 };
    (at.x - a.x - x * share).hypot(at.y - a.y - y * share)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
fn level(value: f64) -> u8 {
    value.round().clamp(0.0, 255.0) as u8
}

#[expect(clippy::cast_possible_truncation, reason = "a share from 0 to 1")]
fn narrow(share: f64) -> f32 {
    share as f32
}

#[expect(clippy::cast_possible_truncation, reason = "a place near a picture; saturates")]
pub(super) fn whole(value: f64) -> i64 {
    value as i64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative, no larger than a picture; saturates"
)]
pub(super) fn places(value: f64) -> usize {
    value.max(0.0) as usize
}
