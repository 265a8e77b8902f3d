//! What commands about drawings do to the state.

use std::sync::Arc;

use super::engine_state::AnswerSlot;
use super::state::AppState;
use crate::chat::{Answer, Drawing, Turn};
use crate::imaging::DisplayImage;
use crate::vlm::ModelSpec;

/// What the model is asked when the reader says nothing else; the authors' own words.
const USUAL_REQUEST: &str = "Reconstruct the image.";

/// The turn whose drawing is shown large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comparing {
    /// Chat.
    pub conversation_id: u64,
    /// Turn.
    pub turn_idx: usize,
}

/// A drawing with everything it came of.
#[derive(Clone, Copy)]
pub(crate) struct Compared<'a> {
    pub(crate) turn_idx: usize,
    pub(crate) turn: &'a Turn,
    pub(crate) answer: &'a Answer,
    pub(crate) drawing: &'a Drawing,
}

impl Compared<'_> {
    /// What the model was asked to rebuild; while it draws, the picture it was given.
    pub(crate) fn original(&self) -> Option<&Arc<DisplayImage>> {
        let given = self.turn.evidence.last().and_then(|evidence| evidence.image.as_ref());
        self.drawing.original.as_ref().or(given)
    }
}

impl AppState {
    /// Why the picture shown cannot be reconstructed now; none when it can.
    pub fn cannot_reconstruct(&self) -> Option<String> {
        self.model_cannot_reconstruct().or_else(|| {
            if self.engine.must_wait() {
                Some("The model is busy with another answer".to_owned())
            } else if self.view_label().is_none() {
                Some("No picture is shown: open a study first".to_owned())
            } else {
                None
            }
        })
    }

    fn model_cannot_reconstruct(&self) -> Option<String> {
        if self.engine.is_loading() {
            return Some("The model is still loading".to_owned());
        }
        let Some(info) = self.engine.info() else {
            return Some("No model is loaded: choose one that reconstructs".to_owned());
        };
        // a model from elsewhere than the list is not known closely: the engine says what it lacks
        let spec = self.loaded_spec()?;
        if spec.abilities.reconstruction {
            return None;
        }
        if spec.draws() && !spec.missing_for_reconstruction.is_empty() {
            let missing = spec.missing_for_reconstruction.join(", ");
            return Some(format!("{} lacks files for this: {missing}", info.title));
        }
        Some(format!("{} does not reconstruct pictures", info.title))
    }

    /// The model in memory, as found on disk.
    fn loaded_spec(&self) -> Option<&ModelSpec> {
        let info = self.engine.info()?;
        let request = self.engine.last_request.as_ref();
        let by_path = self.models.iter().find(|spec| request.is_some_and(|r| r.model == spec.path));
        by_path.or_else(|| {
            let same = |spec: &&ModelSpec| {
                spec.name == info.name && spec.family.as_str() == info.family.as_str()
            };
            self.models.iter().find(same)
        })
    }

    /// Asks the model for its own picture of the one shown, or of an earlier turn's.
    pub(crate) fn reconstruct(&mut self, request: &str, again_of: Option<usize>) {
        let earlier = again_of.and_then(|idx| self.conversation().turns.get(idx));
        let earlier = earlier.and_then(|turn| turn.evidence.last()).cloned();
        let is_busy = self.engine.must_wait();
        if is_busy || self.model_cannot_reconstruct().is_some() {
            return;
        }
        let Some(evidence) =
            earlier.or_else(|| self.attached.take().or_else(|| self.evidence_of_view()))
        else {
            return;
        };
        let request = match request.trim() {
            "" => USUAL_REQUEST,
            request => request,
        };
        let conversation = self.conversation_mut();
        let conversation_id = conversation.id;
        let turn_idx = conversation.ask_for_picture(request.to_owned(), evidence);
        self.comparing = Some(Comparing { conversation_id, turn_idx });
        self.send_or_keep(AnswerSlot { conversation_id, turn_idx, answer_idx: 0 });
    }

    /// One more drawing of a turn, in which nothing but codes may come.
    pub(crate) fn redraw_codes_only(&mut self, turn_idx: usize) {
        let wants_picture =
            self.conversation().turns.get(turn_idx).is_some_and(|turn| turn.wants_picture);
        let Some(slot) = wants_picture.then(|| self.next_answer(turn_idx)).flatten() else {
            return;
        };
        if let Some(drawing) = self.answer_at(slot).and_then(|answer| answer.drawing.as_mut()) {
            drawing.only_codes = true;
        }
        self.send_or_keep(slot);
    }

    pub(crate) fn open_comparison(&mut self, turn_idx: usize) {
        let conversation_id = self.conversation().id;
        self.comparing = Some(Comparing { conversation_id, turn_idx });
    }

    /// The drawing shown large, if its chat is still there.
    pub(crate) fn compared(&self) -> Option<Compared<'_>> {
        let Comparing { conversation_id, turn_idx } = self.comparing?;
        let conversation = self.conversations.iter().find(|c| c.id == conversation_id)?;
        let turn = conversation.turns.get(turn_idx)?;
        let answer = turn.shown()?;
        Some(Compared { turn_idx, turn, answer, drawing: answer.drawing.as_ref()? })
    }

    /// Whether a drawing is shown in place of the viewports.
    pub fn is_comparing(&self) -> bool {
        self.compared().is_some()
    }
}
