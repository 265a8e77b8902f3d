//! The question of a turn, asked of slices all over a series: P(yes) of each.

use serde::{Deserialize, Serialize};

use super::Provenance;

/// A question for yes or no, asked of each slice alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slices {
    /// The mark of the series in the history; none before that is open and for pasted pictures.
    pub series: Option<String>,
    /// Key of the series, to find the way back; it is never written.
    #[serde(skip)]
    pub series_key: String,
    /// Slices in the series.
    pub num_slices: usize,
    /// Model, device and sampling: the same for all.
    pub provenance: Provenance,
    /// What came, in the order it was asked.
    pub answers: Vec<SliceAnswer>,
}

/// What one slice gave.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SliceAnswer {
    /// Which slice, from 0.
    pub frame_idx: usize,
    /// P(yes); none when the model was about to say something else, or the slice cannot be shown.
    pub yes: Option<f32>,
}

impl Slices {
    /// The slice with the largest P(yes).
    #[must_use]
    pub fn highest(&self) -> Option<(usize, f32)> {
        let known = self.answers.iter().filter_map(|answer| Some((answer.frame_idx, answer.yes?)));
        known.max_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// "P(yes) over 24 of 312 slices, highest 93 % at slice 61".
    #[must_use]
    pub fn summary(&self) -> String {
        let asked = format!("P(yes) over {} of {} slices", self.answers.len(), self.num_slices);
        match self.highest() {
            Some((frame_idx, yes)) => {
                format!("{asked}, highest {:.0} % at slice {}", yes * 100.0, frame_idx + 1)
            }
            None => asked,
        }
    }
}

impl SliceAnswer {
    /// "83.1 %", or "unclear".
    #[must_use]
    pub fn text(&self) -> String {
        self.yes.map_or_else(|| "unclear".to_owned(), |yes| format!("{:.1} %", yes * 100.0))
    }
}
