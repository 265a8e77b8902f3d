//! What commands about a region do: attach it to the next question, or ask the last one again
//! without it.

use super::super::command::Command;
use super::super::engine_state::{AnswerSlot, Queued};
use super::super::measure::Measurement;
use super::super::notices::NoticeLevel;
use super::super::state::AppState;
use crate::chat::{Evidence, Provenance};
use crate::imaging::{Alteration, FrameRef};

const NO_REGION: &str = "Choose a region of the picture first: a rectangle, an ellipse or a line \
    drawn by hand";
const NOT_ASKED: &str = "Ask about this view first: then the same question can be asked with the \
    region erased";
const NO_PIXELS: &str = "No pixel lies inside of this region";

impl AppState {
    pub(crate) fn run_region(&mut self, command: Command) -> Option<Command> {
        match command {
            Command::ZoomAsk => self.zoom_ask(),
            Command::MarkAsk => {
                if let Some(item) = self.selected_region() {
                    self.attach(Alteration::Mark(item.shape.clone()));
                }
            }
            Command::EraseAsk => self.erase_ask(),
            Command::Detach => self.attached = None,
            Command::BlindTest(turn_idx) => self.blind_test(turn_idx),
            other => return Some(other),
        }
        None
    }

    /// The region chosen on the picture of the active viewport.
    pub(crate) fn selected_region(&self) -> Option<&Measurement> {
        let item = self.measurements.get(self.measurements.selected()?)?;
        let place = self.active_viewport().place.as_ref().filter(|_| self.has_viewports())?;
        let is_here = item.shape.is_region() && self.frame_ref(place)? == item.frame_ref;
        self.frames.loaded(&item.frame_ref).filter(|_| is_here)?;
        Some(item)
    }

    fn zoom_ask(&mut self) {
        let Some(item) = self.selected_region() else { return };
        let Some(loaded) = self.frames.loaded(&item.frame_ref) else { return };
        let size = (loaded.frame.columns(), loaded.frame.rows());
        self.attach(Alteration::crop_around(&item.shape, size));
    }

    /// The picture goes with the next question.
    fn attach(&mut self, how: Alteration) {
        let Some(evidence) = self.altered_view(how) else {
            self.notices.push(NoticeLevel::Warn, NO_PIXELS);
            return;
        };
        self.attached = Some(evidence);
        self.settings.right_open = true;
        self.focus_question = true;
    }

    /// Why the last question cannot be asked with the region erased.
    pub(crate) fn cannot_erase(&self) -> Option<&'static str> {
        if self.selected_region().is_none() {
            return Some(NO_REGION);
        }
        self.last_about_view().is_none().then_some(NOT_ASKED)
    }

    /// The last question of this chat about the active view as it stands.
    pub(crate) fn last_about_view(&self) -> Option<usize> {
        let viewport = self.active_viewport();
        let frame_ref = self.frame_ref(viewport.place.as_ref()?)?;
        let loaded = self.frames.loaded(&frame_ref)?;
        let grayscale = viewport.view.grayscale(&loaded);
        let turned = viewport.view.transform.turned;
        self.conversation().last_about(|evidence| {
            evidence.grayscale == grayscale
                && evidence.turned == turned
                && self.is_frame_of(evidence, &frame_ref)
        })
    }

    /// Whether a picture of a question is of this frame.
    pub(crate) fn is_frame_of(&self, evidence: &Evidence, frame_ref: &FrameRef) -> bool {
        match (&evidence.frame_ref, &self.history.marker, &evidence.marks) {
            (Some(known), _, _) => known == frame_ref,
            // from the history: identifiers are compared by their marks
            (None, Some(marker), Some(marks)) => marker.frame(frame_ref) == marks.frame,
            _ => false,
        }
    }

    fn erase_ask(&mut self) {
        let Some(turn_idx) = self.last_about_view() else { return };
        let Some(shape) = self.selected_region().map(|item| item.shape.clone()) else { return };
        match self.altered_view(Alteration::Erase(shape)) {
            Some(evidence) => self.ask_again(turn_idx, evidence),
            None => {
                self.notices.push(NoticeLevel::Warn, NO_PIXELS);
            }
        }
    }

    /// Asks a question once more about another picture, or when the model is free.
    pub(super) fn ask_again(&mut self, turn_idx: usize, mut evidence: Evidence) {
        evidence.altered.iter_mut().for_each(|altered| altered.repeats = true);
        let chat = self.conversation();
        let Some(question) = chat.turns.get(turn_idx).map(|turn| turn.question.clone()) else {
            return;
        };
        let queued = Queued { conversation_id: chat.id, question, evidence: vec![evidence] };
        self.settings.right_open = true;
        if self.engine.must_wait() {
            self.engine.queue.push_back(queued);
        } else {
            self.begin(queued);
        }
    }

    /// Whether a turn repeats an earlier one; then it is asked as that one was.
    pub(crate) fn repeat(&mut self, slot: AnswerSlot) -> bool {
        let Some(chat) = self.conversations.iter().find(|chat| chat.id == slot.conversation_id)
        else {
            return false;
        };
        let Some(before) = chat.repeated_by(slot.turn_idx).and_then(|idx| chat.turns.get(idx))
        else {
            return false;
        };
        let weights = self.engine.info().map(|info| &info.weights_sha256);
        let is_same = |made: &&Provenance| Some(&made.weights_sha256) == weights;
        let made = before.shown().and_then(|answer| answer.provenance.as_ref());
        let made = made.filter(is_same).cloned();
        if let Some(answer) = self.answer_at(slot) {
            answer.provenance = made;
        }
        self.send_or_keep(slot);
        true
    }
}
