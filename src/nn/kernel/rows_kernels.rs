//! The kernel that looks up a row.

use burn_cubecl::cubecl::{self, prelude::*};

use crate::nn::kernel::rows_device::WordFormat;

/// 2⁻²⁴, the smallest number above zero in 16 bits.
const SMALLEST: f32 = 5.960_464_5e-8;

/// The number in the lower half of a word; computed from its bits, for not every adapter knows
/// numbers of 16 bits, and exactly, be it as small as they get.
#[cube]
fn half(bits: u32) -> f32 {
    let size = bits & 0x7FFFu32;
    let mut number = f32::cast_from(size) * comptime!(SMALLEST);
    if size >= 0x0400u32 {
        // the exponent counts from -15 here and from -127 there
        number = f32::reinterpret((size << 13u32) + comptime!(112u32 << 23));
    }
    if bits & 0x8000u32 != 0u32 {
        number = -number;
    }
    number
}

/// A unit a word. Every part of the table is asked for every id; one of them has it.
#[cube(launch_unchecked)]
pub(super) fn row_kernel(
    found: &Tensor<f32>,
    words: &Tensor<u32>,
    out: &mut Tensor<f32>,
    first: usize,
    rows: usize,
    a_row: usize,
    #[comptime] is_first: bool,
    #[comptime] format: WordFormat,
) {
    let at = ABSOLUTE_POS;
    let id = found[0] as usize;
    let is_here = id >= first && id < first + rows;
    if at < a_row && (is_here || comptime!(is_first)) {
        let mut word = 0u32;
        if is_here {
            word = words[(id - first) * a_row + at];
        }
        if comptime!(format == WordFormat::F32) {
            out[at] = f32::reinterpret(word);
        } else if comptime!(format == WordFormat::Bf16) {
            out[at * 2] = f32::reinterpret(word << 16u32);
            out[at * 2 + 1] = f32::reinterpret(word & 0xFFFF_0000u32);
        } else {
            out[at * 2] = half(word & 0xFFFFu32);
            out[at * 2 + 1] = half(word >> 16u32);
        }
    }
}
