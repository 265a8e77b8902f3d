//! Questions that wait their turn, chats that begin in the middle of another, and what to do when
//! a chat is longer than the model's context.

use super::engine_state::{AnswerSlot, Queued};
use super::sides::Sides;
use super::state::AppState;
use crate::chat::{Conversation, Evidence, Turn, forked};

/// Part of the context that is made free for the answer when questions are left out.
const ROOM_SHARE: usize = 4;

/// Bytes of text that a token stands for, at the least that is usual.
const BYTES_PER_TOKEN: usize = 3;

impl AppState {
    /// Asks the next question that waits, when nothing else is under way.
    pub(crate) fn advance_queue(&mut self) {
        let is_busy = self.engine.must_wait() || self.engine.is_loading();
        if is_busy || !self.sides.queue.is_empty() {
            return;
        }
        if let Some(queued) = self.engine.queue.pop_front() {
            self.begin(queued);
        }
    }

    /// A chat of its own with all up to a turn.
    pub(crate) fn fork_chat(&mut self, turn_idx: usize) {
        let chat = forked(self.conversation(), turn_idx);
        self.show_new(chat);
    }

    /// The question of a turn in a chat of its own, with the last picture it was about.
    pub(crate) fn ask_in_new_chat(&mut self, turn_idx: usize) {
        let turns = self.conversation().turns.get(..=turn_idx).unwrap_or_default();
        let Some(question) = turns.last().map(|turn| turn.question.clone()) else { return };
        let with_picture = turns.iter().rev().find(|turn| !turn.evidence.is_empty());
        let evidence = with_picture.map(|turn| turn.evidence.clone()).unwrap_or_default();
        let evidence = evidence.into_iter().map(Evidence::asked_anew).collect();
        let chat = Conversation::begin();
        let conversation_id = chat.id;
        self.show_new(chat);
        self.begin(Queued { conversation_id, question, evidence });
    }

    /// Whether the turns shown may become others: no answer is on its way to a place among them.
    pub(crate) fn may_change_path(&self) -> bool {
        let id = self.conversation().id;
        let asking = self.engine.asking.as_ref().map(|asking| asking.slot);
        let slots = asking.iter().chain(&self.engine.waiting);
        slots.into_iter().all(|slot| slot.conversation_id != id) && self.sides.queue.is_empty()
    }

    /// What pointed at turns by their place points at others now.
    pub(crate) fn path_changed(&mut self) {
        self.comparing = None;
        self.sides = Sides::default();
        self.engine.too_long = None;
    }

    pub(crate) fn step_version(&mut self, turn_idx: usize, step: isize) {
        if self.may_change_path() {
            self.conversation_mut().step_version(turn_idx, step);
            self.path_changed();
        }
    }

    /// The picture this chat was last asked about is shown, and a new chat begins.
    pub(crate) fn new_chat_same_picture(&mut self) {
        let turns = &self.conversation().turns;
        let last = turns.iter().rposition(|turn| !turn.evidence.is_empty());
        if let Some(turn_idx) = last {
            self.go_to_evidence(turn_idx, 0);
        }
        self.new_chat();
    }

    fn show_new(&mut self, chat: Conversation) {
        self.conversations.insert(0, chat);
        self.conversation_idx = 0;
        self.history.opening = None;
    }

    /// How many of the first questions are not sent with the one of this answer.
    pub(crate) fn left_out_at(&self, slot: AnswerSlot) -> usize {
        let chat = self.conversations.iter().find(|chat| chat.id == slot.conversation_id);
        let turns = chat.map(|chat| chat.turns.as_slice()).unwrap_or_default();
        let own = turns.get(slot.turn_idx).and_then(|turn| turn.answers.get(slot.answer_idx));
        if let Some(made) = own.and_then(|answer| answer.provenance.as_ref()) {
            return made.left_out;
        }
        let earlier = turns.get(..slot.turn_idx).unwrap_or_default();
        self.left_out_of(earlier)
    }

    /// What was left out for this model last: it is not asked about again with every question.
    pub(crate) fn left_out_of(&self, turns: &[Turn]) -> usize {
        let weights = self.engine.info().map(|info| &info.weights_sha256);
        let in_words = |turn: &&Turn| !turn.wants_picture && !turn.is_experiment();
        let shown = turns.iter().rev().filter(in_words).filter_map(Turn::shown);
        let last = shown.filter_map(|answer| answer.provenance.as_ref()).next();
        last.filter(|made| Some(&made.weights_sha256) == weights).map_or(0, |made| made.left_out)
    }

    /// Why the answer shown of a turn could not be begun, if its chat was too long.
    pub(crate) fn is_too_long(&self, turn_idx: usize) -> bool {
        let conversation = self.conversation();
        let shown_idx = conversation.turns.get(turn_idx).map(|turn| turn.shown_idx);
        self.engine.too_long.is_some_and(|found| {
            found.slot.conversation_id == conversation.id
                && found.slot.turn_idx == turn_idx
                && Some(found.slot.answer_idx) == shown_idx
        })
    }

    /// Asks again without as many of the oldest questions as it takes, at least one more.
    pub(crate) fn leave_out_oldest(&mut self, turn_idx: usize) {
        if !self.is_too_long(turn_idx) || self.engine.must_wait() {
            return;
        }
        let Some(found) = self.engine.too_long else { return };
        let left_out = self.left_out_at(found.slot);
        let budget = self.settings.sampling.max_new_tokens as usize;
        let room = budget.min(found.context_len / ROOM_SHARE);
        let mut wanted = (found.prompt_tokens + room).saturating_sub(found.context_len).max(1);
        let image_tokens = self.engine.info().map_or(0, |info| info.image_tokens as usize);
        let turns = self.conversation().turns.get(left_out..turn_idx).unwrap_or_default();
        let mut more = 0;
        for turn in turns {
            if wanted == 0 {
                break;
            }
            wanted = wanted.saturating_sub(tokens_of(turn, image_tokens));
            more += 1;
        }
        self.engine.too_long = None;
        let Some(answer) = self.answer_at(found.slot) else { return };
        if let Some(made) = &mut answer.provenance {
            made.left_out = left_out + more;
        }
        self.send_or_keep(found.slot);
    }
}

/// What a turn takes of the context, about.
fn tokens_of(turn: &Turn, image_tokens: usize) -> usize {
    let answer = turn.shown().map_or(0, |answer| answer.text.len());
    turn.evidence.len() * image_tokens + (turn.question.len() + answer) / BYTES_PER_TOKEN
}
