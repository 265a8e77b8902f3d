//! One answer is compared with its reference.

use std::collections::BTreeMap;

use crate::eval::metric::{
    Candidates, bleu, choice_letter, choose, choose_any_case, closed_corrected, closed_run_eval,
    contained_choice, exact_match, has_words, normalized, overlap,
};
use crate::eval::{Item, Kind};

/// Names and weights of the four published BLEU columns.
const BLEU: [(&str, [f64; 4]); 4] = [
    ("bleu_score", [0.25; 4]),
    ("bleu_score_1", [1.0, 0.0, 0.0, 0.0]),
    ("bleu_score_2", [0.0, 1.0, 0.0, 0.0]),
    ("bleu_score_3", [0.0, 0.0, 1.0, 0.0]),
];

/// What is known of one answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scored {
    /// By name, from 0 to 1. A score that does not count for this question is not there.
    pub scores: BTreeMap<String, f64>,
    /// The right class, where the reference is one of few.
    pub class: Option<String>,
    /// The class that the answer was taken for.
    pub predicted: Option<String>,
}

/// Compare an answer with its question's reference.
#[must_use]
pub fn score(item: &Item, answer: &str, candidates: Option<&Candidates>) -> Scored {
    let mut scored = Scored::default();
    let Some(reference) = &item.reference else { return scored };
    match &item.kind {
        Kind::Choice { options } => score_choice(&mut scored, answer, reference, options),
        Kind::Open => {
            let (answer, reference) = (normalized(answer), normalized(reference));
            score_words(&mut scored, &answer, &reference);
            if let Some(candidates) = candidates {
                scored.add("open_accuracy_candidates", candidates.hits(&answer, &reference));
            }
            scored.add("open_accuracy_contains", answer.contains(&reference));
            scored.add("open_accuracy_corrected", has_words(&answer, &reference));
        }
        Kind::Closed => score_closed(&mut scored, &normalized(answer), normalized(reference)),
        Kind::Reference { choices } => {
            score_words(&mut scored, &normalized(answer), &normalized(reference));
            score_class(&mut scored, answer, reference, choices);
        }
        Kind::Unscored => {}
    }
    scored
}

impl Scored {
    fn add(&mut self, name: &str, is_right: bool) {
        self.number(name, f64::from(u8::from(is_right)));
    }

    fn number(&mut self, name: &str, value: f64) {
        self.scores.insert(name.to_owned(), value);
    }
}

fn score_choice(scored: &mut Scored, answer: &str, reference: &str, options: &[String]) {
    let label = options.iter().position(|option| option == reference).map(choice_letter);
    let literal = choose(answer, options).map(|chosen| chosen.letter);
    let right = |letter: Option<char>| label.is_some() && letter == label;
    scored.add("accuracy", right(literal));
    scored.add("accuracy_corrected", right(choose_any_case(answer, options)));
    scored.class = label.map(String::from);
    scored.predicted = literal.map(String::from);
}

/// Takes normalised texts.
fn score_words(scored: &mut Scored, answer: &str, reference: &str) {
    let shared = overlap(answer, reference);
    scored.number("exact_match", exact_match(answer, reference));
    scored.number("f1", shared.f1);
    scored.number("precision", shared.precision);
    scored.number("recall", shared.recall);
    for (name, weights) in BLEU {
        scored.number(name, bleu(answer, reference, weights));
    }
}

/// Takes normalised texts.
fn score_closed(scored: &mut Scored, answer: &str, reference: String) {
    if let Some(is_right) = closed_run_eval(answer, &reference) {
        scored.add("closed_accuracy", is_right);
    }
    scored.add("closed_accuracy_contains", answer.contains(&reference));
    scored.add("closed_accuracy_corrected", closed_corrected(answer, &reference));
    scored.number("closed_recall", overlap(answer, &reference).recall);
    scored.class = Some(reference);
}

/// Equal after normalisation, or the same choice named.
fn score_class(scored: &mut Scored, answer: &str, reference: &str, choices: &[String]) {
    let named = |text: &str| choices.get(contained_choice(text, choices)?).cloned();
    if let Some(class) = named(reference) {
        scored.predicted = named(answer);
        scored.add("accuracy", scored.predicted.as_ref() == Some(&class));
        scored.class = Some(class);
    } else {
        let (answer, class) = (normalized(answer), normalized(reference));
        scored.add("accuracy", answer == class);
        scored.predicted = Some(answer);
        scored.class = Some(class);
    }
}
