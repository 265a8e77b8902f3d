//! Means with intervals: questions are drawn again and again, always the same way.

use std::collections::{BTreeMap, BTreeSet};

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Draws of as many questions as there are.
const RESAMPLES: u64 = 1000;

/// A mean and where 95 % of the means of drawn questions lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// Mean over the questions that have the score.
    pub value: f64,
    /// 2.5 % of the draws are lower.
    pub low: f64,
    /// 2.5 % of the draws are higher.
    pub high: f64,
    /// Questions that have the score.
    pub questions: usize,
}

/// The means of all scores by name. Questions without a score do not count for it.
pub(super) fn figures(scores: &[&BTreeMap<String, f64>]) -> BTreeMap<String, Figure> {
    let names: BTreeSet<&String> = scores.iter().flat_map(|scores| scores.keys()).collect();
    let columns = names.len();
    // one after the other, so that drawing them at random touches little memory
    let cells: Vec<Option<f64>> = scores
        .iter()
        .flat_map(|scores| names.iter().map(|name| scores.get(*name).copied()))
        .collect();
    let row = |at: usize| cells.get(at * columns..(at + 1) * columns).unwrap_or_default();
    let whole = means((0..scores.len()).map(row), columns);
    let draws: Vec<Vec<Option<f64>>> = (0..RESAMPLES)
        .into_par_iter()
        .map(|draw| {
            let mut random = ChaCha8Rng::seed_from_u64(draw);
            means((0..scores.len()).map(|_| row(random.random_range(0..scores.len()))), columns)
        })
        .collect();
    let column = |at: usize, name: &String| -> Option<(String, Figure)> {
        let mut drawn: Vec<f64> =
            draws.iter().filter_map(|means| means.get(at).copied().flatten()).collect();
        drawn.sort_by(f64::total_cmp);
        let value = whole.get(at).copied().flatten()?;
        let (low, high) = (quantile(&drawn, 0.025)?, quantile(&drawn, 0.975)?);
        let questions = scores.iter().filter(|scores| scores.contains_key(name)).count();
        Some((name.clone(), Figure { value, low, high, questions }))
    };
    names.iter().enumerate().filter_map(|(at, name)| column(at, name)).collect()
}

/// Of each column over the rows that have it.
fn means<'a>(rows: impl Iterator<Item = &'a [Option<f64>]>, columns: usize) -> Vec<Option<f64>> {
    let mut sums = vec![(0.0, 0_u32); columns];
    for row in rows {
        for ((sum, count), value) in sums.iter_mut().zip(row) {
            *sum += value.unwrap_or(0.0);
            *count += u32::from(value.is_some());
        }
    }
    let mean = |(sum, count): (f64, u32)| (count > 0).then(|| sum / f64::from(count));
    sums.into_iter().map(mean).collect()
}

/// Of sorted values, the nearest.
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get((share * last as f64).round() as usize).copied()
}
