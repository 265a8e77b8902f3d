//! Work on the CPU that whole tensors are too coarse for: weights in blocks, attention.

mod attention;
mod decoder_attention;
mod elementwise;
mod numbers;
mod processor;
mod reductions;
mod rows;
mod vision_attention;

use burn::tensor::{Tensor, TensorData};

use crate::nn::HostMatrix;
use crate::nn::quant::product;

pub(crate) use attention::put_key;
pub(crate) use decoder_attention::{ROWS_AT_ONCE, attend};
pub(crate) use elementwise::{Gated, activated, gated};
pub(crate) use numbers::{Number, Numbers};

pub(crate) use processor::{LANES, Vector, Work, exp, fma, run, vectors_of_this_processor};
pub(crate) use reductions::{Norm, Softmax, sum, sum_with};
pub(crate) use rows::HostRows;
pub(crate) use vision_attention::{VISION_ROWS_AT_ONCE, attend_all};

/// x·Wᵀ + b for weights in blocks, the outputs of one after those of the other.
///
/// # Shapes
/// `[rows, inputs]` f32, biases `[all outputs]` → `[rows, all outputs]` f32.
pub(crate) fn host_linear(
    x: Tensor<2>,
    weights: &[&HostMatrix],
    bias: Option<&Tensor<1>>,
) -> Tensor<2> {
    let ([rows, _], device) = (x.dims(), x.device());
    let outputs: usize = weights.iter().map(|weight| weight.rows()).sum();
    let mut out = vec![0.0; rows * outputs];
    let bias = bias.and_then(|bias| HostRows::of(bias.clone().unsqueeze()));
    let bias = bias.as_ref().map_or(&[][..], |bias| bias.row(0));
    if let Some(x) = HostRows::of(x) {
        product(weights, &x.packed(rows), bias, &mut out);
    }
    Tensor::from_data(TensorData::new(out, [rows, outputs]), &device)
}
