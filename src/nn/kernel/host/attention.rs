//! Attention on the CPU, a few queries at a time against all their keys.
//!
//! Keys lie in tiles of sixteen, `[tiles][head_dim][16]`, so that sixteen scores are one or two
//! vectors; values lie as they come. Scores of a few queries fit into the nearest cache and never
//! leave it.

use std::ops::Range;

use crate::nn::kernel::host::numbers::{Number, Numbers, Tiles};
use crate::nn::kernel::host::processor::{LANES, Vector, Work, exp, fma, run};

/// Keys of a tile.
pub(crate) const KEYS: usize = LANES;

/// Keys and values of one key head.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyHead<'a> {
    /// `[tiles][head_dim][16]`
    pub(crate) keys: Numbers<'a>,
    /// `[keys][head_dim]`
    pub(crate) values: Numbers<'a>,
    pub(crate) head_dim: usize,
    pub(crate) scale: f32,
}

/// Write the key of a position into its tile; `tiles` are those of one head.
pub(crate) fn put_key<T: Number>(tiles: &mut [T], position: usize, key: &[f32]) {
    let start = position / KEYS * KEYS * key.len() + position % KEYS;
    for (place, value) in tiles.iter_mut().skip(start).step_by(KEYS).zip(key) {
        *place = T::of(*value);
    }
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
    /// Of every tile of queries: `[head_dim][queries]`
    turned: Vec<f32>,
    /// `[queries][tiles of keys]`
    scores: Vec<[f32; KEYS]>,
    totals: Vec<f32>,
    /// Of the tiles that all queries pass, where they are held in 16 bits.
    widened: Vec<f32>,
}

/// Tiles of keys that stay in the nearest cache while all queries pass.
const BLOCK: usize = 4;

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

/// Some queries that are multiplied at once, and the tiles of keys that one of them sees.
#[derive(Clone)]
struct QueryTile {
    first: usize,
    rows: usize,
    sees: Range<usize>,
}

impl Work for Gather<'_> {
    type Out = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let Self { head, queries, scratch, out } = self;
        let tiles = query_tiles(queries);
        let start = tiles.iter().map(|tile| tile.sees.start).min().unwrap_or(0);
        let end = tiles.iter().map(|tile| tile.sees.end).max().unwrap_or(0).max(start);
        let width = end - start;
        let Scratch { turned, scores, totals, widened } = scratch;
        turn(&tiles, queries, head.head_dim, turned);
        scores.resize(queries.len() * width, [0.0; KEYS]);
        for first in (start..end).step_by(BLOCK) {
            let block = head.keys.tiles::<V>(head.head_dim, first..end.min(first + BLOCK), widened);
            for tile in &tiles {
                let keys = first.max(tile.sees.start)..(first + BLOCK).min(tile.sees.end);
                let queries = turned.get(tile.first * head.head_dim..).unwrap_or_default();
                let at = tile.first * width - start;
                match tile.rows {
                    4 => score::<V, 4>(block, queries, keys, scores, at, width),
                    2 => score::<V, 2>(block, queries, keys, scores, at, width),
                    _ => score::<V, 1>(block, queries, keys, scores, at, width),
                }
            }
        }
        totals.clear();
        for (scores, query) in scores.chunks_exact_mut(width.max(1)).zip(queries) {
            let first = start * KEYS;
            let sees = query.sees.start - first..query.sees.end.max(query.sees.start) - first;
            totals.push(shares::<V>(scores.as_flattened_mut(), sees, head.scale));
        }
        out.fill(0.0);
        for first in (start..end).step_by(BLOCK) {
            let block =
                head.values.tiles::<V>(head.head_dim, first..end.min(first + BLOCK), widened);
            for tile in &tiles {
                let keys = first.max(tile.sees.start)..(first + BLOCK).min(tile.sees.end);
                let out = out.get_mut(tile.first * head.head_dim..).unwrap_or_default();
                let at = tile.first * width - start;
                match tile.rows {
                    4 => mix::<V, 4>(block, scores, at, width, keys, out),
                    2 => mix::<V, 2>(block, scores, at, width, keys, out),
                    _ => mix::<V, 1>(block, scores, at, width, keys, out),
                }
            }
        }
        for (out, total) in out.chunks_exact_mut(head.head_dim.max(1)).zip(totals) {
            let factor = total.recip();
            out.iter_mut().for_each(|out| *out *= factor);
        }
    }
}

fn query_tiles(queries: &[Query<'_>]) -> Vec<QueryTile> {
    let (mut tiles, mut rest, mut first) = (Vec::new(), queries, 0);
    while !rest.is_empty() {
        let rows = [4, 2, 1].into_iter().find(|rows| *rows <= rest.len()).unwrap_or(1);
        let (tile, after) = rest.split_at(rows);
        let start = tile.iter().map(|query| query.sees.start).min().unwrap_or(0);
        let end = tile.iter().map(|query| query.sees.end).max().unwrap_or(0);
        tiles.push(QueryTile { first, rows, sees: start / KEYS..end.div_ceil(KEYS) });
        (rest, first) = (after, first + rows);
    }
    tiles
}

/// Number after number of all queries of a tile.
fn turn(tiles: &[QueryTile], queries: &[Query<'_>], head_dim: usize, turned: &mut Vec<f32>) {
    turned.clear();
    for tile in tiles {
        let queries = queries.get(tile.first..tile.first + tile.rows).unwrap_or_default();
        for at in 0..head_dim {
            turned.extend(queries.iter().map(|query| query.values.get(at).copied().unwrap_or(0.0)));
        }
    }
}

/// Scores of `M` queries with some tiles of keys; those of tile `t` go to `scores[at + t]`, those
/// of the next query `width` further.
#[inline(always)]
fn score<V: Vector, const M: usize>(
    block: Tiles<'_>,
    queries: &[f32],
    tiles: Range<usize>,
    scores: &mut [[f32; KEYS]],
    at: usize,
    width: usize,
) {
    let queries = queries.as_chunks::<M>().0.get(..block.head_dim).unwrap_or_default();
    for tile in tiles {
        let keys = block.tile(tile);
        let mut sums = [V::splat(0.0); M];
        for (query, keys) in queries.iter().zip(keys.as_chunks().0) {
            let keys = V::load(keys);
            for (sum, query) in sums.iter_mut().zip(query) {
                *sum = sum.plus_product(V::splat(*query), keys);
            }
        }
        for (row, sum) in sums.into_iter().enumerate() {
            if let Some(place) = scores.get_mut(at.wrapping_add(tile) + row * width) {
                sum.store(place);
            }
        }
    }
}

/// Scores become shares, not yet divided by their sum, which is given.
#[inline(always)]
fn shares<V: Vector>(scores: &mut [f32], sees: Range<usize>, scale: f32) -> f32 {
    let len = scores.len();
    let (before, rest) = scores.split_at_mut(sees.start.min(len));
    let (seen, after) = rest.split_at_mut((sees.end - sees.start).min(rest.len()));
    before.fill(0.0);
    after.fill(0.0);
    let (tiles, rest) = seen.as_chunks_mut::<KEYS>();
    let mut highest = [f32::NEG_INFINITY; KEYS];
    for tile in &*tiles {
        for (highest, score) in highest.iter_mut().zip(tile) {
            *highest = if *score > *highest { *score } else { *highest };
        }
    }
    let all = highest.iter().chain(&*rest);
    let highest = scale * all.fold(f32::NEG_INFINITY, |a, b| if *b > a { *b } else { a });
    let mut totals = [0.0; KEYS];
    for tile in tiles {
        for (total, score) in totals.iter_mut().zip(tile) {
            *score = exp::<V>(fma::<V>(*score, scale, -highest));
            *total += *score;
        }
    }
    for score in &mut *rest {
        *score = exp::<V>(fma::<V>(*score, scale, -highest));
    }
    totals.iter().chain(&*rest).sum()
}

/// Adds the values of some tiles of keys, weighted by shares that lie as in [`score`].
#[inline(always)]
fn mix<V: Vector, const M: usize>(
    block: Tiles<'_>,
    shares: &[[f32; KEYS]],
    at: usize,
    width: usize,
    tiles: Range<usize>,
    out: &mut [f32],
) {
    let head_dim = block.head_dim.max(1);
    for column in (0..head_dim).step_by(LANES) {
        let mut sums: [V; M] = std::array::from_fn(|row| {
            lanes(out.get(row * head_dim..(row + 1) * head_dim).unwrap_or_default(), column)
        });
        for tile in tiles.clone() {
            let shares: [&[f32; KEYS]; M] = std::array::from_fn(|row| {
                shares.get(at.wrapping_add(tile) + row * width).unwrap_or(&[0.0; KEYS])
            });
            for (key, row) in block.tile(tile).chunks(head_dim).enumerate() {
                let values: V = lanes(row, column);
                for (sum, shares) in sums.iter_mut().zip(shares) {
                    *sum = sum.plus_product(V::splat(shares[key % KEYS]), values);
                }
            }
        }
        let stored: [[f32; LANES]; M] = sums.map(|sum| {
            let mut lanes = [0.0; LANES];
            sum.store(&mut lanes);
            lanes
        });
        for (out, lanes) in out.chunks_mut(head_dim).zip(stored) {
            for (out, lane) in out.iter_mut().skip(column).zip(lanes) {
                *out = lane;
            }
        }
    }
}

/// The numbers of a row from `column` on; zeros after its end.
#[inline(always)]
fn lanes<V: Vector>(row: &[f32], column: usize) -> V {
    let row = row.get(column..).unwrap_or_default();
    match row.first_chunk::<LANES>() {
        Some(values) => V::load(values),
        None => V::load(&std::array::from_fn(|lane| row.get(lane).copied().unwrap_or(0.0))),
    }
}
