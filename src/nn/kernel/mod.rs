//! Operations of our own, each for graphics adapters and for the CPU.
//!
//! They exist for three reasons: one launch instead of four to eight, no search for the fastest
//! reduction at every new shape (seconds each on a software adapter), and products of 16-bit
//! weights that add up in f32 and never round the result to 16 bits.

// the attribute macro below writes items wider than they need be
#![expect(unreachable_pub, reason = "written by macros")]

mod attend;
mod attend_device;
mod attend_device_kernels;
mod attend_device_ops;
mod attend_device_tiles;
mod cpu;
mod cube;
mod cube_activation;
mod cube_best;
mod cube_best_kernels;
mod cube_kernels;
mod host;
mod learn;
mod learn_device;
mod picture;
mod quant_cpu;
mod quant_cube;
mod quant_kernels;
mod quant_ops;
mod quant_product;
mod quant_several;
mod quant_several_cube;
mod recorded;
mod rows_device;
mod rows_kernels;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, backend_extension};
use burn::tensor::{DType, Tensor};

pub(crate) use attend::{HeadShape, attend, attend_all};
pub(crate) use cube_activation::{activated_on_device, gated_on_device};
pub(crate) use cube_best::best;
pub(crate) use host::{
    Number, Numbers, ROWS_AT_ONCE, VISION_ROWS_AT_ONCE, activated, gated, host_linear, put_key,
    vectors_of_this_processor,
};
pub(crate) use learn::learnt_activation;
pub(crate) use picture::{TAPS, Windows, group_norm, recorded_conv, recorded_windows, windows};
pub(crate) use quant_ops::{Around, WeightRows, block_linear, product_of_few};
pub(crate) use quant_several::products_of_few;
pub(crate) use recorded::{Recorded, attend_all_sequences, attend_sequences, is_recorded};
pub(crate) use rows_device::{WordFormat, row_of_found, words_of};

/// Which keys a row of scores sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Visible {
    /// Rows repeat their position after this many.
    pub(crate) seq: usize,
    /// Keys before the first row's own; all keys when it is their number or more.
    pub(crate) past: usize,
    /// How far back a row looks, itself included.
    pub(crate) window: usize,
}

impl Visible {
    /// Every key.
    pub(crate) fn all(keys: usize) -> Self {
        Self { seq: 1, past: keys, window: usize::MAX }
    }

    /// Keys a row sees.
    pub(crate) fn range(self, row: usize, keys: usize) -> std::ops::Range<usize> {
        let end = (self.past + row % self.seq.max(1) + 1).min(keys);
        end.saturating_sub(self.window)..end
    }
}

#[backend_extension(Cube, Flex)]
pub trait NnOps: Backend {
    /// `[rows, len]`, `[len]` → `[rows, len]`
    fn rms_norm_op(x: FloatTensor<Self>, weight: FloatTensor<Self>, eps: f32) -> FloatTensor<Self>;
    /// `[rows, len]`, `[len]` twice → `[rows, len]`
    fn layer_norm_op(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        eps: f32,
    ) -> FloatTensor<Self>;
    /// `[rows, keys]` → `[rows, keys]`
    fn attention_shares_op(
        scores: FloatTensor<Self>,
        scale: f32,
        seq: usize,
        past: usize,
        window: usize,
    ) -> FloatTensor<Self>;
    /// `[rows, inputs]`, `[outputs, inputs]` → `[rows, outputs]`
    fn linear_op(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self>;
    /// `[batch, m, k]`, `[batch, k, n]` → `[batch, m, n]`
    fn batched_matmul_op(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self>;
}

/// x / √(mean(x²) + eps) · weight over the last dimension.
pub(crate) fn rms_norm(x: Tensor<2>, weight: Tensor<1>, eps: f32) -> Tensor<2> {
    if is_recorded(&x) || is_recorded(&weight) {
        return recorded::rms_norm(x, weight, eps);
    }
    let (x, weight) = (x.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(<Dispatch as NnOps>::rms_norm_op(x, weight, eps))
}

/// (x − mean) / √(variance + eps) · weight + bias over the last dimension.
pub(crate) fn layer_norm(x: Tensor<2>, weight: Tensor<1>, bias: Tensor<1>, eps: f32) -> Tensor<2> {
    if is_recorded(&x) || is_recorded(&weight) || is_recorded(&bias) {
        return recorded::layer_norm(x, weight, bias, eps);
    }
    let (x, weight, bias) = (x.into_dispatch(), weight.into_dispatch(), bias.into_dispatch());
    Tensor::from_dispatch(<Dispatch as NnOps>::layer_norm_op(x, weight, bias, eps))
}

/// Softmax of scaled scores over the keys each row sees; the others get nothing.
pub(crate) fn attention_shares(scores: Tensor<2>, scale: f32, visible: Visible) -> Tensor<2> {
    if is_recorded(&scores) {
        return recorded::attention_shares(scores, scale, visible);
    }
    let Visible { seq, past, window } = visible;
    let scores = scores.into_dispatch();
    Tensor::from_dispatch(<Dispatch as NnOps>::attention_shares_op(
        scores, scale, seq, past, window,
    ))
}

/// x·Wᵀ for a weight of any floating-point type, in f32.
pub(crate) fn linear(x: Tensor<2>, weight: Tensor<2>) -> Tensor<2> {
    if is_recorded(&x) || is_recorded(&weight) {
        return recorded::linear(x, weight);
    }
    let (x, weight) = (x.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(<Dispatch as NnOps>::linear_op(x, weight))
}

/// A product for every entry of a batch.
pub(crate) fn batched_matmul(a: Tensor<3>, b: Tensor<3>) -> Tensor<3> {
    if is_recorded(&a) || is_recorded(&b) {
        return recorded::batched_matmul(a, b, DType::F32);
    }
    let (a, b) = (a.into_dispatch(), b.into_dispatch());
    Tensor::from_dispatch(<Dispatch as NnOps>::batched_matmul_op(a, b))
}
