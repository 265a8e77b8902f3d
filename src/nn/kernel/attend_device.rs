//! Attention where the tensors are: on a graphics adapter in two or three launches, else as a
//! sequence of the engine's operations.

use burn::backend::Dispatch;
use burn::tensor::Tensor;

use crate::nn::KvCache;
use crate::nn::kernel::attend_device_ops::{AttendOps, HeadShape, KeyRange};
use crate::nn::kernel::{Visible, attention_shares, batched_matmul};
use crate::nn::rope::Angles;

/// Grouped-query attention of some positions over the cache, to which theirs are added.
///
/// # Shapes
/// q `[seq, heads · head_dim]`, k and v `[seq, kv_heads · head_dim]`, not yet turned →
/// `[seq, heads · head_dim]`.
#[expect(clippy::too_many_arguments, reason = "all that attention of a layer is made of")]
pub(crate) fn attend_on_device(
    q: Tensor<2>,
    k: Tensor<2>,
    v: Tensor<2>,
    angles: &Angles,
    shape: HeadShape,
    visible: Visible,
    layer: usize,
    cache: &mut KvCache,
) -> Tensor<2> {
    if !knows_heads(&q, shape) {
        return attend_by_parts(q, k, v, angles, shape, visible, layer, cache);
    }
    let [seq, _] = q.dims();
    let past = cache.len();
    let (all_k, all_v) = cache.take(layer, seq);
    let (cos, sin) = angles.tables();
    let (q, all_k, all_v) = <Dispatch as AttendOps>::turned_op(
        q.into_dispatch(),
        k.into_dispatch(),
        v.into_dispatch(),
        cos.into_dispatch(),
        sin.into_dispatch(),
        all_k.into_dispatch(),
        all_v.into_dispatch(),
        shape,
        past,
    );
    let (all_k, all_v) = (Tensor::<3>::from_dispatch(all_k), Tensor::<3>::from_dispatch(all_v));
    let [_, capacity, head_dim] = all_k.dims();
    let strides = [capacity * head_dim, head_dim];
    let mixed = attended(
        Tensor::from_dispatch(q),
        all_k.clone(),
        all_v.clone(),
        shape,
        KeyRange::new(seq, past + seq, visible, strides),
    );
    cache.put(layer, all_k, all_v);
    mixed
}

/// Attention of all rows to all rows.
///
/// # Shapes
/// `[rows, heads · head_dim]` each → the same.
pub(crate) fn attend_to_all(
    q: Tensor<2>,
    k: Tensor<2>,
    v: Tensor<2>,
    shape: HeadShape,
) -> Tensor<2> {
    let HeadShape { heads, head_dim, .. } = shape;
    let [rows, _] = q.dims();
    if knows_heads(&q, shape) {
        let strides = [head_dim, heads * head_dim];
        return attended(q, k, v, shape, KeyRange::new(rows, rows, Visible::all(rows), strides));
    }
    let split = |x: Tensor<2>| -> Tensor<3> { x.reshape([rows, heads, head_dim]).swap_dims(0, 1) };
    mixed(split(q), split(k), split(v), shape, Visible::all(rows))
}

fn knows_heads(x: &Tensor<2>, shape: HeadShape) -> bool {
    <Dispatch as AttendOps>::knows_heads_op(x.clone().into_dispatch(), shape)
}

fn attended<const D: usize>(
    q: Tensor<2>,
    k: Tensor<D>,
    v: Tensor<D>,
    shape: HeadShape,
    range: KeyRange,
) -> Tensor<2> {
    let (q, k, v) = (q.into_dispatch(), k.into_dispatch(), v.into_dispatch());
    Tensor::from_dispatch(<Dispatch as AttendOps>::attended_op(q, k, v, shape, range))
}

#[expect(clippy::too_many_arguments, reason = "as above")]
fn attend_by_parts(
    q: Tensor<2>,
    k: Tensor<2>,
    v: Tensor<2>,
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
    mixed(q, k, v, shape, visible)
}

/// # Shapes
/// q `[heads, seq, head_dim]`, k and v `[kv_heads, keys, head_dim]` → `[seq, heads · head_dim]`.
fn mixed(
    q: Tensor<3>,
    k: Tensor<3>,
    v: Tensor<3>,
    shape: HeadShape,
    visible: Visible,
) -> Tensor<2> {
    let HeadShape { heads, kv_heads, head_dim } = shape;
    let ([_, seq, _], [_, keys, _]) = (q.dims(), k.dims());
    // query heads of a group share a key head: fold them into rows
    let grouped = q.reshape([kv_heads, heads / kv_heads * seq, head_dim]);
    let scores = batched_matmul(grouped, k.swap_dims(1, 2));
    let scale = (head_dim as f32).sqrt().recip();
    let shares = attention_shares(scores.reshape([heads * seq, keys]), scale, visible);
    let shares = shares.reshape([kv_heads, heads / kv_heads * seq, keys]);
    let mixed = batched_matmul(shares, v).reshape([heads, seq, head_dim]);
    mixed.swap_dims(0, 1).reshape([seq, heads * head_dim])
}
