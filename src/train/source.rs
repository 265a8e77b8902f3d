//! Gives networks the tensors that are learning.

use burn::tensor::{Device, Tensor};

use crate::nn::{Linear, MissingTensor, Table, TableValues, WeightSource};
use crate::train::Parameters;

/// Handles of parameters; networks are built of them anew at every step.
pub(crate) struct Learning<'a> {
    pub(crate) parameters: &'a Parameters,
}

impl Learning<'_> {
    fn tensor(&self, name: &str) -> Result<Tensor<1>, MissingTensor> {
        let parameter = self.parameters.get(name).ok_or_else(|| MissingTensor(name.to_owned()))?;
        Ok(parameter.tensor())
    }
}

impl WeightSource for Learning<'_> {
    fn device(&self) -> Device {
        self.parameters.device().clone()
    }

    fn linear(
        &mut self,
        name: &str,
        outputs: usize,
        inputs: usize,
        has_bias: bool,
    ) -> Result<Linear, MissingTensor> {
        let weight = self.tensor(&format!("{name}.weight"))?.reshape([outputs, inputs]);
        let weight = self.parameters.matrix(weight);
        let bias = if has_bias { Some(self.tensor(&format!("{name}.bias"))?) } else { None };
        Ok(Linear::dense(vec![weight], bias))
    }

    fn vector(&mut self, name: &str, _shape: &[usize]) -> Result<Tensor<1>, MissingTensor> {
        self.tensor(name)
    }

    /// Rows of ids are looked up on the device, where they learn; this table stays empty.
    fn table(&mut self, name: &str, _rows: usize, columns: usize) -> Result<Table, MissingTensor> {
        self.tensor(name)?;
        Ok(Table::new(TableValues::F32(Vec::new()), columns))
    }
}
