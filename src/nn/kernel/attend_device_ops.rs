//! The adapters' side of attention: launches its kernels.

// the attribute macro below writes items wider than they need be
#![expect(unreachable_pub, reason = "written by macros")]
#![expect(clippy::too_many_arguments, reason = "operations take their tensors one by one")]
#![expect(unsafe_code, reason = "kernels that do not check every index")]

use burn::backend::TensorMetadata as _;
use burn::backend::cubecl::dtype_to_storage_type;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, backend_extension};
use burn::tensor::DType;
use burn_cubecl::CubeBackend;
use burn_cubecl::cubecl::{CubeCount, CubeDim};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use burn_flex::{Flex, FlexTensor};

use crate::nn::kernel::Visible;
use crate::nn::kernel::attend_device_kernels::{
    HeadPlan, MAX_HEADS, SPLIT, UNITS, attend_split_kernel, join_kernel, turn_kernel,
};
use crate::nn::kernel::attend_device_tiles::{ROWS, attend_tiles_kernel, shared_bytes};
use crate::nn::kernel::cube::{a_group_a_row, empty, rows_in_order};

/// Positions up to which the keys are shared out among groups of units: there are too few rows to
/// keep an adapter busy otherwise.
const FEW_POSITIONS: usize = 8;

/// Columns and heads of queries and keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heads {
    /// Of queries.
    pub heads: usize,
    /// Of keys and values.
    pub kv_heads: usize,
    /// Columns of a head.
    pub head_dim: usize,
}

/// Where keys and values lie, and who sees them.
#[derive(Clone, Copy, Debug)]
pub struct KeyRange {
    /// Positions of the queries.
    pub seq: usize,
    /// Keys there are.
    pub keys: usize,
    /// As [`Visible`] has it.
    pub past: usize,
    /// As [`Visible`] has it.
    pub window: usize,
    /// Numbers from one key head to the next.
    pub head_stride: usize,
    /// Numbers from one key to the next.
    pub key_stride: usize,
}

impl KeyRange {
    /// The kernels count in 32 bits.
    pub(super) fn new(seq: usize, keys: usize, visible: Visible, strides: [usize; 2]) -> Self {
        let [head_stride, key_stride] = strides;
        let (past, window) = (visible.past.min(keys), visible.window.min(1 << 30));
        Self { seq, keys, past, window, head_stride, key_stride }
    }
}

#[backend_extension(Cube, Flex)]
pub trait AttendOps: Backend {
    /// Whether the operations below work for heads of this shape where the tensor lives.
    fn knows_heads_op(x: FloatTensor<Self>, shape: Heads) -> bool;
    /// q `[seq, heads · head_dim]`, k and v `[seq, kv_heads · head_dim]`, cosines and sines
    /// `[1, seq, head_dim]`, the cache `[kv_heads, capacity, head_dim]` twice → q turned, and the
    /// cache with k turned and v from `past` on.
    fn turned_op(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        cos: FloatTensor<Self>,
        sin: FloatTensor<Self>,
        all_k: FloatTensor<Self>,
        all_v: FloatTensor<Self>,
        shape: Heads,
        past: usize,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
    /// q `[seq, heads · head_dim]`, k and v as the range says → `[seq, heads · head_dim]`.
    fn attended_op(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        shape: Heads,
        range: KeyRange,
    ) -> FloatTensor<Self>;
}

/// The same with one owner, which may be written to.
fn owned(x: CubeTensor) -> CubeTensor {
    if x.can_mut() && x.is_contiguous() { x } else { into_contiguous(x).copy() }
}

fn plan(shape: Heads) -> HeadPlan {
    let group = shape.heads / shape.kv_heads.max(1);
    // evenly over as few groups of units as it takes
    let tiles = group.div_ceil(MAX_HEADS).max(1);
    HeadPlan { quads: shape.head_dim / 4, group, heads: group.div_ceil(tiles) }
}

impl AttendOps for CubeBackend {
    fn knows_heads_op(x: CubeTensor, shape: Heads) -> bool {
        let Heads { heads, kv_heads, head_dim } = shape;
        let hardware = &x.client.properties().hardware;
        let quads = head_dim / 4;
        x.dtype == DType::F32
            && heads.is_multiple_of(kv_heads)
            && head_dim.is_multiple_of(4)
            && (1..=UNITS).contains(&quads)
            && hardware.max_units_per_cube >= UNITS as u32
            && shared_bytes(quads) <= hardware.max_shared_memory_size
    }

    fn turned_op(
        q: CubeTensor,
        k: CubeTensor,
        v: CubeTensor,
        cos: CubeTensor,
        sin: CubeTensor,
        all_k: CubeTensor,
        all_v: CubeTensor,
        shape: Heads,
        past: usize,
    ) -> (CubeTensor, CubeTensor, CubeTensor) {
        let Heads { heads, kv_heads, head_dim } = shape;
        let ((q, q_stride), (k, k_stride), (v, v_stride)) =
            (rows_in_order(q), rows_in_order(k), rows_in_order(v));
        let (all_k, all_v) = (owned(all_k), owned(all_v));
        let seq = q.shape().as_slice().first().copied().unwrap_or(0);
        let capacity = all_k.shape().as_slice().get(1).copied().unwrap_or(0);
        let turned = empty(&q, [seq, heads * head_dim], DType::F32);
        let items = seq * (heads + 2 * kv_heads) * head_dim / 2;
        let dtype = dtype_to_storage_type(all_k.dtype);
        // SAFETY: units beyond the last pair do nothing, and the cache has room for `past + seq`
        unsafe {
            turn_kernel::launch_unchecked(
                &turned.client,
                a_group_a_row(items.div_ceil(UNITS)),
                CubeDim::new_1d(UNITS as u32),
                q.into_tensor_arg(),
                k.into_tensor_arg(),
                v.into_tensor_arg(),
                into_contiguous(cos).into_tensor_arg(),
                into_contiguous(sin).into_tensor_arg(),
                turned.clone().into_tensor_arg(),
                all_k.clone().into_tensor_arg(),
                all_v.clone().into_tensor_arg(),
                seq,
                past,
                capacity,
                q_stride,
                k_stride,
                v_stride,
                heads,
                kv_heads,
                head_dim,
                dtype,
            );
        }
        (turned, all_k, all_v)
    }

    fn attended_op(
        q: CubeTensor,
        k: CubeTensor,
        v: CubeTensor,
        shape: Heads,
        range: KeyRange,
    ) -> CubeTensor {
        let (q, k, v) = (into_contiguous(q), into_contiguous(k), into_contiguous(v));
        if range.seq <= FEW_POSITIONS {
            return attend_in_splits(q, k, v, shape, range);
        }
        let plan = plan(shape);
        let out = empty(&q, [range.seq, shape.heads * shape.head_dim], DType::F32);
        let tiles = (range.seq * plan.group).div_ceil(ROWS);
        let dtype = dtype_to_storage_type(k.dtype);
        // SAFETY: rows beyond the last are read as the last and not written; keys end at `keys`
        unsafe {
            attend_tiles_kernel::launch_unchecked(
                &out.client,
                CubeCount::Static(tiles as u32, shape.kv_heads as u32, 1),
                CubeDim::new_1d(UNITS as u32),
                q.into_tensor_arg(),
                k.into_tensor_arg(),
                v.into_tensor_arg(),
                out.clone().into_tensor_arg(),
                range.seq,
                shape.kv_heads,
                range.past,
                range.keys,
                range.window,
                range.head_stride / 4,
                range.key_stride / 4,
                (shape.head_dim as f32).sqrt().recip(),
                plan,
                dtype,
            );
        }
        out
    }
}

fn attend_in_splits(
    q: CubeTensor,
    k: CubeTensor,
    v: CubeTensor,
    shape: Heads,
    range: KeyRange,
) -> CubeTensor {
    let Heads { heads, kv_heads, head_dim } = shape;
    let plan = plan(shape);
    let splits = range.keys.min(range.window).div_ceil(SPLIT).max(1);
    let rows = range.seq * heads;
    let mixed = empty(&q, [rows, splits * head_dim], DType::F32);
    let sums = empty(&q, [rows, splits * 2], DType::F32);
    let tiles = plan.group.div_ceil(plan.heads);
    let dtype = dtype_to_storage_type(k.dtype);
    // SAFETY: heads beyond the last are read as the last and not written; keys end at `keys`
    unsafe {
        attend_split_kernel::launch_unchecked(
            &q.client,
            CubeCount::Static(splits as u32, (kv_heads * tiles) as u32, range.seq as u32),
            CubeDim::new_1d(UNITS as u32),
            q.clone().into_tensor_arg(),
            k.into_tensor_arg(),
            v.into_tensor_arg(),
            mixed.clone().into_tensor_arg(),
            sums.clone().into_tensor_arg(),
            kv_heads,
            range.past,
            range.keys,
            range.window,
            range.head_stride / 4,
            range.key_stride / 4,
            (head_dim as f32).sqrt().recip(),
            plan,
            dtype,
        );
    }
    let out = empty(&q, [range.seq, heads * head_dim], DType::F32);
    // SAFETY: groups beyond the last row do its work again
    unsafe {
        join_kernel::launch_unchecked(
            &out.client,
            a_group_a_row(rows),
            CubeDim::new_1d(UNITS as u32),
            mixed.into_tensor_arg(),
            sums.into_tensor_arg(),
            out.clone().into_tensor_arg(),
            rows,
            splits,
            head_dim,
        );
    }
    out
}

/// The CPU has a way of its own.
impl AttendOps for Flex {
    fn knows_heads_op(_x: FlexTensor, _shape: Heads) -> bool {
        false
    }

    fn turned_op(
        q: FlexTensor,
        _k: FlexTensor,
        _v: FlexTensor,
        _cos: FlexTensor,
        _sin: FlexTensor,
        all_k: FlexTensor,
        all_v: FlexTensor,
        _shape: Heads,
        _past: usize,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        (q, all_k, all_v)
    }

    fn attended_op(
        q: FlexTensor,
        _k: FlexTensor,
        _v: FlexTensor,
        _shape: Heads,
        _range: KeyRange,
    ) -> FlexTensor {
        q
    }
}
