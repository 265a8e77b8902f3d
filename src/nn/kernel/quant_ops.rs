//! Products with weights in blocks, on the device of the tensors.

// the attribute macro below writes items wider than they need be
#![expect(unreachable_pub, reason = "written by macros")]

use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, Dispatch, backend_extension};
use burn::tensor::Tensor;

use crate::nn::kernel::linear;
use crate::nn::quant::{BlockFormat, BlockMatrix, GROUP};

/// Rows up to which the codes are multiplied as they are; the numbers of every code are then
/// computed once for all rows.
pub(super) const FEW_ROWS: usize = 8;

/// Bytes of the numbers computed from codes at once for many rows.
const WIDENED_BYTES: usize = 64 << 20;

/// What the tensors of a matrix in blocks do not say.
#[derive(Clone, Copy, Debug)]
pub struct Blocks {
    /// How they are stored.
    pub format: BlockFormat,
    /// Inputs.
    pub columns: usize,
    /// Whether there is a bias to add.
    pub has_bias: bool,
}

impl Blocks {
    /// Groups of a row.
    pub(super) fn groups(self) -> usize {
        self.columns.div_ceil(GROUP)
    }
}

#[backend_extension(Cube, Flex)]
pub trait QuantOps: Backend {
    /// A few rows times a matrix in blocks: `[rows, inputs]`, codes, scales, bias `[outputs]` →
    /// `[rows, outputs]`. Without a bias anything may stand in its place.
    fn block_linear_op(
        x: FloatTensor<Self>,
        codes: IntTensor<Self>,
        scales: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        blocks: Blocks,
    ) -> FloatTensor<Self>;
    /// The numbers of some rows of a matrix in blocks, filled up with zeros to whole groups, in
    /// the type of the scales: → `[rows, groups · 256]`.
    fn widened_op(
        codes: IntTensor<Self>,
        scales: FloatTensor<Self>,
        blocks: Blocks,
        first: usize,
        rows: usize,
    ) -> FloatTensor<Self>;
    /// Zeros on the right: `[rows, inputs]` → `[rows, columns]`.
    fn padded_op(x: FloatTensor<Self>, columns: usize) -> FloatTensor<Self>;
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
    let blocks =
        Blocks { format: matrix.format, columns: matrix.columns, has_bias: bias.is_some() };
    let ([rows, inputs], width) = (x.dims(), blocks.groups() * GROUP);
    let x = if inputs == width { x } else { padded(x, width) };
    if rows <= FEW_ROWS {
        let unused = || x.clone().flatten(0, 1);
        let bias = bias.cloned().unwrap_or_else(unused).into_dispatch();
        let (codes, scales) = (&matrix.codes, &matrix.scales);
        return Tensor::from_dispatch(<Dispatch as QuantOps>::block_linear_op(
            x.into_dispatch(),
            codes.clone().into_dispatch(),
            scales.clone().into_dispatch(),
            bias,
            blocks,
        ));
    }
    let y = product_of_many(x, matrix, blocks);
    match bias {
        Some(bias) => y + bias.clone().unsqueeze(),
        None => y,
    }
}

/// Reading the weight is not what takes the time here, so its numbers are written out, some
/// outputs at a time, for the engine's own product.
fn product_of_many(x: Tensor<2>, matrix: &BlockMatrix, blocks: Blocks) -> Tensor<2> {
    let [outputs, _] = matrix.codes.dims();
    let row_bytes = blocks.groups() * GROUP * matrix.scales.dtype().size();
    let most = (WIDENED_BYTES / row_bytes.max(1)).max(1);
    // pieces of one size: what is searched and built for one serves all
    let at_once = outputs.div_ceil(outputs.div_ceil(most).max(1)).next_multiple_of(16).max(1);
    let parts = (0..outputs).step_by(at_once).map(|first| {
        let rows = at_once.min(outputs - first);
        let (codes, scales) = (matrix.codes.clone(), matrix.scales.clone());
        let widened = Tensor::from_dispatch(<Dispatch as QuantOps>::widened_op(
            codes.into_dispatch(),
            scales.into_dispatch(),
            blocks,
            first,
            rows,
        ));
        linear(x.clone(), widened)
    });
    let mut parts: Vec<Tensor<2>> = parts.collect();
    if parts.len() == 1 { parts.remove(0) } else { Tensor::cat(parts, 1) }
}

fn padded(x: Tensor<2>, columns: usize) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as QuantOps>::padded_op(x.into_dispatch(), columns))
}
