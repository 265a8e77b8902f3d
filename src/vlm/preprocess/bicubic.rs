//! Pillow's bicubic resize on 8-bit samples, to the last bit.

use crate::vlm::preprocess::RgbPixels;

/// Fractional bits of the quantised weights.
const PRECISION_BITS: u32 = 22;

/// Pillow's bicubic on 8 bits: integer weights, columns first, rounded between the passes.
#[must_use]
pub fn resize_bicubic(image: &RgbPixels, width: usize, height: usize) -> RgbPixels {
    let (width, height) = (width.max(1), height.max(1));
    let across = if width == image.width { image.clone() } else { resize_rows(image, width) };
    if height == across.height {
        return across;
    }
    let taps = taps(across.height, height);
    let row_len = across.width * 3;
    let mut pixels = Vec::with_capacity(row_len * height);
    let mut sums = vec![0_i64; row_len];
    for tap in &taps {
        sums.fill(1 << (PRECISION_BITS - 1));
        let rows = across.pixels.chunks_exact(row_len.max(1)).skip(tap.from);
        for (row, weight) in rows.zip(&tap.weights) {
            for (sum, sample) in sums.iter_mut().zip(row) {
                *sum += weight * i64::from(*sample);
            }
        }
        pixels.extend(sums.iter().map(|sum| clip8(*sum)));
    }
    RgbPixels { width: across.width, height, pixels }
}

fn resize_rows(image: &RgbPixels, width: usize) -> RgbPixels {
    let taps = taps(image.width, width);
    let mut pixels = Vec::with_capacity(width * image.height * 3);
    for row in image.pixels.chunks_exact((image.width * 3).max(1)) {
        for tap in &taps {
            let mut sums = [1_i64 << (PRECISION_BITS - 1); 3];
            for (pixel, weight) in row.chunks_exact(3).skip(tap.from).zip(&tap.weights) {
                for (sum, sample) in sums.iter_mut().zip(pixel) {
                    *sum += weight * i64::from(*sample);
                }
            }
            pixels.extend(sums.map(clip8));
        }
    }
    RgbPixels { width, height: image.height, pixels }
}

fn clip8(sum: i64) -> u8 {
    (sum >> PRECISION_BITS).clamp(0, 255) as u8
}

/// Which samples make one sample of the result.
struct Tap {
    from: usize,
    weights: Vec<i64>,
}

fn taps(input: usize, output: usize) -> Vec<Tap> {
    let scale = input as f64 / output as f64;
    let stretch = scale.max(1.0);
    let support = 2.0 * stretch;
    (0..output)
        .map(|index| {
            let centre = (index as f64 + 0.5) * scale;
            let from = (centre - support + 0.5).max(0.0) as usize;
            let to = ((centre + support + 0.5).max(0.0) as usize).min(input);
            let kernel = |sample: usize| cubic((sample as f64 - centre + 0.5) / stretch);
            let weights: Vec<f64> = (from..to).map(kernel).collect();
            let total: f64 = weights.iter().sum();
            let quantise = |weight: &f64| {
                let weight = if total == 0.0 { *weight } else { weight / total };
                let scaled = weight * f64::from(1_u32 << PRECISION_BITS);
                (scaled + 0.5_f64.copysign(scaled)) as i64
            };
            Tap { from, weights: weights.iter().map(quantise).collect() }
        })
        .collect()
}

fn cubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}
