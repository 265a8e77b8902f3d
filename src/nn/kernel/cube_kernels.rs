//! Kernels for graphics adapters: one group of units a row, reduced through shared memory.

use burn_cubecl::cubecl::{self, prelude::*};

/// Units of a group; a power of two.
pub(super) const UNITS: usize = 128;

/// The sum of every unit's value, given to all of them.
#[cube]
pub(super) fn group_sum(shared: &mut Shared<[f32]>, value: f32) -> f32 {
    let unit = UNIT_POS as usize;
    shared[unit] = value;
    sync_cube();
    let mut step = CUBE_DIM as usize / 2;
    while step > 0 {
        if unit < step {
            let other = shared[unit + step];
            shared[unit] += other;
        }
        sync_cube();
        step /= 2;
    }
    let sum = shared[0];
    // the next reduction may not write before everyone has read
    sync_cube();
    sum
}

/// The largest of every unit's value, given to all of them.
#[cube]
fn group_max(shared: &mut Shared<[f32]>, value: f32) -> f32 {
    let unit = UNIT_POS as usize;
    shared[unit] = value;
    sync_cube();
    let mut step = CUBE_DIM as usize / 2;
    while step > 0 {
        if unit < step {
            let other = shared[unit + step];
            shared[unit] = f32::max(shared[unit], other);
        }
        sync_cube();
        step /= 2;
    }
    let highest = shared[0];
    sync_cube();
    highest
}

#[cube(launch)]
pub(super) fn rms_norm_kernel(
    x: &Tensor<f32>,
    weight: &Tensor<f32>,
    out: &mut Tensor<f32>,
    eps: f32,
    rows: usize,
    len: usize,
) {
    let unit = UNIT_POS as usize;
    let mut row = CUBE_POS;
    // groups beyond the last row do its work again
    if row >= rows {
        row = rows - 1;
    }
    let base = row * len;
    let mut shared = Shared::<[f32]>::new_slice(UNITS);
    let mut sum = 0.0f32;
    let mut at = unit;
    while at < len {
        let value = x[base + at];
        sum += value * value;
        at += CUBE_DIM as usize;
    }
    let sum = group_sum(&mut shared, sum);
    let factor = f32::sqrt(sum / (len as f32) + eps).recip();
    let mut at = unit;
    while at < len {
        out[base + at] = x[base + at] * factor * weight[at];
        at += CUBE_DIM as usize;
    }
}

#[cube(launch)]
pub(super) fn layer_norm_kernel(
    x: &Tensor<f32>,
    weight: &Tensor<f32>,
    bias: &Tensor<f32>,
    out: &mut Tensor<f32>,
    eps: f32,
    rows: usize,
    len: usize,
) {
    let unit = UNIT_POS as usize;
    let mut row = CUBE_POS;
    if row >= rows {
        row = rows - 1;
    }
    let base = row * len;
    let mut shared = Shared::<[f32]>::new_slice(UNITS);
    let mut sum = 0.0f32;
    let mut at = unit;
    while at < len {
        sum += x[base + at];
        at += CUBE_DIM as usize;
    }
    let sum = group_sum(&mut shared, sum);
    let mean = sum / (len as f32);
    let mut sum = 0.0f32;
    let mut at = unit;
    while at < len {
        let value = x[base + at] - mean;
        sum += value * value;
        at += CUBE_DIM as usize;
    }
    let sum = group_sum(&mut shared, sum);
    let factor = f32::sqrt(sum / (len as f32) + eps).recip();
    let mut at = unit;
    while at < len {
        out[base + at] = (x[base + at] - mean) * factor * weight[at] + bias[at];
        at += CUBE_DIM as usize;
    }
}

#[cube(launch)]
pub(super) fn attention_shares_kernel(
    scores: &Tensor<f32>,
    out: &mut Tensor<f32>,
    scale: f32,
    rows: usize,
    keys: usize,
    seq: usize,
    past: usize,
    window: usize,
) {
    let unit = UNIT_POS as usize;
    let mut row = CUBE_POS;
    if row >= rows {
        row = rows - 1;
    }
    let base = row * keys;
    let mut end = past + row % seq + 1;
    if end > keys {
        end = keys;
    }
    let mut start = 0usize;
    if end > window {
        start = end - window;
    }
    let mut shared = Shared::<[f32]>::new_slice(UNITS);
    // every row sees at least its own key
    let mut highest = scores[base + start] * scale;
    let mut at = start + unit;
    while at < end {
        highest = f32::max(highest, scores[base + at] * scale);
        at += CUBE_DIM as usize;
    }
    let highest = group_max(&mut shared, highest);
    let mut sum = 0.0f32;
    let mut at = start + unit;
    while at < end {
        sum += f32::exp(scores[base + at] * scale - highest);
        at += CUBE_DIM as usize;
    }
    let sum = group_sum(&mut shared, sum);
    let factor = sum.recip();
    let mut at = unit;
    while at < keys {
        let mut share = 0.0f32;
        if at >= start && at < end {
            share = f32::exp(scores[base + at] * scale - highest) * factor;
        }
        out[base + at] = share;
        at += CUBE_DIM as usize;
    }
}

/// An activation function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Curve {
    Silu,
    Gelu,
    QuickGelu,
    GeluNew,
    Relu,
}

/// x over 1 + e⁻ᶠˣ.
#[cube]
fn times_sigmoid(x: f32, #[comptime] factor: f32) -> f32 {
    x / (1.0f32 + f32::exp(-x * factor))
}

#[cube]
fn curve_at(x: f32, #[comptime] curve: Curve) -> f32 {
    if comptime!(curve == Curve::Silu) {
        times_sigmoid(x, 1.0)
    } else if comptime!(curve == Curve::QuickGelu) {
        times_sigmoid(x, 1.702)
    } else if comptime!(curve == Curve::GeluNew) {
        // 1 + tanh(z) is twice the sigmoid of 2 z, which does not overflow
        let inner = x * (1.0f32 + 0.044_715f32 * x * x);
        x / (1.0f32 + f32::exp(-inner * 1.595_769f32))
    } else if comptime!(curve == Curve::Gelu) {
        x * 0.5f32 * (1.0f32 + Erf::erf(x * 0.707_106_77f32))
    } else {
        f32::max(x, 0.0f32)
    }
}

/// Rows of `x` and of `up` may lie further apart than they are long.
#[cube(launch_unchecked)]
pub(super) fn activation_kernel(
    x: &Tensor<f32>,
    up: &Tensor<f32>,
    out: &mut Tensor<f32>,
    rows: usize,
    columns: usize,
    x_stride: usize,
    up_stride: usize,
    #[comptime] curve: Curve,
    #[comptime] gates: bool,
) {
    let at = ABSOLUTE_POS;
    if at < rows * columns {
        let (row, column) = (at / columns, at % columns);
        let mut value = curve_at(x[row * x_stride + column], curve);
        if comptime!(gates) {
            value *= up[row * up_stride + column];
        }
        out[at] = value;
    }
}
