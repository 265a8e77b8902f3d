//! Words that a prediction and a reference share, as LLaVA-Med's scripts count them.

use std::collections::BTreeMap;

use super::normalize::{normalize, words};

/// Precision, recall and their harmonic mean, each from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Overlap {
    /// Of the prediction's words.
    pub precision: f64,
    /// Of the reference's words; what the papers call recall of open questions.
    pub recall: f64,
    /// Of both.
    pub f1: f64,
}

/// Distinct words of the reference that the prediction has, over all words of the prediction:
/// long answers score low.
///
/// Takes normalised texts and normalises them again, as the scripts do.
#[must_use]
pub fn exact_match(prediction: &str, reference: &str) -> f64 {
    let (prediction, reference) = (counts(prediction), counts(reference));
    let total: usize = prediction.values().sum();
    if total == 0 {
        return 0.0;
    }
    let found = reference.keys().filter(|word| prediction.contains_key(*word)).count();
    found as f64 / total as f64
}

/// A shared word counts as often as the prediction has it, however often the reference does.
///
/// Takes normalised texts and normalises them again, as the scripts do.
#[must_use]
pub fn overlap(prediction: &str, reference: &str) -> Overlap {
    let (prediction, reference) = (counts(prediction), counts(reference));
    let shared = |word: &String| reference.contains_key(word);
    let of = |is_shared: bool| -> usize {
        let counted = prediction.iter().filter(|(word, _)| shared(word) == is_shared);
        counted.map(|(_, count)| count).sum()
    };
    let (right, wrong) = (of(true), of(false));
    let missed: usize =
        reference.iter().filter(|(word, _)| !prediction.contains_key(*word)).map(|(_, n)| n).sum();
    if right == 0 {
        return Overlap::default();
    }
    let share = |others: usize| right as f64 / (right + others) as f64;
    let (precision, recall) = (share(wrong), share(missed));
    Overlap { precision, recall, f1: 2.0 * precision * recall / (precision + recall) }
}

fn counts(text: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for word in words(&normalize(text)) {
        *counts.entry(word.to_owned()).or_insert(0) += 1;
    }
    counts
}
