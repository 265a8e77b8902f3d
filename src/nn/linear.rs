//! The one switch between ways of storing and multiplying a weight.

use burn::tensor::Tensor;

use crate::nn::hlora::HLora;
use crate::nn::kernel::{block_linear, host_linear, linear};
use crate::nn::{BlockMatrix, HostMatrix};

/// x·Wᵀ + b, and what an adapter adds.
///
/// Weights are `[outputs, inputs]` as checkpoints have them and are multiplied as a transposed
/// view of two dimensions: with three, the CPU engine would copy the weight at every call.
#[derive(Clone, Debug)]
pub struct Linear {
    /// Some outputs each, in order: what no tensor of the device can hold is cut in several, and
    /// matrices of one input are stacked.
    pieces: Vec<Piece>,
    bias: Option<Tensor<1>>,
    adapter: Option<Box<HLora>>,
}

/// How some rows of a weight are stored.
#[derive(Clone, Debug)]
enum Piece {
    /// Numbers, `[some outputs, inputs]`.
    Dense(Tensor<2>),
    /// Blocks in the CPU's order.
    Host(HostMatrix),
    /// Blocks on a graphics adapter.
    Blocks(BlockMatrix),
}

impl Linear {
    /// From pieces `[some outputs, inputs]` in order, and an f32 bias `[outputs]`.
    #[must_use]
    pub fn dense(pieces: Vec<Tensor<2>>, bias: Option<Tensor<1>>) -> Self {
        Self { pieces: pieces.into_iter().map(Piece::Dense).collect(), bias, adapter: None }
    }

    /// Of blocks in the CPU's order, for tensors that live there.
    #[must_use]
    pub fn host(matrix: HostMatrix, bias: Option<Tensor<1>>) -> Self {
        Self { pieces: vec![Piece::Host(matrix)], bias, adapter: None }
    }

    /// Of blocks on a graphics adapter, some outputs each, in order.
    #[must_use]
    pub fn blocks(pieces: Vec<BlockMatrix>, bias: Option<Tensor<1>>) -> Self {
        Self { pieces: pieces.into_iter().map(Piece::Blocks).collect(), bias, adapter: None }
    }

    /// The same with an adapter, which sees the same input.
    pub(crate) fn with_adapter(self, adapter: HLora) -> Self {
        Self { adapter: Some(Box::new(adapter)), ..self }
    }

    /// The rows of another matrix below its own; neither has a bias.
    pub(crate) fn stacked(self, below: Self) -> Self {
        let pieces: Vec<Piece> = self.pieces.into_iter().chain(below.pieces).collect();
        if let [Piece::Dense(above), Piece::Dense(below)] = pieces.as_slice() {
            return Self::dense(vec![Tensor::cat(vec![above.clone(), below.clone()], 0)], None);
        }
        Self { pieces, bias: None, adapter: None }
    }

    /// # Shapes
    /// `[rows, inputs]` f32 → `[rows, outputs]` f32.
    #[must_use]
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let added = self.adapter.as_ref().map(|adapter| adapter.forward(x.clone()));
        let y = self.with_bias(x);
        match added {
            Some(added) => y + added,
            None => y,
        }
    }

    fn with_bias(&self, x: Tensor<2>) -> Tensor<2> {
        let host: Option<Vec<&HostMatrix>> = self.pieces.iter().map(Piece::host).collect();
        if let Some(weights) = host.filter(|weights| !weights.is_empty()) {
            return host_linear(x, &weights, self.bias.as_ref());
        }
        if let [Piece::Blocks(matrix)] = self.pieces.as_slice() {
            return block_linear(x, matrix, self.bias.as_ref());
        }
        let y = self.product(x);
        match &self.bias {
            Some(bias) => y + bias.clone().unsqueeze(),
            None => y,
        }
    }

    fn product(&self, x: Tensor<2>) -> Tensor<2> {
        if let [only] = self.pieces.as_slice() {
            return only.product(x);
        }
        Tensor::cat(self.pieces.iter().map(|piece| piece.product(x.clone())).collect(), 1)
    }
}

impl Piece {
    fn host(&self) -> Option<&HostMatrix> {
        match self {
            Self::Host(matrix) => Some(matrix),
            Self::Dense(_) | Self::Blocks(_) => None,
        }
    }

    fn product(&self, x: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Dense(weight) => linear(x, weight.clone()),
            Self::Host(matrix) => host_linear(x, &[matrix], None),
            Self::Blocks(matrix) => block_linear(x, matrix, None),
        }
    }
}
