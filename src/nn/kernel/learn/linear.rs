//! Products with weights, and their gradients as they lie in checkpoints.

use burn_flex::FlexTensor;
use burn_flex::ops::matmul::matmul;

/// x·Wᵀ.
pub(super) fn product(x: FlexTensor, weight: FlexTensor) -> FlexTensor {
    matmul(x, weight.transpose(0, 1))
}

/// Of the input.
///
/// # Shapes
/// `[rows, outputs]`, `[outputs, inputs]` → `[rows, inputs]`.
pub(super) fn product_back_input(gradient: FlexTensor, weight: FlexTensor) -> FlexTensor {
    matmul(gradient, weight)
}

/// Of the weight, in its own order, so that sums of it pass over memory as it lies.
///
/// # Shapes
/// `[rows, outputs]`, `[rows, inputs]` → `[outputs, inputs]`.
pub(super) fn product_back_weight(gradient: FlexTensor, x: FlexTensor) -> FlexTensor {
    matmul(gradient.transpose(0, 1), x)
}
