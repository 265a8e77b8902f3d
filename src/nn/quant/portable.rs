//! Products of blocks in plain loops: right everywhere, and what the others are checked against.

use crate::nn::quant::activations::{Activations, Coding};
use crate::nn::quant::kernel::{Kernel, Panel, Sums};
use crate::nn::quant::matrix::PANEL;
use crate::nn::quant::{BLOCK, BlockFormat};

/// The kernels of this file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Portable;

/// Codes of a block of a panel, column by column.
type Columns = [[i32; PANEL]; BLOCK];

impl Kernel for Portable {
    const ROWS: usize = 4;

    fn coding(self, _format: BlockFormat, _is_many: bool) -> Coding {
        Coding::Pairs14
    }

    fn fill(self, x: &mut Activations, coding: Coding, values: &[f32], columns: usize) {
        x.fill(coding, Self::ROWS, values, columns);
    }

    fn tile<const M: usize>(
        self,
        format: BlockFormat,
        _coding: Coding,
        panel: Panel<'_>,
        x: &Activations,
        first: usize,
    ) -> [Sums; M] {
        let x = x.words::<2, M>(first);
        let mut out = [[0.0; PANEL]; M];
        let blocks = panel.codes.chunks_exact(PANEL * format.code_bytes());
        let scales = panel.scales.chunks_exact(PANEL * format.scales());
        for (block, (codes, scales)) in blocks.zip(scales).enumerate() {
            let columns = columns(format, codes);
            let (scales, minima) = scales.split_at(PANEL);
            let at = block * BLOCK / 2..(block + 1) * BLOCK / 2;
            let (Some(groups), Some(of_inputs)) = (x.groups.get(at), x.scales.get(block)) else {
                continue;
            };
            for (row, (out, scale)) in out.iter_mut().zip(of_inputs).enumerate() {
                let (mut sums, mut total) = ([0_i32; PANEL], 0_i32);
                let codes = groups.iter().flat_map(|rows| rows.get(row)).flatten();
                for (column, code) in columns.iter().zip(codes) {
                    total += i32::from(*code);
                    for (sum, weight) in sums.iter_mut().zip(column) {
                        *sum += weight * i32::from(*code);
                    }
                }
                for ((out, sum), of_row) in out.iter_mut().zip(sums).zip(scales) {
                    *out += sum as f32 * (scale * of_row.to_f32());
                }
                for (out, minimum) in out.iter_mut().zip(minima) {
                    *out += scale * total as f32 * minimum.to_f32();
                }
            }
        }
        out
    }
}

fn columns(format: BlockFormat, codes: &[u8]) -> Columns {
    let byte = |at: usize| codes.get(at).copied().unwrap_or_default();
    let of = |column: usize, lane: usize| match format {
        BlockFormat::Q14 => {
            let at = column / 2 * 64 + lane * 4 + column % 2 * 2;
            i32::from(i16::from_le_bytes([byte(at), byte(at + 1)]))
        }
        BlockFormat::Q8 => i32::from(byte(column / 4 * 64 + lane * 4 + column % 4)) - 128,
        BlockFormat::Q4 => {
            let both = byte(column % 16 / 4 * 64 + lane * 4 + column % 4);
            i32::from(if column < 16 { both & 15 } else { both >> 4 })
        }
    };
    std::array::from_fn(|column| std::array::from_fn(|lane| of(column, lane)))
}
