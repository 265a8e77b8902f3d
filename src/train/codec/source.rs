//! Gives the codec's networks the tensors that are learning.

use burn::tensor::{Device, Tensor};

use crate::nn::{Linear, MissingTensor, Table, WeightSource};
use crate::train::Parameters;
use crate::train::codec::{CODEBOOK, PROJ};
use crate::train::source::Learning;

/// All but the quantiser's `proj` come as they are; `proj` is made of the codebook.
pub(super) struct CodecLearning<'a> {
    pub(super) inner: Learning<'a>,
}

impl WeightSource for CodecLearning<'_> {
    fn device(&self) -> Device {
        self.inner.device()
    }

    fn linear(
        &mut self,
        name: &str,
        outputs: usize,
        inputs: usize,
        has_bias: bool,
    ) -> Result<Linear, MissingTensor> {
        if name != PROJ {
            return self.inner.linear(name, outputs, inputs, has_bias);
        }
        let rows = rows(self.inner.parameters, outputs, inputs)?;
        let lengths = lengths(rows.clone());
        Ok(Linear::dense(vec![rows], Some(lengths)))
    }

    fn vector(&mut self, name: &str, shape: &[usize]) -> Result<Tensor<1>, MissingTensor> {
        self.inner.vector(name, shape)
    }

    fn table(&mut self, name: &str, rows: usize, columns: usize) -> Result<Table, MissingTensor> {
        self.inner.table(name, rows, columns)
    }
}

/// The codebook as it is, recording nothing: which row is nearest has no gradient.
fn rows(parameters: &Parameters, rows: usize, columns: usize) -> Result<Tensor<2>, MissingTensor> {
    let codebook = parameters.get(CODEBOOK).ok_or_else(|| MissingTensor(CODEBOOK.to_owned()))?;
    Ok(codebook.value.clone().reshape([rows, columns]))
}

/// −|e|²/2 of every row.
///
/// # Shapes
/// `[rows, columns]` → `[rows]`.
pub(super) fn lengths(rows: Tensor<2>) -> Tensor<1> {
    rows.powi_scalar(2).sum_dim(1).reshape([-1]) * -0.5
}
