//! Normalisation, always in f32.

use burn::tensor::Tensor;

use crate::nn::kernel::{layer_norm, rms_norm};
use crate::nn::{MissingTensor, WeightSource};

/// x / √(mean(x²) + eps) · weight.
#[derive(Clone, Debug)]
pub(crate) struct RmsNorm {
    weight: Tensor<1>,
    eps: f64,
}

impl RmsNorm {
    pub(crate) fn init(
        name: &str,
        len: usize,
        eps: f64,
        weights: &mut impl WeightSource,
    ) -> Result<Self, MissingTensor> {
        Ok(Self { weight: weights.vector(&format!("{name}.weight"), &[len])?, eps })
    }

    /// Its weight and what is added to the mean.
    pub(crate) fn parts(&self) -> (&Tensor<1>, f32) {
        (&self.weight, self.eps as f32)
    }

    /// # Shapes
    /// `[rows, len]` → the same.
    pub(crate) fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        rms_norm(x, self.weight.clone(), self.eps as f32)
    }
}

/// (x − mean) / √(variance + eps) · weight + bias.
#[derive(Clone, Debug)]
pub(crate) struct LayerNorm {
    weight: Tensor<1>,
    bias: Tensor<1>,
    eps: f64,
}

impl LayerNorm {
    pub(crate) fn init(
        name: &str,
        len: usize,
        eps: f64,
        weights: &mut impl WeightSource,
    ) -> Result<Self, MissingTensor> {
        Ok(Self {
            weight: weights.vector(&format!("{name}.weight"), &[len])?,
            bias: weights.vector(&format!("{name}.bias"), &[len])?,
            eps,
        })
    }

    /// # Shapes
    /// `[rows, len]` → the same.
    pub(crate) fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        layer_norm(x, self.weight.clone(), self.bias.clone(), self.eps as f32)
    }
}
