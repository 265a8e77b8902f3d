//! Products with weights on the device of the tensors, in blocks and, for a few rows, in numbers.

// the attribute macro below writes items wider than they need be
#![expect(unreachable_pub, reason = "written by macros")]
#![expect(clippy::too_many_arguments, reason = "operations take their tensors one by one")]

use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, Dispatch, backend_extension};
use burn::tensor::Tensor;

use crate::nn::kernel::{is_recorded, linear};
use crate::nn::quant::{BlockFormat, BlockMatrix, GROUP};

/// Rows up to which reading the weight is what takes the time.
pub(super) const FEW_ROWS: usize = 8;

/// Bytes of the numbers computed from codes at once for many rows.
const WIDENED_BYTES: usize = 64 << 20;

/// What the tensors of a product do not say.
#[derive(Clone, Copy, Debug)]
pub struct Product {
    /// How the weight is stored, when it is blocks.
    pub format: Option<BlockFormat>,
    /// Inputs, filled up to whole groups when the weight is blocks.
    pub columns: usize,
    /// Whether x is normalised first, and what is added to the mean of the squares.
    pub norm_eps: Option<f32>,
    /// Whether there is a bias.
    pub has_bias: bool,
    /// Whether something is added to the product.
    pub has_added: bool,
    /// Whether the weight has the rows of a gate above as many to be gated: silu(gate) · up.
    pub is_gated: bool,
}

#[backend_extension(Cube, Flex)]
pub trait QuantOps: Backend {
    /// A few rows times a matrix in blocks: x `[rows, columns]`, norm `[columns]`, codes, scales,
    /// bias `[outputs]`, added `[rows, outputs]` → `[rows, outputs]`. What the product does not
    /// have may be anything. `None` where there is no such kernel.
    fn block_product_op(
        x: FloatTensor<Self>,
        norm: FloatTensor<Self>,
        codes: IntTensor<Self>,
        scales: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        added: FloatTensor<Self>,
        product: Product,
    ) -> Option<FloatTensor<Self>>;
    /// The same for a weight `[outputs, columns]` of numbers.
    fn dense_product_op(
        x: FloatTensor<Self>,
        norm: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        added: FloatTensor<Self>,
        product: Product,
    ) -> Option<FloatTensor<Self>>;
    /// The numbers of some rows of a matrix in blocks, filled up with zeros to whole groups, in
    /// the type of the scales: → `[rows, columns]`.
    fn widened_op(
        codes: IntTensor<Self>,
        scales: FloatTensor<Self>,
        format: BlockFormat,
        first: usize,
        rows: usize,
    ) -> FloatTensor<Self>;
    /// Zeros on the right: `[rows, inputs]` → `[rows, columns]`.
    fn padded_op(x: FloatTensor<Self>, columns: usize) -> FloatTensor<Self>;
}

/// The rows of a weight.
#[derive(Clone, Copy)]
pub(crate) enum WeightRows<'a> {
    /// Numbers `[outputs, inputs]`.
    Dense(&'a Tensor<2>),
    /// Blocks.
    Blocks(&'a BlockMatrix),
}

/// What stands before and after a product.
#[derive(Clone, Copy, Default)]
pub(crate) struct Around<'a> {
    /// Weight of a normalisation by the root of the mean square, and what is added to the mean.
    pub(crate) norm: Option<(&'a Tensor<1>, f32)>,
    /// `[outputs]`, of the gate and of what is gated.
    pub(crate) bias: Option<&'a Tensor<1>>,
    /// `[rows, outputs]`
    pub(crate) added: Option<&'a Tensor<2>>,
    /// The weight has the rows of a gate above as many to be gated: silu(gate) · up.
    pub(crate) is_gated: bool,
}

/// A few rows times a weight and what stands around it, in one launch; `None` where that is not to
/// be had.
///
/// # Shapes
/// `[rows, inputs]` f32 → `[rows, outputs]` f32, half the weight's rows when gated.
pub(crate) fn product_of_few(
    x: &Tensor<2>,
    weight: WeightRows<'_>,
    around: Around<'_>,
) -> Option<Tensor<2>> {
    let [rows, inputs] = x.dims();
    if rows > FEW_ROWS || is_recorded(x) {
        return None;
    }
    let unused = || x.clone().into_dispatch();
    let vector =
        |vector: Option<&Tensor<1>>| vector.cloned().map_or_else(unused, Tensor::into_dispatch);
    let norm = vector(around.norm.map(|(weight, _)| weight));
    let bias = vector(around.bias);
    let added = around.added.cloned().map_or_else(unused, Tensor::into_dispatch);
    let mut product = Product {
        format: None,
        columns: inputs,
        norm_eps: around.norm.map(|(_, eps)| eps),
        has_bias: around.bias.is_some(),
        has_added: around.added.is_some(),
        is_gated: around.is_gated,
    };
    let found = match weight {
        WeightRows::Dense(weight) if is_recorded(weight) => None,
        WeightRows::Dense(weight) => {
            let (x, weight) = (x.clone().into_dispatch(), weight.clone().into_dispatch());
            <Dispatch as QuantOps>::dense_product_op(x, norm, weight, bias, added, product)
        }
        WeightRows::Blocks(matrix) => {
            product.format = Some(matrix.format);
            product.columns = inputs.next_multiple_of(GROUP);
            // the zeros would count in the mean
            if around.norm.is_some() && inputs != product.columns {
                return None;
            }
            let x = padded(x.clone(), product.columns).into_dispatch();
            let (codes, scales) = (matrix.codes.clone(), matrix.scales.clone());
            <Dispatch as QuantOps>::block_product_op(
                x,
                norm,
                codes.into_dispatch(),
                scales.into_dispatch(),
                bias,
                added,
                product,
            )
        }
    };
    found.map(Tensor::from_dispatch)
}

/// x·Wᵀ + b for a weight in blocks.
///
/// # Shapes
/// `[rows, inputs]` f32 → `[rows, outputs]` f32.
pub(crate) fn block_linear(
    x: Tensor<2>,
    matrix: &BlockMatrix,
    bias: Option<&Tensor<1>>,
) -> Tensor<2> {
    let around = Around { bias, ..Around::default() };
    if let Some(y) = product_of_few(&x, WeightRows::Blocks(matrix), around) {
        return y;
    }
    let y = product_of_many(x, matrix);
    match bias {
        Some(bias) => y + bias.clone().unsqueeze(),
        None => y,
    }
}

/// Reading the weight is not what takes the time here, so its numbers are written out, some
/// outputs at a time, for the engine's own product.
fn product_of_many(x: Tensor<2>, matrix: &BlockMatrix) -> Tensor<2> {
    let outputs = matrix.rows();
    let columns = matrix.columns().next_multiple_of(GROUP);
    let x = padded(x, columns);
    let most = (WIDENED_BYTES / (columns * matrix.scales.dtype().size()).max(1)).max(1);
    // pieces of one size: what is searched and built for one serves all
    let at_once = outputs.div_ceil(outputs.div_ceil(most).max(1)).next_multiple_of(16).max(1);
    let parts = (0..outputs).step_by(at_once).map(|first| {
        let rows = at_once.min(outputs - first);
        let (codes, scales) = (matrix.codes.clone(), matrix.scales.clone());
        let widened = Tensor::from_dispatch(<Dispatch as QuantOps>::widened_op(
            codes.into_dispatch(),
            scales.into_dispatch(),
            matrix.format,
            first,
            rows,
        ));
        linear(x.clone(), widened)
    });
    let mut parts: Vec<Tensor<2>> = parts.collect();
    if parts.len() == 1 { parts.remove(0) } else { Tensor::cat(parts, 1) }
}

pub(super) fn padded(x: Tensor<2>, columns: usize) -> Tensor<2> {
    let [_, inputs] = x.dims();
    if inputs == columns {
        return x;
    }
    Tensor::from_dispatch(<Dispatch as QuantOps>::padded_op(x.into_dispatch(), columns))
}
