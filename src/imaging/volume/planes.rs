//! The planes across one of the patient's axes: how many, how large, where.

use super::super::geometry::{FrameGeometry, dot};
use super::cut::CutPlane;
use super::grid::{VolumeGrid, along};

/// No plane has more columns or rows.
const MAX_SIDE: f64 = 2048.0;
/// Rounding must not cost the last plane.
const ROUNDING: f64 = 1e-6;

/// All planes of one direction through a volume, with square pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct PlaneStack {
    /// Width of each.
    pub columns: usize,
    /// Height of each.
    pub rows: usize,
    /// How many.
    pub count: usize,
    /// Between columns, rows and planes alike.
    pub spacing_mm: f64,
    /// Along a row, down a column, from plane to plane.
    pub(super) directions: [[f64; 3]; 3],
    /// Centre of the first pixel of the first plane.
    pub(super) origin_mm: [f64; 3],
}

impl VolumeGrid {
    /// The planes across an axis, as fine as the finest spacing of the volume.
    #[must_use]
    pub fn planes(&self, plane: CutPlane) -> PlaneStack {
        let [low, high] = self.bounds_mm();
        let directions = plane.directions();
        let extent = |direction: &[f64; 3]| {
            let along = dot(direction, &high) - dot(direction, &low);
            along.abs()
        };
        let longest = directions.iter().map(extent).fold(0.0, f64::max);
        let finest = self.spacing_mm.iter().copied().fold(f64::INFINITY, f64::min);
        let spacing_mm = finest.max(longest / (MAX_SIDE - 1.0));
        let [columns, rows, count] = directions.map(|d| steps(extent(&d), spacing_mm) + 1);
        // where each direction begins: at the low end, or at the high one when it runs down
        let origin_mm = directions.iter().fold([0.0; 3], |origin, direction| {
            let begins = dot(direction, &low).min(dot(direction, &high));
            along(origin, *direction, begins)
        });
        PlaneStack { columns, rows, count, spacing_mm, directions, origin_mm }
    }
}

impl PlaneStack {
    /// Centre of the first pixel of a plane.
    pub(super) fn corner_mm(&self, index: usize) -> [f64; 3] {
        let [.., onward] = self.directions;
        along(self.origin_mm, onward, index as f64 * self.spacing_mm)
    }

    /// Where a plane lies.
    #[must_use]
    pub fn geometry(&self, index: usize) -> FrameGeometry {
        let [[a, b, c], [d, e, f], _] = self.directions;
        FrameGeometry {
            image_position_mm: Some(self.corner_mm(index)),
            image_orientation: Some([a, b, c, d, e, f]),
            pixel_spacing_mm: Some([self.spacing_mm; 2]),
        }
    }

    /// Offsets across a slab of this thickness, in millimetres from the plane: one every spacing,
    /// as many on both sides as lie within half the thickness.
    pub(super) fn across_mm(&self, thickness_mm: f64) -> Vec<f64> {
        let each_side = steps(thickness_mm / 2.0, self.spacing_mm);
        let offset = |step: usize| (step as f64 - each_side as f64) * self.spacing_mm;
        (0..=2 * each_side).map(offset).collect()
    }
}

/// Whole steps within a length.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "lengths are not negative; saturates, and not-a-number becomes 0"
)]
fn steps(length: f64, step: f64) -> usize {
    (length / step + ROUNDING).floor().max(0.0) as usize
}
