//! The tables that the authors' scripts print, under their names and in their numbers.

use std::collections::BTreeMap;

use crate::eval::{Format, Record};

/// Script, row, value; none where the script would divide by zero.
pub(super) type Published = BTreeMap<String, BTreeMap<String, Option<f64>>>;

/// Row of `run_eval` and `run_eval_batch`, and the score it is the mean of.
const WORDS: [(&str, &str); 8] = [
    ("exact match score", "exact_match"),
    ("f1 score", "f1"),
    ("precision", "precision"),
    ("recall", "recall"),
    ("bleu_score", "bleu_score"),
    ("bleu_score_1", "bleu_score_1"),
    ("bleu_score_2", "bleu_score_2"),
    ("bleu_score_3", "bleu_score_3"),
];

pub(super) fn published(format: Format, records: &[&Record]) -> Published {
    match format {
        Format::Huatuo => Published::from([("scorer".to_owned(), scorer(records))]),
        Format::LlavaMedVqa if records.iter().any(|record| !record.scores.is_empty()) => {
            let (open, closed) = ("open accuracy", "yes/no accuracy");
            let run_eval = [(open, "open_accuracy_candidates"), (closed, "closed_accuracy")];
            let batch = [
                (open, "open_accuracy_contains"),
                (closed, "closed_accuracy_contains"),
                ("recall_closed", "closed_recall"),
            ];
            Published::from([
                ("run_eval".to_owned(), percentages(records, &run_eval)),
                ("run_eval_batch".to_owned(), percentages(records, &batch)),
            ])
        }
        Format::LlavaMedVqa | Format::LlavaMedChat | Format::Conversations => Published::new(),
    }
}

fn percentages(records: &[&Record], further: &[(&str, &str)]) -> BTreeMap<String, Option<f64>> {
    let rows = WORDS.iter().chain(further);
    rows.map(|(row, score)| {
        let mean = mean(records.iter().copied(), score);
        ((*row).to_owned(), mean.map(|mean| mean * 100.0))
    })
    .collect()
}

/// Accuracies by data set and by subset, and over all questions.
fn scorer(records: &[&Record]) -> BTreeMap<String, Option<f64>> {
    let mut members: BTreeMap<&str, Vec<&Record>> = BTreeMap::new();
    for &record in records {
        for name in record.groups.values() {
            members.entry(name).or_default().push(record);
        }
    }
    members.insert("total", records.to_vec());
    let accuracy = |(name, records): (&str, Vec<&Record>)| {
        (name.to_owned(), mean(records.into_iter(), "accuracy"))
    };
    members.into_iter().map(accuracy).collect()
}

fn mean<'a>(records: impl Iterator<Item = &'a Record>, score: &str) -> Option<f64> {
    let scores: Vec<f64> = records.filter_map(|record| record.scores.get(score).copied()).collect();
    (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64)
}
