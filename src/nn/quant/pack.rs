//! From rows of numbers to the layout of [`HostMatrix`](super::HostMatrix).
#![cfg_attr(
    target_arch = "x86_64",
    expect(
        unsafe_code,
        reason = "the same code, compiled again for wider vectors, once they are there"
    )
)]

use rayon::prelude::*;

use crate::nn::quant::block::Lanes;
use crate::nn::quant::matrix::PANEL;
use crate::nn::quant::{BLOCK, BlockFormat, HostMatrix};

/// Blocks of a row that are made at once: with fewer the compiler finds no vectors.
const GROUP: usize = 4;

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
    if out.len() != HostMatrix::bytes_of(format, rows, columns) || out.is_empty() {
        return;
    }
    let (panels, blocks) = (rows.div_ceil(PANEL), columns.div_ceil(BLOCK));
    let code_bytes = blocks * PANEL * format.code_bytes();
    let scale_bytes = blocks * PANEL * 2 * format.scales();
    let (codes, scales) = out.split_at_mut(panels * code_bytes);
    let parts = codes.par_chunks_mut(code_bytes).zip(scales.par_chunks_mut(scale_bytes));
    let pack = widest();
    parts.enumerate().with_min_len(4).for_each_init(
        || vec![0.0; PANEL * blocks * BLOCK],
        |values, (panel, (codes, scales))| {
            for (lane, values) in values.chunks_mut(blocks * BLOCK).enumerate() {
                let at = panel * PANEL + lane;
                match values.get_mut(..columns) {
                    Some(values) if at < rows => row(at, values),
                    _ => values.fill(0.0),
                }
            }
            pack(format, values, codes, scales);
        },
    );
}

/// Packs sixteen rows of whole blocks.
type Pack = fn(BlockFormat, &[f32], &mut [u8], &mut [u8]);

/// For the widest vectors of this processor; all give the same bytes.
fn widest() -> Pack {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has what it is compiled for
            return |format, values, codes, scales| unsafe {
                pack_panel_512(format, values, codes, scales);
            };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: as above
            return |format, values, codes, scales| unsafe {
                pack_panel_256(format, values, codes, scales);
            };
        }
    }
    pack_panel
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn pack_panel_512(format: BlockFormat, values: &[f32], codes: &mut [u8], scales: &mut [u8]) {
    pack_panel(format, values, codes, scales);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn pack_panel_256(format: BlockFormat, values: &[f32], codes: &mut [u8], scales: &mut [u8]) {
    pack_panel(format, values, codes, scales);
}

#[inline(always)]
fn pack_panel(format: BlockFormat, values: &[f32], codes: &mut [u8], scales: &mut [u8]) {
    let row = (values.len() / PANEL).max(1);
    let code_bytes = GROUP * PANEL * format.code_bytes();
    let scale_bytes = GROUP * PANEL * 2 * format.scales();
    let parts = codes.chunks_mut(code_bytes).zip(scales.chunks_mut(scale_bytes));
    let mut columns = [[0.0; GROUP * PANEL]; BLOCK];
    let mut lanes = Lanes::default();
    for (group, (codes, scales)) in parts.enumerate() {
        for (lane, row) in values.chunks(row).enumerate().take(PANEL) {
            let blocks = row.as_chunks::<BLOCK>().0.iter().skip(group * GROUP).take(GROUP);
            for (block, numbers) in blocks.enumerate() {
                for (column, number) in columns.iter_mut().zip(numbers) {
                    if let Some(place) = column.get_mut(block * PANEL + lane) {
                        *place = *number;
                    }
                }
            }
        }
        lanes.quantise(format, &columns);
        let blocks = codes.chunks_mut(PANEL * format.code_bytes());
        let blocks = blocks.zip(scales.chunks_mut(PANEL * 2 * format.scales()));
        for (block, (codes, scales)) in blocks.enumerate() {
            put_codes(format, &lanes, block, codes);
            // a format without a minimum has no place for it
            let scale = lanes.scale.iter().skip(block * PANEL).take(PANEL);
            let minimum = lanes.minimum.iter().skip(block * PANEL).take(PANEL);
            for (place, half) in scales.as_chunks_mut().0.iter_mut().zip(scale.chain(minimum)) {
                *place = half.to_le_bytes();
            }
        }
    }
}

/// `out` is one block of a panel, in words of four bytes: sixteen rows beside each other.
#[inline(always)]
fn put_codes(format: BlockFormat, lanes: &Lanes<{ GROUP * PANEL }>, block: usize, out: &mut [u8]) {
    let words = out.as_chunks_mut::<4>().0.as_chunks_mut::<PANEL>().0;
    let none = [0; PANEL];
    let of_block = |codes: &[i32; GROUP * PANEL]| {
        codes.as_chunks::<PANEL>().0.get(block).copied().unwrap_or(none)
    };
    match format {
        BlockFormat::Q14 => {
            for (words, two) in words.iter_mut().zip(lanes.codes.as_chunks::<2>().0) {
                let [a, b] = two.each_ref().map(of_block);
                for (word, (a, b)) in words.iter_mut().zip(a.iter().zip(b)) {
                    *word = (*a as u32 & 0xFFFF | (b as u32) << 16).to_le_bytes();
                }
            }
        }
        BlockFormat::Q8 => {
            for (words, four) in words.iter_mut().zip(lanes.codes.as_chunks::<4>().0) {
                put_bytes(words, &four.each_ref().map(of_block));
            }
        }
        BlockFormat::Q4 => {
            let (low, high) = lanes.codes.split_at(BLOCK / 2);
            let groups = low.as_chunks::<4>().0.iter().zip(high.as_chunks::<4>().0);
            for (words, (low, high)) in words.iter_mut().zip(groups) {
                let mut both = low.each_ref().map(of_block);
                let high = high.each_ref().map(of_block);
                for (both, high) in both.iter_mut().zip(&high) {
                    for (both, high) in both.iter_mut().zip(high) {
                        *both |= high << 4;
                    }
                }
                put_bytes(words, &both);
            }
        }
    }
}

/// Four neighbouring columns of each row become a word.
#[inline(always)]
fn put_bytes(words: &mut [[u8; 4]; PANEL], [a, b, c, d]: &[[i32; PANEL]; 4]) {
    let four = a.iter().zip(b).zip(c.iter().zip(d));
    for (word, ((a, b), (c, d))) in words.iter_mut().zip(four) {
        *word = (a | b << 8 | c << 16 | d << 24).to_le_bytes();
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
