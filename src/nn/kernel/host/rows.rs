//! The numbers of a tensor that lives on the CPU, as they lie.

use std::borrow::Cow;

use burn::backend::{BackendTensor, DispatchTensorKind};
use burn::tensor::{DType, Tensor};
use burn_flex::FlexTensor;

/// Rows of f32, each without gaps.
#[derive(Clone, Debug)]
pub(crate) struct HostRows {
    tensor: FlexTensor,
    start: usize,
    stride: usize,
    columns: usize,
}

impl HostRows {
    /// `None` for tensors that live elsewhere or hold something else.
    pub(crate) fn of(x: Tensor<2>) -> Option<Self> {
        let [_, columns] = x.dims();
        let DispatchTensorKind::Flex(BackendTensor::Float(tensor)) = x.into_dispatch().kind else {
            return None;
        };
        let tensor = match tensor.layout().strides() {
            [_, 1] => tensor,
            _ => tensor.to_contiguous(),
        };
        let stride = usize::try_from(*tensor.layout().strides().first()?).ok()?;
        let start = tensor.layout().start_offset();
        (burn::backend::TensorMetadata::dtype(&tensor) == DType::F32).then_some(Self {
            tensor,
            start,
            stride,
            columns,
        })
    }

    /// All numbers from the first row's on.
    fn values(&self) -> &[f32] {
        self.tensor.storage::<f32>().get(self.start..).unwrap_or_default()
    }

    /// One row; empty where there is none.
    pub(crate) fn row(&self, row: usize) -> &[f32] {
        let from = row * self.stride;
        self.values().get(from..from + self.columns).unwrap_or_default()
    }
}

impl HostRows {
    /// Row after row without gaps.
    pub(crate) fn packed(&self, rows: usize) -> Cow<'_, [f32]> {
        if self.stride == self.columns || rows == 1 {
            return Cow::Borrowed(self.values().get(..rows * self.columns).unwrap_or_default());
        }
        let mut packed = Vec::with_capacity(rows * self.columns);
        (0..rows).for_each(|row| packed.extend_from_slice(self.row(row)));
        Cow::Owned(packed)
    }
}
