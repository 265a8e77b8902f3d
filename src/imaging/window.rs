//! The VOI window: centre, width and the three functions of the standard.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

/// VOI LUT Function (PS3.3 C.11.2.1.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum VoiLutFunction {
    /// `c − 0.5`, `w − 1`: the default.
    #[default]
    Linear,
    /// `c`, `w`.
    LinearExact,
    /// `1 / (1 + e^(−4 (x − c) / w))`.
    Sigmoid,
}

impl VoiLutFunction {
    /// The standard's word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Linear => "LINEAR",
            Self::LinearExact => "LINEAR_EXACT",
            Self::Sigmoid => "SIGMOID",
        }
    }

    /// An unknown or missing word means LINEAR.
    pub(super) fn parse(text: &str) -> Self {
        match text.trim() {
            "LINEAR_EXACT" => Self::LinearExact,
            "SIGMOID" => Self::Sigmoid,
            _ => Self::Linear,
        }
    }
}

/// Which modality values become visible.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// Window Center.
    pub center: f64,
    /// Window Width.
    pub width: f64,
    /// How values in between are spread.
    pub function: VoiLutFunction,
}

impl Window {
    /// A LINEAR window.
    #[must_use]
    pub fn new(center: f64, width: f64) -> Self {
        Self { center, width, function: VoiLutFunction::Linear }
    }

    /// A modality value becomes a brightness between 0 and 255, not yet rounded.
    #[must_use]
    pub fn brightness(&self, modality_value: f64) -> f64 {
        let (x, c, w) = (modality_value, self.center, self.width);
        match self.function {
            // PS3.3 C.11.2.1.2.1
            VoiLutFunction::Linear => {
                if w <= 1.0 {
                    return if x <= c - 0.5 { 0.0 } else { 255.0 };
                }
                ((x - (c - 0.5)) / (w - 1.0) + 0.5) * 255.0
            }
            // PS3.3 C.11.2.1.3.2
            VoiLutFunction::LinearExact => ((x - c) / w + 0.5) * 255.0,
            // PS3.3 C.11.2.1.3.1
            VoiLutFunction::Sigmoid => 255.0 / (1.0 + (-4.0 * (x - c) / w).exp()),
        }
    }

    /// Where a modality value lies: below the window, in it or on its edge, or above it. A sigmoid
    /// has no edges.
    pub(super) fn side(&self, modality_value: f64) -> Ordering {
        let (middle, width) = match self.function {
            VoiLutFunction::Linear => (self.center - 0.5, (self.width - 1.0).max(0.0)),
            VoiLutFunction::LinearExact => (self.center, self.width),
            VoiLutFunction::Sigmoid => return Ordering::Equal,
        };
        side_of(modality_value, middle - width / 2.0, middle + width / 2.0)
    }

    pub(super) fn is_usable(&self) -> bool {
        self.center.is_finite() && self.width.is_finite() && self.width > 0.0
    }
}

/// Where a value lies to a range; its ends belong to it.
pub(super) fn side_of(value: f64, low: f64, high: f64) -> Ordering {
    if value < low {
        Ordering::Less
    } else if value > high {
        Ordering::Greater
    } else {
        Ordering::Equal
    }
}
