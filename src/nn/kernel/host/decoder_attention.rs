//! Attention of a decoder on the CPU: rotation, cache, softmax and mixing in one go.

use burn::tensor::{Tensor, TensorData};
use rayon::prelude::*;

use crate::nn::host_layer::HostLayer;
use crate::nn::kernel::host::HostRows;
use crate::nn::kernel::host::attention::{KeyHead, Query, Scratch, gather};
use crate::nn::kernel::{HeadShape, Visible};

/// Rows a thread takes at once when there are many.
pub(crate) const ROWS_AT_ONCE: usize = 16;

/// Further positions of one layer, whose keys and values go into the cache.
///
/// # Shapes
/// q `[seq, heads·head_dim]`, k and v `[seq, kv_heads·head_dim]`, none of them turned; cosines and
/// sines `[seq, head_dim]` → `[seq, heads·head_dim]`; `None` for tensors that live elsewhere.
pub(crate) fn attend(
    [q, k, v]: [Tensor<2>; 3],
    [cos, sin]: [Tensor<2>; 2],
    shape: HeadShape,
    visible: Visible,
    cache: &mut HostLayer,
) -> Option<Tensor<2>> {
    let ([seq, _], device) = (q.dims(), q.device());
    let turns = Turns { cos: HostRows::of(cos)?, sin: HostRows::of(sin)? };
    let (q, k, v) = (HostRows::of(q)?, HostRows::of(k)?, HostRows::of(v)?);
    let HeadShape { heads, kv_heads, head_dim } = shape;
    let mut turned = vec![0.0; head_dim];
    for row in 0..seq {
        let (keys, values) = (k.row(row).chunks(head_dim), v.row(row).chunks(head_dim));
        for (head, (key, value)) in keys.zip(values).enumerate() {
            turns.turn(row, key, &mut turned);
            cache.put(head, visible.past + row, &turned, value);
        }
    }
    let width = heads * head_dim;
    let mut queries = vec![0.0; seq * width];
    for (row, queries) in queries.chunks_mut(width.max(1)).enumerate() {
        for (query, out) in q.row(row).chunks(head_dim).zip(queries.chunks_mut(head_dim)) {
            turns.turn(row, query, out);
        }
    }
    let work = Attending {
        queries: &queries,
        cache,
        shape,
        visible,
        keys: visible.past + seq,
        group: heads / kv_heads.max(1) * head_dim,
    };
    let mut out = vec![0.0; seq * width];
    if seq < ROWS_AT_ONCE {
        // one row, or few: threads share the heads
        for (row, out) in out.chunks_mut(width.max(1)).enumerate() {
            let groups = out.par_chunks_mut(work.group.max(1)).enumerate();
            groups.for_each_init(Scratch::default, |scratch, (head, out)| {
                work.one_row(row, head, scratch, out);
            });
        }
    } else {
        let parts = out.par_chunks_mut(ROWS_AT_ONCE * width).enumerate();
        parts.for_each_init(Scratch::default, |scratch, (part, out)| {
            work.rows(part * ROWS_AT_ONCE, scratch, out);
        });
    }
    Some(Tensor::from_data(TensorData::new(out, [seq, width]), &device))
}

/// What every position turns its pairs by.
struct Turns {
    cos: HostRows,
    sin: HostRows,
}

impl Turns {
    fn turn(&self, row: usize, values: &[f32], out: &mut [f32]) {
        let half = values.len() / 2;
        let (first, second) = values.split_at(half);
        let (cos, sin) = (self.cos.row(row), self.sin.row(row));
        let (out_first, out_second) = out.split_at_mut(half.min(out.len()));
        let pairs = first.iter().zip(second).zip(cos.iter().zip(sin));
        let outs = out_first.iter_mut().zip(out_second);
        for (((a, b), (cos, sin)), (first, second)) in pairs.zip(outs) {
            *first = a * cos - b * sin;
            *second = b * cos + a * sin;
        }
    }
}

struct Attending<'a> {
    queries: &'a [f32],
    cache: &'a HostLayer,
    shape: HeadShape,
    visible: Visible,
    keys: usize,
    /// Numbers of the query heads that share a key head.
    group: usize,
}

impl Attending<'_> {
    fn key_head(&self, head: usize) -> KeyHead<'_> {
        let HeadShape { head_dim, .. } = self.shape;
        let (keys, values) = self.cache.head(head);
        let scale = (head_dim as f32).sqrt().recip();
        KeyHead { keys, values, head_dim, scale }
    }

    fn query(&self, row: usize, head: usize) -> Query<'_> {
        let HeadShape { heads, head_dim, .. } = self.shape;
        let from = (row * heads + head) * head_dim;
        let values = self.queries.get(from..from + head_dim).unwrap_or_default();
        Query { values, sees: self.visible.range(row, self.keys) }
    }

    /// The query heads of one key head: `[group]`.
    fn one_row(&self, row: usize, head: usize, scratch: &mut Scratch, out: &mut [f32]) {
        let share = self.shape.heads / self.shape.kv_heads.max(1);
        let queries: Vec<Query<'_>> =
            (head * share..(head + 1) * share).map(|head| self.query(row, head)).collect();
        gather(self.key_head(head), &queries, scratch, out);
    }

    /// All heads of some rows: `[rows, heads·head_dim]`.
    fn rows(&self, first: usize, scratch: &mut Scratch, out: &mut [f32]) {
        let HeadShape { heads, kv_heads, head_dim } = self.shape;
        let (width, share) = (heads * head_dim, heads / kv_heads.max(1));
        let count = out.len() / width.max(1);
        let mut gathered = vec![0.0; count * head_dim];
        for head in 0..heads {
            let queries: Vec<Query<'_>> =
                (first..first + count).map(|row| self.query(row, head)).collect();
            gather(self.key_head(head / share.max(1)), &queries, scratch, &mut gathered);
            for (out, gathered) in out.chunks_mut(width).zip(gathered.chunks(head_dim)) {
                if let Some(place) = out.get_mut(head * head_dim..(head + 1) * head_dim) {
                    place.copy_from_slice(gathered);
                }
            }
        }
    }
}
