//! Stored values → modality values.

use serde::{Deserialize, Serialize};

use super::grayscale::VoiTable;

/// The modality LUT (PS3.3 C.11.1).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ModalityLut {
    /// Rescale Slope and Rescale Intercept.
    Rescale {
        /// (0028,1053)
        slope: f64,
        /// (0028,1052)
        intercept: f64,
    },
    /// Modality LUT Sequence.
    Table(VoiTable),
}

impl ModalityLut {
    /// Modality values are the stored values.
    pub(super) const IDENTITY: Self = Self::Rescale { slope: 1.0, intercept: 0.0 };

    /// One value through the LUT.
    #[must_use]
    pub fn apply(&self, stored: f64) -> f64 {
        match self {
            Self::Rescale { slope, intercept } => stored * slope + intercept,
            Self::Table(table) => table.lookup(stored),
        }
    }
}
