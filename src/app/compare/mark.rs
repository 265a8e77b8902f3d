//! Burns into a picture that is saved what it is.

use super::letters;
use crate::imaging::{Channels, DisplayImage};

const MARK: &str = "AI-GENERATED IMAGE - RESEARCH ONLY";
const MARK_OF_PART: &str = "AI-GENERATED - NOT WHOLE - RESEARCH ONLY";
const MARK_OF_CODEC: &str = "AI-GENERATED - CODEC ALONE";
const MARK_OF_ORIGINAL: &str = "ORIGINAL AS GIVEN TO THE MODEL";

/// Pixels around the letters of a strip.
const MARGIN: usize = 3;
/// Between pictures beside each other.
const GAP: usize = 4;
const STRIP: [u8; 3] = [38, 26, 74];
const STRIP_OF_ORIGINAL: [u8; 3] = [24, 28, 34];
const INK: [u8; 3] = [236, 230, 255];
/// A strip takes at most one row in this many of a picture.
const LEAST_SHARE: usize = 8;

/// The model's picture with the words burned into its lowest rows, other words when it is not whole.
/// A picture too small to hold them is enlarged by a whole factor first.
#[must_use]
pub fn marked(picture: &DisplayImage, is_whole: bool) -> DisplayImage {
    burned(picture, if is_whole { MARK } else { MARK_OF_PART }, STRIP)
}

/// Everything beside each other, each with its own words; `drawn` is marked already.
pub(crate) fn side_by_side(
    original: &DisplayImage,
    drawn: DisplayImage,
    codec: Option<&DisplayImage>,
) -> DisplayImage {
    let mut all = vec![burned(original, MARK_OF_ORIGINAL, STRIP_OF_ORIGINAL), drawn];
    all.extend(codec.map(|codec| burned(codec, MARK_OF_CODEC, STRIP)));
    beside(&all)
}

fn burned(picture: &DisplayImage, words: &str, strip: [u8; 3]) -> DisplayImage {
    if picture.pixels.is_empty() {
        return picture.clone();
    }
    let height = letters::HEIGHT + 2 * MARGIN;
    // of the longest words, so that pictures beside each other are enlarged alike
    let needed_width = letters::width_of(MARK_OF_PART) + 2 * MARGIN;
    let (width, rows) = (picture.width as usize, picture.height as usize);
    let factor =
        needed_width.div_ceil(width.max(1)).max((height * LEAST_SHARE).div_ceil(rows.max(1)));
    let mut picture = enlarged(picture, factor);
    // letters as large as they fit at a whole factor, so that they stay legible on large pictures
    let (width, rows) = (picture.width as usize, picture.height as usize);
    let scale = (width / needed_width).min(rows / (height * LEAST_SHARE)).max(1);
    let top = rows - height * scale;
    for pixel in picture.pixels.chunks_exact_mut(3).skip(top * width) {
        pixel.copy_from_slice(&strip);
    }
    let left = (width - letters::width_of(words) * scale) / 2;
    for (x, y) in letters::pixels_of(words) {
        for dy in 0..scale {
            let row = top + (MARGIN + y) * scale + dy;
            let from = (row * width + left + x * scale) * 3;
            if let Some(run) = picture.pixels.get_mut(from..from + scale * 3) {
                run.chunks_exact_mut(3).for_each(|pixel| pixel.copy_from_slice(&INK));
            }
        }
    }
    picture
}

/// In colour, each pixel `factor` times as wide and as high.
fn enlarged(picture: &DisplayImage, factor: usize) -> DisplayImage {
    let factor = factor.max(1);
    let rgb = picture.to_rgb8();
    let row_len = (picture.width as usize * 3).max(1);
    let pixels = rgb.chunks_exact(row_len).flat_map(|row| {
        let wide = row.chunks_exact(3).flat_map(move |pixel| pixel.repeat(factor));
        wide.collect::<Vec<u8>>().repeat(factor)
    });
    let times = u32::try_from(factor).unwrap_or(1);
    DisplayImage {
        width: picture.width * times,
        height: picture.height * times,
        channels: Channels::Rgb,
        pixels: pixels.collect(),
    }
}

fn beside(pictures: &[DisplayImage]) -> DisplayImage {
    let rows = pictures.iter().map(|picture| picture.height).max().unwrap_or(0) as usize;
    let mut pixels = Vec::new();
    for row in 0..rows {
        for (idx, picture) in pictures.iter().enumerate() {
            if idx > 0 {
                pixels.extend([0; GAP * 3]);
            }
            let row_len = picture.width as usize * 3;
            match picture.pixels.get(row * row_len..(row + 1) * row_len) {
                Some(samples) => pixels.extend_from_slice(samples),
                None => pixels.resize(pixels.len() + row_len, 0),
            }
        }
    }
    let columns = pixels.len() / 3 / rows.max(1);
    DisplayImage {
        width: u32::try_from(columns).unwrap_or(u32::MAX),
        height: u32::try_from(rows).unwrap_or(u32::MAX),
        channels: Channels::Rgb,
        pixels,
    }
}
