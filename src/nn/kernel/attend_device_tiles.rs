//! The kernel of attention for many positions: tiles of queries over tiles of keys in shared
//! memory, so that scores are never written out.

use burn_cubecl::cubecl::{self, prelude::*};

use crate::nn::kernel::attend_device_kernels::{
    HeadPlan, LOWEST, UNITS, no_fours, sum_of_four, visible_keys,
};

/// Rows of a tile: positions of all query heads that share a key head.
pub(super) const ROWS: usize = 32;

/// Keys of a tile.
const KEYS: usize = 16;

/// Scores of a row in shared memory; one more than there are, so that rows begin in other banks.
const SCORES: usize = KEYS + 1;

/// Units that share the softmax of a row.
const ROW_UNITS: usize = UNITS / ROWS;

/// Units beside each other over the columns of the values.
const COLUMN_UNITS: usize = 16;

/// Rows of the result a unit computes.
const OWN_ROWS: usize = ROWS * COLUMN_UNITS / UNITS;

/// Bytes of shared memory for heads of this many fours of columns.
pub(super) fn shared_bytes(quads: usize) -> usize {
    let floats = (ROWS + KEYS) * (quads + 1) * 4 + ROWS * SCORES + 2 * UNITS + 2 * ROWS;
    floats * size_of::<f32>()
}

/// Strides in fours of columns.
#[cube(launch_unchecked)]
pub(super) fn attend_tiles_kernel<C: Float>(
    q: &Tensor<Vector<f32, Const<4>>>,
    k: &Tensor<Vector<C, Const<4>>>,
    v: &Tensor<Vector<C, Const<4>>>,
    out: &mut Tensor<Vector<f32, Const<4>>>,
    seq: usize,
    kv_heads: usize,
    past: usize,
    keys: usize,
    window: usize,
    head_stride: usize,
    key_stride: usize,
    scale: f32,
    #[comptime] plan: HeadPlan,
    #[define(C)] _cache: ElemType,
) {
    let (quads, group) = comptime!((plan.quads, plan.group));
    // one more than needed, so that rows begin in other banks
    let width = comptime!(quads + 1);
    let unit = UNIT_POS as usize;
    let first = CUBE_POS_X as usize * comptime!(ROWS);
    let kv_head = CUBE_POS_Y as usize;
    let heads = kv_heads * group;
    let rows = seq * group;
    let base = kv_head * head_stride;

    let mut queries = Shared::<[Vector<f32, Const<4>>]>::new_slice(comptime!(ROWS * width));
    let mut tile = Shared::<[Vector<f32, Const<4>>]>::new_slice(comptime!(KEYS * width));
    let mut scores = Shared::<[f32]>::new_slice(comptime!(ROWS * SCORES));
    let mut highest_of = Shared::<[f32]>::new_slice(UNITS);
    let mut sum_of = Shared::<[f32]>::new_slice(UNITS);
    let mut factors = Shared::<[f32]>::new_slice(ROWS);
    let mut totals = Shared::<[f32]>::new_slice(ROWS);

    load_queries(q, &mut queries, first, rows, kv_head, heads, scale, plan);
    let last = usize::min(first + comptime!(ROWS), rows) - 1;
    let (from, _) = visible_keys(first / group, past, keys, window);
    let (_, to) = visible_keys(last / group, past, keys, window);
    let own_row = unit / comptime!(ROW_UNITS);
    let own_lane = unit % comptime!(ROW_UNITS);
    let own_place = usize::min(first + own_row, rows - 1);
    let (own_start, own_end) = visible_keys(own_place / group, past, keys, window);
    let mut highest = comptime!(LOWEST).runtime();
    let mut total = 0.0f32;

    let (row_base, column) =
        (unit / comptime!(COLUMN_UNITS) * comptime!(OWN_ROWS), unit % comptime!(COLUMN_UNITS));
    let steps = comptime!(quads.div_ceil(COLUMN_UNITS));
    let mut own = no_fours(comptime!(OWN_ROWS * steps));

    let mut begin = from;
    while begin < to {
        load_tile(k, &mut tile, base + begin * key_stride, key_stride, to - begin, quads);
        sync_cube();
        score_tile(&queries, &tile, &mut scores, quads);
        sync_cube();

        // the keys are read; the values take their place while the shares are computed
        load_tile(v, &mut tile, base + begin * key_stride, key_stride, to - begin, quads);
        let (highest_here, sum) = share_tile(
            &mut scores,
            &mut highest_of,
            &mut sum_of,
            highest,
            begin,
            own_start,
            own_end,
        );
        let factor = f32::exp(highest - highest_here);
        highest = highest_here;
        total = total * factor + sum;
        if own_lane == 0 {
            factors[own_row] = factor;
        }
        sync_cube();
        mix_tile(&tile, &scores, &factors, &mut own, row_base, column, quads);
        sync_cube();
        begin += comptime!(KEYS);
    }

    if own_lane == 0 {
        totals[own_row] = total;
    }
    sync_cube();
    #[unroll]
    for row in 0..OWN_ROWS {
        let place = first + row_base + row;
        if place < rows {
            let head = place / group * heads + kv_head * group + place % group;
            let factor = Vector::new(totals[row_base + row].recip());
            #[unroll]
            for step in 0..steps {
                let quad = column + comptime!(step * COLUMN_UNITS);
                if comptime!((step + 1) * COLUMN_UNITS <= quads) || quad < quads {
                    out[head * quads + quad] = own[row * steps + step] * factor;
                }
            }
        }
    }
}

/// Keys or values from `start` on into shared memory, zeros after the first `count`.
#[cube]
fn load_tile<C: Float>(
    source: &Tensor<Vector<C, Const<4>>>,
    tile: &mut Shared<[Vector<f32, Const<4>>]>,
    start: usize,
    key_stride: usize,
    count: usize,
    #[comptime] quads: usize,
) {
    let mut at = UNIT_POS as usize;
    while at < comptime!(KEYS * quads) {
        let (key, quad) = (at / quads, at % quads);
        let mut four = Vector::new(0.0f32);
        if key < count {
            four = Vector::cast_from(source[start + key * key_stride + quad]);
        }
        tile[key * comptime!(quads + 1) + quad] = four;
        at += comptime!(UNITS);
    }
}

/// Scores of all rows and keys of a tile: a unit has two rows and two keys.
#[cube]
fn score_tile(
    queries: &Shared<[Vector<f32, Const<4>>]>,
    tile: &Shared<[Vector<f32, Const<4>>]>,
    scores: &mut Shared<[f32]>,
    #[comptime] quads: usize,
) {
    let width = comptime!(quads + 1);
    let unit = UNIT_POS as usize;
    let (row, key) = (unit / comptime!(KEYS / 2), unit % comptime!(KEYS / 2));
    let (other_row, other_key) = (row + comptime!(ROWS / 2), key + comptime!(KEYS / 2));
    let mut sums = Array::<Vector<f32, Const<4>>>::new(4usize);
    #[unroll]
    for index in 0..4usize {
        sums[index] = Vector::new(0.0f32);
    }
    for quad in 0..quads {
        let (a, b) = (queries[row * width + quad], queries[other_row * width + quad]);
        let (c, d) = (tile[key * width + quad], tile[other_key * width + quad]);
        sums[0] += a * c;
        sums[1] += a * d;
        sums[2] += b * c;
        sums[3] += b * d;
    }
    scores[row * comptime!(SCORES) + key] = sum_of_four(sums[0]);
    scores[row * comptime!(SCORES) + other_key] = sum_of_four(sums[1]);
    scores[other_row * comptime!(SCORES) + key] = sum_of_four(sums[2]);
    scores[other_row * comptime!(SCORES) + other_key] = sum_of_four(sums[3]);
}

/// Queries of a tile into shared memory; rows beyond the last are computed and not written.
#[cube]
fn load_queries(
    q: &Tensor<Vector<f32, Const<4>>>,
    queries: &mut Shared<[Vector<f32, Const<4>>]>,
    first: usize,
    rows: usize,
    kv_head: usize,
    heads: usize,
    scale: f32,
    #[comptime] plan: HeadPlan,
) {
    let (quads, group) = comptime!((plan.quads, plan.group));
    let mut at = UNIT_POS as usize;
    while at < comptime!(ROWS * quads) {
        let (row, quad) = (at / quads, at % quads);
        let place = usize::min(first + row, rows - 1);
        let head = place / group * heads + kv_head * group + place % group;
        queries[row * comptime!(quads + 1) + quad] = q[head * quads + quad] * Vector::new(scale);
        at += comptime!(UNITS);
    }
}

/// Scores of a tile become shares below the highest so far, which is given with their sum.
#[cube]
fn share_tile(
    scores: &mut Shared<[f32]>,
    highest_of: &mut Shared<[f32]>,
    sum_of: &mut Shared<[f32]>,
    highest: f32,
    begin: usize,
    start: usize,
    end: usize,
) -> (f32, f32) {
    let unit = UNIT_POS as usize;
    let (row, lane) = (unit / comptime!(ROW_UNITS), unit % comptime!(ROW_UNITS));
    let mut highest = highest;
    #[unroll]
    for step in 0..comptime!(KEYS / ROW_UNITS) {
        let at = lane + comptime!(step * ROW_UNITS);
        if begin + at >= start && begin + at < end {
            highest = f32::max(highest, scores[row * comptime!(SCORES) + at]);
        }
    }
    highest_of[unit] = highest;
    sync_cube();
    #[unroll]
    for lane in 0..ROW_UNITS {
        highest = f32::max(highest, highest_of[row * comptime!(ROW_UNITS) + lane]);
    }
    let mut sum = 0.0f32;
    #[unroll]
    for step in 0..comptime!(KEYS / ROW_UNITS) {
        let at = lane + comptime!(step * ROW_UNITS);
        let mut share = 0.0f32;
        if begin + at >= start && begin + at < end {
            share = f32::exp(scores[row * comptime!(SCORES) + at] - highest);
        }
        scores[row * comptime!(SCORES) + at] = share;
        sum += share;
    }
    sum_of[unit] = sum;
    sync_cube();
    let mut total = 0.0f32;
    #[unroll]
    for lane in 0..ROW_UNITS {
        total += sum_of[row * comptime!(ROW_UNITS) + lane];
    }
    (highest, total)
}

/// What a unit has so far, brought below the highest score, and the values of a tile.
#[cube]
fn mix_tile(
    tile: &Shared<[Vector<f32, Const<4>>]>,
    scores: &Shared<[f32]>,
    factors: &Shared<[f32]>,
    own: &mut Array<Vector<f32, Const<4>>>,
    row_base: usize,
    column: usize,
    #[comptime] quads: usize,
) {
    let width = comptime!(quads + 1);
    let steps = comptime!(quads.div_ceil(COLUMN_UNITS));
    #[unroll]
    for row in 0..OWN_ROWS {
        let factor = Vector::new(factors[row_base + row]);
        #[unroll]
        for step in 0..steps {
            own[row * steps + step] *= factor;
        }
    }
    for key in 0..KEYS {
        #[unroll]
        for step in 0..steps {
            let quad = column + comptime!(step * COLUMN_UNITS);
            if comptime!((step + 1) * COLUMN_UNITS <= quads) || quad < quads {
                let four = tile[key * width + quad];
                #[unroll]
                for row in 0..OWN_ROWS {
                    let share = scores[(row_base + row) * comptime!(SCORES) + key];
                    own[row * steps + step] += four * Vector::new(share);
                }
            }
        }
    }
}
