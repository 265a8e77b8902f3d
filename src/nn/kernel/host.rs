//! Work on the CPU with what is no tensor: weights in blocks.

use burn::tensor::{Tensor, TensorData};

use crate::nn::HostMatrix;

/// x·Wᵀ for a weight in blocks.
///
/// # Shapes
/// `[rows, inputs]` f32 → `[rows, outputs]` f32.
pub(crate) fn host_linear(x: Tensor<2>, weight: &HostMatrix) -> Tensor<2> {
    let ([rows, _], device) = (x.dims(), x.device());
    let mut out = vec![0.0; rows * weight.rows()];
    if let Ok(values) = x.into_data().try_into_vec_as::<f32>() {
        weight.product(&values, &mut out);
    }
    Tensor::from_data(TensorData::new(out, [rows, weight.rows()]), &device)
}
