//! x·Wᵀ for matrices of blocks, on the CPU.

use rayon::prelude::*;

use crate::nn::quant::activations::{Activations, Coding, tile_rows};
use crate::nn::quant::kernel::{Kernel, Panel, Processor, Sums};
use crate::nn::quant::matrix::PANEL;
use crate::nn::quant::{BLOCK, BlockFormat, HostMatrix};

/// Rows of inputs up to which threads share the weights; beyond, they share the inputs.
const FEW: usize = 8;

/// Most rows of inputs a thread takes at once, and the numbers in them: their codes stay in its
/// cache while all weights pass.
const MANY: usize = 128;
const IN_CACHE: usize = 384 << 10;

/// Columns from which a product of many rows may cost its inputs some bits: small ones gain nothing.
const WIDE: usize = 512;

/// Tasks for every thread when they share the weights: one that is held up leaves the rest to the
/// others.
const TASKS: usize = 4;

/// Products of one input with several matrices, whose outputs follow each other.
///
/// # Shapes
/// `x` `[count, columns]`, `bias` `[rows of all]` or nothing → `out` `[count, rows of all]`,
/// row-major. All matrices have the same format and number of columns.
pub(crate) fn product(matrices: &[&HostMatrix], x: &[f32], bias: &[f32], out: &mut [f32]) {
    let Some(first) = matrices.first() else { return };
    let is_few = x.len() <= FEW * first.columns();
    match Processor::this() {
        Processor::Portable(kernel) => with_kernel(kernel, is_few, matrices, x, bias, out),
        #[cfg(target_arch = "x86_64")]
        Processor::Avx2(kernel) => with_kernel(kernel, is_few, matrices, x, bias, out),
        #[cfg(target_arch = "x86_64")]
        Processor::Avx512(kernel) => with_kernel(kernel, is_few, matrices, x, bias, out),
    }
}

fn with_kernel<K: Kernel>(
    kernel: K,
    is_few: bool,
    matrices: &[&HostMatrix],
    x: &[f32],
    bias: &[f32],
    out: &mut [f32],
) {
    if is_few {
        few(kernel, matrices, x, out);
        add_bias(bias, out);
    } else {
        many(kernel, matrices, x, bias, out);
    }
}

fn few<K: Kernel>(kernel: K, matrices: &[&HostMatrix], x: &[f32], out: &mut [f32]) {
    let Some(first) = matrices.first() else { return };
    let mut inputs = Inputs::new(kernel, first.format(), false);
    inputs.fill(x, first.columns());
    let count = inputs.count;
    let panels: Vec<Panel<'_>> = matrices.iter().flat_map(|matrix| matrix.panel_list()).collect();
    let mut sums = vec![[0.0; PANEL]; panels.len() * count];
    let work = |(panels, sums): (&[Panel<'_>], &mut [Sums])| {
        for (panel, sums) in panels.iter().zip(sums.chunks_mut(count.max(1))) {
            inputs.with(*panel, &mut |row, tile| {
                if let Some(place) = sums.get_mut(row) {
                    *place = tile;
                }
            });
        }
    };
    let threads = rayon::current_num_threads();
    if threads == 1 {
        work((&panels, &mut sums));
    } else {
        let a_task = panels.len().div_ceil(TASKS * threads).max(1);
        let tasks = panels.par_chunks(a_task).zip(sums.par_chunks_mut((a_task * count).max(1)));
        tasks.for_each(work);
    }
    // panel by panel becomes row by row
    let total: usize = matrices.iter().map(|matrix| matrix.rows()).sum();
    for (row, mut rest) in out.chunks_mut(total.max(1)).enumerate() {
        let mut sums = sums.iter().skip(row).step_by(count.max(1));
        for matrix in matrices {
            let (own, after) = rest.split_at_mut(matrix.rows().min(rest.len()));
            for (out, sums) in own.chunks_mut(PANEL).zip(&mut sums) {
                out.copy_from_slice(sums.get(..out.len()).unwrap_or_default());
            }
            rest = after;
        }
    }
}

fn many<K: Kernel>(kernel: K, matrices: &[&HostMatrix], x: &[f32], bias: &[f32], out: &mut [f32]) {
    let Some(first) = matrices.first() else { return };
    let (format, columns) = (first.format(), first.columns().max(1));
    let total: usize = matrices.iter().map(|matrix| matrix.rows()).sum::<usize>().max(1);
    let (count, threads) = (x.len() / columns, rayon::current_num_threads());
    let in_cache = (IN_CACHE / columns).clamp(MANY / 8, MANY);
    // as many tasks for one thread as for another
    let tasks = count.div_ceil(in_cache).next_multiple_of(threads);
    let a_task = count.div_ceil(tasks).next_multiple_of(K::ROWS);
    let tasks = x.par_chunks(a_task * columns).zip(out.par_chunks_mut(a_task * total));
    tasks.for_each_init(
        || (Inputs::new(kernel, format, columns >= WIDE), Vec::new()),
        |(inputs, totals), (x, out)| {
            inputs.fill(x, columns);
            let mut start = 0;
            for matrix in matrices {
                let end = start + matrix.rows();
                for (panel, at) in matrix.panel_list().zip((start..end).step_by(PANEL)) {
                    let width = PANEL.min(end - at);
                    let panel = inputs.prepared(panel, totals);
                    inputs.with(panel, &mut |row, tile| {
                        let place = out.get_mut(row * total + at..).unwrap_or_default();
                        // of a known length: a call for every 64 bytes costs as much as they do
                        match place.first_chunk_mut::<PANEL>().filter(|_| width == PANEL) {
                            Some(place) => *place = tile,
                            None => place
                                .iter_mut()
                                .zip(tile)
                                .take(width)
                                .for_each(|(to, sum)| *to = sum),
                        }
                    });
                }
                start = end;
            }
            add_bias(bias, out);
        },
    );
}

/// To every row.
fn add_bias(bias: &[f32], out: &mut [f32]) {
    for out in out.chunks_exact_mut(bias.len().max(1)).take_while(|_| !bias.is_empty()) {
        for (out, bias) in out.iter_mut().zip(bias) {
            *out += bias;
        }
    }
}

/// Rows of inputs, coded for a kernel.
pub(super) struct Inputs<K> {
    kernel: K,
    format: BlockFormat,
    coding: Coding,
    codes: Activations,
    count: usize,
}

impl<K: Kernel> Inputs<K> {
    pub(super) fn new(kernel: K, format: BlockFormat, is_many: bool) -> Self {
        let coding = kernel.coding(format, is_many);
        Self { kernel, format, coding, codes: Activations::default(), count: 0 }
    }

    /// `x` is `[count, columns]`.
    pub(super) fn fill(&mut self, x: &[f32], columns: usize) {
        self.count = x.len() / columns.max(1);
        self.kernel.fill(&mut self.codes, self.coding, x, columns);
    }

    /// A panel with the sums that its inputs need.
    pub(super) fn prepared<'a>(&self, panel: Panel<'a>, totals: &'a mut Vec<Sums>) -> Panel<'a> {
        self.kernel.totals(panel, self.coding, totals);
        Panel { totals, ..panel }
    }

    /// All rows with one panel: `put` gets the number of a row and its sums.
    #[inline(always)]
    pub(super) fn with(&self, panel: Panel<'_>, put: &mut impl FnMut(usize, Sums)) {
        let mut first = 0;
        for rows in tile_rows(K::ROWS, self.count) {
            match rows {
                8 => self.tile::<8>(panel, first, put),
                4 => self.tile::<4>(panel, first, put),
                2 => self.tile::<2>(panel, first, put),
                _ => self.tile::<1>(panel, first, put),
            }
            first += rows;
        }
    }

    #[inline(always)]
    fn tile<const M: usize>(
        &self,
        panel: Panel<'_>,
        first: usize,
        put: &mut impl FnMut(usize, Sums),
    ) {
        let sums: [Sums; M] = self.kernel.tile(self.format, self.coding, panel, &self.codes, first);
        for (row, sums) in sums.into_iter().enumerate() {
            put(first + row, sums);
        }
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
        codes.zip(scales).map(|(codes, scales)| Panel { codes, scales, totals: &[] })
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
