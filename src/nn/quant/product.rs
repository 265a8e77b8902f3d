//! x·Wᵀ for a matrix of blocks, on the CPU.

use crate::nn::quant::matrix::PANEL;
use crate::nn::quant::{BLOCK, BlockFormat, HostMatrix};

impl HostMatrix {
    /// # Shapes
    /// `x` `[count, columns]` → `out` `[count, rows]`, both row-major.
    pub fn product(&self, x: &[f32], out: &mut [f32]) {
        let (columns, rows) = (self.columns().max(1), self.rows().max(1));
        for (x, out) in x.chunks(columns).zip(out.chunks_mut(rows)) {
            for (row, out) in out.iter_mut().enumerate() {
                *out = x.chunks(BLOCK).enumerate().map(|(at, x)| self.dot(row, at, x)).sum();
            }
        }
    }

    fn dot(&self, row: usize, block: usize, x: &[f32]) -> f32 {
        let values = self.block_values(row, block);
        values.iter().zip(x).map(|(weight, x)| weight * x).sum()
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
