//! What commands about answers side by side do, and how one model is asked after the other.

use super::super::command::Command;
use super::super::engine_state::{AnswerSlot, ModelStatus};
use super::super::state::AppState;
use super::state::{Column, MOST, Sides};
use crate::chat::{Answer, AnswerState};
use crate::worker::{JobId, LoadRequest};

impl AppState {
    pub(crate) fn run_sides(&mut self, command: Command) -> Option<Command> {
        match command {
            Command::OpenSides(turn_idx) => self.open_sides(turn_idx),
            Command::CloseSides => self.sides.is_shown = false,
            Command::AddSide(request) => self.add_side(request),
            Command::RemoveSide(column) => self.remove_side(column),
            Command::ToggleSideMarks => self.sides.is_marked = !self.sides.is_marked,
            other => return Some(other),
        }
        None
    }

    /// The latest answer of every model that answered a turn.
    fn open_sides(&mut self, turn_idx: usize) {
        let conversation_id = self.conversation().id;
        if (self.sides.conversation_id, self.sides.turn_idx) == (conversation_id, turn_idx)
            && !self.sides.columns.is_empty()
        {
            self.sides.is_shown = true;
            return;
        }
        if self.sides.is_under_way() {
            self.drop_queue();
        }
        let Some(turn) = self.conversation().turns.get(turn_idx) else { return };
        let mut columns: Vec<Column> = Vec::new();
        for (answer_idx, answer) in turn.answers.iter().enumerate().rev() {
            let Some(provenance) = &answer.provenance else { continue };
            if columns.len() == MOST || columns.iter().any(|one| one.title == provenance.title) {
                continue;
            }
            let spec = self.models.iter().find(|spec| spec.name == provenance.model);
            columns.push(Column {
                title: provenance.title.clone(),
                request: spec.map(|spec| self.load_request(&spec.path)),
                answer_idx,
                load_secs: None,
                peak_rss_mb: None,
            });
        }
        columns.reverse();
        self.sides = Sides {
            conversation_id,
            turn_idx,
            columns,
            is_shown: true,
            is_marked: true,
            ..Sides::default()
        };
        self.comparing = None;
        self.results.shown = None;
        self.scan_models();
    }

    /// Another model is asked the same.
    fn add_side(&mut self, request: LoadRequest) {
        let spec = self.models.iter().find(|spec| spec.path == request.model);
        let Some(title) = spec.map(|spec| spec.title.clone()) else { return };
        let (id, turn_idx) = (self.sides.conversation_id, self.sides.turn_idx);
        let mut chats = self.conversations.iter_mut();
        let turn = chats.find(|chat| chat.id == id).and_then(|chat| chat.turns.get_mut(turn_idx));
        let Some(turn) = turn.filter(|_| self.sides.columns.len() < MOST) else { return };
        turn.answers.push(Answer::waiting());
        let answer_idx = turn.answers.len() - 1;
        let request = Some(request);
        self.sides.queue.push_back(self.sides.columns.len());
        self.sides.columns.push(Column {
            title,
            request,
            answer_idx,
            load_secs: None,
            peak_rss_mb: None,
        });
    }

    /// The answer stays in the chat; a model that was not asked yet is not.
    fn remove_side(&mut self, column: usize) {
        if column >= self.sides.columns.len() {
            return;
        }
        self.give_up(column);
        self.sides.columns.remove(column);
        let queue = std::mem::take(&mut self.sides.queue);
        let kept = queue.into_iter().filter(|at| *at != column);
        self.sides.queue = kept.map(|at| if at > column { at - 1 } else { at }).collect();
    }

    fn drop_queue(&mut self) {
        for column in std::mem::take(&mut self.sides.queue) {
            self.give_up(column);
        }
    }

    /// An answer that still waits for its model is not asked for.
    fn give_up(&mut self, column: usize) {
        let is_queued = self.sides.queue.contains(&column);
        let slot = self.sides.slot(column).filter(|_| is_queued);
        if let Some(answer) = slot.and_then(|slot| self.answer_at(slot)) {
            answer.state = AnswerState::Failed("It was taken out before it was asked".to_owned());
        }
    }

    /// A new question goes to every column's model, the one in memory first.
    pub(crate) fn ask_sides(&mut self, slot: AnswerSlot) -> bool {
        let is_here = self.is_showing_sides() && self.sides.conversation_id == slot.conversation_id;
        let mut columns: Vec<Column> = Vec::new();
        if is_here && !self.sides.is_under_way() {
            columns =
                self.sides.columns.iter().filter(|one| one.request.is_some()).cloned().collect();
        }
        if columns.len() < 2 {
            return false;
        }
        let Some(chat) = self.conversations.iter_mut().find(|chat| chat.id == slot.conversation_id)
        else {
            return false;
        };
        let Some(turn) = chat.turns.get_mut(slot.turn_idx) else { return false };
        for (idx, column) in columns.iter_mut().enumerate() {
            if idx > 0 {
                turn.answers.push(Answer::waiting());
            }
            *column = Column {
                answer_idx: turn.answers.len() - 1,
                load_secs: None,
                peak_rss_mb: None,
                ..column.clone()
            };
        }
        let mut order: Vec<usize> = (0..columns.len()).collect();
        let in_memory = self.engine.last_request.as_ref().filter(|_| self.engine.can_answer());
        let is_loaded = |column: &Column| {
            column.request.as_ref().zip(in_memory).is_some_and(|(a, b)| a.model == b.model)
        };
        order.sort_by_key(|at| columns.get(*at).is_none_or(|column| !is_loaded(column)));
        self.sides =
            Sides { turn_idx: slot.turn_idx, columns, queue: order.into(), ..self.sides.clone() };
        true
    }

    /// Asks the next model when the one before is done.
    pub(crate) fn advance_sides(&mut self) {
        let is_busy = self.engine.must_wait() || self.engine.is_loading();
        if is_busy {
            return;
        }
        let Some(column) = self.sides.queue.pop_front() else { return };
        let request = self.sides.columns.get(column).and_then(|column| column.request.clone());
        let (Some(slot), Some(request)) = (self.sides.slot(column), request) else { return };
        let in_memory = self.engine.last_request.as_ref().filter(|_| self.engine.can_answer());
        if in_memory.is_some_and(|loaded| loaded.model == request.model) {
            self.send_question(slot);
        } else {
            self.engine.waiting = Some(slot);
            self.load_model(request);
        }
    }

    /// How long the model took that a column waited for.
    pub(crate) fn note_side_loaded(&mut self) {
        let Some(slot) = self.engine.waiting else { return };
        let ModelStatus::Loading(loading) = &self.engine.model else { return };
        let secs = self.now_secs - loading.started_secs;
        if let Some(column) = self.sides.column_of(slot) {
            column.load_secs = Some(secs);
        }
    }

    /// What the model of an answer took of the memory.
    pub(crate) fn note_side_memory(&mut self, job: JobId, peak_rss_mb: u64) {
        let slot = self.engine.asking.as_ref().filter(|asking| asking.job == job);
        let Some(slot) = slot.map(|asking| asking.slot) else { return };
        if let Some(column) = self.sides.column_of(slot) {
            column.peak_rss_mb = Some(peak_rss_mb);
        }
    }
}
