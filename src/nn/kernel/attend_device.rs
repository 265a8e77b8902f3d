//! Attention on a graphics adapter, in two or three launches.

use burn::backend::Dispatch;
use burn::tensor::Tensor;

use crate::nn::KvCache;
use crate::nn::kernel::attend_device_ops::{AttendOps, Heads, KeyRange};
use crate::nn::kernel::{HeadShape, Visible};
use crate::nn::rope::Angles;

/// Whether the tensor is on an adapter whose kernels work for heads of this shape.
pub(super) fn knows(x: &Tensor<2>, shape: HeadShape) -> bool {
    <Dispatch as AttendOps>::knows_heads_op(x.clone().into_dispatch(), heads_of(shape))
}

/// Further positions of one layer, on the cache's device.
///
/// # Shapes
/// q `[seq, heads·head_dim]`, k and v `[seq, kv_heads·head_dim]` → `[seq, heads·head_dim]`.
pub(super) fn attend(
    [q, k, v]: [Tensor<2>; 3],
    angles: &Angles,
    shape: HeadShape,
    visible: Visible,
    layer: usize,
    cache: &mut KvCache,
) -> Tensor<2> {
    let [seq, _] = q.dims();
    let past = cache.len();
    let (all_k, all_v) = cache.take(layer, seq);
    let [_, capacity, head_dim] = all_k.dims();
    let [cos, sin] = angles.tables();
    let (q, all_k, all_v) = <Dispatch as AttendOps>::turned_op(
        q.into_dispatch(),
        k.into_dispatch(),
        v.into_dispatch(),
        cos.into_dispatch(),
        sin.into_dispatch(),
        all_k.into_dispatch(),
        all_v.into_dispatch(),
        heads_of(shape),
        past,
    );
    let (q, all_k, all_v) =
        (Tensor::from_dispatch(q), Tensor::<3>::from_dispatch(all_k), Tensor::from_dispatch(all_v));
    let range = KeyRange::new(seq, past + seq, visible, [capacity * head_dim, head_dim]);
    let attended = attended(q, all_k.clone(), all_v.clone(), shape, range);
    cache.put(layer, all_k, all_v);
    attended
}

/// Every row sees every row.
///
/// # Shapes
/// `[rows, heads·head_dim]` each → the same.
pub(super) fn attend_all(q: Tensor<2>, k: Tensor<2>, v: Tensor<2>, shape: HeadShape) -> Tensor<2> {
    let [rows, hidden] = q.dims();
    let range = KeyRange::new(rows, rows, Visible::all(rows), [shape.head_dim, hidden]);
    attended(q, k, v, shape, range)
}

fn heads_of(HeadShape { heads, kv_heads, head_dim }: HeadShape) -> Heads {
    Heads { heads, kv_heads, head_dim }
}

fn attended<const D: usize>(
    q: Tensor<2>,
    k: Tensor<D>,
    v: Tensor<D>,
    shape: HeadShape,
    range: KeyRange,
) -> Tensor<2> {
    let (q, k, v) = (q.into_dispatch(), k.into_dispatch(), v.into_dispatch());
    let heads = heads_of(shape);
    Tensor::from_dispatch(<Dispatch as AttendOps>::attended_op(q, k, v, heads, range))
}
