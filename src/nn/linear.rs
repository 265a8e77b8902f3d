//! The one switch between ways of storing and multiplying a weight.

use burn::tensor::Tensor;

use crate::nn::kernel::linear;

/// x·Wᵀ + b.
///
/// Weights are `[outputs, inputs]` as checkpoints have them and are multiplied as a transposed
/// view of two dimensions: with three, the CPU engine would copy the weight at every call.
#[derive(Clone, Debug)]
pub struct Linear {
    weight: Weight,
    bias: Option<Tensor<1>>,
}

/// How a weight is stored. Quantised blocks and low-rank additions get their variants here.
#[derive(Clone, Debug)]
enum Weight {
    /// Rows of the matrix, cut into as many pieces as the device's largest tensor asks for.
    Dense(Vec<Tensor<2>>),
}

impl Linear {
    /// From pieces `[some outputs, inputs]` in order, and an f32 bias `[outputs]`.
    #[must_use]
    pub fn dense(pieces: Vec<Tensor<2>>, bias: Option<Tensor<1>>) -> Self {
        Self { weight: Weight::Dense(pieces), bias }
    }

    /// # Shapes
    /// `[rows, inputs]` f32 → `[rows, outputs]` f32.
    #[must_use]
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let y = match &self.weight {
            Weight::Dense(pieces) => forward_dense(pieces, x),
        };
        match &self.bias {
            Some(bias) => y + bias.clone().unsqueeze(),
            None => y,
        }
    }
}

fn forward_dense(pieces: &[Tensor<2>], x: Tensor<2>) -> Tensor<2> {
    if let [only] = pieces {
        return linear(x, only.clone());
    }
    Tensor::cat(pieces.iter().map(|piece| linear(x.clone(), piece.clone())).collect(), 1)
}
