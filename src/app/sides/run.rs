//! What commands about answers side by side do, and how one model is asked after the other.

use super::super::command::Command;
use super::super::engine_state::{AnswerSlot, ModelStatus};
use super::super::settings::Sampling;
use super::super::state::AppState;
use super::state::{Column, MOST, Sides, ToAsk};
use crate::chat::{Answer, AnswerState, Turn};
use crate::worker::{JobId, LoadRequest};

impl AppState {
    pub(crate) fn run_sides(&mut self, command: Command) -> Option<Command> {
        match command {
            Command::OpenSides(turn_idx) => self.open_sides(turn_idx),
            Command::CloseSides => self.sides.is_shown = false,
            Command::AddSide(request) => self.add_side(request),
            Command::RemoveSide(column) => self.remove_side(column),
            Command::SetSideSampling { column, own } => {
                if let Some(column) = self.sides.columns.get_mut(column) {
                    column.own = own;
                }
            }
            Command::AskSideAgain(column) => self.ask_side_again(column),
            Command::ToggleSidesByModel => {
                self.settings.sides_by_model = !self.settings.sides_by_model;
            }
            Command::ToggleSideMarks => self.sides.is_marked = !self.sides.is_marked,
            other => return Some(other),
        }
        None
    }

    /// The latest answer of every model that answered a turn.
    fn open_sides(&mut self, turn_idx: usize) {
        let conversation_id = self.conversation().id;
        let is_same_chat = self.sides.conversation_id == conversation_id;
        self.comparing = None;
        self.results.shown = None;
        if is_same_chat && self.sides.turn_idx == turn_idx && !self.sides.columns.is_empty() {
            self.sides.is_shown = true;
            return;
        }
        if !is_same_chat {
            self.drop_queue();
        }
        let Some(turn) = self.conversation().turns.get(turn_idx) else { return };
        let mut columns: Vec<Column> = Vec::new();
        for (answer_idx, answer) in turn.answers.iter().enumerate().rev() {
            let slot = AnswerSlot { conversation_id, turn_idx, answer_idx };
            let Some((title, request)) = self.model_of(slot, answer) else { continue };
            if columns.len() < MOST && !columns.iter().any(|one| one.title == title) {
                columns.push(Column::new(title, request, answer_idx));
            }
        }
        columns.reverse();
        let (queue, asked) = (std::mem::take(&mut self.sides.queue), self.sides.asked.take());
        self.sides = Sides {
            conversation_id,
            turn_idx,
            columns,
            queue,
            asked,
            is_shown: true,
            is_marked: true,
        };
        self.scan_models();
    }

    /// The model that gave an answer, or will.
    fn model_of(&self, slot: AnswerSlot, answer: &Answer) -> Option<(String, Option<LoadRequest>)> {
        if let Some(made) = &answer.provenance {
            let spec = self.models.iter().find(|spec| spec.name == made.model);
            return Some((made.title.clone(), spec.map(|spec| self.load_request(&spec.path))));
        }
        let mut to_ask = self.sides.queue.iter().chain(&self.sides.asked);
        let request = to_ask.find(|to_ask| to_ask.slot == slot)?.request.clone();
        let spec = self.models.iter().find(|spec| spec.path == request.model)?;
        Some((spec.title.clone(), Some(request)))
    }

    /// Another model is asked the same, in the way the first was.
    fn add_side(&mut self, request: LoadRequest) {
        let spec = self.models.iter().find(|spec| spec.path == request.model);
        let Some(title) = spec.map(|spec| spec.title.clone()) else { return };
        if self.sides.columns.len() >= MOST {
            return;
        }
        let mut sampling = self.settings.sampling.clone();
        let mut beside = self.sides.columns.iter().filter(|column| column.own.is_none());
        let first = beside.find_map(|column| self.side_answer(column)?.provenance.as_ref());
        if let Some(made) = first {
            sampling.take_over(&made.sampling(), made.max_new_tokens);
        }
        let Some(answer_idx) = self.expect_answer(request.clone(), sampling) else { return };
        self.sides.columns.push(Column::new(title, Some(request), answer_idx));
    }

    /// A column's model answers once more, as is set for it now.
    fn ask_side_again(&mut self, at: usize) {
        let Some(column) = self.sides.columns.get(at) else { return };
        let (sampling, request) = (self.sampling_of(column), column.request.clone());
        let Some(request) = request else { return };
        let Some(answer_idx) = self.expect_answer(request, sampling) else { return };
        self.give_up(at);
        if let Some(column) = self.sides.columns.get_mut(at) {
            *column = column.with_answer(answer_idx);
        }
    }

    /// One answer more of the turn that is shown.
    fn expect_answer(&mut self, request: LoadRequest, sampling: Sampling) -> Option<usize> {
        let (conversation_id, turn_idx) = (self.sides.conversation_id, self.sides.turn_idx);
        let turn = self.turn_at_mut(conversation_id, turn_idx)?;
        turn.answers.push(Answer::waiting());
        let answer_idx = turn.answers.len() - 1;
        let slot = AnswerSlot { conversation_id, turn_idx, answer_idx };
        self.sides.queue.push_back(ToAsk { slot, request, sampling });
        Some(answer_idx)
    }

    fn turn_at_mut(&mut self, conversation_id: u64, turn_idx: usize) -> Option<&mut Turn> {
        let mut chats = self.conversations.iter_mut();
        chats.find(|chat| chat.id == conversation_id)?.turns.get_mut(turn_idx)
    }

    /// The answer stays in the chat; a model that was not asked yet is not.
    fn remove_side(&mut self, column: usize) {
        if column < self.sides.columns.len() {
            self.give_up(column);
            self.sides.columns.remove(column);
        }
    }

    fn drop_queue(&mut self) {
        for to_ask in std::mem::take(&mut self.sides.queue) {
            self.is_not_asked(to_ask.slot);
        }
    }

    /// An answer that still waits for its model is not asked for.
    fn give_up(&mut self, column: usize) {
        let Some(slot) = self.sides.slot(column) else { return };
        if self.sides.is_queued(slot) {
            self.sides.queue.retain(|to_ask| to_ask.slot != slot);
            self.is_not_asked(slot);
        }
    }

    fn is_not_asked(&mut self, slot: AnswerSlot) {
        if let Some(answer) = self.answer_at(slot) {
            answer.state = AnswerState::Failed("It was taken out before it was asked".to_owned());
        }
    }

    /// Whether a new question of a chat goes to the models side by side.
    fn goes_to_sides(&self, conversation_id: u64) -> bool {
        let asked = self.sides.columns.iter().filter(|column| column.request.is_some());
        let is_here = self.is_showing_sides() && self.sides.conversation_id == conversation_id;
        is_here && asked.count() > 1
    }

    /// Whether a new question need not wait for the one before: all are asked of one model, and
    /// then of the next.
    pub(crate) fn joins_sides(&self, conversation_id: u64) -> bool {
        self.settings.sides_by_model && self.goes_to_sides(conversation_id)
    }

    /// A new question goes to every column's model.
    pub(crate) fn ask_sides(&mut self, slot: AnswerSlot) -> bool {
        let may_join = !self.sides.is_under_way() || self.settings.sides_by_model;
        if !may_join || !self.goes_to_sides(slot.conversation_id) {
            return false;
        }
        let columns = self.sides.columns.iter().filter(|column| column.request.is_some());
        let mut columns: Vec<Column> = columns.cloned().collect();
        let samplings: Vec<Sampling> = columns.iter().map(|one| self.sampling_of(one)).collect();
        let Some(turn) = self.turn_at_mut(slot.conversation_id, slot.turn_idx) else {
            return false;
        };
        let mut to_ask = Vec::new();
        for (idx, (column, sampling)) in columns.iter_mut().zip(samplings).enumerate() {
            if idx > 0 {
                turn.answers.push(Answer::waiting());
            }
            let answer_idx = turn.answers.len() - 1;
            let slot = AnswerSlot { answer_idx, ..slot };
            *column = column.with_answer(answer_idx);
            let request = column.request.clone();
            to_ask.extend(request.map(|request| ToAsk { slot, request, sampling }));
        }
        self.sides.queue.extend(to_ask);
        self.sides.columns = columns;
        self.sides.turn_idx = slot.turn_idx;
        true
    }

    /// Asks the next model when the one before is done.
    pub(crate) fn advance_sides(&mut self) {
        if self.engine.must_wait() || self.engine.is_loading() {
            return;
        }
        let Some(next) = self.next_to_ask() else {
            if !self.sides.is_shown {
                self.release_kept();
            }
            return;
        };
        let ToAsk { slot, request, .. } = next.clone();
        self.sides.asked = Some(next);
        if self.engine.is_asked(&request) || self.bring_forward(&request) {
            self.send_question(slot);
        } else {
            self.engine.waiting = Some(slot);
            self.load_for_side(request);
        }
    }

    /// The next answer: of the model that is asked now, else of one in memory, else the first. A
    /// question is answered by all before the next one is begun, unless all are asked by model.
    fn next_to_ask(&mut self) -> Option<ToAsk> {
        let turn_idx = self.sides.queue.front()?.slot.turn_idx;
        let by_model = self.settings.sides_by_model;
        let may_be = |to_ask: &ToAsk| by_model || to_ask.slot.turn_idx == turn_idx;
        let is_asked = |to_ask: &ToAsk| may_be(to_ask) && self.engine.is_asked(&to_ask.request);
        let is_kept = |to_ask: &ToAsk| may_be(to_ask) && self.engine.is_in_memory(&to_ask.request);
        let queue = &self.sides.queue;
        let next = queue.iter().position(is_asked).or_else(|| queue.iter().position(is_kept));
        self.sides.queue.remove(next.unwrap_or(0))
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
