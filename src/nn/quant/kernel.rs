//! What a kernel of a processor does, and which one this processor gets.

use std::sync::OnceLock;

use half::f16;

use crate::nn::quant::BlockFormat;
use crate::nn::quant::activations::{Activations, Coding};
use crate::nn::quant::matrix::PANEL;

/// Sixteen rows of a weight: their codes and after each other the scales of every block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Panel<'a> {
    pub(super) codes: &'a [u8],
    pub(super) scales: &'a [f16],
}

/// Sums of one row of inputs with the rows of a panel.
pub(super) type Sums = [f32; PANEL];

/// Products of a panel with some rows of inputs.
pub(super) trait Kernel: Copy + Send + Sync {
    /// How inputs are coded for weights of this format.
    fn coding(self, format: BlockFormat) -> Coding;

    /// Code `[rows, columns]` of inputs.
    fn fill(self, x: &mut Activations, coding: Coding, values: &[f32], columns: usize);

    /// Rows of inputs that are fastest at once: 8, 4, 2 or 1.
    const ROWS: usize;

    /// Rows `first..first + M` of the inputs with a panel.
    fn tile<const M: usize>(
        self,
        format: BlockFormat,
        panel: Panel<'_>,
        x: &Activations,
        first: usize,
    ) -> [Sums; M];
}

/// The kernels of this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Engine {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
}

impl Engine {
    /// The fastest that this processor runs.
    pub(super) fn best() -> Self {
        static BEST: OnceLock<Engine> = OnceLock::new();
        *BEST.get_or_init(|| {
            #[cfg(target_arch = "x86_64")]
            if crate::nn::quant::avx2::Avx2::new().is_some() {
                return Self::Avx2;
            }
            Self::Portable
        })
    }
}

/// Run a function with the best kernel.
macro_rules! with_kernel {
    ($kernel:ident => $work:expr) => {
        match crate::nn::quant::kernel::Engine::best() {
            #[cfg(target_arch = "x86_64")]
            crate::nn::quant::kernel::Engine::Avx2 => {
                if let Some($kernel) = crate::nn::quant::avx2::Avx2::new() {
                    $work
                } else {
                    let $kernel = crate::nn::quant::portable::Portable;
                    $work
                }
            }
            crate::nn::quant::kernel::Engine::Portable => {
                let $kernel = crate::nn::quant::portable::Portable;
                $work
            }
        }
    };
}
pub(super) use with_kernel;
