//! The adapters' side: launches kernels and chooses how products are computed.

use burn::backend::TensorMetadata as _;
use burn::tensor::{DType, Shape};
use burn_cubecl::cubecl::device::WgpuDeviceKind;
use burn_cubecl::cubecl::{CubeCount, CubeDim};
use burn_cubecl::kernel::matmul::{MatmulStrategy, matmul};
use burn_cubecl::kernel::{cast, into_contiguous};
use burn_cubecl::ops::permute;
use burn_cubecl::tensor::CubeTensor;
use burn_cubecl::{CubeBackend, CubeDevice};

use crate::nn::kernel::NnOps;
use crate::nn::kernel::cube_kernels::{
    UNITS, attention_shares_kernel, layer_norm_kernel, rms_norm_kernel,
};

/// Groups along one side of a launch; adapters allow 65535.
const MAX_SIDE: usize = 1 << 15;

/// An uninitialised tensor beside another.
pub(super) fn empty(beside: &CubeTensor, shape: impl Into<Shape>, dtype: DType) -> CubeTensor {
    let (client, device) = (beside.client.clone(), beside.device.clone());
    let shape = shape.into();
    let buffer = client.empty(shape.num_elements() * dtype.size());
    CubeTensor::new_contiguous(client, device, shape, buffer, dtype)
}

/// Rows may lie further apart than they are long; numbers of a row may not.
pub(super) fn rows_in_order(x: CubeTensor) -> (CubeTensor, usize) {
    let strides = x.meta.strides();
    let (stride, step) = (strides.first().copied(), strides.last().copied());
    match (stride, step) {
        (Some(stride), Some(1)) => (x, stride),
        _ => {
            let x = into_contiguous(x);
            let stride = x.shape().as_slice().last().copied().unwrap_or(0);
            (x, stride)
        }
    }
}

fn like(x: &CubeTensor) -> CubeTensor {
    empty(x, x.shape(), x.dtype)
}

pub(super) fn dims(shape: &Shape) -> (usize, usize) {
    let columns = shape.as_slice().last().copied().unwrap_or(0);
    (shape.num_elements().checked_div(columns).unwrap_or(0), columns)
}

pub(super) fn a_group_a_row(rows: usize) -> CubeCount {
    let across = rows.clamp(1, MAX_SIDE);
    CubeCount::Static(across as u32, rows.div_ceil(across) as u32, 1)
}

/// On software adapters every candidate of a search takes seconds to build and none is fast.
fn strategy(device: &CubeDevice) -> MatmulStrategy {
    let is_software = matches!(
        device,
        CubeDevice::Wgpu(device)
            if device.kind == WgpuDeviceKind::Cpu
    );
    if is_software { MatmulStrategy::Cube } else { MatmulStrategy::Autotune }
}

/// Sums and result are f32, whatever is multiplied.
pub(super) fn product(a: CubeTensor, b: CubeTensor) -> CubeTensor {
    let strategy = strategy(&a.device);
    let searched = matches!(strategy, MatmulStrategy::Autotune);
    match matmul(a.clone(), b.clone(), None, strategy, DType::F32) {
        Ok(product) => product,
        // the one strategy does not know every layout; the search always finds one that does
        Err(error) => {
            assert!(!searched, "no kernel multiplies these matrices: {error:?}");
            product_searched(a, b)
        }
    }
}

fn product_searched(a: CubeTensor, b: CubeTensor) -> CubeTensor {
    burn_cubecl::kernel::matmul::matmul_autotune(a, b, None, DType::F32)
}

impl NnOps for CubeBackend {
    fn rms_norm_op(x: CubeTensor, weight: CubeTensor, eps: f32) -> CubeTensor {
        let (x, weight) = (into_contiguous(x), into_contiguous(weight));
        let (rows, len) = dims(&x.shape());
        let out = like(&x);
        rms_norm_kernel::launch(
            &out.client,
            a_group_a_row(rows),
            CubeDim::new_1d(UNITS as u32),
            x.into_tensor_arg(),
            weight.into_tensor_arg(),
            out.clone().into_tensor_arg(),
            eps,
            rows,
            len,
        );
        out
    }

    fn layer_norm_op(x: CubeTensor, weight: CubeTensor, bias: CubeTensor, eps: f32) -> CubeTensor {
        let (x, weight, bias) =
            (into_contiguous(x), into_contiguous(weight), into_contiguous(bias));
        let (rows, len) = dims(&x.shape());
        let out = like(&x);
        layer_norm_kernel::launch(
            &out.client,
            a_group_a_row(rows),
            CubeDim::new_1d(UNITS as u32),
            x.into_tensor_arg(),
            weight.into_tensor_arg(),
            bias.into_tensor_arg(),
            out.clone().into_tensor_arg(),
            eps,
            rows,
            len,
        );
        out
    }

    fn attention_shares_op(
        scores: CubeTensor,
        scale: f32,
        seq: usize,
        past: usize,
        window: usize,
    ) -> CubeTensor {
        let scores = into_contiguous(scores);
        let (rows, keys) = dims(&scores.shape());
        let out = like(&scores);
        // the kernel counts in 32 bits
        let (past, window) = (past.min(keys), window.min(1 << 30));
        attention_shares_kernel::launch(
            &out.client,
            a_group_a_row(rows),
            CubeDim::new_1d(UNITS as u32),
            scores.into_tensor_arg(),
            out.clone().into_tensor_arg(),
            scale,
            rows,
            keys,
            seq.max(1),
            past,
            window,
        );
        out
    }

    fn linear_op(x: CubeTensor, weight: CubeTensor) -> CubeTensor {
        let x = if x.dtype == weight.dtype { x } else { cast(x, weight.dtype) };
        product(x, permute(weight, &[1, 0]))
    }

    fn batched_matmul_op(a: CubeTensor, b: CubeTensor) -> CubeTensor {
        product(a, b)
    }
}
