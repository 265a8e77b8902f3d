//! x·Wᵀ for matrices of blocks, on the CPU.

use rayon::prelude::*;

use crate::nn::quant::activations::{Activations, tile_rows};
use crate::nn::quant::kernel::{Kernel, Panel, Sums, with_kernel};
use crate::nn::quant::matrix::PANEL;
use crate::nn::quant::{BLOCK, BlockFormat, HostMatrix};

/// Rows of inputs up to which threads share the weights; beyond, they share the inputs.
const FEW: usize = 8;

/// Rows of inputs a thread takes at once: their codes stay in its cache while all weights pass.
const MANY: usize = 64;

/// Products of one input with several matrices, whose outputs follow each other.
///
/// # Shapes
/// `x` `[count, columns]`, `bias` `[rows of all]` or nothing → `out` `[count, rows of all]`,
/// row-major. All matrices have the same format and number of columns.
pub(crate) fn product(matrices: &[&HostMatrix], x: &[f32], bias: &[f32], out: &mut [f32]) {
    let Some(first) = matrices.first() else { return };
    let columns = first.columns().max(1);
    with_kernel!(kernel => {
        if x.len() <= FEW * columns {
            few(kernel, matrices, x, out);
            add_bias(bias, out);
        } else {
            many(kernel, matrices, x, bias, out);
        }
    });
}

fn few<K: Kernel>(kernel: K, matrices: &[&HostMatrix], x: &[f32], out: &mut [f32]) {
    let Some(first) = matrices.first() else { return };
    let (format, columns) = (first.format(), first.columns().max(1));
    let mut inputs = Activations::default();
    kernel.fill(&mut inputs, kernel.coding(format), x, columns);
    let count = x.len() / columns;
    let panels: Vec<Panel<'_>> = matrices.iter().flat_map(|matrix| matrix.panel_list()).collect();
    let mut sums = vec![[0.0_f32; PANEL]; panels.len() * count];
    let a_task = panels.len().div_ceil(4 * rayon::current_num_threads()).max(1);
    let work = |(panels, sums): (&[Panel<'_>], &mut [Sums])| {
        for (panel, sums) in panels.iter().zip(sums.chunks_mut(count)) {
            tiles(
                kernel,
                format,
                *panel,
                &inputs,
                &mut |row, tile| {
                    if let Some(place) = sums.get_mut(row) {
                        *place = tile;
                    }
                },
                count,
            );
        }
    };
    if rayon::current_num_threads() == 1 {
        work((&panels, &mut sums));
    } else {
        panels.par_chunks(a_task).zip(sums.par_chunks_mut(a_task * count)).for_each(work);
    }
    let total: usize = matrices.iter().map(|matrix| matrix.rows()).sum();
    for (row, out) in out.chunks_mut(total.max(1)).enumerate() {
        let (mut rest, mut panel) = (out, 0);
        for matrix in matrices {
            let (own, after) = rest.split_at_mut(matrix.rows().min(rest.len()));
            for (at, out) in own.chunks_mut(PANEL).enumerate() {
                let sums = sums.get((panel + at) * count + row).copied().unwrap_or([0.0; PANEL]);
                for (out, sum) in out.iter_mut().zip(sums) {
                    *out = sum;
                }
            }
            panel += matrix.panels();
            rest = after;
        }
    }
}

fn many<K: Kernel>(kernel: K, matrices: &[&HostMatrix], x: &[f32], bias: &[f32], out: &mut [f32]) {
    let Some(first) = matrices.first() else { return };
    let (format, columns) = (first.format(), first.columns().max(1));
    let total: usize = matrices.iter().map(|matrix| matrix.rows()).sum::<usize>().max(1);
    let count = x.len() / columns;
    let a_task = count.div_ceil(rayon::current_num_threads()).next_multiple_of(K::ROWS).min(MANY);
    let tasks = x.par_chunks(a_task * columns).zip(out.par_chunks_mut(a_task * total));
    tasks.for_each_init(Activations::default, |inputs, (x, out)| {
        kernel.fill(inputs, kernel.coding(format), x, columns);
        let count = x.len() / columns;
        let mut start = 0;
        for matrix in matrices {
            for (panel, at) in matrix.panel_list().zip((start..).step_by(PANEL)) {
                let width = PANEL.min(start + matrix.rows() - at);
                tiles(
                    kernel,
                    format,
                    panel,
                    inputs,
                    &mut |row, tile| {
                        let from = row * total + at;
                        if let Some((out, tile)) =
                            out.get_mut(from..from + width).zip(tile.get(..width))
                        {
                            out.copy_from_slice(tile);
                        }
                    },
                    count,
                );
            }
            start += matrix.rows();
        }
        add_bias(bias, out);
    });
}

/// To every row.
fn add_bias(bias: &[f32], out: &mut [f32]) {
    for out in out.chunks_exact_mut(bias.len().max(1)).take_while(|_| !bias.is_empty()) {
        for (out, bias) in out.iter_mut().zip(bias) {
            *out += bias;
        }
    }
}

/// All rows of the inputs with one panel.
#[inline(always)]
fn tiles<K: Kernel>(
    kernel: K,
    format: BlockFormat,
    panel: Panel<'_>,
    inputs: &Activations,
    put: &mut impl FnMut(usize, Sums),
    count: usize,
) {
    let mut first = 0;
    for rows in tile_rows(K::ROWS, count) {
        macro_rules! tile {
            ($rows:literal) => {
                for (row, sums) in
                    kernel.tile::<$rows>(format, panel, inputs, first).into_iter().enumerate()
                {
                    put(first + row, sums);
                }
            };
        }
        match rows {
            8 => tile!(8),
            4 => tile!(4),
            2 => tile!(2),
            _ => tile!(1),
        }
        first += rows;
    }
}

impl HostMatrix {
    /// # Shapes
    /// `x` `[count, columns]` → `out` `[count, rows]`, both row-major.
    pub fn product(&self, x: &[f32], out: &mut [f32]) {
        product(&[self], x, &[], out);
    }

    fn panel_list(&self) -> impl Iterator<Item = Panel<'_>> {
        let (codes, scales) = self.parts();
        let a_panel = self.blocks() * PANEL;
        let codes = codes.chunks_exact((a_panel * self.format().code_bytes()).max(1));
        let scales = scales.chunks_exact((a_panel * self.format().scales()).max(1));
        codes.zip(scales).map(|(codes, scales)| Panel { codes, scales })
    }

    /// The numbers that a block stands for; zeros where there is none.
    #[must_use]
    pub fn block_values(&self, row: usize, block: usize) -> [f32; BLOCK] {
        let (codes, scales) = self.parts();
        let format = self.format();
        let (panel, lane) = (row / PANEL, row % PANEL);
        let at = panel * self.blocks() + block;
        let bytes = PANEL * format.code_bytes();
        let codes = codes.get(at * bytes..(at + 1) * bytes).unwrap_or_default();
        let byte = |at: usize| codes.get(at).copied().unwrap_or_default();
        let scale = |which: usize| {
            let at = (at * format.scales() + which) * PANEL + lane;
            scales.get(at).copied().unwrap_or_default().to_f32()
        };
        std::array::from_fn(|column| match format {
            BlockFormat::Q14 => {
                let at = column / 2 * 64 + lane * 4 + column % 2 * 2;
                scale(0) * f32::from(i16::from_le_bytes([byte(at), byte(at + 1)]))
            }
            BlockFormat::Q8 => {
                let code = byte(column / 4 * 64 + lane * 4 + column % 4);
                scale(0) * (f32::from(code) - 128.0)
            }
            BlockFormat::Q4 => {
                let half = column % 16;
                let code = byte(half / 4 * 64 + lane * 4 + half % 4);
                let code = if column < 16 { code & 15 } else { code >> 4 };
                scale(0) * f32::from(code) + scale(1)
            }
        })
    }
}
