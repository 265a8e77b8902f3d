//! The CPU's operations on rows for what learns: a kernel forwards and a kernel back.
//!
//! Made of operations whose gradients are known, a normalisation or an activation is a dozen
//! passes over memory, and attention as many copies.

// the attribute macro writes items wider than they need be
#![expect(unreachable_pub, reason = "written by macros")]

mod attention;
mod back;
mod elementwise;
mod linear;
mod norm;
mod ops;
mod products;

use burn::backend::Dispatch;
use burn::tensor::{DType, Device, Tensor};

use crate::nn::Activation;
use crate::nn::kernel::learn::ops::LearnRowOps;

/// Sequences of one length beside each other, each of which sees only itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sequences {
    /// How many.
    pub count: usize,
    /// Of queries.
    pub heads: usize,
    /// Of keys and values; a whole number of query heads shares one.
    pub kv_heads: usize,
    /// How far back a row looks, itself included; `None` when every row sees every row.
    pub window: Option<usize>,
}

/// Where these operations have kernels.
pub(super) fn is_known<const D: usize>(x: &Tensor<D>) -> bool {
    x.dtype() == DType::F32 && x.device().without_autodiff() == Device::flex()
}

/// x / √(mean(x²) + eps) · weight.
pub(super) fn rms_norm(x: Tensor<2>, weight: Tensor<1>, eps: f32) -> Tensor<2> {
    let (x, weight) = (x.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(<Dispatch as LearnRowOps>::learn_rms_norm_op(x, weight, eps))
}

/// (x − mean) / √(variance + eps) · weight + bias.
pub(super) fn layer_norm(x: Tensor<2>, weight: Tensor<1>, bias: Tensor<1>, eps: f32) -> Tensor<2> {
    let (x, weight, bias) = (x.into_dispatch(), weight.into_dispatch(), bias.into_dispatch());
    Tensor::from_dispatch(<Dispatch as LearnRowOps>::learn_layer_norm_op(x, weight, bias, eps))
}

/// x·Wᵀ.
pub(super) fn linear(x: Tensor<2>, weight: Tensor<2>) -> Tensor<2> {
    let (x, weight) = (x.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(<Dispatch as LearnRowOps>::learn_linear_op(x, weight))
}

/// An activation; `None` for those without a kernel.
pub(crate) fn learnt_activation(activation: Activation, x: &Tensor<2>) -> Option<Tensor<2>> {
    if !(is_known(x) && elementwise::knows(activation)) {
        return None;
    }
    let x = x.clone().into_dispatch();
    Some(Tensor::from_dispatch(<Dispatch as LearnRowOps>::learn_activation_op(x, activation)))
}

/// Softmax(q·kᵀ/√width)·v in every sequence.
///
/// # Shapes
/// q `[count·seq, heads·head_dim]`, k and v `[count·seq, kv_heads·head_dim]` → as q.
pub(super) fn attend(qkv: [Tensor<2>; 3], sequences: Sequences) -> Tensor<2> {
    let [q, k, v] = qkv.map(Tensor::into_dispatch);
    Tensor::from_dispatch(<Dispatch as LearnRowOps>::learn_attention_op(q, k, v, sequences))
}
