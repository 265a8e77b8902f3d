//! Kernels for weights in the order of [`BlockRows`](crate::nn::BlockRows).
//!
//! A code becomes a number without a conversion: put into the lowest bits of the f32 2²³ it makes
//! 2²³ + code, exactly. A code that stands `k` bits further left makes 2²³ + code·2ᵏ, so the
//! input it is multiplied with is divided by 2ᵏ instead, once for all outputs.

use burn_cubecl::cubecl::{self, prelude::*};

/// 2²³ and its bits.
const MAGIC: f32 = 8_388_608.0;
const MAGIC_BITS: u32 = 0x4B00_0000;

/// The number of one code of a word, times what [`input_factor`] divides by.
#[cube]
pub(super) fn code(word: u32, #[comptime] column: u32, #[comptime] is_q4: bool) -> f32 {
    if comptime!(is_q4) {
        let mask = comptime!(15u32 << (4 * column));
        f32::reinterpret((word & mask) | comptime!(MAGIC_BITS)) - comptime!(MAGIC)
    } else {
        // bit 23 is no longer part of the fraction
        let low = if comptime!(column < 2) { word } else { word >> 16u32 };
        let mask = comptime!(255u32 << (8 * (column % 2)));
        let offset = comptime!(MAGIC + if column.is_multiple_of(2) { 128.0 } else { 32_768.0 });
        f32::reinterpret((low & mask) | comptime!(MAGIC_BITS)) - offset
    }
}

/// One over what [`code`] multiplies by; a power of two.
#[cube]
pub(super) fn input_factor(#[comptime] column: u32, #[comptime] is_q4: bool) -> f32 {
    let bits = comptime!(if is_q4 { 4 * column } else { 8 * (column % 2) });
    comptime!(1.0 / (1u32 << bits) as f32).runtime()
}

/// The word of block `index` of the eight of a group, its codes in the lowest bits.
#[cube]
pub(super) fn block_word(
    words: &Array<Vector<u32, Const<4>>>,
    #[comptime] at: usize,
    #[comptime] index: usize,
    #[comptime] is_q4: bool,
) -> u32 {
    if comptime!(is_q4) {
        let both = words[at].extract(comptime!(index / 2));
        if comptime!(index.is_multiple_of(2)) { both } else { both >> 16u32 }
    } else {
        words[comptime!(at + index / 4)].extract(comptime!(index % 4))
    }
}

/// The numbers of 32 codes a unit, four of each of a group's eight blocks.
#[cube(launch_unchecked)]
pub(super) fn widened_kernel<F: Float>(
    codes: &Tensor<Vector<u32, Const<4>>>,
    scales: &Tensor<Vector<F, Const<4>>>,
    out: &mut Tensor<Vector<F, Const<4>>>,
    first: usize,
    rows: usize,
    groups: usize,
    #[comptime] is_q4: bool,
    #[define(F)] _scale: ElemType,
) {
    let halves = comptime!(if is_q4 { 1usize } else { 2 });
    let quads = comptime!(if is_q4 { 4usize } else { 2 });
    let item = ABSOLUTE_POS;
    if item < rows * groups * 8 {
        let (place, lane) = (item / 8, item % 8);
        let source = first * groups + place;
        let mut words = Array::<Vector<u32, Const<4>>>::new(halves);
        #[unroll]
        for half in 0..halves {
            words[half] = codes[(source * halves + half) * 8 + lane];
        }
        #[unroll]
        for block in 0..8usize {
            let word = block_word(&words, 0usize, block, is_q4);
            let at = source * quads + comptime!(block / 4);
            let scale = f32::cast_from(scales[at].extract(comptime!(block % 4)));
            let mut minimum = 0.0f32;
            if comptime!(is_q4) {
                minimum = f32::cast_from(scales[at + 2].extract(comptime!(block % 4)));
            }
            let mut four = Vector::<F, Const<4>>::empty();
            #[unroll]
            for column in 0..4usize {
                let number = code(word, comptime!(column as u32), is_q4)
                    * input_factor(comptime!(column as u32), is_q4);
                four.insert(column, F::cast_from(number * scale + minimum));
            }
            out[place * 64 + block * 8 + lane] = four;
        }
    }
}

#[cube(launch_unchecked)]
pub(super) fn padded_kernel(
    x: &Tensor<f32>,
    out: &mut Tensor<f32>,
    rows: usize,
    inputs: usize,
    columns: usize,
) {
    let at = ABSOLUTE_POS;
    if at < rows * columns {
        let (row, column) = (at / columns, at % columns);
        let mut value = 0.0f32;
        if column < inputs {
            value = x[row * inputs + column];
        }
        out[at] = value;
    }
}
