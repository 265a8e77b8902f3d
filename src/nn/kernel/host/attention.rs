//! Attention on the CPU, a few queries at a time against all their keys.
//!
//! Keys lie in tiles of sixteen, `[tiles][head_dim][16]`, so that sixteen scores are one or two
//! vectors; values lie as they come. Scores of a few queries fit into the nearest cache and never
//! leave it.

use std::ops::Range;

use crate::nn::kernel::host::processor::{Work, exp, fma, run};

/// Keys of a tile.
pub(crate) const KEYS: usize = 16;

/// Keys and values of one key head.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyHead<'a> {
    /// `[tiles][head_dim][16]`
    pub(crate) keys: &'a [f32],
    /// A row of `head_dim` for every key, `stride` apart.
    pub(crate) values: &'a [f32],
    pub(crate) stride: usize,
    pub(crate) head_dim: usize,
    pub(crate) scale: f32,
}

/// One query: its `head_dim` numbers, and which keys it sees.
#[derive(Clone, Debug)]
pub(crate) struct Query<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) sees: Range<usize>,
}

/// Memory that is used again and again.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    queries: Vec<f32>,
    scores: Vec<f32>,
    sums: Vec<f32>,
}

/// What queries of one key head gather, `[queries][head_dim]`.
pub(crate) fn gather(
    head: KeyHead<'_>,
    queries: &[Query<'_>],
    scratch: &mut Scratch,
    out: &mut [f32],
) {
    run(Gather { head, queries, scratch, out });
}

struct Gather<'a> {
    head: KeyHead<'a>,
    queries: &'a [Query<'a>],
    scratch: &'a mut Scratch,
    out: &'a mut [f32],
}

impl Work for Gather<'_> {
    type Out = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Self { head, queries, scratch, out } = self;
        let (mut queries, mut out) = (queries, out);
        macro_rules! tiles {
            ($rows:literal) => {
                while let Some((tile, rest)) = queries.split_first_chunk::<$rows>() {
                    let (now, later) = out.split_at_mut(($rows * head.head_dim).min(out.len()));
                    gather_tile::<FMA, $rows>(head, tile, scratch, now);
                    (queries, out) = (rest, later);
                }
            };
        }
        tiles!(4);
        tiles!(2);
        tiles!(1);
    }
}

#[inline(always)]
fn gather_tile<const FMA: bool, const M: usize>(
    head: KeyHead<'_>,
    queries: &[Query<'_>; M],
    scratch: &mut Scratch,
    out: &mut [f32],
) {
    let start = queries.iter().map(|query| query.sees.start).min().unwrap_or(0) / KEYS * KEYS;
    let end = queries.iter().map(|query| query.sees.end).max().unwrap_or(0);
    let width = (end - start.min(end)).next_multiple_of(KEYS);
    let Scratch { queries: turned, scores, sums } = scratch;
    turned.clear();
    for at in 0..head.head_dim {
        turned.extend(queries.iter().map(|query| query.values.get(at).copied().unwrap_or(0.0)));
    }
    scores.resize(M * width, 0.0);
    let keys = head.keys.get(start * head.head_dim..).unwrap_or_default();
    let tiles = keys.chunks_exact((KEYS * head.head_dim).max(1));
    for (tile, keys) in tiles.take(width / KEYS).enumerate() {
        let products = tile_scores::<FMA, M>(turned.as_chunks::<M>().0, keys.as_chunks().0);
        for (row, products) in products.iter().enumerate() {
            let from = row * width + tile * KEYS;
            if let Some(place) = scores.get_mut(from..from + KEYS) {
                place.copy_from_slice(products);
            }
        }
    }
    let mut totals = [0.0; M];
    let rows = scores.chunks_exact_mut(width.max(1)).zip(queries).zip(&mut totals);
    for ((scores, query), total) in rows {
        let sees = query.sees.start - start..query.sees.end - start;
        *total = shares::<FMA>(scores, sees, head.scale);
    }
    sums.clear();
    sums.resize(width * M, 0.0);
    // key by key
    for (row, scores) in scores.chunks_exact(width.max(1)).enumerate() {
        for (place, share) in sums.iter_mut().skip(row).step_by(M).zip(scores) {
            *place = *share;
        }
    }
    let shares = sums.as_chunks::<M>().0.get(..end - start.min(end)).unwrap_or_default();
    let values = head.values.get(start * head.stride..).unwrap_or_default();
    mix::<FMA, M>(shares, values, head, totals, out);
}

/// Scores of `M` queries with sixteen keys.
#[inline(always)]
fn tile_scores<const FMA: bool, const M: usize>(
    queries: &[[f32; M]],
    keys: &[[f32; KEYS]],
) -> [[f32; KEYS]; M] {
    let mut sums = [[0.0; KEYS]; M];
    for (query, keys) in queries.iter().zip(keys) {
        for (sums, query) in sums.iter_mut().zip(query) {
            for (sum, key) in sums.iter_mut().zip(keys) {
                *sum = fma::<FMA>(*query, *key, *sum);
            }
        }
    }
    sums
}

/// Scores become shares, not yet divided by their sum, which is given.
#[inline(always)]
fn shares<const FMA: bool>(scores: &mut [f32], sees: Range<usize>, scale: f32) -> f32 {
    let len = scores.len();
    let (before, rest) = scores.split_at_mut(sees.start.min(len));
    let (seen, after) = rest.split_at_mut((sees.end - sees.start).min(rest.len()));
    before.fill(0.0);
    after.fill(0.0);
    let mut highest = [f32::NEG_INFINITY; KEYS];
    let (tiles, rest) = seen.as_chunks_mut::<KEYS>();
    for tile in &*tiles {
        for (highest, score) in highest.iter_mut().zip(tile) {
            *highest = if *score > *highest { *score } else { *highest };
        }
    }
    let highest =
        highest.iter().chain(&*rest).fold(f32::NEG_INFINITY, |a, b| if *b > a { *b } else { a });
    let highest = highest * scale;
    let mut totals = [0.0; KEYS];
    for tile in tiles {
        for (total, score) in totals.iter_mut().zip(tile) {
            *score = exp::<FMA>(fma::<FMA>(*score, scale, -highest));
            *total += *score;
        }
    }
    for score in &mut *rest {
        *score = exp::<FMA>(fma::<FMA>(*score, scale, -highest));
    }
    totals.iter().chain(&*rest).sum()
}

/// Values weighted by shares.
#[inline(always)]
fn mix<const FMA: bool, const M: usize>(
    shares: &[[f32; M]],
    values: &[f32],
    head: KeyHead<'_>,
    totals: [f32; M],
    out: &mut [f32],
) {
    let mut at = 0;
    while at < head.head_dim {
        let width = KEYS.min(head.head_dim - at);
        let mut sums = [[0.0_f32; KEYS]; M];
        let rows = values.get(at..).unwrap_or_default().chunks(head.stride.max(1));
        if width == KEYS {
            for (shares, row) in shares.iter().zip(rows) {
                let Some(values) = row.first_chunk::<KEYS>() else { continue };
                for (sums, share) in sums.iter_mut().zip(shares) {
                    for (sum, value) in sums.iter_mut().zip(values) {
                        *sum = fma::<FMA>(*share, *value, *sum);
                    }
                }
            }
        } else {
            for (shares, row) in shares.iter().zip(rows) {
                for (sums, share) in sums.iter_mut().zip(shares) {
                    for (sum, value) in sums.iter_mut().zip(row.iter().take(width)) {
                        *sum = fma::<FMA>(*share, *value, *sum);
                    }
                }
            }
        }
        let outs = out.chunks_exact_mut(head.head_dim.max(1));
        for ((out, sums), total) in outs.zip(&sums).zip(totals) {
            for (out, sum) in out.iter_mut().skip(at).zip(sums.iter().take(width)) {
                *out = sum / total;
            }
        }
        at += width;
    }
}
