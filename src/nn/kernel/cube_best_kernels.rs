//! Kernels of the search for the highest score: every group of units looks at a part, then one
//! group at what the parts found.

use burn_cubecl::cubecl::{self, prelude::*};

use crate::nn::kernel::cube_kernels::{UNITS, group_sum};

/// Parts there may be; units of the one group.
pub(super) const PARTS: usize = 128;

/// Lower than any score but −∞, which never wins.
const LOWEST: f32 = -3.4e38;

/// Told from its bits: compilers of shaders may believe that there is no such thing.
#[cube]
fn is_nan(value: f32) -> bool {
    (u32::reinterpret(value) & 0x7FFF_FFFFu32) > 0x7F80_0000u32
}

/// Every unit's value and index become the highest value and the first index that has it.
#[cube]
fn group_best(
    values: &mut Shared<[f32]>,
    indices: &mut Shared<[u32]>,
    value: f32,
    index: u32,
    #[comptime] units: usize,
) -> (f32, u32) {
    let unit = UNIT_POS as usize;
    values[unit] = value;
    indices[unit] = index;
    sync_cube();
    let mut step = comptime!(units / 2).runtime();
    while step > 0 {
        if unit < step {
            let (value, index) = (values[unit + step], indices[unit + step]);
            if value > values[unit] || (value == values[unit] && index < indices[unit]) {
                values[unit] = value;
                indices[unit] = index;
            }
        }
        sync_cube();
        step /= 2;
    }
    let best = (values[0], indices[0]);
    sync_cube();
    best
}

/// Of each part of the scores: the highest, its index, the sum of the exponentials below it, and
/// how many are not numbers. Only the first `limit` scores may win and are summed up.
#[cube(launch)]
pub(super) fn best_parts_kernel(
    scores: &Tensor<f32>,
    out: &mut Tensor<f32>,
    len: usize,
    limit: usize,
    at_once: usize,
) {
    let unit = UNIT_POS as usize;
    let start = CUBE_POS * at_once;
    let end = usize::min(start + at_once, len);
    let mut best = comptime!(LOWEST).runtime();
    let mut index = 0u32;
    let mut nans = 0.0f32;
    let mut at = start + unit;
    while at < end {
        let score = scores[at];
        if is_nan(score) {
            nans += 1.0f32;
        } else if at < limit && score > best {
            best = score;
            index = at as u32;
        }
        at += comptime!(UNITS);
    }
    let mut values = Shared::<[f32]>::new_slice(UNITS);
    let mut indices = Shared::<[u32]>::new_slice(UNITS);
    let (best, index) = group_best(&mut values, &mut indices, best, index, UNITS);
    let mut sum = 0.0f32;
    let mut at = start + unit;
    while at < usize::min(end, limit) {
        sum += f32::exp(scores[at] - best);
        at += comptime!(UNITS);
    }
    let sum = group_sum(&mut values, sum);
    let nans = group_sum(&mut values, nans);
    if unit == 0 {
        let at = CUBE_POS * 4;
        out[at] = best;
        out[at + 1] = index as f32;
        out[at + 2] = sum;
        out[at + 3] = nans;
    }
}

#[cube(launch)]
pub(super) fn best_of_parts_kernel(parts: &Tensor<f32>, out: &mut Tensor<f32>, count: usize) {
    let unit = UNIT_POS as usize;
    let mut own = comptime!(LOWEST).runtime();
    let mut own_index = 0u32;
    let mut own_sum = 0.0f32;
    let mut nans = 0.0f32;
    if unit < count {
        own = parts[unit * 4];
        own_index = parts[unit * 4 + 1] as u32;
        own_sum = parts[unit * 4 + 2];
        nans = parts[unit * 4 + 3];
    }
    let mut values = Shared::<[f32]>::new_slice(PARTS);
    let mut indices = Shared::<[u32]>::new_slice(PARTS);
    let (best, index) = group_best(&mut values, &mut indices, own, own_index, PARTS);
    let sum = group_sum(&mut values, own_sum * f32::exp(own - best));
    let nans = group_sum(&mut values, nans);
    if unit == 0 {
        out[0] = index as f32;
        out[1] = -f32::ln(sum);
        out[2] = f32::min(nans, 1.0f32);
    }
}
