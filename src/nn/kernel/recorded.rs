//! The same operations made of ones whose gradients are known: what training goes through.
//!
//! A tensor that records what is done to it never reaches the kernels beside this file. On the CPU
//! the commonest have kernels of their own for both ways, in `learn`; on graphics adapters products
//! have them, in `learn_device`.

use burn::tensor::{DType, Device, Tensor, TensorData, activation::softmax};

use crate::nn::kernel::learn::{self, Sequences};
use crate::nn::kernel::{HeadShape, Visible, learn_device};
use crate::nn::rope::Angles;

/// Whether what is done to a tensor is recorded for gradients.
pub(crate) fn is_recorded<const D: usize>(x: &Tensor<D>) -> bool {
    x.is_autodiff()
}

pub(super) fn rms_norm(x: Tensor<2>, weight: Tensor<1>, eps: f32) -> Tensor<2> {
    if learn::is_known(&x) {
        return learn::rms_norm(x, weight, eps);
    }
    let mean = x.clone().powi_scalar(2).mean_dim(1);
    x * (mean + eps).sqrt().recip() * weight.unsqueeze()
}

pub(super) fn layer_norm(x: Tensor<2>, weight: Tensor<1>, bias: Tensor<1>, eps: f32) -> Tensor<2> {
    if learn::is_known(&x) {
        return learn::layer_norm(x, weight, bias, eps);
    }
    let x = x.clone() - x.mean_dim(1);
    let variance = x.clone().powi_scalar(2).mean_dim(1);
    x * (variance + eps).sqrt().recip() * weight.unsqueeze() + bias.unsqueeze()
}

pub(super) fn attention_shares(scores: Tensor<2>, scale: f32, visible: Visible) -> Tensor<2> {
    let [rows, keys] = scores.dims();
    let hidden = hidden_keys(rows, keys, visible, &scores.device());
    softmax(masked(scores * scale, hidden), 1)
}

pub(super) fn linear(x: Tensor<2>, weight: Tensor<2>) -> Tensor<2> {
    if learn_device::is_known(&x) {
        return learn_device::linear(x, weight);
    }
    let weight = if weight.dtype() == DType::F32 { weight } else { weight.cast(DType::F32) };
    if learn::is_known(&x) {
        return learn::linear(x, weight);
    }
    x.matmul(weight.transpose())
}

/// Multiplied in these numbers where an adapter has them.
pub(super) fn batched_matmul(a: Tensor<3>, b: Tensor<3>, numbers: DType) -> Tensor<3> {
    if learn_device::is_known(&a) {
        return learn_device::batched_matmul(a, b, numbers);
    }
    a.matmul(b)
}

/// Sequences of one length beside each other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recorded {
    /// How many.
    pub(crate) sequences: usize,
    /// What is multiplied in: as the weights around.
    pub(crate) numbers: DType,
}

/// Several sequences of one length, each of which sees only itself.
///
/// # Shapes
/// q `[sequences·seq, heads·head_dim]`, k and v `[sequences·seq, kv_heads·head_dim]`, angles of
/// all rows → `[sequences·seq, heads·head_dim]`.
pub(crate) fn attend_sequences(
    [q, k, v]: [Tensor<2>; 3],
    angles: &Angles,
    HeadShape { heads, kv_heads, head_dim }: HeadShape,
    Recorded { sequences, numbers }: Recorded,
    window: usize,
) -> Tensor<2> {
    let [rows, _] = q.dims();
    let seq = rows / sequences.max(1);
    let split = |rows_of: Tensor<2>, heads: usize| -> Tensor<3> {
        rows_of.reshape([rows, heads, head_dim]).swap_dims(0, 1)
    };
    if learn::is_known(&q) {
        let rotated = |rows_of: Tensor<2>, heads: usize| {
            let turned = angles.rotate(split(rows_of, heads)).swap_dims(0, 1);
            turned.reshape([rows, heads * head_dim])
        };
        let (q, k) = (rotated(q, heads), rotated(k, kv_heads));
        let window = Some(window);
        let sequences = Sequences { count: sequences, heads, kv_heads, window };
        return learn::attend([q, k, v], sequences);
    }
    // query heads of a group share a key head
    let group = heads / kv_heads.max(1);
    let q = angles.rotate(split(q, heads)).reshape([kv_heads, group, sequences, seq * head_dim]);
    let q = q.swap_dims(1, 2).reshape([kv_heads * sequences, group * seq, head_dim]);
    let k = angles.rotate(split(k, kv_heads)).reshape([kv_heads * sequences, seq, head_dim]);
    let v = split(v, kv_heads).reshape([kv_heads * sequences, seq, head_dim]);
    let scale = (head_dim as f32).sqrt().recip();
    let visible = Visible { seq, past: 0, window };
    let hidden = hidden_keys(group * seq, seq, visible, &q.device());
    let scores = batched_matmul(q, k.swap_dims(1, 2), numbers) * scale;
    let mixed =
        batched_matmul(softmax(masked(scores, hidden.map(Tensor::unsqueeze)), 2), v, numbers);
    let mixed = mixed.reshape([kv_heads, sequences, group, seq * head_dim]).swap_dims(1, 2);
    mixed.reshape([heads, rows, head_dim]).swap_dims(0, 1).reshape([rows, heads * head_dim])
}

/// Several sequences of one length, in which every row sees every row of its own.
///
/// # Shapes
/// `[sequences·seq, heads·head_dim]` each → the same.
pub(crate) fn attend_all_sequences(
    [q, k, v]: [Tensor<2>; 3],
    heads: usize,
    Recorded { sequences, numbers }: Recorded,
) -> Tensor<2> {
    let [rows, hidden] = q.dims();
    if learn::is_known(&q) {
        let sequences = Sequences { count: sequences, heads, kv_heads: heads, window: None };
        return learn::attend([q, k, v], sequences);
    }
    let (seq, head_dim) = (rows / sequences.max(1), hidden / heads.max(1));
    let split = |rows_of: Tensor<2>| -> Tensor<3> {
        let heads_of: Tensor<4> = rows_of.reshape([sequences, seq, heads, head_dim]);
        heads_of.swap_dims(1, 2).reshape([sequences * heads, seq, head_dim])
    };
    let scale = (head_dim as f32).sqrt().recip();
    let scores = batched_matmul(split(q * scale), split(k).swap_dims(1, 2), numbers);
    let mixed: Tensor<4> = batched_matmul(softmax(scores, 2), split(v), numbers)
        .reshape([sequences, heads, seq, head_dim]);
    mixed.swap_dims(1, 2).reshape([rows, hidden])
}

fn masked<const D: usize>(scores: Tensor<D>, hidden: Option<Tensor<D>>) -> Tensor<D> {
    match hidden {
        Some(hidden) => scores + hidden,
        None => scores,
    }
}

/// What is added to the scores of the keys that a row does not see; `None` when it sees all.
fn hidden_keys(rows: usize, keys: usize, visible: Visible, device: &Device) -> Option<Tensor<2>> {
    if (0..rows).all(|row| visible.range(row, keys) == (0..keys)) {
        return None;
    }
    let values: Vec<f32> = (0..rows)
        .flat_map(|row| {
            let seen = visible.range(row, keys);
            (0..keys).map(move |key| if seen.contains(&key) { 0.0 } else { -1e30 })
        })
        .collect();
    // a constant: it records nothing
    let device = device.clone().without_autodiff();
    Some(Tensor::from_data(TensorData::new(values, [rows, keys]), &device))
}
