//! What a row of numbers adds up to, and what follows from it.

use crate::nn::kernel::host::processor::{LANES, Vector, Work, exp, fma};

/// Sum of a function of every number, some side by side: closer to the true value than one sum.
#[inline(always)]
pub(crate) fn sum(values: &[f32], of: impl Fn(f32, f32) -> f32) -> f32 {
    let mut sums = [0.0; LANES];
    let (tiles, rest) = values.as_chunks::<LANES>();
    for tile in tiles {
        for (sum, value) in sums.iter_mut().zip(tile) {
            *sum = of(*value, *sum);
        }
    }
    for (sum, value) in sums.iter_mut().zip(rest) {
        *sum = of(*value, *sum);
    }
    sums.iter().sum()
}

/// The same of the numbers of two rows.
#[inline(always)]
pub(crate) fn sum_with(a: &[f32], b: &[f32], of: impl Fn(f32, f32, f32) -> f32) -> f32 {
    let mut sums = [0.0; LANES];
    let ((tiles, rest), (others, last)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (tile, other) in tiles.iter().zip(others) {
        for (sum, (a, b)) in sums.iter_mut().zip(tile.iter().zip(other)) {
            *sum = of(*a, *b, *sum);
        }
    }
    for (sum, (a, b)) in sums.iter_mut().zip(rest.iter().zip(last)) {
        *sum = of(*a, *b, *sum);
    }
    sums.iter().sum()
}

/// (x − mean) / √(mean square + eps) · weight + bias; without a bias the mean stays.
pub(crate) struct Norm<'a> {
    pub(crate) out: &'a mut [f32],
    pub(crate) row: &'a [f32],
    pub(crate) weight: &'a [f32],
    pub(crate) bias: Option<&'a [f32]>,
    pub(crate) eps: f32,
}

impl Work for Norm<'_> {
    type Out = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let Self { out, row, weight, bias, eps } = self;
        let len = row.len() as f32;
        let mean = if bias.is_some() { sum(row, |value, sum| sum + value) / len } else { 0.0 };
        let squares = sum(row, |value, sum| fma::<V>(value - mean, value - mean, sum));
        let factor = (squares / len + eps).sqrt().recip();
        let outs = out.iter_mut().zip(row).zip(weight);
        match bias {
            Some(bias) => outs.zip(bias).for_each(|(((out, value), weight), bias)| {
                *out = (value - mean) * factor * weight + bias;
            }),
            None => outs.for_each(|((out, value), weight)| *out = value * factor * weight),
        }
    }
}

/// Shares of scaled scores.
pub(crate) struct Softmax<'a> {
    pub(crate) out: &'a mut [f32],
    pub(crate) row: &'a [f32],
    pub(crate) scale: f32,
}

impl Work for Softmax<'_> {
    type Out = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let Self { out, row, scale } = self;
        let highest =
            row.iter().fold(f32::NEG_INFINITY, |a, b| if *b > a { *b } else { a }) * scale;
        for (out, score) in out.iter_mut().zip(row) {
            *out = exp::<V>(fma::<V>(*score, scale, -highest));
        }
        let total = sum(out, |share, sum| sum + share);
        out.iter_mut().for_each(|share| *share /= total);
    }
}
