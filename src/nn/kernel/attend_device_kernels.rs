//! Kernels of attention for a few positions: turn and store, attend to a part of the keys, put
//! the parts together.

use burn_cubecl::cubecl::{self, prelude::*};

/// Units of a group.
pub(super) const UNITS: usize = 128;

/// Keys that a group looks at.
pub(super) const SPLIT: usize = 64;

/// Query heads that a group serves at most: they share the keys it reads.
pub(super) const MAX_HEADS: usize = 8;

/// Units that share a key, four columns each at a time.
const KEY_UNITS: usize = 8;

/// Keys looked at side by side.
const KEYS: usize = UNITS / KEY_UNITS;

/// Units that share the softmax of a head.
const HEAD_UNITS: usize = UNITS / MAX_HEADS;

/// Lower than any score.
pub(super) const LOWEST: f32 = -3.0e38;

#[cube]
pub(super) fn sum_of_four(values: Vector<f32, Const<4>>) -> f32 {
    (values.extract(0usize) + values.extract(1usize))
        + (values.extract(2usize) + values.extract(3usize))
}

/// The first key that a position sees, and the one after the last.
#[cube]
pub(super) fn visible_keys(
    position: usize,
    past: usize,
    keys: usize,
    window: usize,
) -> (usize, usize) {
    let end = usize::min(past + position + 1, keys);
    let mut start = 0usize;
    if end > window {
        start = end - window;
    }
    (start, end)
}

/// Turns queries and keys by their positions and puts keys and values into the cache; a unit a
/// pair of columns. `turns` of q, k and v each may lie further apart than they are long.
#[cube(launch_unchecked)]
pub(super) fn turn_kernel<C: Float>(
    q: &Tensor<f32>,
    k: &Tensor<f32>,
    v: &Tensor<f32>,
    cos: &Tensor<f32>,
    sin: &Tensor<f32>,
    turned: &mut Tensor<f32>,
    all_k: &mut Tensor<C>,
    all_v: &mut Tensor<C>,
    seq: usize,
    past: usize,
    capacity: usize,
    q_stride: usize,
    k_stride: usize,
    v_stride: usize,
    #[comptime] heads: usize,
    #[comptime] kv_heads: usize,
    #[comptime] head_dim: usize,
    #[define(C)] _cache: ElemType,
) {
    let half = comptime!(head_dim / 2);
    let all_heads = comptime!(heads + 2 * kv_heads);
    let item = ABSOLUTE_POS;
    if item < seq * comptime!(all_heads * half) {
        let (rest, pair) = (item / half, item % half);
        let (row, head) = (rest / all_heads, rest % all_heads);
        let cosine = cos[row * head_dim + pair];
        let sine = sin[row * head_dim + pair];
        if head < heads {
            let from = row * q_stride + head * head_dim + pair;
            let (first, second) = (q[from], q[from + half]);
            let to = (row * heads + head) * head_dim + pair;
            turned[to] = first * cosine - second * sine;
            turned[to + half] = second * cosine + first * sine;
        } else if head < comptime!(heads + kv_heads) {
            let head = head - heads;
            let from = row * k_stride + head * head_dim + pair;
            let (first, second) = (k[from], k[from + half]);
            let to = (head * capacity + past + row) * head_dim + pair;
            all_k[to] = C::cast_from(first * cosine - second * sine);
            all_k[to + half] = C::cast_from(second * cosine + first * sine);
        } else {
            let head = head - comptime!(heads + kv_heads);
            let from = row * v_stride + head * head_dim + pair;
            let to = (head * capacity + past + row) * head_dim + pair;
            all_v[to] = C::cast_from(v[from]);
            all_v[to + half] = C::cast_from(v[from + half]);
        }
    }
}

/// What of attention is known when its kernel is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct HeadPlan {
    /// Fours of columns of a head.
    pub(super) quads: usize,
    /// Query heads that share a key head.
    pub(super) group: usize,
    /// Query heads that a group of units serves.
    pub(super) heads: usize,
}

/// What a group of units looks at.
#[derive(CubeType, Clone, Copy)]
#[expand(derive(Clone, Copy))]
struct Part {
    position: usize,
    /// Query heads there are.
    heads: usize,
    /// The first query head, and those after it that share its keys.
    head: usize,
    heads_left: usize,
    /// Where its keys and values begin, and how far they are apart.
    base: usize,
    key_stride: usize,
    /// Keys from here to there.
    begin: usize,
    end: usize,
    split: usize,
    splits: usize,
}

/// One position and some heads over a part of the keys: what the values add up to, the highest
/// score, and the sum of the exponentials below it.
#[cube(launch_unchecked)]
pub(super) fn attend_split_kernel<C: Float>(
    q: &Tensor<Vector<f32, Const<4>>>,
    k: &Tensor<Vector<C, Const<4>>>,
    v: &Tensor<Vector<C, Const<4>>>,
    mixed: &mut Tensor<Vector<f32, Const<4>>>,
    sums: &mut Tensor<f32>,
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
    let (group, n) = comptime!((plan.group, plan.heads));
    let tiles = comptime!(group.div_ceil(n));
    let split = CUBE_POS_X as usize;
    let kv_head = CUBE_POS_Y as usize / tiles;
    let first = CUBE_POS_Y as usize % tiles * n;
    let position = CUBE_POS_Z as usize;
    let (start, end) = visible_keys(position, past, keys, window);
    let begin = start + split * comptime!(SPLIT);
    let part = Part {
        position,
        heads: kv_heads * group,
        head: kv_head * group + first,
        heads_left: group - first,
        base: kv_head * head_stride,
        key_stride,
        begin,
        end: usize::min(end, begin + comptime!(SPLIT)),
        split,
        splits: CUBE_COUNT_X as usize,
    };
    let mut scores = Shared::<[f32]>::new_slice(comptime!(n * SPLIT));
    score_part(q, k, &mut scores, part, scale, plan);
    share_part(&mut scores, sums, part, plan);
    mix_part(v, &scores, mixed, part, plan);
}

/// Scores of every head and key: units beside each other share a key.
#[cube]
fn score_part<C: Float>(
    q: &Tensor<Vector<f32, Const<4>>>,
    k: &Tensor<Vector<C, Const<4>>>,
    scores: &mut Shared<[f32]>,
    part: Part,
    scale: f32,
    #[comptime] plan: HeadPlan,
) {
    let (quads, n) = comptime!((plan.quads, plan.heads));
    let unit = UNIT_POS as usize;
    let mut queries = Shared::<[Vector<f32, Const<4>>]>::new_slice(comptime!(n * quads));
    let mut at = unit;
    while at < comptime!(n * quads) {
        // heads beyond the last are computed and not written
        let head = part.head + usize::min(at / quads, part.heads_left - 1);
        queries[at] =
            q[(part.position * part.heads + head) * quads + at % quads] * Vector::new(scale);
        at += comptime!(UNITS);
    }
    sync_cube();
    let mut products = Shared::<[f32]>::new_slice(comptime!(n * UNITS));
    let (slot, lane) = (unit / comptime!(KEY_UNITS), unit % comptime!(KEY_UNITS));
    let mut done = 0usize;
    while done < comptime!(SPLIT) {
        let key = part.begin + done + slot;
        let mut own = no_fours(n);
        if key < part.end {
            #[unroll]
            for step in 0..comptime!(quads.div_ceil(KEY_UNITS)) {
                let quad = lane + comptime!(step * KEY_UNITS);
                if comptime!((step + 1) * KEY_UNITS <= quads) || quad < quads {
                    let four = Vector::cast_from(k[part.base + key * part.key_stride + quad]);
                    #[unroll]
                    for head in 0..n {
                        own[head] += four * queries[comptime!(head * quads) + quad];
                    }
                }
            }
        }
        #[unroll]
        for head in 0..n {
            products[comptime!(head * UNITS) + unit] = sum_of_four(own[head]);
        }
        sync_cube();
        if unit < comptime!(n * KEYS) {
            let mut score = 0.0f32;
            #[unroll]
            for lane in 0..KEY_UNITS {
                score += products[unit * comptime!(KEY_UNITS) + lane];
            }
            let (head, slot) = (unit / comptime!(KEYS), unit % comptime!(KEYS));
            scores[head * comptime!(SPLIT) + done + slot] = score;
        }
        sync_cube();
        done += comptime!(KEYS);
    }
}

/// Scores become shares of the part; the highest and the sum of every head are written.
#[cube]
fn share_part(
    scores: &mut Shared<[f32]>,
    sums: &mut Tensor<f32>,
    part: Part,
    #[comptime] plan: HeadPlan,
) {
    let n = comptime!(plan.heads);
    let unit = UNIT_POS as usize;
    let mut highest_of = Shared::<[f32]>::new_slice(UNITS);
    let mut sum_of = Shared::<[f32]>::new_slice(UNITS);
    let (head, lane) = (unit / comptime!(HEAD_UNITS), unit % comptime!(HEAD_UNITS));
    let mut highest = comptime!(LOWEST).runtime();
    if head < n {
        #[unroll]
        for step in 0..comptime!(SPLIT / HEAD_UNITS) {
            let at = lane + comptime!(step * HEAD_UNITS);
            if part.begin + at < part.end {
                highest = f32::max(highest, scores[head * comptime!(SPLIT) + at]);
            }
        }
    }
    highest_of[unit] = highest;
    sync_cube();
    let mut sum = 0.0f32;
    if head < n {
        #[unroll]
        for lane in 0..HEAD_UNITS {
            highest = f32::max(highest, highest_of[head * comptime!(HEAD_UNITS) + lane]);
        }
        #[unroll]
        for step in 0..comptime!(SPLIT / HEAD_UNITS) {
            let at = lane + comptime!(step * HEAD_UNITS);
            let mut share = 0.0f32;
            if part.begin + at < part.end {
                share = f32::exp(scores[head * comptime!(SPLIT) + at] - highest);
            }
            scores[head * comptime!(SPLIT) + at] = share;
            sum += share;
        }
    }
    sum_of[unit] = sum;
    sync_cube();
    if head < n && lane == 0 && head < part.heads_left {
        let mut sum = 0.0f32;
        #[unroll]
        for lane in 0..HEAD_UNITS {
            sum += sum_of[head * comptime!(HEAD_UNITS) + lane];
        }
        let row = part.position * part.heads + part.head + head;
        let at = (row * part.splits + part.split) * 2;
        sums[at] = highest;
        sums[at + 1] = sum;
    }
}

/// Values by their shares, added up.
#[cube]
fn mix_part<C: Float>(
    v: &Tensor<Vector<C, Const<4>>>,
    scores: &Shared<[f32]>,
    mixed: &mut Tensor<Vector<f32, Const<4>>>,
    part: Part,
    #[comptime] plan: HeadPlan,
) {
    let (quads, n) = comptime!((plan.quads, plan.heads));
    let unit = UNIT_POS as usize;
    // units over the columns, as often as they go beside each other
    let times = comptime!(UNITS / quads);
    let (time, quad) = (unit / quads, unit % quads);
    let mut own = no_fours(n);
    if time < times {
        let mut key = part.begin + time;
        while key < part.end {
            let four = Vector::cast_from(v[part.base + key * part.key_stride + quad]);
            #[unroll]
            for head in 0..n {
                let share = scores[comptime!(head * SPLIT) + (key - part.begin)];
                own[head] += four * Vector::new(share);
            }
            key += times;
        }
    }
    let mut sums = Shared::<[Vector<f32, Const<4>>]>::new_slice(UNITS);
    #[unroll]
    for head in 0..n {
        sums[unit] = own[head];
        sync_cube();
        if time == 0 && head < part.heads_left {
            let mut sum = Vector::new(0.0f32);
            #[unroll]
            for time in 0..times {
                sum += sums[comptime!(time * quads) + quad];
            }
            let row = part.position * part.heads + part.head + head;
            mixed[(row * part.splits + part.split) * quads + quad] = sum;
        }
        sync_cube();
    }
}

/// Zeros.
#[cube]
pub(super) fn no_fours(#[comptime] count: usize) -> Array<Vector<f32, Const<4>>> {
    let mut fours = Array::<Vector<f32, Const<4>>>::new(count);
    #[unroll]
    for index in 0..count {
        fours[index] = Vector::new(0.0f32);
    }
    fours
}

/// Parts of the keys put together; a group a head of a position.
#[cube(launch_unchecked)]
pub(super) fn join_kernel(
    mixed: &Tensor<f32>,
    sums: &Tensor<f32>,
    out: &mut Tensor<f32>,
    rows: usize,
    splits: usize,
    #[comptime] head_dim: usize,
) {
    let row = usize::min(CUBE_POS, rows - 1);
    let mut highest = comptime!(LOWEST).runtime();
    for split in 0..splits {
        highest = f32::max(highest, sums[(row * splits + split) * 2]);
    }
    let mut column = UNIT_POS as usize;
    while column < head_dim {
        let mut total = 0.0f32;
        let mut value = 0.0f32;
        for split in 0..splits {
            let at = row * splits + split;
            let factor = f32::exp(sums[at * 2] - highest);
            total += factor * sums[at * 2 + 1];
            value += factor * mixed[at * head_dim + column];
        }
        out[row * head_dim + column] = value / total;
        column += comptime!(UNITS);
    }
}
