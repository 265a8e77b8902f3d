//! Attention, wherever its tensors live.

use burn::tensor::Tensor;

use crate::nn::KvCache;
use crate::nn::kernel::{Visible, attend_device, attention_shares, batched_matmul, host};
use crate::nn::rope::Angles;

/// Heads of a decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HeadShape {
    /// Of queries.
    pub(crate) heads: usize,
    /// Of keys and values; a whole number of query heads shares one.
    pub(crate) kv_heads: usize,
    /// Width of each.
    pub(crate) head_dim: usize,
}

/// Further positions of one layer: they are turned, go into the cache, and see what is in it.
///
/// # Shapes
/// q `[seq, heads·head_dim]`, k and v `[seq, kv_heads·head_dim]` → `[seq, heads·head_dim]`.
pub(crate) fn attend(
    qkv: [Tensor<2>; 3],
    angles: &Angles,
    shape: HeadShape,
    visible: Visible,
    layer: usize,
    cache: &mut KvCache,
) -> Tensor<2> {
    let [q, ..] = &qkv;
    let [seq, _] = q.dims();
    if let Some(own) = cache.host_layer(layer, seq) {
        let attended = host::attend(qkv.clone(), angles.tables(), shape, visible, own);
        if let Some(attended) = attended {
            return attended;
        }
    }
    if attend_device::knows(q, shape) {
        return attend_device::attend(qkv, angles, shape, visible, layer, cache);
    }
    attend_by_parts(qkv, angles, shape, visible, layer, cache)
}

/// What works everywhere.
fn attend_by_parts(
    [q, k, v]: [Tensor<2>; 3],
    angles: &Angles,
    shape: HeadShape,
    visible: Visible,
    layer: usize,
    cache: &mut KvCache,
) -> Tensor<2> {
    let HeadShape { heads, kv_heads, head_dim } = shape;
    let [seq, _] = q.dims();
    let split = |rows: Tensor<2>, heads: usize| -> Tensor<3> {
        rows.reshape([seq, heads, head_dim]).swap_dims(0, 1)
    };
    let q = angles.rotate(split(q, heads));
    let k = angles.rotate(split(k, kv_heads));
    let (k, v) = cache.write(layer, k, split(v, kv_heads));
    let [_, end, _] = k.dims();
    // query heads of a group share a key head: fold them into rows
    let grouped = q.reshape([kv_heads, heads / kv_heads * seq, head_dim]);
    let scores = batched_matmul(grouped, k.swap_dims(1, 2));
    let scale = (head_dim as f32).sqrt().recip();
    let shares = attention_shares(scores.reshape([heads * seq, end]), scale, visible);
    let shares = shares.reshape([kv_heads, heads / kv_heads * seq, end]);
    let mixed = batched_matmul(shares, v).reshape([heads, seq, head_dim]);
    mixed.swap_dims(0, 1).reshape([seq, heads * head_dim])
}

/// Every row sees every row.
///
/// # Shapes
/// `[rows, heads·head_dim]` each → the same.
pub(crate) fn attend_all(q: Tensor<2>, k: Tensor<2>, v: Tensor<2>, heads: usize) -> Tensor<2> {
    if let Some(attended) = host::attend_all(&q, &k, &v, heads) {
        return attended;
    }
    let [rows, hidden] = q.dims();
    let head_dim = hidden / heads.max(1);
    let shape = HeadShape { heads, kv_heads: heads, head_dim };
    if attend_device::knows(&q, shape) {
        return attend_device::attend_all(q, k, v, shape);
    }
    let split = |rows_of_heads: Tensor<2>| -> Tensor<3> {
        rows_of_heads.reshape([rows, heads, head_dim]).swap_dims(0, 1)
    };
    let (q, k, v) = (split(q), split(k), split(v));
    let scores = batched_matmul(q, k.swap_dims(1, 2)).reshape([heads * rows, rows]);
    let scale = (head_dim as f32).sqrt().recip();
    let shares = attention_shares(scores, scale, Visible::all(rows));
    let mixed = batched_matmul(shares.reshape([heads, rows, rows]), v);
    mixed.swap_dims(0, 1).reshape([rows, hidden])
}
