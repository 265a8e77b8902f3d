//! What slices were asked, and what they gave.

use std::collections::VecDeque;

use super::super::viewport::View;
use crate::chat::{Provenance, SliceAnswer, Slices};
use crate::vlm::Question;
use crate::worker::JobId;

/// A question asked of slices all over a series.
#[derive(Debug)]
pub struct Strip {
    /// Study.
    pub study_key: String,
    /// Series.
    pub series_key: String,
    /// What is asked.
    pub question: String,
    /// Slices still to be asked, in this order.
    pub todo: VecDeque<usize>,
    /// What was asked, from the first slice on.
    pub answers: Vec<SliceAnswer>,
    /// How every slice is shown.
    pub(super) view: View,
    /// What every slice is asked, with no picture yet.
    pub(super) asked: Box<Question>,
    /// The model and how it is asked; another one is not asked the rest.
    pub(super) made: Provenance,
    /// Slices of the series.
    pub(super) num_frames: usize,
    /// The mark of the series, once the history is open.
    pub(super) series_mark: Option<String>,
    /// Chat and turn that it is kept with.
    pub(super) kept_with: (u64, u64),
    /// The slice that is being asked, and the job that does it.
    pub asking: Option<(JobId, usize)>,
}

/// A curve as it is drawn: of slices that are being asked, or of those kept with a chat.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Curve<'a> {
    pub(super) question: &'a str,
    pub(super) answers: &'a [SliceAnswer],
    /// So many slices are asked in all.
    pub(super) num_slices: usize,
    pub(super) is_under_way: bool,
    pub(super) turn_id: u64,
}

impl Strip {
    /// Whether slices are still being asked.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        self.asking.is_some() || !self.todo.is_empty()
    }

    /// So many slices are asked in all.
    #[must_use]
    pub fn num_slices(&self) -> usize {
        self.answers.len() + self.todo.len() + usize::from(self.asking.is_some())
    }

    /// The chat it is kept with.
    pub(crate) fn chat_id(&self) -> u64 {
        self.kept_with.0
    }

    /// What is kept with the chat.
    pub(super) fn slices(&self) -> Slices {
        Slices {
            series: self.series_mark.clone(),
            series_key: self.series_key.clone(),
            num_slices: self.num_frames,
            provenance: self.made.clone(),
            answers: self.answers.clone(),
        }
    }

    pub(super) fn curve(&self) -> Curve<'_> {
        Curve {
            question: &self.question,
            answers: &self.answers,
            num_slices: self.num_slices(),
            is_under_way: self.is_under_way(),
            turn_id: self.kept_with.1,
        }
    }
}
