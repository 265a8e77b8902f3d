//! A region filled with what surrounds it, without any soft edge: outside of it no pixel changes.

use std::ops::Range;

use super::super::display_image::DisplayImage;
use super::super::measure::{Shape, for_runs};
use super::{MID_GREY, samples_at};

/// Width of the ring as a share of the longer side of the region.
const RING: f64 = 0.05;
const NARROWEST: usize = 2;

/// A part of a picture with a mark for every pixel of it.
struct Mask {
    columns: Range<usize>,
    rows: Range<usize>,
    is_in: Vec<bool>,
}

pub(super) fn erased(whole: &DisplayImage, shape: &Shape) -> Option<DisplayImage> {
    let mut runs = Vec::new();
    for_runs(shape, (whole.width, whole.height), |row, run| {
        runs.push((row as usize, run.start as usize..run.end as usize));
    });
    if runs.is_empty() {
        return None;
    }
    let mean = mean_around(whole, shape, &runs);
    let mut image = whole.clone();
    for (row, run) in runs {
        let at = samples_at(&image, row, run);
        for pixel in image.pixels.get_mut(at)?.chunks_exact_mut(mean.len()) {
            pixel.copy_from_slice(&mean);
        }
    }
    Some(image)
}

/// Of every channel over the pixels near the region that are not in it; mid-grey where there are
/// none.
fn mean_around(whole: &DisplayImage, shape: &Shape, runs: &[(usize, Range<usize>)]) -> Vec<u8> {
    let width = ring_width(shape);
    let inside = Mask::of(whole, runs, width);
    let near = inside.grown(width);
    let num_samples = whole.channels.count();
    let mut sums = vec![0_u64; num_samples];
    let mut n = 0_u64;
    let places = inside.rows.clone().flat_map(|row| inside.columns.clone().map(move |x| (row, x)));
    for ((row, column), (is_in, is_near)) in places.zip(inside.is_in.iter().zip(&near)) {
        if *is_in || !*is_near {
            continue;
        }
        n += 1;
        let at = samples_at(whole, row, column..column + 1);
        let samples = whole.pixels.get(at).unwrap_or_default();
        sums.iter_mut().zip(samples).for_each(|(sum, sample)| *sum += u64::from(*sample));
    }
    let mean = |sum: &u64| match n {
        0 => MID_GREY,
        n => u8::try_from((sum + n / 2) / n).unwrap_or(u8::MAX),
    };
    sums.iter().map(mean).collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a picture's side"
)]
fn ring_width(shape: &Shape) -> usize {
    let [low, high] = shape.bounds();
    let longer = (high.x - low.x).max(high.y - low.y);
    ((longer * RING).round() as usize).max(NARROWEST)
}

impl Mask {
    /// The region and so many pixels around it, as far as the picture goes.
    fn of(whole: &DisplayImage, runs: &[(usize, Range<usize>)], around: usize) -> Self {
        let first =
            |of: fn(&(usize, Range<usize>)) -> usize| runs.iter().map(of).min().unwrap_or(0);
        let last = |of: fn(&(usize, Range<usize>)) -> usize| runs.iter().map(of).max().unwrap_or(0);
        let side = |from: usize, to: usize, len: u32| {
            from.saturating_sub(around)..(to + around).min(len as usize)
        };
        let columns = side(first(|run| run.1.start), last(|run| run.1.end), whole.width);
        let rows = side(first(|run| run.0), last(|run| run.0 + 1), whole.height);
        let mut mask = Self { is_in: vec![false; columns.len() * rows.len()], columns, rows };
        for (row, run) in runs {
            let at = (row - mask.rows.start) * mask.columns.len();
            let from = at + run.start - mask.columns.start;
            if let Some(run) = mask.is_in.get_mut(from..from + run.len()) {
                run.fill(true);
            }
        }
        mask
    }

    /// Every pixel with one of the region at most so many columns and rows away.
    fn grown(&self, by: usize) -> Vec<bool> {
        let (columns, rows) = (self.columns.len(), self.rows.len());
        let mut wide = vec![false; self.is_in.len()];
        for row in 0..rows {
            spread(&self.is_in, &mut wide, by, |at| row * columns + at, columns);
        }
        let mut near = vec![false; self.is_in.len()];
        for column in 0..columns {
            spread(&wide, &mut near, by, |at| at * columns + column, rows);
        }
        near
    }
}

/// Along one line: what lies so near to a mark is marked.
fn spread(from: &[bool], to: &mut [bool], by: usize, place: impl Fn(usize) -> usize, len: usize) {
    let is_marked = |at: usize| from.get(place(at)).copied().unwrap_or(false);
    // marks in the window around each place
    let mut n = (0..by.min(len)).filter(|at| is_marked(*at)).count();
    for at in 0..len {
        if at + by < len && is_marked(at + by) {
            n += 1;
        }
        if at > by && is_marked(at - by - 1) {
            n -= 1;
        }
        if let Some(mark) = to.get_mut(place(at)) {
            *mark = n > 0;
        }
    }
}
