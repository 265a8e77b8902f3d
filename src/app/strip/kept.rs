//! Curves are kept with the turn whose question was asked, and shown again with its chat.

use super::super::state::AppState;
use super::super::viewport::Place;
use super::state::Curve;
use crate::chat::{Slices, Turn};

impl AppState {
    /// The curve beside the slices of a series: of those being asked, else the last one kept with
    /// the chat shown that was not closed.
    pub(crate) fn curve_at(&self, place: &Place) -> Option<Curve<'_>> {
        let chat = self.conversation();
        let live = self.strip.as_ref().filter(|strip| {
            let is_here =
                strip.series_key == place.series_key && strip.study_key == place.study_key;
            is_here && (strip.is_under_way() || strip.chat_id() == chat.id)
        });
        if let Some(strip) = live {
            return Some(strip.curve());
        }
        let mut kept = chat.turns.iter().rev().filter_map(|turn| {
            let slices = turn.slices.as_deref()?;
            let is_shown = !self.closed_slices.contains(&turn.id);
            (is_shown && self.are_of_series(slices, place)).then_some((turn, slices))
        });
        kept.next().map(|(turn, slices)| kept_curve(turn, slices))
    }

    fn are_of_series(&self, slices: &Slices, place: &Place) -> bool {
        if slices.series_key.is_empty() {
            // from the history: identifiers are compared by their marks
            let marker = self.history.marker.as_ref();
            let mark = marker.map(|marker| marker.series(&place.series_key));
            return mark.is_some() && mark == slices.series;
        }
        slices.series_key == place.series_key
    }

    /// Writes what came so far to the turn that was asked.
    pub(super) fn keep_slices(&mut self) {
        let Some(strip) = self.strip.as_ref().filter(|strip| !strip.answers.is_empty()) else {
            return;
        };
        let (chat_id, turn_id) = strip.kept_with;
        let chat = self.conversations.iter_mut().find(|chat| chat.id == chat_id);
        let turns = chat.into_iter().flat_map(|chat| chat.turns.iter_mut().chain(&mut chat.aside));
        if let Some(turn) = turns.into_iter().find(|turn| turn.id == turn_id) {
            turn.slices = Some(Box::new(strip.slices()));
        }
    }

    /// Shows the curve of a turn, and no other of its chat, beside its slices.
    pub(super) fn show_slices(&mut self, turn_idx: usize) {
        self.strip.take_if(|strip| !strip.is_under_way());
        let ids: Vec<u64> = self.conversation().turns.iter().map(|turn| turn.id).collect();
        self.closed_slices.extend(ids.iter());
        if let Some(id) = ids.get(turn_idx) {
            self.closed_slices.remove(id);
        }
        self.go_to_evidence(turn_idx, 0);
    }

    /// Takes the curve in the active viewport away; it stays with its chat.
    pub(super) fn close_slices(&mut self) {
        let place = self.active_viewport().place.as_ref();
        let shown = place.and_then(|place| Some(self.curve_at(place)?.turn_id));
        self.closed_slices.extend(shown);
        self.strip = None;
    }
}

fn kept_curve<'a>(turn: &'a Turn, slices: &'a Slices) -> Curve<'a> {
    Curve {
        question: &turn.question,
        answers: &slices.answers,
        num_slices: slices.answers.len(),
        is_under_way: false,
        turn_id: turn.id,
    }
}
