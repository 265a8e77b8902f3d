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
        drawing.grid = drawing.grid.or_else(|| grid_after_a_row(&picture, done));
        drawing.picture = Some(Arc::new(picture));
        drawing.pictured = done;
    }

    pub(crate) fn apply_reconstructed(&mut self, job: JobId, made: Reconstruction) {
        let shortfall = made.shortfall();
        let Reconstruction { answer: whole, grid, picture, original, similarity, ceiling, .. } =
            made;
        self.engine.code_grid = Some(grid);
        let codes = whole.codes.clone();
        let Some(answer) = self.take_answer(job, whole) else { return };
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

/// The first look at a drawing comes with its first row: how many codes that has says how large the
/// grid is. A code stands for a square of pixels whose side is a power of two.
fn grid_after_a_row(picture: &DisplayImage, columns: usize) -> Option<[usize; 2]> {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let side = width.checked_div(columns)?;
    let fits = side > 1 && side.is_power_of_two() && side * columns == width;
    (fits && height.is_multiple_of(side)).then(|| [height / side, columns])
}
