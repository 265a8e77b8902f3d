//! What a kernel of a processor does, and which one this processor gets.

use std::sync::OnceLock;

use half::f16;

use crate::nn::quant::activations::{Activations, Coding};
use crate::nn::quant::matrix::PANEL;
use crate::nn::quant::portable::Portable;
use crate::nn::quant::product::Inputs;
use crate::nn::quant::{BLOCK, BlockFormat, HostMatrix, pack_rows};

/// Sixteen rows of a weight: their codes and after each other the scales of every block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Panel<'a> {
    pub(super) codes: &'a [u8],
    pub(super) scales: &'a [f16],
    /// The sums of the codes of every block, where code 0 of inputs does not stand for 0.
    pub(super) totals: &'a [Sums],
}

/// Sums of one row of inputs with the rows of a panel.
pub(super) type Sums = [f32; PANEL];

/// Products of a panel with some rows of inputs.
pub(super) trait Kernel: Copy + Send + Sync {
    /// Rows of inputs that are fastest at once: 8, 4, 2 or 1.
    const ROWS: usize;

    /// How inputs are coded for weights of this format; many rows of them may be coded in fewer
    /// bits, since it is then the products that take the time.
    fn coding(self, format: BlockFormat, is_many: bool) -> Coding;

    /// The sums of the codes of every block of a panel, for inputs that need them.
    fn totals(self, _panel: Panel<'_>, _coding: Coding, _out: &mut Vec<Sums>) {}

    /// Code `[rows, columns]` of inputs.
    fn fill(self, x: &mut Activations, coding: Coding, values: &[f32], columns: usize);

    /// Rows `first..first + M` of the inputs, which are a tile, with a panel.
    fn tile<const M: usize>(
        self,
        format: BlockFormat,
        coding: Coding,
        panel: Panel<'_>,
        x: &Activations,
        first: usize,
    ) -> [Sums; M];
}

/// The kernels of this program, each as a processor that runs it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Processor {
    Portable(Portable),
    #[cfg(target_arch = "x86_64")]
    Avx2(super::avx2::Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(super::avx512::Avx512),
}

/// Name of the kernels that multiply blocks here.
pub(crate) fn kernels_of_this_processor() -> &'static str {
    match Processor::this() {
        Processor::Portable(_) => "portable",
        #[cfg(target_arch = "x86_64")]
        Processor::Avx2(_) => "avx2",
        #[cfg(target_arch = "x86_64")]
        Processor::Avx512(_) => "avx512",
    }
}

impl Processor {
    /// The fastest kernels that this processor runs, and that compute right on it.
    pub(super) fn this() -> Self {
        static THIS: OnceLock<Processor> = OnceLock::new();
        *THIS.get_or_init(|| {
            #[cfg(target_arch = "x86_64")]
            {
                if let Some(kernel) =
                    super::avx512::Avx512::new().filter(|kernel| is_right(*kernel))
                {
                    return Self::Avx512(kernel);
                }
                if let Some(kernel) = super::avx2::Avx2::new().filter(|kernel| is_right(*kernel)) {
                    return Self::Avx2(kernel);
                }
            }
            Self::Portable(Portable)
        })
    }
}

/// Inputs of the trial: tiles of all heights, and three blocks.
const ROWS: usize = 15;
const COLUMNS: usize = 3 * BLOCK;

/// A small product of every format, beside the plain loops: a processor or a kernel that computes
/// something else is not worth its speed.
fn is_right(kernel: impl Kernel) -> bool {
    // numbers without a pattern, between −1 and 1
    let number = |seed: usize| ((seed * seed + 7 * seed) % 257) as f32 / 128.0 - 1.0;
    let x: Vec<f32> = (0..ROWS * COLUMNS).map(|at| number(at + 3)).collect();
    [BlockFormat::Q14, BlockFormat::Q8, BlockFormat::Q4].into_iter().all(|format| {
        let mut bytes = vec![0; HostMatrix::bytes_of(format, PANEL, COLUMNS)];
        let row = |row: usize, out: &mut [f32]| {
            for (at, out) in out.iter_mut().enumerate() {
                *out = number(5 * row + 11 * at);
            }
        };
        pack_rows(format, PANEL, COLUMNS, &row, &mut bytes);
        let (codes, scales) = bytes.split_at(PANEL * COLUMNS / BLOCK * format.code_bytes());
        let scales: Vec<f16> =
            scales.as_chunks().0.iter().map(|bytes| f16::from_le_bytes(*bytes)).collect();
        let panel = Panel { codes, scales: &scales, totals: &[] };
        let plain = all_sums(Portable, format, false, panel, &x);
        let squares = |sums: &mut dyn Iterator<Item = f32>| sums.map(|sum| sum * sum).sum::<f32>();
        [false, true].into_iter().all(|is_many| {
            let own = all_sums(kernel, format, is_many, panel, &x);
            let mut differences =
                own.iter().flatten().zip(plain.iter().flatten()).map(|(a, b)| a - b);
            // inputs of seven bits are off by half a step of 127 between their ends
            squares(&mut differences) < 1e-3 * squares(&mut plain.iter().flatten().copied())
        })
    })
}

fn all_sums(
    kernel: impl Kernel,
    format: BlockFormat,
    is_many: bool,
    panel: Panel<'_>,
    x: &[f32],
) -> Vec<Sums> {
    let mut inputs = Inputs::new(kernel, format, is_many);
    inputs.fill(x, COLUMNS);
    let (mut totals, mut out) = (Vec::new(), Vec::new());
    inputs.with(inputs.prepared(panel, &mut totals), &mut |_, sums| out.push(sums));
    out
}
