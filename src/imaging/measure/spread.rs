//! How the values of a region are spread.

use super::super::frame::Frame;
use super::super::samples::Samples;
use super::region::for_runs;
use super::shape::Shape;

/// Weights of red, green and blue in luminance (ITU-R BT.601), in thousandths: they add up in whole
/// numbers.
const LUMINANCE: [u32; 3] = [299, 587, 114];
const LUMINANCE_STEPS: usize = 255_000;

/// The values of a region.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// Average.
    pub mean: f64,
    /// Standard deviation of the pixels as the whole population: divided by n, not by n − 1.
    pub sd: f64,
    /// Smallest.
    pub min: f64,
    /// Largest.
    pub max: f64,
    /// Half of the pixels lie below; between two, their average.
    pub median: f64,
}

/// How many pixels lie inside and are no padding, and how their values are spread.
pub(super) fn spread_inside(frame: &Frame, shape: &Shape) -> (u64, Option<Spread>) {
    let mut tally = tally(frame, shape);
    tally.sort_by(|a, b| a.0.total_cmp(&b.0));
    let n = tally.iter().map(|&(_, count)| count).sum();
    (n, spread(&tally, n))
}

/// Of values in order, each with how often it is there.
fn spread(tally: &[(f64, u64)], n: u64) -> Option<Spread> {
    let (&(min, _), &(max, _)) = (tally.first()?, tally.last()?);
    let sum_of = |of: &dyn Fn(f64) -> f64| -> f64 {
        tally.iter().map(|&(value, count)| of(value) * count as f64).sum()
    };
    let mean = sum_of(&|value| value) / n as f64;
    let variance = sum_of(&|value| (value - mean) * (value - mean)) / n as f64;
    let at_rank = |rank: u64| {
        let mut before = 0;
        let found = tally.iter().find(|(_, count)| {
            before += count;
            before > rank
        });
        found.map_or(max, |&(value, _)| value)
    };
    let median = f64::midpoint(at_rank((n - 1) / 2), at_rank(n / 2));
    Some(Spread { mean, sd: variance.sqrt(), min, max, median })
}

/// Modality values, or luminance, each with how often it is inside.
fn tally(frame: &Frame, shape: &Shape) -> Vec<(f64, u64)> {
    match frame.samples() {
        Samples::U8(values) => counted(frame, shape, values),
        Samples::U16(values) => counted(frame, shape, values),
        Samples::I16(values) => counted(frame, shape, values),
        Samples::U32(values) => listed(frame, shape, values),
        Samples::I32(values) => listed(frame, shape, values),
        Samples::F32(values) => listed(frame, shape, values),
        Samples::F64(values) => listed(frame, shape, values),
        Samples::Rgb8(values) => luminance(frame, shape, values),
    }
}

/// Gives the samples of every run of pixels inside.
fn for_samples<T>(
    frame: &Frame,
    shape: &Shape,
    (values, per_pixel): (&[T], usize),
    mut see: impl FnMut(&[T]),
) {
    let columns = frame.columns() as usize;
    for_runs(shape, (frame.columns(), frame.rows()), |row, run| {
        let from = row as usize * columns;
        let run = (from + run.start as usize) * per_pixel..(from + run.end as usize) * per_pixel;
        see(values.get(run).unwrap_or_default());
    });
}

/// Narrow samples are counted: one pass, however large the region.
fn counted<T: Copy + Into<i32>>(frame: &Frame, shape: &Shape, values: &[T]) -> Vec<(f64, u64)> {
    let (low, high) = frame.stored_range_i32();
    let num_steps = usize::try_from(i64::from(high) - i64::from(low)).unwrap_or(0) + 1;
    let mut counts = vec![0_u64; num_steps];
    for_samples(frame, shape, (values, 1), |run| {
        for &value in run {
            let step = usize::try_from(value.into() - low).ok();
            if let Some(count) = step.and_then(|step| counts.get_mut(step)) {
                *count += 1;
            }
        }
    });
    let stored = (low..=high).map(f64::from);
    stored
        .zip(counts)
        .filter(|&(stored, count)| count > 0 && !frame.is_padding(stored))
        .map(|(stored, count)| (frame.modality_lut().apply(stored), count))
        .collect()
}

/// Wide samples are taken one by one; what is no number is left out.
fn listed<T: Copy + Into<f64>>(frame: &Frame, shape: &Shape, values: &[T]) -> Vec<(f64, u64)> {
    let mut listed = Vec::new();
    for_samples(frame, shape, (values, 1), |run| {
        let stored = run.iter().map(|&value| value.into());
        let kept = stored.filter(|&stored: &f64| !frame.is_padding(stored));
        let values = kept.map(|stored| frame.modality_lut().apply(stored));
        listed.extend(values.filter(|value| value.is_finite()).map(|value| (value, 1)));
    });
    listed
}

fn luminance(frame: &Frame, shape: &Shape, values: &[u8]) -> Vec<(f64, u64)> {
    let mut counts = vec![0_u64; LUMINANCE_STEPS + 1];
    for_samples(frame, shape, (values, 3), |run| {
        for rgb in run.chunks_exact(3) {
            let step: u32 = rgb.iter().zip(LUMINANCE).map(|(&v, part)| u32::from(v) * part).sum();
            if let Some(count) = counts.get_mut(step as usize) {
                *count += 1;
            }
        }
    });
    let steps = counts.into_iter().enumerate().filter(|&(_, count)| count > 0);
    steps.map(|(step, count)| (step as f64 / 1000.0, count)).collect()
}
