//! Pillow's Lanczos resize on 8-bit samples, to the last bit.

use std::f64::consts::PI;

use crate::vlm::RgbPixels;

/// Fractional bits of the quantised weights.
const PRECISION_BITS: u32 = 22;

/// Lobes of the kernel on either side.
const LOBES: f64 = 3.0;

/// The picture at another size: integer weights, columns first, rounded between the passes.
#[must_use]
pub fn resize_lanczos(picture: &RgbPixels, width: usize, height: usize) -> RgbPixels {
    let across = resize_rows(picture, width.max(1));
    if height == across.height {
        return across;
    }
    transposed(&resize_rows(&transposed(&across), height.max(1)))
}

fn resize_rows(picture: &RgbPixels, width: usize) -> RgbPixels {
    if width == picture.width {
        return picture.clone();
    }
    let taps = taps(picture.width, width);
    let mut pixels = Vec::with_capacity(width * picture.height * 3);
    for row in picture.pixels.chunks_exact((picture.width * 3).max(1)) {
        for (from, weights) in &taps {
            let mut sums = [1_i64 << (PRECISION_BITS - 1); 3];
            for (pixel, weight) in row.chunks_exact(3).skip(*from).zip(weights) {
                for (sum, sample) in sums.iter_mut().zip(pixel) {
                    *sum += weight * i64::from(*sample);
                }
            }
            pixels.extend(sums.map(|sum| (sum >> PRECISION_BITS).clamp(0, 255) as u8));
        }
    }
    RgbPixels { width, height: picture.height, pixels }
}

/// Rows become columns.
fn transposed(picture: &RgbPixels) -> RgbPixels {
    let mut pixels = Vec::with_capacity(picture.pixels.len());
    for column in 0..picture.width {
        let rows = picture.pixels.chunks_exact((picture.width * 3).max(1));
        for row in rows {
            pixels.extend(row.get(column * 3..column * 3 + 3).unwrap_or_default());
        }
    }
    RgbPixels { width: picture.height, height: picture.width, pixels }
}

/// For every sample of the result the first sample it is made of, and the weights from there on.
fn taps(input: usize, output: usize) -> Vec<(usize, Vec<i64>)> {
    let scale = input as f64 / output as f64;
    let stretch = scale.max(1.0);
    let support = LOBES * stretch;
    (0..output)
        .map(|index| {
            let centre = (index as f64 + 0.5) * scale;
            let from = (centre - support + 0.5).max(0.0) as usize;
            let to = ((centre + support + 0.5).max(0.0) as usize).min(input);
            let weights: Vec<f64> = (from..to)
                .map(|sample| lanczos((sample as f64 - centre + 0.5) * stretch.recip()))
                .collect();
            let total: f64 = weights.iter().sum();
            let quantise = |weight: &f64| {
                let share = if total == 0.0 { *weight } else { weight / total };
                let scaled = share * f64::from(1_u32 << PRECISION_BITS);
                (scaled + 0.5_f64.copysign(scaled)) as i64
            };
            (from, weights.iter().map(quantise).collect())
        })
        .collect()
}

fn lanczos(x: f64) -> f64 {
    if (-LOBES..LOBES).contains(&x) { sinc(x) * sinc(x / LOBES) } else { 0.0 }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { (x * PI).sin() / (x * PI) }
}
