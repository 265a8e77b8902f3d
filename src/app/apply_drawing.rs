//! Codes and pictures from the engine worker, taken into the state.

use std::sync::Arc;

use super::state::AppState;
use crate::chat::{AnswerState, CodecAlone};
use crate::imaging::DisplayImage;
use crate::vlm::Reconstruction;
use crate::worker::JobId;

impl AppState {
    pub(crate) fn apply_code(&mut self, job: JobId, code: u32, done: usize) {
        let elapsed_ms = self.asked_secs().map_or(0.0, |secs| secs * 1e3);
        let Some(answer) = self.answer_of(job) else { return };
        let Some(drawing) = &mut answer.drawing else { return };
        drawing.codes.push(code);
        answer.meter.tokens = done;
        answer.meter.elapsed_ms = elapsed_ms;
        answer.meter.first_token_ms.get_or_insert(elapsed_ms);
    }

    pub(crate) fn apply_glimpse(&mut self, job: JobId, picture: DisplayImage, done: usize) {
        let Some(drawing) = self.answer_of(job).and_then(|answer| answer.drawing.as_mut()) else {
            return;
        };
        drawing.picture = Some(Arc::new(picture));
        drawing.pictured = done;
    }

    pub(crate) fn apply_reconstructed(&mut self, job: JobId, made: Reconstruction) {
        let shortfall = made.shortfall();
        let Reconstruction { answer: whole, grid, picture, original, similarity, ceiling, .. } =
            made;
        let codes = whole.codes.clone();
        let Some(answer) = self.take_answer(job, &whole) else { return };
        if codes.is_empty() && answer.state != AnswerState::Stopped {
            let text = "The model ended without drawing anything";
            answer.state = AnswerState::Failed(text.to_owned());
        }
        let drawing = answer.drawing.get_or_insert_default();
        drawing.pictured = codes.len();
        drawing.codes = codes;
        drawing.grid = Some(grid);
        drawing.picture = Some(Arc::new(picture));
        drawing.original = original.map(Arc::new);
        drawing.similarity = similarity;
        drawing.ceiling = ceiling.map(|alone| CodecAlone {
            codes: alone.codes,
            picture: Arc::new(alone.picture),
            similarity: alone.similarity,
        });
        drawing.shortfall = shortfall;
    }
}
