//! The next id from the scores: a pure function of scores, parameters and generator, in the order
//! of operations of the library the published models use.

use std::collections::BTreeSet;

use rand::RngCore;

use crate::vlm::SamplingParams;

/// Choose the next id.
///
/// `generated` are the new ids so far (the repetition penalty looks at nothing else), `forbidden`
/// are ids that may not come now.
#[must_use]
pub fn next_token(
    logits: &[f32],
    generated: &[u32],
    forbidden: &[u32],
    params: &SamplingParams,
    rng: &mut impl RngCore,
) -> u32 {
    let mut scores = logits.to_vec();
    let penalty = params.repetition_penalty;
    for id in generated.iter().collect::<BTreeSet<_>>() {
        if let Some(score) = scores.get_mut(*id as usize) {
            *score = if *score < 0.0 { *score * penalty } else { *score / penalty };
        }
    }
    for id in forbidden {
        if let Some(score) = scores.get_mut(*id as usize) {
            *score = f32::NEG_INFINITY;
        }
    }
    if params.temperature <= 0.0 {
        return arg_max(&scores);
    }
    scores.iter_mut().for_each(|score| *score /= params.temperature);
    let mut order: Vec<usize> = (0..scores.len()).collect();
    let score_of = |index: usize| scores.get(index).copied().unwrap_or(f32::NEG_INFINITY);
    order.sort_by(|a, b| score_of(*b).total_cmp(&score_of(*a)));
    if let Some(least) = params.top_k.and_then(|k| order.get((k as usize).saturating_sub(1))) {
        let least = score_of(*least);
        order.retain(|index| score_of(*index) >= least);
    }
    let best = order.first().map_or(0.0, |index| score_of(*index));
    let weights: Vec<f64> =
        order.iter().map(|index| f64::from(score_of(*index) - best).exp()).collect();
    let kept = match params.top_p {
        Some(top_p) => nucleus(&weights, f64::from(top_p)),
        None => weights.len(),
    };
    let total: f64 = weights.iter().take(kept).sum();
    // 53 random bits, evenly in 0..1
    let mut left = (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64 * total;
    for (index, weight) in order.iter().zip(&weights).take(kept) {
        left -= weight;
        if left < 0.0 {
            return *index as u32;
        }
    }
    order.get(kept.saturating_sub(1)).map_or(0, |index| *index as u32)
}

/// Leaves the generator as a choice by temperature does: it takes one number.
pub(crate) fn pass_draw(rng: &mut impl RngCore) {
    rng.next_u64();
}

/// How many of the weights, largest first, are kept: the smallest go while what is gone is at most
/// 1 − p; one always stays.
fn nucleus(weights: &[f64], top_p: f64) -> usize {
    let total: f64 = weights.iter().sum();
    let mut gone = 0.0;
    let mut kept = weights.len();
    for weight in weights.iter().skip(1).rev() {
        gone += weight / total;
        if gone > 1.0 - top_p {
            break;
        }
        kept -= 1;
    }
    kept
}

/// The first of the highest.
fn arg_max(scores: &[f32]) -> u32 {
    let mut best = (0, f32::NEG_INFINITY);
    for (index, score) in scores.iter().enumerate() {
        if *score > best.1 {
            best = (index as u32, *score);
        }
    }
    best.0
}

/// Logarithm of an id's probability from the raw scores.
#[must_use]
pub fn log_prob(logits: &[f32], id: u32) -> f32 {
    LogProbs::of(logits).get(id)
}

/// Raw scores as logarithms of probabilities.
pub(crate) struct LogProbs<'a> {
    logits: &'a [f32],
    best: f32,
    ln_total: f64,
}

impl<'a> LogProbs<'a> {
    pub(crate) fn of(logits: &'a [f32]) -> Self {
        let best = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let total: f64 = logits.iter().map(|score| f64::from(score - best).exp()).sum();
        Self { logits, best, ln_total: total.ln() }
    }

    pub(crate) fn get(&self, id: u32) -> f32 {
        let score = self.logits.get(id as usize).copied().unwrap_or(f32::NEG_INFINITY);
        (f64::from(score - self.best) - self.ln_total) as f32
    }

    /// The likeliest ids, the first of equals first.
    pub(crate) fn likeliest(&self, count: usize) -> Vec<u32> {
        let mut found: Vec<(u32, f32)> = Vec::with_capacity(count + 1);
        for (id, score) in self.logits.iter().enumerate() {
            let is_full = found.len() == count;
            if !score.is_finite() || is_full && found.last().is_none_or(|last| *score <= last.1) {
                continue;
            }
            let at = found.partition_point(|(_, other)| other >= score);
            found.insert(at, (id as u32, *score));
            found.truncate(count);
        }
        found.into_iter().map(|(id, _)| id).collect()
    }
}
