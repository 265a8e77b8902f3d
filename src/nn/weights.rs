//! Where the tensors of a network come from.

use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use half::{bf16, f16};

use crate::nn::Linear;

/// A tensor that the network needs and the source does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("tensor {0} is not there")]
pub struct MissingTensor(pub String);

/// A configuration that describes no network of this kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadConfig(pub String);

/// Gives a network its tensors by the checkpoint's names.
pub trait WeightSource {
    /// Where tensors live.
    fn device(&self) -> Device;

    /// `{name}.weight` `[outputs, inputs]`, and `{name}.bias` `[outputs]` when there is one.
    ///
    /// # Errors
    /// When it is not there.
    fn linear(
        &mut self,
        name: &str,
        outputs: usize,
        inputs: usize,
        has_bias: bool,
    ) -> Result<Linear, MissingTensor>;

    /// A tensor kept in f32, of any number of dimensions, flattened to `[len]`.
    ///
    /// # Errors
    /// When it is not there.
    fn vector(&mut self, name: &str, shape: &[usize]) -> Result<Tensor<1>, MissingTensor>;

    /// A table kept on the host, from which rows are looked up.
    ///
    /// # Errors
    /// When it is not there.
    fn table(&mut self, name: &str, rows: usize, columns: usize) -> Result<Table, MissingTensor>;
}

/// Rows looked up by id, on the host in the precision of the file.
///
/// A step of the decoder needs one row of it: keeping it off the device saves a gigabyte there,
/// and no adapter's limit on the size of a tensor applies.
#[derive(Clone, Debug)]
pub struct Table {
    values: Arc<TableValues>,
    columns: usize,
}

/// Values of a [`Table`], `[rows, columns]` row-major.
#[derive(Clone, Debug)]
pub enum TableValues {
    /// 32 bits.
    F32(Vec<f32>),
    /// 16 bits, small range.
    F16(Vec<f16>),
    /// 16 bits, range of f32.
    Bf16(Vec<bf16>),
}

impl Table {
    /// A table of rows of this length.
    #[must_use]
    pub fn new(values: TableValues, columns: usize) -> Self {
        Self { values: Arc::new(values), columns: columns.max(1) }
    }

    /// Its numbers, row after row.
    #[must_use]
    pub fn values(&self) -> &TableValues {
        &self.values
    }

    /// Numbers of a row.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Rows it has.
    #[must_use]
    pub fn num_rows(&self) -> usize {
        let len = match &*self.values {
            TableValues::F32(values) => values.len(),
            TableValues::F16(values) => values.len(),
            TableValues::Bf16(values) => values.len(),
        };
        len / self.columns
    }

    /// Append the row of an id; an id without a row gives zeros.
    pub fn push_row(&self, id: usize, out: &mut Vec<f32>) {
        let range =
            id.saturating_mul(self.columns)..id.saturating_add(1).saturating_mul(self.columns);
        let before = out.len();
        match &*self.values {
            TableValues::F32(values) => out.extend(values.get(range).unwrap_or_default()),
            TableValues::F16(values) => {
                out.extend(
                    values.get(range).unwrap_or_default().iter().map(|value| value.to_f32()),
                );
            }
            TableValues::Bf16(values) => {
                out.extend(
                    values.get(range).unwrap_or_default().iter().map(|value| value.to_f32()),
                );
            }
        }
        out.resize(before + self.columns, 0.0);
    }
}
