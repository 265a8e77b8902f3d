//! The kernel for a few rows times a weight: reading the weight is what takes the time, so it is
//! read once, as wide as loads go, and whatever stands before and after the product is done in the
//! same launch.

use burn_cubecl::cubecl::{self, prelude::*};

use crate::nn::kernel::attend_device_kernels::sum_of_four;
use crate::nn::kernel::quant_kernels::{block_word, code, input_factor};

/// Fours of columns of numbers that a unit reads before it waits for them.
const AHEAD: usize = 4;

/// How the weight is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Stored {
    Numbers,
    Q8,
    Q4,
}

/// What of the kernel is known when it is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ProductPlan {
    pub(super) stored: Stored,
    /// Rows of x.
    pub(super) rows: usize,
    /// Rows of the weight that a group of units multiplies.
    pub(super) outputs: usize,
    /// Units of a group.
    pub(super) units: usize,
    /// Whether units of a plane add up among themselves.
    pub(super) has_planes: bool,
    /// x is normalised first: x / √(mean(x²) + eps) · norm.
    pub(super) has_norm: bool,
    pub(super) has_bias: bool,
    /// Something is added to the product.
    pub(super) has_added: bool,
    /// The weight has the rows of a gate and as many below them to be gated: silu(gate) · up.
    pub(super) is_gated: bool,
}

impl ProductPlan {
    /// Outputs of the result that a group computes.
    pub(super) fn own_outputs(self) -> usize {
        if self.is_gated { self.outputs / 2 } else { self.outputs }
    }

    /// Sums of a group: every output and row, and the squares of every row.
    fn sums(self) -> usize {
        self.rows * self.outputs + if self.has_norm { self.rows } else { 0 }
    }
}

/// Which outputs a group computes, and where the result has them.
#[derive(CubeType, Clone, Copy)]
#[expand(derive(Clone, Copy))]
struct Place {
    first: usize,
    /// Outputs of the matrix.
    outputs: usize,
    /// Column of the result where they begin, and columns there are.
    column: usize,
    columns: usize,
}

/// `codes` are not read where the weight is numbers, `norm`, `bias` and `added` where the plan has
/// none. x is filled up with zeros to whole groups of blocks.
#[cube(launch_unchecked)]
pub(super) fn product_kernel<F: Float>(
    x: &Tensor<Vector<f32, Const<4>>>,
    norm: &Tensor<Vector<f32, Const<4>>>,
    codes: &Tensor<Vector<u32, Const<4>>>,
    numbers: &Tensor<Vector<F, Const<4>>>,
    bias: &Tensor<f32>,
    added: &Tensor<f32>,
    out: &mut Tensor<f32>,
    outputs: usize,
    quads: usize,
    eps: f32,
    #[comptime] plan: ProductPlan,
    #[define(F)] _dtype: ElemType,
) {
    let first = CUBE_POS * comptime!(plan.own_outputs());
    let place = Place { first, outputs, column: 0, columns: outputs };
    // what is gated follows the gate
    let rows = weight_rows(first, outputs, outputs, plan);
    let mut sums = no_sums(plan);
    sum_up::<F>(x, norm, codes, codes, numbers, numbers, &rows, &mut sums, quads, plan);
    let results = of_group(&sums, plan);
    let own_bias = bias_of(bias, 0usize, place, plan);
    let mut gated_bias = 0.0f32;
    if comptime!(plan.is_gated) {
        gated_bias = bias_of(bias, outputs, place, plan);
    }
    finish(&results, own_bias, gated_bias, added, out, place, quads, eps, plan);
}

/// The same for two or three matrices of one x: a gate and what is gated, or outputs that follow
/// each other in the result.
#[cube(launch_unchecked)]
pub(super) fn products_kernel<F: Float>(
    x: &Tensor<Vector<f32, Const<4>>>,
    norm: &Tensor<Vector<f32, Const<4>>>,
    codes_a: &Tensor<Vector<u32, Const<4>>>,
    codes_b: &Tensor<Vector<u32, Const<4>>>,
    codes_c: &Tensor<Vector<u32, Const<4>>>,
    numbers_a: &Tensor<Vector<F, Const<4>>>,
    numbers_b: &Tensor<Vector<F, Const<4>>>,
    numbers_c: &Tensor<Vector<F, Const<4>>>,
    bias_a: &Tensor<f32>,
    bias_b: &Tensor<f32>,
    bias_c: &Tensor<f32>,
    out: &mut Tensor<f32>,
    outputs_a: usize,
    outputs_b: usize,
    outputs_c: usize,
    quads: usize,
    eps: f32,
    #[comptime] plan: ProductPlan,
    #[define(F)] _dtype: ElemType,
) {
    let own = comptime!(plan.own_outputs());
    let (groups_a, groups_b) = (outputs_a.div_ceil(own), outputs_b.div_ceil(own));
    let mut place =
        Place { first: CUBE_POS * own, outputs: outputs_a, column: 0, columns: outputs_a };
    if comptime!(!plan.is_gated) {
        place.columns = outputs_a + outputs_b + outputs_c;
        if CUBE_POS >= groups_a + groups_b {
            place.first = (CUBE_POS - groups_a - groups_b) * own;
            place.outputs = outputs_c;
            place.column = outputs_a + outputs_b;
        } else if CUBE_POS >= groups_a {
            place.first = (CUBE_POS - groups_a) * own;
            place.outputs = outputs_b;
            place.column = outputs_a;
        }
    }
    let rows = weight_rows(place.first, place.outputs, 0usize, plan);
    let mut sums = no_sums(plan);
    let mut bias = 0.0f32;
    let mut gated_bias = 0.0f32;
    if comptime!(plan.is_gated) {
        sum_up::<F>(x, norm, codes_a, codes_b, numbers_a, numbers_b, &rows, &mut sums, quads, plan);
        bias += bias_of(bias_a, 0usize, place, plan);
        gated_bias += bias_of(bias_b, 0usize, place, plan);
    } else if CUBE_POS < groups_a {
        sum_up::<F>(x, norm, codes_a, codes_a, numbers_a, numbers_a, &rows, &mut sums, quads, plan);
        bias += bias_of(bias_a, 0usize, place, plan);
    } else if CUBE_POS < groups_a + groups_b {
        sum_up::<F>(x, norm, codes_b, codes_b, numbers_b, numbers_b, &rows, &mut sums, quads, plan);
        bias += bias_of(bias_b, 0usize, place, plan);
    } else {
        sum_up::<F>(x, norm, codes_c, codes_c, numbers_c, numbers_c, &rows, &mut sums, quads, plan);
        bias += bias_of(bias_c, 0usize, place, plan);
    }
    let results = of_group(&sums, plan);
    finish(&results, bias, gated_bias, bias_a, out, place, quads, eps, plan);
}

/// The bias of the output that a unit finishes.
#[cube]
fn bias_of(bias: &Tensor<f32>, from: usize, place: Place, #[comptime] plan: ProductPlan) -> f32 {
    let mut value = 0.0f32;
    if comptime!(plan.has_bias) {
        let index = UNIT_POS as usize / comptime!(plan.rows);
        value = bias[from + usize::min(place.first + index, place.outputs - 1)];
    }
    value
}

/// Zeros for the sum of every output and row, and for that of the squares of every row.
#[cube]
fn no_sums(#[comptime] plan: ProductPlan) -> Array<f32> {
    let mut sums = Array::<f32>::new(comptime!(plan.sums()));
    #[unroll]
    for index in 0..comptime!(plan.sums()) {
        sums[index] = 0.0f32;
    }
    sums
}

/// The rows of the weight that a group multiplies; those to be gated begin at `gated`.
#[cube]
fn weight_rows(
    first: usize,
    outputs: usize,
    gated: usize,
    #[comptime] plan: ProductPlan,
) -> Array<usize> {
    let own = comptime!(plan.own_outputs());
    let mut rows = Array::<usize>::new(comptime!(plan.outputs));
    #[unroll]
    for index in 0..comptime!(plan.outputs) {
        // outputs beyond the last are computed and not written
        let output = usize::min(first + comptime!(index % own), outputs - 1);
        rows[index] = if comptime!(index < own) { output } else { gated + output };
    }
    rows
}

/// A unit's share of the sums. The weight is `a`, and `b` for what is gated.
#[cube]
fn sum_up<F: Float>(
    x: &Tensor<Vector<f32, Const<4>>>,
    norm: &Tensor<Vector<f32, Const<4>>>,
    codes_a: &Tensor<Vector<u32, Const<4>>>,
    codes_b: &Tensor<Vector<u32, Const<4>>>,
    numbers_a: &Tensor<Vector<F, Const<4>>>,
    numbers_b: &Tensor<Vector<F, Const<4>>>,
    weight_rows: &Array<usize>,
    sums: &mut Array<f32>,
    quads: usize,
    #[comptime] plan: ProductPlan,
) {
    if comptime!(plan.stored == Stored::Numbers) {
        sum_numbers::<F>(x, norm, numbers_a, numbers_b, weight_rows, sums, quads, plan);
    } else {
        sum_blocks::<F>(
            x,
            norm,
            codes_a,
            codes_b,
            numbers_a,
            numbers_b,
            weight_rows,
            sums,
            quads / 64,
            plan,
        );
    }
}

/// What stands after the product, and the result.
#[cube]
fn finish(
    results: &Shared<[f32]>,
    bias: f32,
    gated_bias: f32,
    added: &Tensor<f32>,
    out: &mut Tensor<f32>,
    place: Place,
    quads: usize,
    eps: f32,
    #[comptime] plan: ProductPlan,
) {
    let (m, n) = comptime!((plan.rows, plan.outputs));
    let own = comptime!(plan.own_outputs());
    let unit = UNIT_POS as usize;
    let (index, row) = (unit / m, unit % m);
    let output = place.first + index;
    if index < own && output < place.outputs {
        let mut factor = 1.0f32;
        if comptime!(plan.has_norm) {
            let squares = results[comptime!(m * n) + row];
            factor = f32::sqrt(squares / ((quads * 4) as f32) + eps).recip();
        }
        let mut value = results[index * m + row] * factor + bias;
        if comptime!(plan.is_gated) {
            let up = results[(index + own) * m + row] * factor + gated_bias;
            value = value / (1.0f32 + f32::exp(-value)) * up;
        }
        let at = row * place.columns + place.column + output;
        if comptime!(plan.has_added) {
            value += added[at];
        }
        out[at] = value;
    }
}

/// A unit's share of the sums where the weight is numbers.
#[cube]
fn sum_numbers<F: Float>(
    x: &Tensor<Vector<f32, Const<4>>>,
    norm: &Tensor<Vector<f32, Const<4>>>,
    a: &Tensor<Vector<F, Const<4>>>,
    b: &Tensor<Vector<F, Const<4>>>,
    weight_rows: &Array<usize>,
    sums: &mut Array<f32>,
    quads: usize,
    #[comptime] plan: ProductPlan,
) {
    let own = comptime!(plan.own_outputs());
    let (m, n) = comptime!((plan.rows, plan.outputs));
    let mut fours = Array::<Vector<f32, Const<4>>>::new(comptime!(m * n));
    #[unroll]
    for index in 0..comptime!(m * n) {
        fours[index] = Vector::new(0.0f32);
    }
    let mut weights = Array::<Vector<F, Const<4>>>::new(comptime!(n * AHEAD));
    let mut item = UNIT_POS as usize;
    while item < quads {
        #[unroll]
        for ahead in 0..AHEAD {
            let quad = usize::min(item + comptime!(ahead * plan.units), quads - 1);
            #[unroll]
            for index in 0..n {
                let at = weight_rows[index] * quads + quad;
                weights[comptime!(index * AHEAD + ahead)] =
                    if comptime!(index < own) { a[at] } else { b[at] };
            }
        }
        #[unroll]
        for ahead in 0..AHEAD {
            let quad = item + comptime!(ahead * plan.units);
            if quad < quads {
                #[unroll]
                for row in 0..m {
                    let mut four = x[row * quads + quad];
                    if comptime!(plan.has_norm) {
                        sums[comptime!(m * n + row)] += sum_of_four(four * four);
                        four *= norm[quad];
                    }
                    #[unroll]
                    for index in 0..n {
                        let weight = weights[comptime!(index * AHEAD + ahead)];
                        fours[comptime!(index * m + row)] += Vector::cast_from(weight) * four;
                    }
                }
            }
        }
        item += comptime!(AHEAD * plan.units);
    }
    #[unroll]
    for index in 0..comptime!(m * n) {
        sums[index] = sum_of_four(fours[index]);
    }
}

/// A unit's share of the sums where the weight is blocks.
#[cube]
fn sum_blocks<F: Float>(
    x: &Tensor<Vector<f32, Const<4>>>,
    norm: &Tensor<Vector<f32, Const<4>>>,
    codes_a: &Tensor<Vector<u32, Const<4>>>,
    codes_b: &Tensor<Vector<u32, Const<4>>>,
    scales_a: &Tensor<Vector<F, Const<4>>>,
    scales_b: &Tensor<Vector<F, Const<4>>>,
    weight_rows: &Array<usize>,
    sums: &mut Array<f32>,
    groups: usize,
    #[comptime] plan: ProductPlan,
) {
    let own = comptime!(plan.own_outputs());
    let is_q4 = comptime!(plan.stored == Stored::Q4);
    let (m, n) = comptime!((plan.rows, plan.outputs));
    let halves = comptime!(if is_q4 { 1usize } else { 2 });
    let scale_quads = comptime!(if is_q4 { 4usize } else { 2 });
    let mut words = Array::<Vector<u32, Const<4>>>::new(comptime!(n * halves));
    let mut factors = Array::<Vector<F, Const<4>>>::new(comptime!(n * scale_quads));
    let mut item = UNIT_POS as usize;
    while item < groups * 8 {
        let (group, lane) = (item / 8, item % 8);
        #[unroll]
        for index in 0..n {
            let place = weight_rows[index] * groups + group;
            #[unroll]
            for half in 0..halves {
                let at = (place * halves + half) * 8 + lane;
                words[comptime!(index * halves + half)] =
                    if comptime!(index < own) { codes_a[at] } else { codes_b[at] };
            }
            #[unroll]
            for quad in 0..scale_quads {
                let at = place * scale_quads + quad;
                factors[comptime!(index * scale_quads + quad)] =
                    if comptime!(index < own) { scales_a[at] } else { scales_b[at] };
            }
        }
        #[unroll]
        for block in 0..8usize {
            let mut inputs = Array::<f32>::new(comptime!(4 * m));
            let mut totals = Array::<f32>::new(m);
            #[unroll]
            for row in 0..m {
                let mut four = x[(row * groups + group) * 64 + block * 8 + lane];
                if comptime!(plan.has_norm) {
                    sums[comptime!(m * n + row)] += sum_of_four(four * four);
                    four *= norm[group * 64 + block * 8 + lane];
                }
                totals[row] = sum_of_four(four);
                #[unroll]
                for column in 0..4usize {
                    inputs[comptime!(row * 4 + column)] =
                        four.extract(column) * input_factor(comptime!(column as u32), is_q4);
                }
            }
            #[unroll]
            for index in 0..n {
                let word = block_word(&words, comptime!(index * halves), block, is_q4);
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
                        products[row] += number * inputs[comptime!(row * 4 + column)];
                    }
                }
                let at = comptime!(index * scale_quads + block / 4);
                let scale = f32::cast_from(factors[at].extract(comptime!(block % 4)));
                #[unroll]
                for row in 0..m {
                    sums[comptime!(index * m + row)] += scale * products[row];
                }
                if comptime!(is_q4) {
                    let minimum = factors[comptime!(at + 2)].extract(comptime!(block % 4));
                    let minimum = f32::cast_from(minimum);
                    #[unroll]
                    for row in 0..m {
                        sums[comptime!(index * m + row)] += minimum * totals[row];
                    }
                }
            }
        }
        item += comptime!(plan.units);
    }
}

/// The sums over the group of every unit's values.
#[cube]
fn of_group(values: &Array<f32>, #[comptime] plan: ProductPlan) -> Shared<[f32]> {
    let (count, units) = comptime!((plan.sums(), plan.units));
    let unit = UNIT_POS as usize;
    let mut results = Shared::<[f32]>::new_slice(count);
    if comptime!(plan.has_planes) {
        // planes are no smaller than four units
        let mut shared = Shared::<[f32]>::new_slice(comptime!(units / 4 * count));
        let mut planes = Shared::<[u32]>::new_slice(1usize);
        #[unroll]
        for index in 0..count {
            let of_plane = plane_sum(values[index]);
            if UNIT_POS_PLANE == 0 {
                shared[PLANE_POS as usize * count + index] = of_plane;
            }
        }
        // drivers may run planes narrower than what they call their size
        if unit == comptime!(units - 1) {
            planes[0] = PLANE_POS + 1;
        }
        sync_cube();
        if unit < count {
            let mut sum = 0.0f32;
            for plane in 0..planes[0] {
                sum += shared[plane as usize * count + unit];
            }
            results[unit] = sum;
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
            results[unit] = shared[unit * units];
        }
    }
    sync_cube();
    results
}
