//! The CPU's way back: from the gradient of a result to those of what it was made of.

use burn::tensor::TensorData;
use burn_flex::FlexTensor;
use rayon::prelude::*;

use crate::nn::kernel::picture::cpu::{PIXELS, Sums, added_up, mean_and_factor, sums};
use crate::nn::kernel::picture::{TAPS, Windows};

/// What every window sees, tap by tap; zero where there is no pixel.
///
/// # Shapes
/// `[pixels, channels]` → `[windows, 9 · channels]`.
pub(super) fn windows_by_tap(x: &FlexTensor, windows: Windows) -> FlexTensor {
    let x = x.to_contiguous();
    let values = x.storage::<f32>();
    let pixels = windows.size.iter().product::<usize>();
    let channels = (values.len() / pixels.max(1)).max(1);
    let (count, len) = (windows.count().iter().product::<usize>(), channels * TAPS);
    let mut out = vec![0.0; count * len];
    out.par_chunks_mut(PIXELS * len).enumerate().for_each(|(block, out)| {
        for (index, row) in out.chunks_mut(len).enumerate() {
            for (tap, place) in row.chunks_mut(channels).enumerate() {
                let pixel = windows.pixel(block * PIXELS + index, tap);
                let found = pixel.and_then(|at| values.get(at * channels..)?.get(..channels));
                if let Some(found) = found {
                    place.copy_from_slice(found);
                }
            }
        }
    });
    FlexTensor::from_data(TensorData::new(out, [count, len]))
}

/// Each pixel gets what every window that saw it got.
///
/// # Shapes
/// `[windows, 9 · channels]` → `[pixels, channels]`.
pub(super) fn windows_back(gradient: &FlexTensor, windows: Windows) -> FlexTensor {
    let gradient = gradient.to_contiguous();
    let values = gradient.storage::<f32>();
    let [height, width] = windows.size;
    let [down, across] = windows.count();
    let channels = (values.len() / (down * across * TAPS).max(1)).max(1);
    let mut out = vec![0.0; height * width * channels];
    // a line of pixels at a time: no two threads add to one place
    out.par_chunks_mut((width * channels).max(1)).enumerate().for_each(|(y, line)| {
        for tap_row in 0..3 {
            for row in windows.seeing(y, tap_row, down) {
                // in the order in which the gradient lies in memory
                for place in 0..across * 3 {
                    let (column, tap_column) = (place / 3, place % 3);
                    let Some(x) = windows.inside(column, tap_column, width) else { continue };
                    let tap = tap_row * 3 + tap_column;
                    let from = ((row * across + column) * TAPS + tap) * channels;
                    let found = values.get(from..from + channels).unwrap_or_default();
                    let pixel = line.get_mut(x * channels..(x + 1) * channels);
                    for (sum, value) in pixel.unwrap_or_default().iter_mut().zip(found) {
                        *sum += value;
                    }
                }
            }
        }
    });
    FlexTensor::from_data(TensorData::new(out, [height * width, channels]))
}

/// What a normalisation over groups was made of.
#[derive(Clone, Debug)]
pub(super) struct Normed {
    pub(super) x: FlexTensor,
    pub(super) weight: FlexTensor,
    pub(super) bias: FlexTensor,
    pub(super) groups: usize,
    pub(super) eps: f32,
    pub(super) swish: bool,
}

/// Of one channel, as the loops over pixels want it.
#[derive(Clone, Copy)]
struct Line {
    mean: f32,
    factor: f32,
    weight: f32,
    bias: f32,
}

impl Normed {
    /// Gradients of x, weight and bias.
    pub(super) fn back(&self, gradient: &FlexTensor) -> [FlexTensor; 3] {
        let (x, gradient) = (self.x.to_contiguous(), gradient.to_contiguous());
        let (values, gradient) = (x.storage::<f32>(), gradient.storage::<f32>());
        let lines = self.lines(values);
        let channels = lines.len().max(1);
        let pixels = values.len() / channels;
        let mut inner = vec![0.0; values.len()];
        // a pair a channel: the sum of the gradient, and of the gradient by the centred value
        let blocks: Vec<Sums> = inner
            .par_chunks_mut(16 * PIXELS * channels)
            .zip(values.par_chunks(16 * PIXELS * channels))
            .zip(gradient.par_chunks(16 * PIXELS * channels))
            .map(|((inner, x), gradient)| self.before_swish(inner, x, gradient, &lines))
            .collect();
        let sums = added_up(blocks, channels);
        let parts = group_means(&sums, &lines, channels / self.groups.max(1), pixels);
        let mut out = vec![0.0; values.len()];
        out.par_chunks_mut(PIXELS * channels)
            .zip(values.par_chunks(PIXELS * channels))
            .zip(inner.par_chunks(PIXELS * channels))
            .for_each(|((out, x), inner)| {
                let rows = out.chunks_mut(channels).zip(x.chunks(channels));
                for ((out, x), inner) in rows.zip(inner.chunks(channels)) {
                    let of_channel = lines.iter().zip(&parts);
                    for (((out, x), inner), (line, [mean, slope])) in
                        out.iter_mut().zip(x).zip(inner).zip(of_channel)
                    {
                        let centred = (x - line.mean) * line.factor;
                        *out = line.factor * (line.weight * inner - mean - centred * slope);
                    }
                }
            });
        let vector = |which: fn(&[f64; 2]) -> f64| {
            let values: Vec<f32> = sums.iter().map(|pair| which(pair) as f32).collect();
            FlexTensor::from_data(TensorData::new(values, [channels]))
        };
        let x = FlexTensor::from_data(TensorData::new(out, [pixels, channels]));
        [x, vector(|[_, by_value]| *by_value), vector(|[sum, _]| *sum)]
    }

    fn lines(&self, values: &[f32]) -> Vec<Line> {
        let (weight, bias) = (self.weight.to_contiguous(), self.bias.to_contiguous());
        let (weight, bias) = (weight.storage::<f32>(), bias.storage::<f32>());
        let channels = weight.len().max(1);
        let pixels = values.len() / channels;
        let sums = sums(values, channels);
        let groups = mean_and_factor(&sums, self.groups, pixels, self.eps);
        let len = (channels / self.groups.max(1)).max(1);
        let each = groups.iter().flat_map(|group| std::iter::repeat_n(group, len));
        let line = |([mean, factor], (weight, bias)): (&[f64; 2], (&f32, &f32))| Line {
            mean: *mean as f32,
            factor: *factor as f32,
            weight: *weight,
            bias: *bias,
        };
        each.zip(weight.iter().zip(bias)).map(line).collect()
    }

    /// The gradient before x·sigmoid(x) was taken, and its sums.
    fn before_swish(&self, inner: &mut [f32], x: &[f32], gradient: &[f32], lines: &[Line]) -> Sums {
        let channels = lines.len().max(1);
        let mut sums = vec![[0.0_f64, 0.0]; channels];
        let rows = inner.chunks_mut(channels).zip(x.chunks(channels));
        for ((inner, x), gradient) in rows.zip(gradient.chunks(channels)) {
            let of_channel = lines.iter().zip(&mut sums);
            for (((inner, x), gradient), (line, [sum, by_value])) in
                inner.iter_mut().zip(x).zip(gradient).zip(of_channel)
            {
                let centred = (x - line.mean) * line.factor;
                let mut slope = 1.0;
                if self.swish {
                    let normed = centred * line.weight + line.bias;
                    let share = (1.0 + (-normed).exp()).recip();
                    slope = share * (1.0 + normed * (1.0 - share));
                }
                *inner = gradient * slope;
                *sum += f64::from(*inner);
                *by_value += f64::from(*inner * centred);
            }
        }
        sums
    }
}

/// For every channel the means over its group of the gradient, and of the gradient by the value.
fn group_means(sums: &Sums, lines: &[Line], len: usize, pixels: usize) -> Vec<[f32; 2]> {
    let len = len.max(1);
    let count = (len * pixels).max(1) as f64;
    let mut means = Vec::with_capacity(sums.len());
    for (sums, lines) in sums.chunks(len).zip(lines.chunks(len)) {
        let mean = |which: fn(&[f64; 2]) -> f64| {
            let weighted =
                sums.iter().zip(lines).map(|(pair, line)| which(pair) * f64::from(line.weight));
            (weighted.sum::<f64>() / count) as f32
        };
        let pair = [mean(|[sum, _]| *sum), mean(|[_, by_value]| *by_value)];
        means.extend(std::iter::repeat_n(pair, sums.len()));
    }
    means
}
