//! Distortions of pictures: windows, polarity, contrast, place, size and noise.
//!
//! A picture that a reader opens has another window, size and frame than those a model learnt
//! from. What differs there without changing what is seen is varied here.

use rand::Rng;
use serde::Deserialize;

use crate::imaging::{Channels, DisplayImage};
use crate::train::place::placed;

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
    /// Share of pictures of which only a part is seen: 35 to 85 % of each side.
    pub zoom: f32,
    /// Share of pictures whose left and right are changed about.
    pub mirror: f32,
    /// Share of pictures that are turned by one, two or three right angles.
    pub quarter: f32,
    /// Largest factor between width and height, above 1.
    pub stretch: f32,
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
            ("zoom", self.zoom),
            ("mirror", self.mirror),
            ("quarter", self.quarter),
        ];
        for (key, share) in shares {
            if !(0.0..=1.0).contains(&share) {
                return Err(format!("augment.{key} is {share}, not between 0 and 1"));
            }
        }
        let others = [self.gamma, self.turn, self.noise, self.stretch];
        if !others.iter().all(|value| (0.0..=180.0).contains(value)) {
            return Err("augment.gamma, turn, noise and stretch are between 0 and 180".to_owned());
        }
        Ok(())
    }

    /// A picture as it might have been shown; the same numbers give the same picture.
    pub fn apply(&self, picture: &DisplayImage, random: &mut impl Rng) -> DisplayImage {
        let mut picture = placed(self, picture, random);
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
}

/// The middle grey level of a border of four pixels.
pub(super) fn background(picture: &DisplayImage) -> u8 {
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

/// Another window: black lies about the background and white at one of the highest grey levels,
/// or both lie anywhere, as where a reader looks at bone or lung.
fn rewindow(picture: &mut DisplayImage, random: &mut impl Rng) {
    let background = f32::from(background(picture));
    let mut sorted: Vec<u8> = picture.pixels.clone();
    sorted.sort_unstable();
    let level = |share: f32| {
        let at = (sorted.len() as f32 * share) as usize;
        f32::from(sorted.get(at).copied().unwrap_or(255))
    };
    let (low, high) = if random.random() {
        let share = random.random_range(0.90..0.999);
        (background - random.random_range(-25.0..15.0_f32), level(share))
    } else {
        let (least, most) = (random.random_range(0.0..0.6), random.random_range(0.7..1.1));
        (level(least).min(200.0), level(most))
    };
    let high = high.max(low + 24.0);
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
