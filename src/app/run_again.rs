//! Further answers to a question that has one: another, the same once more, the rest of one that
//! broke off, and one that turns off at a word.

use std::sync::Arc;

use super::engine_state::AnswerSlot;
use super::notices::NoticeLevel;
use super::state::AppState;
use crate::chat::{Answer, Provenance, Tokens, Turn, short_hash};

impl AppState {
    /// Adds another answer to a turn; none is overwritten.
    pub(crate) fn regenerate(&mut self, turn_idx: usize) {
        if let Some(slot) = self.next_answer(turn_idx) {
            self.vary_seed();
            self.send_or_keep(slot);
        }
    }

    /// Asks once more as the answer shown was asked, whatever is set now.
    pub(crate) fn replay(&mut self, turn_idx: usize) {
        let Some((shown, made)) = self.made_by_loaded(turn_idx, "replay it") else { return };
        let given = shown.tokens.as_deref().and_then(Tokens::given_part).map(Arc::new);
        let only_codes = shown.drawing.as_ref().is_some_and(|drawing| drawing.only_codes);
        if let Some(slot) = self.next_answer(turn_idx) {
            if let Some(answer) = self.answer_at(slot) {
                answer.provenance = Some(made);
                answer.text = given.as_deref().map(Tokens::text).unwrap_or_default();
                answer.tokens = given;
                answer.drawing.iter_mut().for_each(|drawing| drawing.only_codes = only_codes);
            }
            self.send_or_keep(slot);
        }
    }

    /// Lets the model write on where the answer shown broke off, for as long again as is set now.
    pub(crate) fn go_on(&mut self, turn_idx: usize) {
        let can_go_on = self.shown_answer(turn_idx).is_some_and(Answer::can_go_on);
        let budget = self.settings.sampling.max_new_tokens;
        if !can_go_on || self.engine.must_wait() {
            return;
        }
        let Some((_, mut made)) = self.made_by_loaded(turn_idx, "go on with it") else { return };
        let conversation = self.conversation_mut();
        let conversation_id = conversation.id;
        let Some(turn) = conversation.turns.get_mut(turn_idx) else { return };
        let answer_idx = turn.shown_idx;
        let Some(answer) = turn.answers.get_mut(answer_idx) else { return };
        let Some(tokens) = answer.tokens.clone() else { return };
        made.max_new_tokens = (tokens.written.len() as u32).saturating_add(budget);
        answer.provenance = Some(made);
        answer.text = tokens.text();
        self.send_or_keep(AnswerSlot { conversation_id, turn_idx, answer_idx });
    }

    /// Another answer that is the one shown up to a token, and goes on after another id.
    pub(crate) fn turn_off(&mut self, turn_idx: usize, token_idx: usize, id: u32) {
        let Some((shown, made)) = self.made_by_loaded(turn_idx, "go on from this word") else {
            return;
        };
        let beginning = shown.tokens.as_ref().and_then(|all| all.turned_off(token_idx, id));
        let Some(beginning) = beginning.filter(|_| !self.engine.must_wait()) else { return };
        let Some(slot) = self.next_answer(turn_idx) else { return };
        if let Some(answer) = self.answer_at(slot) {
            answer.provenance = Some(made);
            answer.text = beginning.text();
            answer.tokens = Some(Arc::new(beginning));
        }
        self.send_or_keep(slot);
    }

    /// Where another answer of a turn goes; none while one is being written.
    pub(crate) fn next_answer(&mut self, turn_idx: usize) -> Option<AnswerSlot> {
        if self.engine.asking.is_some() {
            return None;
        }
        let conversation = self.conversation_mut();
        let conversation_id = conversation.id;
        let turn = conversation.turns.get_mut(turn_idx)?;
        // an answer that never began is not worth keeping beside a new one
        let began = turn.shown().is_some_and(|a| a.has_content() || a.provenance.is_some());
        let answer_idx = if began { turn.add_answer() } else { turn.shown_idx };
        Some(AnswerSlot { conversation_id, turn_idx, answer_idx })
    }

    pub(crate) fn shown_answer(&self, turn_idx: usize) -> Option<&Answer> {
        self.conversation().turns.get(turn_idx).and_then(Turn::shown)
    }

    /// The answer shown and how it was made; else says that its model has to be loaded to `use_it`.
    fn made_by_loaded(&mut self, turn_idx: usize, use_it: &str) -> Option<(Answer, Provenance)> {
        let shown = self.shown_answer(turn_idx)?.clone();
        let made = shown.provenance.clone()?;
        let loaded = self.engine.info();
        if loaded.is_some_and(|info| info.weights_sha256 == made.weights_sha256) {
            return Some((shown, made));
        }
        let text = format!(
            "This answer is from {} (weights {}): load that model, then {use_it}",
            made.title,
            short_hash(&made.weights_sha256)
        );
        self.notices.push(NoticeLevel::Warn, &text);
        None
    }
}
