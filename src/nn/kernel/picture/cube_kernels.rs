//! Kernels for graphics adapters.

use burn_cubecl::cubecl::{self, prelude::*};

use crate::nn::kernel::cube_kernels::group_sum;

/// Units that share one group of channels, of which there are few: as many as any adapter has.
pub(super) const GROUP_UNITS: usize = 256;

#[cube(launch)]
pub(super) fn windows_kernel(
    x: &Tensor<f32>,
    out: &mut Tensor<f32>,
    first: usize,
    rows: usize,
    across: usize,
    height: usize,
    width: usize,
    channels: usize,
    repeat: usize,
    stride: usize,
    pad: usize,
) {
    let mut row = CUBE_POS;
    // groups beyond the last row do its work again
    if row >= rows {
        row = rows - 1;
    }
    let top = (first + row) / across * stride;
    let left = (first + row) % across * stride;
    let len = channels * 9;
    let mut at = UNIT_POS as usize;
    while at < len {
        // counted from the zeros around the picture
        let y = top + at % 9 / 3;
        let x_at = left + at % 3;
        let mut value = 0.0f32;
        if y >= pad && x_at >= pad && y < pad + height * repeat && x_at < pad + width * repeat {
            let pixel = (y - pad) / repeat * width + (x_at - pad) / repeat;
            value = x[pixel * channels + at / 9];
        }
        out[row * len + at] = value;
        at += CUBE_DIM as usize;
    }
}

/// Mean of a group, and one by the root of its variance.
#[cube(launch)]
pub(super) fn group_sums_kernel(
    x: &Tensor<f32>,
    sums: &mut Tensor<f32>,
    eps: f32,
    groups: usize,
    pixels: usize,
    channels: usize,
    group_len: usize,
) {
    let mut group = CUBE_POS;
    if group >= groups {
        group = groups - 1;
    }
    let base = group * group_len;
    let len = pixels * group_len;
    let mut shared = Shared::<[f32]>::new_slice(GROUP_UNITS);
    let mut sum = 0.0f32;
    let mut at = UNIT_POS as usize;
    while at < len {
        sum += x[at / group_len * channels + base + at % group_len];
        at += CUBE_DIM as usize;
    }
    let mean = group_sum(&mut shared, sum) / (len as f32);
    let mut sum = 0.0f32;
    let mut at = UNIT_POS as usize;
    while at < len {
        let value = x[at / group_len * channels + base + at % group_len] - mean;
        sum += value * value;
        at += CUBE_DIM as usize;
    }
    let variance = group_sum(&mut shared, sum) / (len as f32);
    if UNIT_POS == 0 {
        sums[group * 2] = mean;
        sums[group * 2 + 1] = f32::sqrt(variance + eps).recip();
    }
}

#[cube(launch)]
pub(super) fn group_norm_kernel(
    x: &Tensor<f32>,
    sums: &Tensor<f32>,
    weight: &Tensor<f32>,
    bias: &Tensor<f32>,
    out: &mut Tensor<f32>,
    pixels: usize,
    channels: usize,
    group_len: usize,
    swish: u32,
) {
    let mut pixel = CUBE_POS;
    if pixel >= pixels {
        pixel = pixels - 1;
    }
    let base = pixel * channels;
    let mut at = UNIT_POS as usize;
    while at < channels {
        let group = at / group_len;
        let centred = (x[base + at] - sums[group * 2]) * sums[group * 2 + 1];
        let mut value = centred * weight[at] + bias[at];
        if swish == 1 {
            value /= 1.0 + f32::exp(-value);
        }
        out[base + at] = value;
        at += CUBE_DIM as usize;
    }
}
