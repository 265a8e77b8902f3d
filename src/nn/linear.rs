//! The one switch between ways of storing and multiplying a weight.

use burn::tensor::{DType, Tensor};

use crate::nn::hlora::HLora;
use crate::nn::kernel::{
    Around, WeightRows, block_linear, host_linear, linear, product_of_few, products_of_few,
};
use crate::nn::norm::RmsNorm;
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
#[expect(clippy::large_enum_variant, reason = "a few a layer")]
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

    /// Its rows, some each, when they are numbers.
    pub(crate) fn dense_pieces(&self) -> Option<Vec<&Tensor<2>>> {
        let pieces = self.pieces.iter().map(|piece| match piece {
            Piece::Dense(weight) => Some(weight),
            Piece::Host(_) | Piece::Blocks(_) => None,
        });
        pieces.collect()
    }

    /// The type its numbers are multiplied in; f32 where they are no numbers.
    pub(crate) fn numbers(&self) -> DType {
        match self.pieces.first() {
            Some(Piece::Dense(weight)) => weight.dtype(),
            _ => DType::F32,
        }
    }

    /// Its weight and bias, when they are all there is and the weight is one piece of numbers.
    pub(crate) fn only_numbers(&self) -> Option<(&Tensor<2>, Option<&Tensor<1>>)> {
        match (self.pieces.as_slice(), &self.adapter) {
            ([Piece::Dense(weight)], None) => Some((weight, self.bias.as_ref())),
            _ => None,
        }
    }

    /// The same for inputs that lie in another order: of `inner` numbers side by side the first
    /// of all come first. `None` when the weight is not one piece of numbers.
    pub(crate) fn with_innermost_first(&self, inner: usize) -> Option<Self> {
        let ([Piece::Dense(weight)], None) = (self.pieces.as_slice(), &self.adapter) else {
            return None;
        };
        let [outputs, inputs] = weight.dims();
        let split: Tensor<3> = weight.clone().reshape([outputs, inputs / inner.max(1), inner]);
        let weight = split.swap_dims(1, 2).reshape([outputs, inputs]);
        Some(Self::dense(vec![weight], self.bias.clone()))
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

    /// Matrices of one input as one, the first one's outputs first. What gains nothing by it is
    /// given back: numbers, and matrices with adapters, which would see the others' outputs.
    pub(crate) fn stack<const N: usize>(parts: [Self; N]) -> Result<Self, [Self; N]> {
        let is_host = |part: &Self| {
            part.adapter.is_none()
                && !part.pieces.is_empty()
                && part.pieces.iter().all(|piece| matches!(piece, Piece::Host(_)))
        };
        let with_bias = parts.iter().filter(|part| part.bias.is_some()).count();
        if !parts.iter().all(is_host) || (with_bias != 0 && with_bias != N) {
            return Err(parts);
        }
        let biases: Vec<Tensor<1>> = parts.iter().filter_map(|part| part.bias.clone()).collect();
        let bias = (!biases.is_empty()).then(|| Tensor::cat(biases, 0));
        let pieces = parts.into_iter().flat_map(|part| part.pieces).collect();
        Ok(Self { pieces, bias, adapter: None })
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

    /// Of x normalised.
    ///
    /// # Shapes
    /// `[rows, inputs]` → `[rows, outputs]`.
    pub(crate) fn forward_normed(&self, x: Tensor<2>, norm: &RmsNorm) -> Tensor<2> {
        let around = Around { norm: Some(norm.parts()), ..Around::default() };
        self.at_once(&x, around).unwrap_or_else(|| self.forward(norm.forward(x)))
    }

    /// And `added` to it.
    ///
    /// # Shapes
    /// `[rows, inputs]`, `[rows, outputs]` → `[rows, outputs]`.
    pub(crate) fn forward_added(&self, x: Tensor<2>, added: Tensor<2>) -> Tensor<2> {
        let around = Around { added: Some(&added), ..Around::default() };
        self.at_once(&x, around).unwrap_or_else(|| added + self.forward(x))
    }

    /// Of x normalised, where the first half of the outputs gates the second: silu(gate) · up.
    /// `None` where that takes several launches anyhow.
    ///
    /// # Shapes
    /// `[rows, inputs]` → `[rows, outputs / 2]`.
    pub(crate) fn gated_normed(&self, x: &Tensor<2>, norm: &RmsNorm) -> Option<Tensor<2>> {
        let around = Around { norm: Some(norm.parts()), is_gated: true, ..Around::default() };
        self.at_once(x, around)
    }

    /// Of x normalised by several matrices, their outputs beside each other, or those of the first
    /// gating those of the second. `None` where that takes several launches anyhow.
    ///
    /// # Shapes
    /// `[rows, inputs]` → `[rows, all outputs]`, gated `[rows, outputs]`.
    pub(crate) fn several_normed<const N: usize>(
        parts: [&Self; N],
        x: &Tensor<2>,
        norm: &RmsNorm,
        is_gated: bool,
    ) -> Option<Tensor<2>> {
        let weights: Option<Vec<_>> =
            parts.iter().map(|part| Some((part.rows()?, part.bias.as_ref()))).collect();
        products_of_few(x, norm.parts(), &weights?, is_gated)
    }

    /// The product and what stands around it in one launch, where there is a kernel for it.
    fn at_once(&self, x: &Tensor<2>, around: Around<'_>) -> Option<Tensor<2>> {
        product_of_few(x, self.rows()?, Around { bias: self.bias.as_ref(), ..around })
    }

    /// The weight, when it is in one piece and nothing is added to its product.
    fn rows(&self) -> Option<WeightRows<'_>> {
        match (self.pieces.as_slice(), &self.adapter) {
            ([Piece::Dense(weight)], None) => Some(WeightRows::Dense(weight)),
            ([Piece::Blocks(matrix)], None) => Some(WeightRows::Blocks(matrix)),
            _ => None,
        }
    }

    fn with_bias(&self, x: Tensor<2>) -> Tensor<2> {
        let host: Option<Vec<&HostMatrix>> = self.pieces.iter().map(Piece::host).collect();
        if let Some(weights) = host.filter(|weights| !weights.is_empty()) {
            return host_linear(x, &weights, self.bias.as_ref());
        }
        match self.pieces.as_slice() {
            [Piece::Blocks(matrix)] => return block_linear(x, matrix, self.bias.as_ref()),
            [Piece::Dense(weight)] => {
                let around = Around { bias: self.bias.as_ref(), ..Around::default() };
                if let Some(y) = product_of_few(&x, WeightRows::Dense(weight), around) {
                    return y;
                }
            }
            _ => {}
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
