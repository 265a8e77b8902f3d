//! Which answers stand side by side, and which are still to be asked for.

use std::collections::VecDeque;

use super::super::engine_state::AnswerSlot;
use super::super::settings::Sampling;
use super::super::state::AppState;
use crate::chat::{Answer, Provenance, Turn};
use crate::vlm::ModelSpec;
use crate::worker::LoadRequest;

/// Columns there is room for.
pub(super) const MOST: usize = 3;

/// One question with a column a model.
#[derive(Clone, Debug, Default)]
pub struct Sides {
    /// Chat.
    pub conversation_id: u64,
    /// Turn.
    pub turn_idx: usize,
    /// From the left.
    pub columns: Vec<Column>,
    /// Answers still to be asked for, of any turn of the chat.
    pub queue: VecDeque<ToAsk>,
    /// The one asked for last.
    pub asked: Option<ToAsk>,
    /// In place of the viewports; otherwise it goes on out of sight.
    pub is_shown: bool,
    /// Words that not all answers have are marked.
    pub is_marked: bool,
}

/// An answer to be asked for: of which model, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct ToAsk {
    /// Where it goes.
    pub slot: AnswerSlot,
    /// The model.
    pub request: LoadRequest,
    /// The parameters when the question was asked: they may be others by the time of the answer.
    pub sampling: Sampling,
}

/// One model's answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// The model's title.
    pub title: String,
    /// How it is loaded; none for a model that was not found again.
    pub request: Option<LoadRequest>,
    /// Among the turn's answers.
    pub answer_idx: usize,
    /// Parameters of this model alone; none when it is asked as all others.
    pub own: Option<Sampling>,
    /// How long loading took, when it was loaded for this.
    pub load_secs: Option<f64>,
    /// Most host memory its engine held.
    pub peak_rss_mb: Option<u64>,
}

impl Column {
    pub(super) fn new(title: String, request: Option<LoadRequest>, answer_idx: usize) -> Self {
        Self { title, request, answer_idx, own: None, load_secs: None, peak_rss_mb: None }
    }

    /// The same for another answer.
    pub(super) fn with_answer(&self, answer_idx: usize) -> Self {
        Self {
            own: self.own.clone(),
            ..Self::new(self.title.clone(), self.request.clone(), answer_idx)
        }
    }
}

impl Sides {
    /// Where a column's answer is.
    pub(crate) fn slot(&self, column: usize) -> Option<AnswerSlot> {
        let (conversation_id, turn_idx) = (self.conversation_id, self.turn_idx);
        let answer_idx = self.columns.get(column)?.answer_idx;
        Some(AnswerSlot { conversation_id, turn_idx, answer_idx })
    }

    /// The column of an answer.
    pub(super) fn column_of(&mut self, slot: AnswerSlot) -> Option<&mut Column> {
        let is_here =
            self.conversation_id == slot.conversation_id && self.turn_idx == slot.turn_idx;
        let mut columns = self.columns.iter_mut();
        columns.find(|column| is_here && column.answer_idx == slot.answer_idx)
    }

    /// How an answer is asked for, when that was said as one of several models' answers.
    pub(crate) fn asked_as(&self, slot: AnswerSlot) -> Option<&ToAsk> {
        self.asked.as_ref().filter(|asked| asked.slot == slot)
    }

    /// Whether an answer waits for its model.
    pub(super) fn is_queued(&self, slot: AnswerSlot) -> bool {
        self.queue.iter().any(|to_ask| to_ask.slot == slot)
    }

    /// Whether something is still to be asked.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        !self.queue.is_empty()
    }
}

impl AppState {
    /// Whether answers stand in place of the viewports.
    #[must_use]
    pub fn is_showing_sides(&self) -> bool {
        self.sides.is_shown && self.sides_turn().is_some()
    }

    /// The turn whose answers stand side by side.
    pub(crate) fn sides_turn(&self) -> Option<&Turn> {
        let mut chats = self.conversations.iter();
        let chat = chats.find(|chat| chat.id == self.sides.conversation_id)?;
        chat.turns.get(self.sides.turn_idx)
    }

    /// The answer of a column.
    pub(crate) fn side_answer(&self, column: &Column) -> Option<&Answer> {
        self.sides_turn()?.answers.get(column.answer_idx)
    }

    /// What is known of a column's model.
    pub(crate) fn side_spec(&self, column: &Column) -> Option<&ModelSpec> {
        let request = column.request.as_ref()?;
        self.models.iter().find(|spec| spec.path == request.model)
    }

    /// Models that could be asked besides those that are.
    pub(crate) fn models_for_sides(&self) -> Vec<&ModelSpec> {
        let is_there = |spec: &ModelSpec| {
            let mut requests = self.sides.columns.iter().filter_map(|one| one.request.as_ref());
            requests.any(|request| request.model == spec.path)
        };
        let answers = |spec: &&ModelSpec| spec.tasks().questions && spec.is_supported();
        self.models.iter().filter(answers).filter(|spec| !is_there(spec)).collect()
    }

    /// The same parameters for all, those that were asked and those that will be.
    pub(crate) fn sides_are_like_for_like(&self) -> bool {
        let columns = &self.sides.columns;
        let own = columns.iter().filter_map(|column| column.own.as_ref());
        if own.into_iter().any(|own| *own != self.settings.sampling) {
            return false;
        }
        let answers = columns.iter().filter_map(|column| self.side_answer(column));
        let asked: Vec<&Provenance> =
            answers.filter_map(|answer| answer.provenance.as_ref()).collect();
        asked.windows(2).all(|pair| match pair {
            [a, b] => a.sampling() == b.sampling() && a.max_new_tokens == b.max_new_tokens,
            _ => true,
        })
    }

    /// How a column is asked from now on.
    pub(super) fn sampling_of(&self, column: &Column) -> Sampling {
        column.own.clone().unwrap_or_else(|| self.settings.sampling.clone())
    }
}
