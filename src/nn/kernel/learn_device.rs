//! Products on graphics adapters for what learns: one way there, two ways back.
//!
//! Numbers that are multiplied may have 16 bits; sums, results and gradients are f32, so that
//! nothing that is added up is rounded or outgrows f16.

// the attribute macro writes items wider than they need be
#![expect(unreachable_pub, reason = "written by macros")]

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, backend_extension};
use burn::tensor::{DType, Device, Tensor};
use burn_cubecl::CubeBackend;
use burn_cubecl::kernel::cast;
use burn_cubecl::ops::permute;
use burn_cubecl::tensor::CubeTensor;

use crate::nn::kernel::cube::product;

#[backend_extension(Cube, Autodiff)]
pub trait LearnProductOps: Backend {
    /// `[rows, inputs]` f32, `[outputs, inputs]` → `[rows, outputs]` f32, multiplied in the type
    /// of the weight
    fn learn_product_op(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self>;
    /// `[batch, m, k]`, `[batch, k, n]` → `[batch, m, n]`, multiplied in a type
    fn learn_batched_op(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        numbers: DType,
    ) -> FloatTensor<Self>;
}

/// Whether these operations have kernels where a tensor lives.
pub(super) fn is_known<const D: usize>(x: &Tensor<D>) -> bool {
    x.dtype() == DType::F32 && x.device().without_autodiff() != Device::flex()
}

/// x·Wᵀ.
pub(super) fn linear(x: Tensor<2>, weight: Tensor<2>) -> Tensor<2> {
    let (x, weight) = (x.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(<Dispatch as LearnProductOps>::learn_product_op(x, weight))
}

/// A product for every entry of a batch.
pub(super) fn batched_matmul(a: Tensor<3>, b: Tensor<3>, numbers: DType) -> Tensor<3> {
    let (a, b) = (a.into_dispatch(), b.into_dispatch());
    Tensor::from_dispatch(<Dispatch as LearnProductOps>::learn_batched_op(a, b, numbers))
}

fn in_type(x: CubeTensor, dtype: DType) -> CubeTensor {
    if x.dtype == dtype { x } else { cast(x, dtype) }
}

fn turned(x: CubeTensor) -> CubeTensor {
    match x.meta.num_dims() {
        2 => permute(x, &[1, 0]),
        _ => permute(x, &[0, 2, 1]),
    }
}

impl LearnProductOps for CubeBackend {
    fn learn_product_op(x: CubeTensor, weight: CubeTensor) -> CubeTensor {
        let x = in_type(x, weight.dtype);
        product(x, turned(weight))
    }

    fn learn_batched_op(a: CubeTensor, b: CubeTensor, numbers: DType) -> CubeTensor {
        product(in_type(a, numbers), in_type(b, numbers))
    }
}

impl<C: CheckpointStrategy> LearnProductOps for Autodiff<CubeBackend, C> {
    fn learn_product_op(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        let ((x, x_node), (weight, weight_node)) = (x.into_parts(), weight.into_parts());
        // what is kept for the way back has the type that is multiplied
        let x = in_type(x, weight.dtype);
        let out = product(x.clone(), turned(weight.clone()));
        match ProductBack.prepare::<C>([x_node, weight_node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish([x, weight], out),
            OpsKind::UnTracked(prepared) => prepared.finish(out),
        }
    }

    fn learn_batched_op(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        numbers: DType,
    ) -> FloatTensor<Self> {
        let ((a, a_node), (b, b_node)) = (a.into_parts(), b.into_parts());
        let (a, b) = (in_type(a, numbers), in_type(b, numbers));
        let out = product(a.clone(), b.clone());
        match BatchedBack.prepare::<C>([a_node, b_node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish([a, b], out),
            OpsKind::UnTracked(prepared) => prepared.finish(out),
        }
    }
}

/// Of x and weight.
#[derive(Debug)]
struct ProductBack;

impl Backward<CubeBackend, 2> for ProductBack {
    type State = [CubeTensor; 2];

    fn backward(self, ops: Ops<[CubeTensor; 2], 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<CubeBackend>(&ops.node);
        let ([x, weight], [of_x, of_weight]) = (ops.state, ops.parents);
        let gradient = in_type(gradient, weight.dtype);
        if let Some(parent) = of_x {
            grads.register::<CubeBackend>(parent.id, product(gradient.clone(), weight));
        }
        if let Some(parent) = of_weight {
            grads.register::<CubeBackend>(parent.id, product(turned(gradient), x));
        }
    }
}

/// Of both factors.
#[derive(Debug)]
struct BatchedBack;

impl Backward<CubeBackend, 2> for BatchedBack {
    type State = [CubeTensor; 2];

    fn backward(self, ops: Ops<[CubeTensor; 2], 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<CubeBackend>(&ops.node);
        let ([a, b], [of_a, of_b]) = (ops.state, ops.parents);
        let gradient = in_type(gradient, a.dtype);
        if let Some(parent) = of_a {
            grads.register::<CubeBackend>(parent.id, product(gradient.clone(), turned(b)));
        }
        if let Some(parent) = of_b {
            grads.register::<CubeBackend>(parent.id, product(turned(a), gradient));
        }
    }
}
