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
fn code(word: u32, #[comptime] column: u32, #[comptime] is_q4: bool) -> f32 {
    if comptime!(is_q4) {
        let mask = comptime!(15u32 << (4 * column));
        f32::reinterpret((word & mask) | comptime!(MAGIC_BITS)) - comptime!(MAGIC)
    } else {
        // bit 23 is no longer part of the fraction
        let low = if comptime!(column < 2) { word } else { word >> 16u32 };
        let mask = comptime!(255u32 << (8 * (column % 2)));
        let offset = comptime!(MAGIC + if column % 2 == 0 { 128.0 } else { 32_768.0 });
        f32::reinterpret((low & mask) | comptime!(MAGIC_BITS)) - offset
    }
}

/// One over what [`code`] multiplies by; a power of two.
#[cube]
fn input_factor(#[comptime] column: u32, #[comptime] is_q4: bool) -> f32 {
    let bits = comptime!(if is_q4 { 4 * column } else { 8 * (column % 2) });
    comptime!(1.0 / (1u32 << bits) as f32).runtime()
}

/// The word of block `index` of the eight of a group, its codes in the lowest bits.
#[cube]
fn block_word(
    words: &Array<Vector<u32, Const<4>>>,
    #[comptime] at: usize,
    #[comptime] index: usize,
    #[comptime] is_q4: bool,
) -> u32 {
    if comptime!(is_q4) {
        let both = words[at].extract(comptime!(index / 2));
        if comptime!(index % 2 == 0) { both } else { both >> 16u32 }
    } else {
        words[comptime!(at + index / 4)].extract(comptime!(index % 4))
    }
}

/// What of the kernel below is known when it is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ProductPlan {
    pub(super) is_q4: bool,
    /// Rows of x.
    pub(super) rows: usize,
    /// Outputs of a group of units.
    pub(super) outputs: usize,
    /// Units of a group.
    pub(super) units: usize,
    /// Whether units of a plane add up among themselves.
    pub(super) has_planes: bool,
    pub(super) has_bias: bool,
}

/// A few rows times a matrix in blocks; a group of units computes a few outputs of every row.
///
/// x is filled up with zeros to whole groups of blocks.
#[cube(launch_unchecked)]
pub(super) fn block_product_kernel<F: Float>(
    x: &Tensor<Vector<f32, Const<4>>>,
    codes: &Tensor<Vector<u32, Const<4>>>,
    scales: &Tensor<Vector<F, Const<4>>>,
    bias: &Tensor<f32>,
    out: &mut Tensor<f32>,
    outputs: usize,
    groups: usize,
    #[comptime] plan: ProductPlan,
    #[define(F)] _scale: ElemType,
) {
    let is_q4 = comptime!(plan.is_q4);
    let (m, n) = comptime!((plan.rows, plan.outputs));
    let halves = comptime!(if is_q4 { 1usize } else { 2 });
    let quads = comptime!(if is_q4 { 4usize } else { 2 });
    let first = CUBE_POS * n;
    let mut sums = Array::<f32>::new(comptime!(m * n));
    #[unroll]
    for index in 0..comptime!(m * n) {
        sums[index] = 0.0f32;
    }
    let mut words = Array::<Vector<u32, Const<4>>>::new(comptime!(n * halves));
    let mut factors = Array::<Vector<F, Const<4>>>::new(comptime!(n * quads));
    let mut item = UNIT_POS as usize;
    while item < groups * 8 {
        let (group, lane) = (item / 8, item % 8);
        #[unroll]
        for output in 0..n {
            // outputs beyond the last are computed and not written
            let row = usize::min(first + output, outputs - 1) * groups + group;
            #[unroll]
            for half in 0..halves {
                words[output * halves + half] = codes[(row * halves + half) * 8 + lane];
            }
            #[unroll]
            for quad in 0..quads {
                factors[output * quads + quad] = scales[row * quads + quad];
            }
        }
        #[unroll]
        for block in 0..8usize {
            let mut inputs = Array::<f32>::new(comptime!(4 * m));
            let mut totals = Array::<f32>::new(m);
            #[unroll]
            for row in 0..m {
                let four = x[(row * groups + group) * 64 + block * 8 + lane];
                totals[row] = 0.0f32;
                #[unroll]
                for column in 0..4usize {
                    let value = four.extract(column);
                    totals[row] += value;
                    inputs[row * 4 + column] =
                        value * input_factor(comptime!(column as u32), is_q4);
                }
            }
            #[unroll]
            for output in 0..n {
                let word = block_word(&words, output * halves, block, is_q4);
                let mut products = Array::<f32>::new(m);
                #[unroll]
                for row in 0..m {
                    products[row] = 0.0f32;
                }
                #[unroll]
                for column in 0..4usize {
                    let number = code(word, comptime!(column as u32), is_q4);
                    #[unroll]
                    for row in 0..m {
                        products[row] += number * inputs[row * 4 + column];
                    }
                }
                let at = comptime!(output * quads + block / 4);
                let scale = f32::cast_from(factors[at].extract(comptime!(block % 4)));
                #[unroll]
                for row in 0..m {
                    sums[output * m + row] += scale * products[row];
                }
                if comptime!(is_q4) {
                    let minimum = factors[comptime!(at + 2)].extract(comptime!(block % 4));
                    #[unroll]
                    for row in 0..m {
                        sums[output * m + row] += f32::cast_from(minimum) * totals[row];
                    }
                }
            }
        }
        item += comptime!(plan.units);
    }
    let count = comptime!(m * n);
    let sum = group_sums(&sums, count, comptime!(plan.units), comptime!(plan.has_planes));
    let unit = UNIT_POS as usize;
    let (output, row) = (first + unit / m, unit % m);
    if unit < count && output < outputs {
        let mut sum = sum;
        if comptime!(plan.has_bias) {
            sum += bias[output];
        }
        out[row * outputs + output] = sum;
    }
}

/// Of every unit's `count` values the sums over the group; unit `i` gets the i-th.
#[cube]
fn group_sums(
    values: &Array<f32>,
    #[comptime] count: usize,
    #[comptime] units: usize,
    #[comptime] has_planes: bool,
) -> f32 {
    let unit = UNIT_POS as usize;
    let mut sum = 0.0f32;
    if comptime!(has_planes) {
        // planes are no smaller than four units
        let mut shared = Shared::<[f32]>::new_slice(comptime!(units / 4 * count));
        #[unroll]
        for index in 0..count {
            let of_plane = plane_sum(values[index]);
            if UNIT_POS_PLANE == 0 {
                shared[PLANE_POS as usize * count + index] = of_plane;
            }
        }
        sync_cube();
        if unit < count {
            let planes = (comptime!(units as u32) + PLANE_DIM - 1) / PLANE_DIM;
            for plane in 0..planes {
                sum += shared[plane as usize * count + unit];
            }
        }
    } else {
        let mut shared = Shared::<[f32]>::new_slice(comptime!(units * count));
        #[unroll]
        for index in 0..count {
            shared[index * units + unit] = values[index];
        }
        sync_cube();
        let mut step = comptime!(units / 2).runtime();
        while step > 0 {
            if unit < step {
                #[unroll]
                for index in 0..count {
                    let other = shared[index * units + unit + step];
                    shared[index * units + unit] += other;
                }
            }
            sync_cube();
            step /= 2;
        }
        if unit < count {
            sum = shared[unit * units];
        }
    }
    sum
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
