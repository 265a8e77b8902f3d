//! Sampling where the planes lie along the voxels' own axes: every step is worked out once.

use super::resample::{Voxel, Way, cell, lerp, put_together};

/// A direction is along an axis when nothing else of it is longer than this part.
const ALONG: f64 = 1e-9;

/// Two neighbours along an axis as places in the buffer, and how far it is to the second.
struct Step {
    near: usize,
    far: usize,
    share: f32,
}

/// The steps of all columns, rows and layers of a plane; none outside of the volume.
pub(super) struct Aligned {
    columns: Vec<Option<Step>>,
    rows: Vec<Option<Step>>,
    layers: Vec<Step>,
}

impl Aligned {
    /// None where the planes lie across the axes.
    pub(super) fn of(way: &Way, size: [usize; 3], [columns, rows]: [usize; 2]) -> Option<Self> {
        let [width, height, _] = size;
        let strides = [1, width, width * height];
        let (column, row) = (axis_of(way.column)?, axis_of(way.row)?);
        let onward = (0..3).find(|axis| *axis != column && *axis != row)?;
        let is_across = |layer: &[f64; 3]| layer[column].abs() + layer[row].abs() < ALONG;
        if column == row || !way.layers.iter().all(is_across) {
            return None;
        }
        let step = |axis: usize, along: f64| {
            let (low, share) = cell(way.start[axis] + along, size[axis])?;
            let near = low * strides[axis];
            Some(Step { near, far: near + strides[axis], share })
        };
        Some(Self {
            columns: (0..columns).map(|n| step(column, n as f64 * way.column[column])).collect(),
            rows: (0..rows).map(|n| step(row, n as f64 * way.row[row])).collect(),
            layers: way.layers.iter().filter_map(|layer| step(onward, layer[onward])).collect(),
        })
    }

    /// One row of a plane.
    pub(super) fn fill<T: Voxel>(&self, row: usize, line: &mut [f32], voxels: &[T], way: &Way) {
        let Some(row) = self.rows.get(row).and_then(Option::as_ref) else { return };
        for (pixel, column) in line.iter_mut().zip(&self.columns) {
            let Some(column) = column else { continue };
            let values = self.layers.iter().filter_map(|layer| sample(voxels, column, row, layer));
            if let Some(value) = put_together(values, way.projection) {
                *pixel = value;
            }
        }
    }
}

fn sample<T: Voxel>(voxels: &[T], column: &Step, row: &Step, layer: &Step) -> Option<f32> {
    let at = |place: usize| voxels.get(place).map(|voxel| voxel.value());
    let line =
        |from: usize| Some(lerp(at(from + column.near)?, at(from + column.far)?, column.share));
    let flat = |from: usize| Some(lerp(line(from + row.near)?, line(from + row.far)?, row.share));
    Some(lerp(flat(layer.near)?, flat(layer.far)?, layer.share))
}

/// The one axis a direction runs along.
fn axis_of(direction: [f64; 3]) -> Option<usize> {
    let longest = direction.iter().fold(0.0, |most: f64, part| most.max(part.abs()));
    let mut axes = (0..3).filter(|axis| direction[*axis].abs() > longest * ALONG);
    let axis = axes.next()?;
    axes.next().is_none().then_some(axis)
}
