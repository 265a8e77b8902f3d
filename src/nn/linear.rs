//! The one switch between ways of storing and multiplying a weight.

use burn::tensor::Tensor;

use crate::nn::hlora::HLora;
use crate::nn::kernel::linear;

/// x·Wᵀ + b, and what an adapter adds.
///
/// Weights are `[outputs, inputs]` as checkpoints have them and are multiplied as a transposed
/// view of two dimensions: with three, the CPU engine would copy the weight at every call.
#[derive(Clone, Debug)]
pub struct Linear {
    weight: Weight,
    bias: Option<Tensor<1>>,
    adapter: Option<Box<HLora>>,
}

/// How a weight is stored. Quantised blocks get their variants here.
#[derive(Clone, Debug)]
enum Weight {
    /// Rows of the matrix, cut into as many pieces as the device's largest tensor asks for.
    Dense(Vec<Tensor<2>>),
}

impl Linear {
    /// From pieces `[some outputs, inputs]` in order, and an f32 bias `[outputs]`.
    #[must_use]
    pub fn dense(pieces: Vec<Tensor<2>>, bias: Option<Tensor<1>>) -> Self {
        Self { weight: Weight::Dense(pieces), bias, adapter: None }
    }

    /// The same with an adapter, which sees the same input.
    pub(crate) fn with_adapter(self, adapter: HLora) -> Self {
        Self { adapter: Some(Box::new(adapter)), ..self }
    }

    /// The rows of another matrix below its own; neither has a bias.
    pub(crate) fn stacked(self, below: Self) -> Self {
        let (Weight::Dense(mut pieces), Weight::Dense(more)) = (self.weight, below.weight);
        pieces.extend(more);
        let pieces = if pieces.len() == 2 { vec![Tensor::cat(pieces, 0)] } else { pieces };
        Self::dense(pieces, None)
    }

    /// # Shapes
    /// `[rows, inputs]` f32 → `[rows, outputs]` f32.
    #[must_use]
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let added = self.adapter.as_ref().map(|adapter| adapter.forward(x.clone()));
        let mut y = match &self.weight {
            Weight::Dense(pieces) => forward_dense(pieces, x),
        };
        if let Some(bias) = &self.bias {
            y = y + bias.clone().unsqueeze();
        }
        match added {
            Some(added) => y + added,
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
