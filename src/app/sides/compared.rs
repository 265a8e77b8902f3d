//! What follows from the answers side by side, worked out when one of them changed and not for
//! every drawing: comparing two long answers takes a table of all their words.

use super::super::state::AppState;
use super::facts::Facts;
use crate::chat::{Agreement, Marked, agreement, differences, likeness};

/// Of the columns as they are now.
#[derive(Debug, Default)]
pub(super) struct Compared {
    /// The text of every column's answer; none while it is being written or when it has none.
    texts: Vec<Option<String>>,
    pub(super) facts: Vec<Facts>,
    /// The words of every answer, once all are whole.
    pub(super) marked: Option<Vec<Vec<Marked>>>,
    pub(super) agreement: Option<Agreement>,
    pub(super) rungs: Vec<Rung>,
}

/// One model that answered.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rung {
    pub(super) title: String,
    pub(super) parameters: u64,
    pub(super) secs: f64,
    /// To the largest model's answer, from 0 to 1.
    pub(super) likeness: f64,
}

impl Compared {
    /// Works out anew what changed.
    pub(super) fn update(&mut self, state: &AppState) {
        let columns = &state.sides.columns;
        let text = |column| {
            let answer = state.side_answer(column).filter(|answer| !answer.is_open());
            answer.map(|answer| answer.text.as_str()).filter(|text| !text.trim().is_empty())
        };
        let texts: Vec<Option<&str>> = columns.iter().map(text).collect();
        let facts: Vec<Facts> = columns.iter().map(|column| Facts::of(state, column)).collect();
        let is_same = self.texts.iter().map(Option::as_deref).eq(texts.iter().copied());
        if is_same && self.facts == facts {
            return;
        }
        let whole: Vec<&str> = texts.iter().copied().flatten().collect();
        let are_all_whole = whole.len() > 1 && whole.len() == columns.len();
        *self = Self {
            texts: texts.iter().map(|text| text.map(str::to_owned)).collect(),
            marked: are_all_whole.then(|| differences(&whole)),
            agreement: agreement(&whole),
            rungs: rungs(state, &texts, &facts),
            facts,
        };
    }
}

/// Models that answered, the smallest first.
fn rungs(state: &AppState, texts: &[Option<&str>], facts: &[Facts]) -> Vec<Rung> {
    let columns = state.sides.columns.iter().zip(texts.iter().zip(facts));
    let answered = columns.filter_map(|(column, (text, facts))| {
        let (parameters, secs) = (facts.parameters?, facts.answer_secs?);
        Some((Rung { title: column.title.clone(), parameters, secs, likeness: 1.0 }, (*text)?))
    });
    let mut answered: Vec<(Rung, &str)> = answered.collect();
    answered.sort_by_key(|(rung, _)| rung.parameters);
    let Some(largest) = answered.last().map(|(_, text)| *text) else { return Vec::new() };
    let measured = answered.into_iter();
    measured.map(|(rung, text)| Rung { likeness: likeness(text, largest), ..rung }).collect()
}
