//! The timings of runs under the names that scripts know them by.

use serde::Serialize;

use crate::vlm::{RunTimes, Span};

/// One value for every timing; `None` where a network has no such part.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Figures<T> {
    pub(super) image_encode_ms: Option<T>,
    pub(super) prefill_ms: Option<T>,
    pub(super) first_token_ms: Option<T>,
    pub(super) decode_ms: Option<T>,
    pub(super) image_encode_cpu_ms: Option<T>,
    pub(super) prefill_cpu_ms: Option<T>,
    pub(super) decode_cpu_ms: Option<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) picture_decode_ms: Option<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) picture_decode_cpu_ms: Option<T>,
}

/// The least and the most of some runs.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Range {
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Figures<f64> {
    /// Of one run.
    pub(super) fn of(times: &RunTimes) -> Self {
        let cpu = |span: Option<Span>| span.and_then(|span| span.cpu_ms).map(rounded);
        let wall = |span: Option<Span>| span.map(|span| rounded(span.ms));
        let image_encode = Some(times.image_encode);
        Self {
            image_encode_ms: wall(image_encode),
            prefill_ms: wall(times.prefill),
            first_token_ms: times.first_token_ms().map(rounded),
            decode_ms: wall(times.decode),
            image_encode_cpu_ms: cpu(image_encode),
            prefill_cpu_ms: cpu(times.prefill),
            decode_cpu_ms: cpu(times.decode),
            picture_decode_ms: wall(times.picture_decode),
            picture_decode_cpu_ms: cpu(times.picture_decode),
        }
    }
}

impl<T> Figures<T> {
    /// One value of all runs for every timing.
    pub(super) fn over(runs: &[Figures<f64>], one: impl Fn(&[f64]) -> Option<T>) -> Self {
        let of = |timing: fn(&Figures<f64>) -> Option<f64>| {
            let mut values: Vec<f64> = runs.iter().filter_map(timing).collect();
            values.sort_by(f64::total_cmp);
            one(&values)
        };
        Self {
            image_encode_ms: of(|run| run.image_encode_ms),
            prefill_ms: of(|run| run.prefill_ms),
            first_token_ms: of(|run| run.first_token_ms),
            decode_ms: of(|run| run.decode_ms),
            image_encode_cpu_ms: of(|run| run.image_encode_cpu_ms),
            prefill_cpu_ms: of(|run| run.prefill_cpu_ms),
            decode_cpu_ms: of(|run| run.decode_cpu_ms),
            picture_decode_ms: of(|run| run.picture_decode_ms),
            picture_decode_cpu_ms: of(|run| run.picture_decode_cpu_ms),
        }
    }
}

/// Of sorted values: the middle one, or the mean of the two in the middle.
pub(super) fn median(sorted: &[f64]) -> Option<f64> {
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = *sorted.get(middle.checked_sub(1)?)?;
    Some(rounded(f64::midpoint(lower, upper)))
}

/// Of sorted values.
pub(super) fn range(sorted: &[f64]) -> Option<Range> {
    Some(Range { min: *sorted.first()?, max: *sorted.last()? })
}

/// To microseconds: more digits mean nothing.
pub(super) fn rounded(ms: f64) -> f64 {
    (ms * 1e3).round() / 1e3
}
