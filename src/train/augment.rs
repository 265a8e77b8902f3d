//! Distortions of pictures: windows, polarity, contrast, place, size and noise.
//!
//! A picture that a reader opens has another window, size and frame than those a model learnt
//! from. What differs there without changing what is seen is varied here.

use rand::Rng;
use serde::Deserialize;

use crate::imaging::{Channels, DisplayImage};

/// `[augment]`: how often and how far; all absent is nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Augment {
    /// Share of pictures whose grey levels are windowed anew.
    pub window: f32,
    /// Share of pictures whose polarity is turned.
    pub invert: f32,
    /// Largest change of the exponent of brightness, as a factor above 1.
    pub gamma: f32,
    /// Largest share of a side that is cut off.
    pub crop: f32,
    /// Largest share of a side that is added as a frame.
    pub pad: f32,
    /// Smallest share of a side that a picture is shrunk to before it is used.
    pub shrink: f32,
    /// Largest turn, in degrees.
    pub turn: f32,
    /// Width of noise, in grey levels.
    pub noise: f32,
    /// Share of grey pictures that get coloured marks, as on the screen of a device.
    pub marks: f32,
}

impl Augment {
    pub(crate) fn check(&self) -> Result<(), String> {
        let shares = [
            ("window", self.window),
            ("invert", self.invert),
            ("crop", self.crop),
            ("pad", self.pad),
            ("shrink", self.shrink),
            ("marks", self.marks),
        ];
        for (key, share) in shares {
            if !(0.0..=1.0).contains(&share) {
                return Err(format!("augment.{key} is {share}, not between 0 and 1"));
            }
        }
        let others = [self.gamma, self.turn, self.noise];
        if !others.iter().all(|value| (0.0..=180.0).contains(value)) {
            return Err("augment.gamma, turn and noise are not below 0".to_owned());
        }
        Ok(())
    }

    /// A picture as it might have been shown; the same numbers give the same picture.
    pub fn apply(&self, picture: &DisplayImage, random: &mut impl Rng) -> DisplayImage {
        let mut picture = self.placed(picture, random);
        if self.window > 0.0 && random.random::<f32>() < self.window {
            rewindow(&mut picture, random);
        }
        if self.gamma > 1.0 {
            let most = self.gamma.ln();
            let exponent = random.random_range(-most..=most).exp();
            map(&mut picture, |x| x.powf(exponent));
        }
        if random.random::<f32>() < self.invert {
            map(&mut picture, |x| 1.0 - x);
        }
        if self.noise > 0.0 {
            let width = random.random_range(0.0..=self.noise);
            for sample in &mut picture.pixels {
                // the sum of three is near enough to a bell
                let bell: f32 = (0..3).map(|_| random.random_range(-1.0..=1.0_f32)).sum();
                *sample = (f32::from(*sample) + bell * width).round().clamp(0.0, 255.0) as u8;
            }
        }
        if random.random::<f32>() < self.marks {
            picture = marked(&picture, random);
        }
        picture
    }

    /// Cut, framed, turned and shrunk in one go.
    fn placed(&self, picture: &DisplayImage, random: &mut impl Rng) -> DisplayImage {
        let (width, height) = (picture.width as f32, picture.height as f32);
        let between =
            |random: &mut dyn FnMut() -> f32, low: f32, high: f32| low + (high - low) * random();
        let mut draw = || random.random::<f32>();
        // edges of the part that is seen, as shares of the sides: below 0 is a frame
        let mut edge = || {
            if draw() < 0.5 {
                between(&mut draw, 0.0, self.crop)
            } else {
                -between(&mut draw, 0.0, self.pad)
            }
        };
        let (left, top, right, bottom) = (edge(), edge(), edge(), edge());
        let turn = between(&mut draw, -self.turn, self.turn).to_radians();
        let least = if self.shrink > 0.0 { self.shrink } else { 1.0 };
        let scale = between(&mut draw, least, 1.0);
        let seen = [width * (1.0 - left - right), height * (1.0 - top - bottom)];
        let size = seen.map(|extent| ((extent * scale).round() as u32).max(8));
        if self.crop + self.pad + self.turn == 0.0 && self.shrink == 0.0 {
            return picture.clone();
        }
        let background = background(picture);
        let (sin, cos) = turn.sin_cos();
        let at = |column: u32, row: u32| {
            let x = left * width + (column as f32 + 0.5) * seen[0] / size[0] as f32 - width / 2.0;
            let y = top * height + (row as f32 + 0.5) * seen[1] / size[1] as f32 - height / 2.0;
            [cos * x - sin * y + width / 2.0 - 0.5, sin * x + cos * y + height / 2.0 - 0.5]
        };
        let count = picture.channels.count();
        let mut pixels = Vec::with_capacity(size[0] as usize * size[1] as usize * count);
        for row in 0..size[1] {
            for column in 0..size[0] {
                let place = at(column, row);
                for channel in 0..count {
                    pixels.push(sampled(picture, place, channel, background));
                }
            }
        }
        DisplayImage { width: size[0], height: size[1], channels: picture.channels, pixels }
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

/// The middle grey level of a border of four pixels.
fn background(picture: &DisplayImage) -> u8 {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let count = picture.channels.count();
    let near = |at: usize, len: usize| at < 4 || at + 4 >= len;
    let mut border: Vec<u8> = picture
        .pixels
        .iter()
        .step_by(count)
        .enumerate()
        .filter(|(at, _)| near(at / width.max(1), height) || near(at % width.max(1), width))
        .map(|(_, sample)| *sample)
        .collect();
    border.sort_unstable();
    border.get(border.len() / 2).copied().unwrap_or(0)
}

/// Another window: black lies about the background, white at one of the highest grey levels.
fn rewindow(picture: &mut DisplayImage, random: &mut impl Rng) {
    let background = f32::from(background(picture));
    let mut sorted: Vec<u8> = picture.pixels.clone();
    sorted.sort_unstable();
    let share = random.random_range(0.90..0.999_f32);
    let high = sorted.get((sorted.len() as f32 * share) as usize).copied().unwrap_or(255);
    let low = background - random.random_range(-25.0..15.0_f32);
    let high = f32::from(high).max(low + 24.0);
    for sample in &mut picture.pixels {
        *sample = ((f32::from(*sample) - low) / (high - low) * 255.0).clamp(0.0, 255.0) as u8;
    }
}

fn map(picture: &mut DisplayImage, of: impl Fn(f32) -> f32) {
    let table: Vec<u8> = (0..=255_u8)
        .map(|level| (of(f32::from(level) / 255.0) * 255.0).round().clamp(0.0, 255.0) as u8)
        .collect();
    for sample in &mut picture.pixels {
        *sample = table.get(usize::from(*sample)).copied().unwrap_or(*sample);
    }
}

/// In colour, with bars and specks at the edges as devices draw them.
fn marked(picture: &DisplayImage, random: &mut impl Rng) -> DisplayImage {
    let mut marked =
        DisplayImage { channels: Channels::Rgb, pixels: picture.to_rgb8(), ..picture.clone() };
    let (width, height) = (marked.width, marked.height);
    for _ in 0..random.random_range(1..=4) {
        let color: [u8; 3] = [random.random(), random.random(), random.random()];
        let (across, down) = if random.random() {
            (random.random_range(1..=3), random.random_range(1..=(height / 3).max(2)))
        } else {
            (random.random_range(1..=(width / 3).max(2)), random.random_range(1..=3))
        };
        let edge = random.random_range(0..4);
        let (x, y) = (random.random_range(0..width), random.random_range(0..height));
        let (x, y) = match edge {
            0 => (x % 6, y),
            1 => (width.saturating_sub(1 + x % 8), y),
            2 => (x, y % 6),
            _ => (x, height.saturating_sub(1 + y % 8)),
        };
        for row in y..(y + down).min(height) {
            for column in x..(x + across).min(width) {
                let at = (row * width + column) as usize * 3;
                if let Some(pixel) = marked.pixels.get_mut(at..at + 3) {
                    pixel.copy_from_slice(&color);
                }
            }
        }
    }
    marked
}
