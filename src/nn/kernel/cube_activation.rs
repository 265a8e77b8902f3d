//! Activation functions on graphics adapters: one launch instead of up to eight.

// the attribute macro below writes items wider than they need be
#![expect(unreachable_pub, reason = "written by macros")]
#![expect(unsafe_code, reason = "a kernel that does not check every index")]

use burn::backend::TensorMetadata as _;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, backend_extension};
use burn::tensor::{DType, Tensor};
use burn_cubecl::CubeBackend;
use burn_cubecl::cubecl::CubeDim;
use burn_cubecl::tensor::CubeTensor;
use burn_flex::{Flex, FlexTensor};

use crate::nn::Activation;
use crate::nn::kernel::cube::{a_group_a_row, dims, empty, rows_in_order};
use crate::nn::kernel::cube_kernels::{Curve, UNITS, activation_kernel};

#[backend_extension(Cube, Flex)]
pub trait ActivationOps: Backend {
    /// The activation of x `[rows, columns]`, times `up` when it gates; `None` on the processor.
    fn activation_op(
        x: FloatTensor<Self>,
        up: FloatTensor<Self>,
        activation: Activation,
        gates: bool,
    ) -> Option<FloatTensor<Self>>;
}

/// The activation of every number; `None` where the tensor is not on an adapter.
pub(crate) fn activated_on_device(activation: Activation, x: &Tensor<2>) -> Option<Tensor<2>> {
    let (x, unused) = (x.clone().into_dispatch(), x.clone().into_dispatch());
    let found = <Dispatch as ActivationOps>::activation_op(x, unused, activation, false);
    found.map(Tensor::from_dispatch)
}

/// The activation of `gate`, times `up`; `None` where the tensors are not on an adapter.
pub(crate) fn gated_on_device(
    activation: Activation,
    gate: &Tensor<2>,
    up: &Tensor<2>,
) -> Option<Tensor<2>> {
    let (gate, up) = (gate.clone().into_dispatch(), up.clone().into_dispatch());
    let found = <Dispatch as ActivationOps>::activation_op(gate, up, activation, true);
    found.map(Tensor::from_dispatch)
}

impl ActivationOps for CubeBackend {
    fn activation_op(
        x: CubeTensor,
        up: CubeTensor,
        activation: Activation,
        gates: bool,
    ) -> Option<CubeTensor> {
        if x.dtype != DType::F32 {
            return None;
        }
        let ((x, x_stride), (up, up_stride)) = (rows_in_order(x), rows_in_order(up));
        let (rows, columns) = dims(&x.shape());
        let out = empty(&x, [rows, columns], DType::F32);
        let curve = match activation {
            Activation::Silu => Curve::Silu,
            Activation::Gelu => Curve::Gelu,
            Activation::QuickGelu => Curve::QuickGelu,
            Activation::GeluNew => Curve::GeluNew,
            Activation::Relu => Curve::Relu,
        };
        // SAFETY: units beyond the last number do nothing
        unsafe {
            activation_kernel::launch_unchecked(
                &out.client,
                a_group_a_row((rows * columns).div_ceil(UNITS)),
                CubeDim::new_1d(UNITS as u32),
                x.into_tensor_arg(),
                up.into_tensor_arg(),
                out.clone().into_tensor_arg(),
                rows,
                columns,
                x_stride,
                up_stride,
                curve,
                gates,
            );
        }
        Some(out)
    }
}

impl ActivationOps for Flex {
    fn activation_op(
        _x: FlexTensor,
        _up: FlexTensor,
        _activation: Activation,
        _gates: bool,
    ) -> Option<FlexTensor> {
        None
    }
}
