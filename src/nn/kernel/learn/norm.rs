//! Normalisation of rows, there and back.

use burn::tensor::TensorData;
use burn_flex::FlexTensor;
use rayon::prelude::*;

use crate::nn::kernel::host::{Norm, Vector, Work, fma, run, sum, sum_with};

/// Rows a thread takes at once; sums of gradients are added up in this order.
const ROWS: usize = 64;

/// What a normalisation was made of; without a bias the mean stays.
#[derive(Clone, Debug)]
pub(super) struct Normed {
    pub(super) x: FlexTensor,
    pub(super) weight: FlexTensor,
    pub(super) bias: Option<FlexTensor>,
    pub(super) eps: f32,
}

impl Normed {
    /// `[rows, len]`.
    pub(super) fn forward(&self) -> FlexTensor {
        let (x, weight) = (self.x.to_contiguous(), self.weight.to_contiguous());
        let bias = self.bias.as_ref().map(FlexTensor::to_contiguous);
        let (values, weight) = (x.storage::<f32>(), weight.storage::<f32>());
        let bias = bias.as_ref().map(|bias| bias.storage::<f32>());
        let len = weight.len().max(1);
        let mut out = vec![0.0; values.len()];
        let blocks = out.par_chunks_mut(ROWS * len).zip(values.par_chunks(ROWS * len));
        blocks.for_each(|(out, values)| {
            for (out, row) in out.chunks_mut(len).zip(values.chunks(len)) {
                run(Norm { out, row, weight, bias, eps: self.eps });
            }
        });
        let rows = out.len() / len;
        FlexTensor::from_data(TensorData::new(out, [rows, len]))
    }

    /// Gradients of x, weight and bias.
    pub(super) fn back(&self, gradient: &FlexTensor) -> Vec<FlexTensor> {
        let (x, weight) = (self.x.to_contiguous(), self.weight.to_contiguous());
        let gradient = gradient.to_contiguous();
        let (values, weight) = (x.storage::<f32>(), weight.storage::<f32>());
        let len = weight.len().max(1);
        let mut out = vec![0.0; values.len()];
        let blocks = out
            .par_chunks_mut(ROWS * len)
            .zip(values.par_chunks(ROWS * len))
            .zip(gradient.storage::<f32>().par_chunks(ROWS * len));
        let sums: Vec<[Vec<f32>; 2]> = blocks
            .map(|((out, values), gradient)| {
                let [mut by_value, mut total] = [vec![0.0; len], vec![0.0; len]];
                let rows = out.chunks_mut(len).zip(values.chunks(len)).zip(gradient.chunks(len));
                for ((out, row), gradient) in rows {
                    let sums = [by_value.as_mut_slice(), total.as_mut_slice()];
                    let (has_mean, eps) = (self.bias.is_some(), self.eps);
                    run(NormBack { out, row, gradient, weight, sums, has_mean, eps });
                }
                [by_value, total]
            })
            .collect();
        let [mut by_value, mut total] = [vec![0.0; len], vec![0.0; len]];
        for [more_by_value, more] in &sums {
            by_value.iter_mut().zip(more_by_value).for_each(|(sum, value)| *sum += value);
            total.iter_mut().zip(more).for_each(|(sum, value)| *sum += value);
        }
        let rows = out.len() / len;
        let vector = |values: Vec<f32>| FlexTensor::from_data(TensorData::new(values, [len]));
        let of_x = FlexTensor::from_data(TensorData::new(out, [rows, len]));
        match self.bias {
            Some(_) => vec![of_x, vector(by_value), vector(total)],
            None => vec![of_x, vector(by_value)],
        }
    }
}

/// The way back of one row.
struct NormBack<'a> {
    out: &'a mut [f32],
    row: &'a [f32],
    gradient: &'a [f32],
    weight: &'a [f32],
    /// Of the gradient by the normalised value, and of the gradient.
    sums: [&'a mut [f32]; 2],
    has_mean: bool,
    eps: f32,
}

impl Work for NormBack<'_> {
    type Out = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let Self { out, row, gradient, weight, sums: [by_value, total], has_mean, eps } = self;
        let len = row.len() as f32;
        let mean = if has_mean { sum(row, |value, sum| sum + value) / len } else { 0.0 };
        let squares = sum(row, |value, sum| fma::<V>(value - mean, value - mean, sum));
        let factor = (squares / len + eps).sqrt().recip();
        // out holds gradient·weight until the means are known
        for ((out, gradient), weight) in out.iter_mut().zip(gradient).zip(weight) {
            *out = gradient * weight;
        }
        let drift = if has_mean { sum(out, |value, sum| sum + value) / len } else { 0.0 };
        let slope = sum_with(out, row, |a, b, sum| fma::<V>(a, b - mean, sum)) * factor / len;
        let sums = by_value.iter_mut().zip(total).zip(gradient);
        for ((out, value), ((by_value, total), gradient)) in out.iter_mut().zip(row).zip(sums) {
            let normed = (value - mean) * factor;
            *out = factor * (*out - drift - normed * slope);
            *by_value = fma::<V>(*gradient, normed, *by_value);
            *total += gradient;
        }
    }
}
