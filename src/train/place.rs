//! Where a distorted picture's pixels come from: cut, framed, turned, mirrored and shrunk in one go.

use rand::Rng;

use crate::imaging::DisplayImage;
use crate::train::Augment;
use crate::train::augment::background;

/// No picture is shrunk to fewer pixels on its longer side.
const LEAST_SIDE: f32 = 40.0;

/// Which part of a picture is seen, and how.
struct Place {
    /// Upper left corner of what is seen, in pixels.
    from: [f32; 2],
    /// Extent of what is seen, in pixels.
    seen: [f32; 2],
    /// Pixels of the new picture.
    size: [u32; 2],
    /// In radians, about the middle.
    turn: f32,
    is_mirrored: bool,
}

/// A picture seen from a place that is drawn.
pub(super) fn placed(
    augment: &Augment,
    picture: &DisplayImage,
    random: &mut impl Rng,
) -> DisplayImage {
    let place = Place::draw(augment, picture, random);
    let shares = [augment.crop, augment.pad, augment.turn, augment.shrink];
    let others = [augment.zoom, augment.mirror, augment.quarter, augment.stretch];
    if shares.iter().chain(&others).all(|share| *share == 0.0) {
        return picture.clone();
    }
    let background = background(picture);
    let count = picture.channels.count();
    let [width, height] = place.size;
    let mut pixels = Vec::with_capacity(width as usize * height as usize * count);
    for row in 0..height {
        for column in 0..width {
            let at = place.source(picture, column, row);
            for channel in 0..count {
                pixels.push(sampled(picture, at, channel, background));
            }
        }
    }
    DisplayImage { width, height, channels: picture.channels, pixels }
}

impl Place {
    fn draw(augment: &Augment, picture: &DisplayImage, random: &mut impl Rng) -> Self {
        let (width, height) = (picture.width as f32, picture.height as f32);
        let mut draw = |low: f32, high: f32| low + (high - low) * random.random::<f32>();
        // edges of the part that is seen, as shares of the sides: below 0 is a frame
        let mut edge = || match draw(0.0, 1.0) < 0.5 {
            true => draw(0.0, augment.crop),
            false => -draw(0.0, augment.pad),
        };
        let (mut left, mut top, right, bottom) = (edge(), edge(), edge(), edge());
        let mut shares = [1.0 - left - right, 1.0 - top - bottom];
        if draw(0.0, 1.0) < augment.zoom {
            shares = [draw(0.35, 0.85), draw(0.35, 0.85)];
            (left, top) = (draw(0.0, 1.0 - shares[0]), draw(0.0, 1.0 - shares[1]));
        }
        let right_angles =
            if draw(0.0, 1.0) < augment.quarter { draw(1.0, 3.999).floor() } else { 0.0 };
        let turn = 90.0 * right_angles + draw(-augment.turn, augment.turn);
        let seen = [width * shares[0], height * shares[1]];
        let least = if augment.shrink > 0.0 { augment.shrink } else { 1.0 };
        let floor = (LEAST_SIDE / seen[0].max(seen[1])).min(1.0);
        let scale = draw(least, 1.0).max(floor);
        let most = augment.stretch.max(1.0).ln() / 2.0;
        let stretch = draw(-most, most).exp();
        let pixels = |extent: f32| (extent * scale).round().max(8.0) as u32;
        Self {
            from: [left * width, top * height],
            seen,
            size: [pixels(seen[0] * stretch), pixels(seen[1] / stretch)],
            turn: turn.to_radians(),
            is_mirrored: draw(0.0, 1.0) < augment.mirror,
        }
    }

    /// Where a pixel of the new picture lies in the old one.
    fn source(&self, picture: &DisplayImage, column: u32, row: u32) -> [f32; 2] {
        let middle = [picture.width as f32 / 2.0, picture.height as f32 / 2.0];
        let column = if self.is_mirrored { self.size[0] - 1 - column } else { column };
        let part = |at: u32, side: usize| (at as f32 + 0.5) / self.size[side] as f32;
        let x = self.from[0] + part(column, 0) * self.seen[0] - middle[0];
        let y = self.from[1] + part(row, 1) * self.seen[1] - middle[1];
        let (sin, cos) = self.turn.sin_cos();
        [cos * x - sin * y + middle[0] - 0.5, sin * x + cos * y + middle[1] - 0.5]
    }
}

/// Between the four pixels around a place; beyond the edges there is the background.
fn sampled(picture: &DisplayImage, [x, y]: [f32; 2], channel: usize, background: u8) -> u8 {
    let count = picture.channels.count();
    let pixel = |column: i64, row: i64| {
        let inside = (0..i64::from(picture.width)).contains(&column)
            && (0..i64::from(picture.height)).contains(&row);
        let at = (row * i64::from(picture.width) + column) as usize * count + channel;
        let sample = if inside { picture.pixels.get(at).copied() } else { None };
        f32::from(sample.unwrap_or(background))
    };
    let (left, top) = (x.floor(), y.floor());
    let (across, down) = (x - left, y - top);
    let (column, row) = (left as i64, top as i64);
    let upper = pixel(column, row) * (1.0 - across) + pixel(column + 1, row) * across;
    let lower = pixel(column, row + 1) * (1.0 - across) + pixel(column + 1, row + 1) * across;
    (upper * (1.0 - down) + lower * down).round().clamp(0.0, 255.0) as u8
}
