//! The order in which the cells of a picture are computed, and the ways back.

use std::cmp::Reverse;

use burn::tensor::{Device, Int, Tensor, TensorData};

/// Windows of equal size, which stand side by side in the order of computing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Group {
    /// Rows before the first of them.
    pub(super) start: usize,
    /// Windows.
    pub(super) count: usize,
    /// Rows of each.
    pub(super) len: usize,
}

/// Cells by their number, counted row by row.
#[derive(Clone, Debug)]
pub(super) struct CellOrder {
    /// Cells as they are computed: the largest windows first.
    pub(super) computed: Vec<usize>,
    /// Cells as the reference has them: windows row by row.
    windowed: Vec<usize>,
    /// In cells.
    groups: Vec<Group>,
}

impl CellOrder {
    /// Windows of `side` cells each way over `rows` × `columns` cells; those at the right and at
    /// the bottom are what is left, so that there are four sizes at most.
    pub(super) fn new(rows: usize, columns: usize, side: usize) -> Self {
        let side = side.max(1);
        let mut windows: Vec<Vec<usize>> = Vec::new();
        for top in (0..rows).step_by(side) {
            for left in (0..columns).step_by(side) {
                let right = columns.min(left + side);
                let lines = (top..rows.min(top + side)).map(|row| row * columns);
                windows.push(lines.flat_map(|line| line + left..line + right).collect());
            }
        }
        let windowed = windows.concat();
        windows.sort_by_key(|window| Reverse(window.len()));
        let mut start = 0;
        let of_one_size = windows.chunk_by(|a, b| a.len() == b.len());
        let groups = of_one_size
            .map(|windows| {
                let (count, len) = (windows.len(), windows.first().map_or(0, Vec::len));
                let group = Group { start, count, len };
                start += count * len;
                group
            })
            .collect();
        Self { computed: windows.concat(), windowed, groups }
    }

    /// The windows in rows of which every cell has so many.
    pub(super) fn groups(&self, per_cell: usize) -> Vec<Group> {
        let scaled = |group: &Group| Group {
            start: group.start * per_cell,
            count: group.count,
            len: group.len * per_cell,
        };
        self.groups.iter().map(scaled).collect()
    }

    /// # Shapes
    /// `[cells, len]` as computed → as the reference has them.
    pub(super) fn windowed(&self, x: Tensor<2>) -> Tensor<2> {
        let places = self.places();
        let from = self.windowed.iter().filter_map(|cell| places.get(*cell).copied());
        rows_at(x, from.collect())
    }

    /// # Shapes
    /// `[cells, len]` as computed → row by row of the picture.
    pub(super) fn raster(&self, x: Tensor<2>) -> Tensor<2> {
        rows_at(x, self.places())
    }

    /// Where each cell is in the order of computing.
    fn places(&self) -> Vec<usize> {
        let mut places = vec![0; self.computed.len()];
        for (place, cell) in self.computed.iter().enumerate() {
            if let Some(of_cell) = places.get_mut(*cell) {
                *of_cell = place;
            }
        }
        places
    }
}

fn rows_at(x: Tensor<2>, from: Vec<usize>) -> Tensor<2> {
    if from.iter().enumerate().all(|(row, from)| row == *from) {
        return x;
    }
    let device: Device = x.device();
    let from: Vec<i32> = from.into_iter().map(|row| row as i32).collect();
    let len = from.len();
    x.select(0, Tensor::<1, Int>::from_data(TensorData::new(from, [len]), &device))
}
