//! Writes small tensors as safetensors.

use std::path::Path;

use safetensors::{Dtype, SafeTensorError, tensor::TensorView};

use crate::checkpoint::CheckpointError;

/// Values of a tensor, row-major.
#[derive(Clone, Copy, Debug)]
pub enum WrittenValues<'a> {
    /// Numbers.
    F32(&'a [f32]),
    /// Counts and codes.
    I64(&'a [i64]),
}

impl WrittenValues<'_> {
    fn dtype(self) -> Dtype {
        match self {
            Self::F32(_) => Dtype::F32,
            Self::I64(_) => Dtype::I64,
        }
    }

    fn bytes(self) -> Vec<u8> {
        match self {
            Self::F32(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Self::I64(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        }
    }
}

/// Write named tensors `(name, shape, values)`.
///
/// # Errors
/// When a shape does not fit its values or the file cannot be written.
pub fn write_safetensors(
    path: &Path,
    tensors: &[(&str, Vec<usize>, WrittenValues<'_>)],
) -> Result<(), CheckpointError> {
    let damaged = |reason: String| CheckpointError::Damaged { reason, path: path.to_owned() };
    let bytes: Vec<Vec<u8>> = tensors.iter().map(|(_, _, values)| values.bytes()).collect();
    let mut views = Vec::new();
    for ((name, shape, values), data) in tensors.iter().zip(&bytes) {
        let view = TensorView::new(values.dtype(), shape.clone(), data)
            .map_err(|error| damaged(format!("{name}: {error}")))?;
        views.push((*name, view));
    }
    safetensors::serialize_to_file(views, None, path).map_err(|error| match error {
        SafeTensorError::IoError(source) => CheckpointError::Io { source, path: path.to_owned() },
        error => damaged(error.to_string()),
    })
}
