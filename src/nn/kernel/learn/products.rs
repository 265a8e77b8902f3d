//! Products of small matrices of one head.

use crate::nn::kernel::host::{LANES, Vector, Work};

/// Rows of the left matrix that are worked on at once.
const ROWS: usize = 8;

/// Numbers of a matrix somewhere in a slice.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    pub(super) numbers: &'a [f32],
    /// Where it begins.
    pub(super) from: usize,
    /// Between a row and the next.
    pub(super) row: usize,
    /// Between a column and the next.
    pub(super) column: usize,
}

impl<'a> Matrix<'a> {
    /// Rows that lie one after the other.
    pub(super) fn rows(numbers: &'a [f32], from: usize, row: usize) -> Self {
        Self { numbers, from, row, column: 1 }
    }

    /// Its rows as columns.
    pub(super) fn transposed(self) -> Self {
        Self { row: self.column, column: self.row, ..self }
    }

    fn at(&self, row: usize, column: usize) -> f32 {
        let at = self.from + row * self.row + column * self.column;
        self.numbers.get(at).copied().unwrap_or(0.0)
    }

    /// Its rows in whole vectors, zeros behind each.
    pub(super) fn packed(&self, rows: usize, columns: usize, out: &mut Vec<[f32; LANES]>) {
        let tiles = columns.div_ceil(LANES);
        out.clear();
        out.resize(rows * tiles, [0.0; LANES]);
        for (row, tiles) in out.chunks_exact_mut(tiles.max(1)).enumerate() {
            let begin = self.from + row * self.row;
            let line = self.numbers.get(begin..begin + columns).filter(|_| self.column == 1);
            if let Some(line) = line {
                for (tile, part) in tiles.iter_mut().zip(line.chunks(LANES)) {
                    if let Some(place) = tile.get_mut(..part.len()) {
                        place.copy_from_slice(part);
                    }
                }
                continue;
            }
            for (column, place) in tiles.as_flattened_mut().iter_mut().take(columns).enumerate() {
                *place = self.at(row, column);
            }
        }
    }
}

/// left·right, where right lies in whole vectors, `[inner][tiles]`.
pub(super) struct Product<'a> {
    pub(super) left: Matrix<'a>,
    pub(super) rows: usize,
    pub(super) right: &'a [[f32; LANES]],
    /// Vectors of a row of `right`, and of `out`.
    pub(super) tiles: usize,
    pub(super) out: &'a mut [[f32; LANES]],
}

impl Work for Product<'_> {
    type Out = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let Self { left, rows, right, tiles, out } = self;
        let tiles = tiles.max(1);
        let inner = right.len() / tiles;
        let mut block = vec![[0.0; ROWS]; inner];
        for (first, out) in (0..rows).step_by(ROWS).zip(out.chunks_mut(ROWS * tiles)) {
            for (column, of_rows) in block.iter_mut().enumerate() {
                for (row, place) in of_rows.iter_mut().enumerate() {
                    *place = if first + row < rows { left.at(first + row, column) } else { 0.0 };
                }
            }
            for tile in 0..tiles {
                let mut sums = [V::splat(0.0); ROWS];
                let vectors = right.iter().skip(tile).step_by(tiles);
                for (of_rows, vector) in block.iter().zip(vectors) {
                    let vector = V::load(vector);
                    for (sum, value) in sums.iter_mut().zip(of_rows) {
                        *sum = sum.plus_product(V::splat(*value), vector);
                    }
                }
                for (sum, place) in sums.iter().zip(out.iter_mut().skip(tile).step_by(tiles)) {
                    sum.store(place);
                }
            }
        }
    }
}
