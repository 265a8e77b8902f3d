//! BLEU of one sentence against one reference, by the rules of nltk's `sentence_bleu` without
//! smoothing.
//!
//! Checked against: `tests/evaluation_metrics.rs` with values from nltk 3.10.

use std::collections::BTreeMap;

use super::normalize::words;

/// What nltk puts in the place of a precision that is 0.
const LEAST: f64 = f64::MIN_POSITIVE;

/// The weighted geometric mean of the precisions of 1 to 4 words, with the brevity penalty.
///
/// 0 without a common word. Takes normalised texts.
#[must_use]
pub fn bleu(prediction: &str, reference: &str, weights: [f64; 4]) -> f64 {
    let (prediction, reference) = (words(prediction), words(reference));
    let (prediction, reference): (Vec<_>, Vec<_>) = (prediction.collect(), reference.collect());
    let mut logs = 0.0;
    for (order, weight) in (1..).zip(weights) {
        let precision = precision(&prediction, &reference, order);
        if order == 1 && precision <= 0.0 {
            return 0.0;
        }
        logs += weight * if precision > 0.0 { precision } else { LEAST }.ln();
    }
    brevity_penalty(prediction.len(), reference.len()) * logs.exp()
}

/// A word group counts at most as often as the reference has it.
fn precision(prediction: &[&str], reference: &[&str], order: usize) -> f64 {
    let known = groups(reference, order);
    let made = groups(prediction, order);
    let right: usize = made.iter().map(|(group, n)| *n.min(known.get(group).unwrap_or(&0))).sum();
    let all: usize = made.values().sum();
    right as f64 / all.max(1) as f64
}

fn groups<'a>(words: &'a [&'a str], order: usize) -> BTreeMap<&'a [&'a str], usize> {
    let mut counts = BTreeMap::new();
    for group in words.windows(order) {
        *counts.entry(group).or_insert(0) += 1;
    }
    counts
}

fn brevity_penalty(prediction: usize, reference: usize) -> f64 {
    if prediction > reference {
        1.0
    } else if prediction == 0 {
        0.0
    } else {
        (1.0 - reference as f64 / prediction as f64).exp()
    }
}
