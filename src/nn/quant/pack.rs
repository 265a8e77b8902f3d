//! From rows of numbers to the layout of [`HostMatrix`](super::HostMatrix).

use half::f16;

use crate::nn::quant::matrix::PANEL;
use crate::nn::quant::{BLOCK, Block, BlockFormat, HostMatrix};

/// Write the layout of a matrix `[rows, columns]`; `row` fills a slice of `columns` numbers.
///
/// `out` has [`HostMatrix::bytes_of`] bytes; others are left as they are.
pub fn pack_rows(
    format: BlockFormat,
    rows: usize,
    columns: usize,
    row: &(dyn Fn(usize, &mut [f32]) + Sync),
    out: &mut [u8],
) {
    if out.len() != HostMatrix::bytes_of(format, rows, columns) {
        return;
    }
    let (panels, blocks) = (rows.div_ceil(PANEL), columns.div_ceil(BLOCK));
    let code_bytes = PANEL * format.code_bytes();
    let (codes, scales) = out.split_at_mut(panels * blocks * code_bytes);
    let scale_bytes = 2 * PANEL * format.scales();
    let panel_codes = codes.chunks_mut((blocks * code_bytes).max(1));
    let panel_scales = scales.chunks_mut((blocks * scale_bytes).max(1));
    let mut values = vec![0.0; blocks * BLOCK];
    for (panel, (codes, scales)) in panel_codes.zip(panel_scales).enumerate() {
        for lane in 0..PANEL {
            let at = panel * PANEL + lane;
            values.fill(0.0);
            if let Some(values) = values.get_mut(..columns).filter(|_| at < rows) {
                row(at, values);
            }
            let outs = codes.chunks_mut(code_bytes).zip(scales.chunks_mut(scale_bytes));
            for (values, (codes, scales)) in values.as_chunks().0.iter().zip(outs) {
                let block = Block::quantise(format, values);
                put_codes(format, &block, lane, codes);
                put_scale(scales, lane, block.scale);
                put_scale(scales, PANEL + lane, block.minimum);
            }
        }
    }
}

impl HostMatrix {
    /// Whether every scale and minimum is a number: numbers beyond the range of f16 give some that
    /// are not.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        self.parts().1.iter().all(|scale| scale.is_finite())
    }
}

/// A format without a minimum has no place for it.
fn put_scale(scales: &mut [u8], at: usize, scale: f16) {
    if let Some(place) = scales.get_mut(2 * at..2 * at + 2) {
        place.copy_from_slice(&scale.to_le_bytes());
    }
}

/// `codes` is one block of a panel.
fn put_codes(format: BlockFormat, block: &Block, lane: usize, codes: &mut [u8]) {
    let mut put = |at: usize, byte: u8| {
        if let Some(place) = codes.get_mut(at) {
            *place = byte;
        }
    };
    match format {
        BlockFormat::Q14 => {
            for (column, code) in block.codes.iter().enumerate() {
                let at = column / 2 * 64 + lane * 4 + column % 2 * 2;
                let [low, high] = code.to_le_bytes();
                put(at, low);
                put(at + 1, high);
            }
        }
        BlockFormat::Q8 => {
            for (column, code) in block.codes.iter().enumerate() {
                put(column / 4 * 64 + lane * 4 + column % 4, *code as u8);
            }
        }
        BlockFormat::Q4 => {
            let (low, high) = block.codes.split_at(BLOCK / 2);
            for (column, (low, high)) in low.iter().zip(high).enumerate() {
                put(column / 4 * 64 + lane * 4 + column % 4, (*low | *high << 4) as u8);
            }
        }
    }
}
