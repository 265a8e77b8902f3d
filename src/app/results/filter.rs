//! Which questions are listed.

use std::collections::BTreeMap;

use super::evaluation::{Evaluation, Question};
use super::verdict::Verdict;

/// What the reader asks for; all of it has to hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Filter {
    /// In question, reference, answers or id.
    pub(super) text: String,
    /// One of the runs is wrong.
    pub(super) is_wrong: bool,
    /// Runs differ in whether they are right.
    pub(super) differs: bool,
    /// One of the runs could not ask.
    pub(super) has_failed: bool,
    /// Values of fields.
    pub(super) groups: BTreeMap<String, String>,
}

/// The questions that pass, found again only when something changed.
#[derive(Debug, Default)]
pub(super) struct Rows {
    of: Option<(u64, Filter)>,
    /// Places in the evaluation's questions.
    places: Vec<usize>,
}

impl Filter {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn passes(&self, evaluation: &Evaluation, question: &Question, text: &str) -> bool {
        let wrong = question.verdicts.contains(&Verdict::Wrong);
        if (self.is_wrong && !wrong) || !question.words.contains(text) {
            return false;
        }
        let right = question.verdicts.contains(&Verdict::Right);
        if self.differs && !(wrong && right) {
            return false;
        }
        if self.has_failed && !question.verdicts.contains(&Verdict::Failed) {
            return false;
        }
        let record = evaluation.asked(question);
        self.groups.iter().all(|(field, value)| {
            record.and_then(|record| record.groups.get(field)).is_some_and(|found| found == value)
        })
    }
}

impl Rows {
    /// Those of an evaluation that pass.
    pub(super) fn update(&mut self, evaluation: &Evaluation, revision: u64, filter: &Filter) {
        if self.of.as_ref().is_some_and(|(at, known)| *at == revision && known == filter) {
            return;
        }
        let text = filter.text.trim().to_lowercase();
        let questions = evaluation.questions.iter().enumerate();
        let passing = questions.filter(|(_, one)| filter.passes(evaluation, one, &text));
        self.places = passing.map(|(place, _)| place).collect();
        self.of = Some((revision, filter.clone()));
    }

    pub(super) fn places(&self) -> &[usize] {
        &self.places
    }

    /// The question so many rows further, or the nearest end.
    pub(super) fn further(&self, from: Option<usize>, rows: isize) -> Option<usize> {
        let last = self.places.len().checked_sub(1)?;
        let here = from.and_then(|from| self.row_of(from));
        let row = here.map_or(0, |here| here.saturating_add_signed(rows).min(last));
        self.places.get(row).copied()
    }

    pub(super) fn row_of(&self, question: usize) -> Option<usize> {
        self.places.binary_search(&question).ok()
    }
}

/// `question_type` becomes "Question type".
pub(super) fn field_title(field: &str) -> String {
    let text = field.replace('_', " ");
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_uppercase().collect::<String>());
    first.unwrap_or_default() + chars.as_str()
}
