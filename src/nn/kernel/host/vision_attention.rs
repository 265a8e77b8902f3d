//! Attention of a vision tower on the CPU: every row sees every row.

use burn::tensor::{Tensor, TensorData};
use rayon::prelude::*;

use crate::nn::kernel::host::HostRows;
use crate::nn::kernel::host::attention::{KEYS, KeyHead, Query, Scratch, gather, put_key};
use crate::nn::kernel::host::numbers::Numbers;

/// Rows a thread takes at once.
pub(crate) const VISION_ROWS_AT_ONCE: usize = 32;

/// Softmax(q·kᵀ/√width)·v for every head; `None` for tensors that live elsewhere.
///
/// # Shapes
/// `[rows, heads·head_dim]` each → the same.
pub(crate) fn attend_all(
    q: &Tensor<2>,
    k: &Tensor<2>,
    v: &Tensor<2>,
    heads: usize,
) -> Option<Tensor<2>> {
    let ([rows, hidden], device) = (q.dims(), q.device());
    let head_dim = hidden / heads.max(1);
    let [q, k, v] = [q, k, v].map(|x| HostRows::of(x.clone()));
    let (q, k, v) = (q?, k?, v?);
    let tiles = packed_keys(&k, rows, heads, head_dim);
    let values = packed_values(&v, rows, heads, head_dim);
    let scale = (head_dim as f32).sqrt().recip();
    let mut out = vec![0.0; rows * hidden];
    let parts = out.par_chunks_mut((VISION_ROWS_AT_ONCE * hidden).max(1)).enumerate();
    parts.for_each_init(Scratch::default, |scratch, (part, out)| {
        let count = out.len() / hidden.max(1);
        let mut gathered = vec![0.0; count * head_dim];
        let keys = tiles.chunks_exact((tiles.len() / heads.max(1)).max(1));
        let values = values.chunks_exact((rows * head_dim).max(1));
        for (head, (keys, values)) in keys.zip(values).enumerate() {
            let at = head * head_dim;
            let query = |row: usize| Query {
                values: q
                    .row(part * VISION_ROWS_AT_ONCE + row)
                    .get(at..at + head_dim)
                    .unwrap_or_default(),
                sees: 0..rows,
            };
            let queries: Vec<Query<'_>> = (0..count).map(query).collect();
            let (keys, values) = (Numbers::F32(keys), Numbers::F32(values));
            let head = KeyHead { keys, values, head_dim, scale };
            gather(head, &queries, scratch, &mut gathered);
            for (out, gathered) in out.chunks_mut(hidden).zip(gathered.chunks(head_dim.max(1))) {
                if let Some(place) = out.get_mut(at..at + head_dim) {
                    place.copy_from_slice(gathered);
                }
            }
        }
    });
    Some(Tensor::from_data(TensorData::new(out, [rows, hidden]), &device))
}

/// `[heads][tiles][head_dim][16]`
fn packed_keys(k: &HostRows, rows: usize, heads: usize, head_dim: usize) -> Vec<f32> {
    let a_head = rows.div_ceil(KEYS) * KEYS * head_dim;
    let mut out = vec![0.0; heads * a_head];
    out.par_chunks_mut(a_head.max(1)).enumerate().for_each(|(head, out)| {
        for row in 0..rows {
            let values = k.row(row).get(head * head_dim..(head + 1) * head_dim).unwrap_or_default();
            put_key(out, row, values);
        }
    });
    out
}

/// `[heads][rows][head_dim]`: rows a whole page apart would push each other out of the cache.
fn packed_values(v: &HostRows, rows: usize, heads: usize, head_dim: usize) -> Vec<f32> {
    let mut out = vec![0.0; heads * rows * head_dim];
    out.par_chunks_mut((rows * head_dim).max(1)).enumerate().for_each(|(head, out)| {
        for (row, out) in out.chunks_mut(head_dim.max(1)).enumerate() {
            let values = v.row(row).get(head * head_dim..(head + 1) * head_dim);
            out.copy_from_slice(values.unwrap_or_default());
        }
    });
    out
}
