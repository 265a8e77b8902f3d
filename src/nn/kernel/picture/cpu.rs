//! The CPU's side: pixels shared among threads.

use burn::tensor::TensorData;
use burn_flex::{Flex, FlexTensor};
use rayon::prelude::*;

use crate::nn::kernel::picture::{PictureOps, TAPS, Windows};

/// Pixels a thread works on at once.
pub(super) const PIXELS: usize = 64;

/// Sums and sums of squares, a pair a channel.
pub(super) type Sums = Vec<[f64; 2]>;

impl PictureOps for Flex {
    fn windows_op(x: FlexTensor, windows: Windows, first: usize, rows: usize) -> FlexTensor {
        let x = x.to_contiguous();
        let values = x.storage::<f32>();
        let [height, width] = windows.size;
        let channels = values.len() / (height * width).max(1);
        let len = channels * TAPS;
        let mut out = vec![0.0; rows * len];
        out.par_chunks_mut((PIXELS * len).max(1)).enumerate().for_each(|(block, out)| {
            for (index, row) in out.chunks_mut(len.max(1)).enumerate() {
                let window = first + block * PIXELS + index;
                fill(row, values, channels, |tap| windows.pixel(window, tap));
            }
        });
        FlexTensor::from_data(TensorData::new(out, [rows, len]))
    }

    fn group_norm_op(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        groups: usize,
        eps: f32,
        swish: bool,
    ) -> FlexTensor {
        let x = x.to_contiguous();
        let (weight, bias) = (weight.to_contiguous(), bias.to_contiguous());
        let (values, weight, bias) =
            (x.storage::<f32>(), weight.storage::<f32>(), bias.storage::<f32>());
        let channels = weight.len().max(1);
        let pixels = values.len() / channels;
        let lines = scale_and_shift(&sums(values, channels), [weight, bias], groups, pixels, eps);
        let mut out = vec![0.0; values.len()];
        out.par_chunks_mut(PIXELS * channels).zip(values.par_chunks(PIXELS * channels)).for_each(
            |(out, values)| {
                for (out, values) in out.chunks_mut(channels).zip(values.chunks(channels)) {
                    for ((out, value), [scale, shift]) in out.iter_mut().zip(values).zip(&lines) {
                        let normed = value * scale + shift;
                        *out = if swish { normed / (1.0 + (-normed).exp()) } else { normed };
                    }
                }
            },
        );
        FlexTensor::from_data(TensorData::new(out, [pixels, channels]))
    }
}

/// The taps of one window, channel by channel; zero where there is no pixel.
fn fill(row: &mut [f32], values: &[f32], channels: usize, pixel: impl Fn(usize) -> Option<usize>) {
    let pixel = |tap| values.get(pixel(tap)? * channels..)?.get(..channels);
    let taps: [&[f32]; TAPS] = std::array::from_fn(|tap| pixel(tap).unwrap_or_default());
    for (channel, places) in row.as_chunks_mut::<TAPS>().0.iter_mut().enumerate() {
        for (place, tap) in places.iter_mut().zip(&taps) {
            *place = tap.get(channel).copied().unwrap_or_default();
        }
    }
}

/// In 64 bits, where a sum of squares loses nothing that f32 could show.
pub(super) fn sums(values: &[f32], channels: usize) -> Sums {
    let of_block = |block: &[f32]| {
        let mut sums = vec![[0.0, 0.0]; channels];
        for pixel in block.chunks(channels) {
            for ([sum, squares], value) in sums.iter_mut().zip(pixel) {
                let value = f64::from(*value);
                *sum += value;
                *squares += value * value;
            }
        }
        sums
    };
    // in order, so that the same picture gives the same sums every time
    let blocks: Vec<Sums> = values.par_chunks(16 * PIXELS * channels).map(of_block).collect();
    added_up(blocks, channels)
}

/// Block after block.
pub(super) fn added_up(blocks: Vec<Sums>, channels: usize) -> Sums {
    let mut total = vec![[0.0, 0.0]; channels];
    for block in blocks {
        for ([sum, squares], [more, more_squares]) in total.iter_mut().zip(block) {
            *sum += more;
            *squares += more_squares;
        }
    }
    total
}

/// What each channel is multiplied by and what is then added.
fn scale_and_shift(
    sums: &[[f64; 2]],
    [weight, bias]: [&[f32]; 2],
    groups: usize,
    pixels: usize,
    eps: f32,
) -> Vec<[f32; 2]> {
    let channels = (sums.len() / groups.max(1)).max(1);
    let groups = mean_and_factor(sums, groups, pixels, eps);
    let groups = groups.iter().zip(weight.chunks(channels).zip(bias.chunks(channels)));
    let mut lines = Vec::with_capacity(sums.len());
    for ([mean, factor], (weight, bias)) in groups {
        for (weight, bias) in weight.iter().zip(bias) {
            let scale = f64::from(*weight) * factor;
            lines.push([scale as f32, (f64::from(*bias) - mean * scale) as f32]);
        }
    }
    lines
}

/// Of each group: its mean, and one by the root of its variance.
pub(super) fn mean_and_factor(
    sums: &[[f64; 2]],
    groups: usize,
    pixels: usize,
    eps: f32,
) -> Vec<[f64; 2]> {
    let channels = (sums.len() / groups.max(1)).max(1);
    let count = (channels * pixels) as f64;
    let of_group = |sums: &[[f64; 2]]| {
        let mean = sums.iter().map(|[sum, _]| sum).sum::<f64>() / count;
        let squares = sums.iter().map(|[_, squares]| squares).sum::<f64>() / count;
        let variance = (squares - mean * mean).max(0.0);
        [mean, (variance + f64::from(eps)).sqrt().recip()]
    };
    sums.chunks(channels).map(of_group).collect()
}
