//! Where the voxels of a volume lie in the patient.

use serde::{Deserialize, Serialize};

use super::super::geometry::dot;

/// Voxels at right angles, evenly spaced along each axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VolumeGrid {
    /// Columns, rows, slices.
    pub size: [usize; 3],
    /// Centre of the first voxel, in patient space.
    pub origin_mm: [f64; 3],
    /// Unit vectors from column to column, from row to row, from slice to slice.
    pub axes: [[f64; 3]; 3],
    /// Between columns, rows, slices.
    pub spacing_mm: [f64; 3],
}

impl VolumeGrid {
    /// A point of the patient in columns, rows and slices from the centre of the first voxel.
    #[must_use]
    pub fn voxel_of(&self, point_mm: [f64; 3]) -> [f64; 3] {
        self.voxels_along(minus(point_mm, self.origin_mm))
    }

    /// A way through the patient in columns, rows and slices.
    pub(super) fn voxels_along(&self, way_mm: [f64; 3]) -> [f64; 3] {
        let [columns, rows, slices] = self.axes.map(|axis| dot(&axis, &way_mm));
        let [column_mm, row_mm, slice_mm] = self.spacing_mm;
        [columns / column_mm, rows / row_mm, slices / slice_mm]
    }

    /// From the centre of the first to that of the last voxel, along each axis.
    fn extent_mm(&self) -> [f64; 3] {
        let [columns, rows, slices] = self.size.map(|n| n.saturating_sub(1) as f64);
        let [column_mm, row_mm, slice_mm] = self.spacing_mm;
        [columns * column_mm, rows * row_mm, slices * slice_mm]
    }

    /// The box of the patient's axes that all voxel centres lie in: its two ends.
    pub(super) fn bounds_mm(&self) -> [[f64; 3]; 2] {
        let (mut low, mut high) = (self.origin_mm, self.origin_mm);
        for (axis, length) in self.axes.iter().zip(self.extent_mm()) {
            for ((low, high), part) in low.iter_mut().zip(&mut high).zip(axis) {
                *low += (part * length).min(0.0);
                *high += (part * length).max(0.0);
            }
        }
        [low, high]
    }

    /// How many values there are.
    #[must_use]
    pub fn num_voxels(&self) -> u64 {
        self.size.iter().map(|n| *n as u64).product()
    }
}

pub(super) fn minus(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    let [ax, ay, az] = a;
    let [bx, by, bz] = b;
    [ax - bx, ay - by, az - bz]
}

/// `from` and so many times `way`.
pub(super) fn along(from: [f64; 3], way: [f64; 3], times: f64) -> [f64; 3] {
    let [x, y, z] = from;
    let [dx, dy, dz] = way;
    [x + dx * times, y + dy * times, z + dz * times]
}
