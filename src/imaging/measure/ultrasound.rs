//! Regions of an ultrasound picture, each with a scale of its own (PS3.3 C.8.5.5).

use serde::{Deserialize, Serialize};

use super::shape::Point;

/// A rectangle of the picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UltrasoundRegion {
    /// Column and row of its first pixel.
    pub first: [u32; 2],
    /// Column and row of its last.
    pub last: [u32; 2],
    /// Height and width of a pixel; none where an axis is no length, as time or frequency.
    pub pixel_mm: Option<[f64; 2]>,
    /// Where regions lie over each other, one of high priority counts.
    pub is_high_priority: bool,
}

impl UltrasoundRegion {
    /// Whether everything between two corners lies in it.
    pub(super) fn holds(&self, [low, high]: [Point; 2]) -> bool {
        let within = |from: u32, to: u32, low: f64, high: f64| {
            low >= f64::from(from) && high <= f64::from(to) + 1.0
        };
        within(self.first[0], self.last[0], low.x, high.x)
            && within(self.first[1], self.last[1], low.y, high.y)
    }
}
