//! What slices were asked, and what they gave.

use std::collections::VecDeque;

use super::super::viewport::View;
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
    /// The model; another one is not asked the rest.
    pub(super) weights_sha256: String,
    /// The slice that is being asked, and the job that does it.
    pub asking: Option<(JobId, usize)>,
}

/// What one slice gave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SliceAnswer {
    /// Which slice, from 0.
    pub frame_idx: usize,
    /// P(yes); none when the model was about to say something else, or the slice cannot be shown.
    pub yes: Option<f32>,
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
}
