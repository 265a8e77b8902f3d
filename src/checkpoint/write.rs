//! Writes small f32 tensors as safetensors.

use std::path::Path;

use safetensors::{Dtype, tensor::TensorView};

use crate::checkpoint::CheckpointError;

/// Write named f32 tensors `(name, shape, row-major values)`.
///
/// # Errors
/// When a shape does not fit its values or the file cannot be written.
pub fn write_f32_safetensors(
    path: &Path,
    tensors: &[(&str, &[usize], &[f32])],
) -> Result<(), CheckpointError> {
    let damaged = |reason: String| CheckpointError::Damaged { reason, path: path.to_owned() };
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(_, _, values)| values.iter().flat_map(|value| value.to_le_bytes()).collect())
        .collect();
    let mut views = Vec::new();
    for ((name, shape, _), data) in tensors.iter().zip(&bytes) {
        let view = TensorView::new(Dtype::F32, shape.to_vec(), data)
            .map_err(|error| damaged(format!("{name}: {error}")))?;
        views.push((*name, view));
    }
    safetensors::serialize_to_file(views, None, path).map_err(|error| damaged(error.to_string()))
}
