//! The adapters' side: launches the kernels.

use burn::backend::TensorMetadata as _;
use burn::tensor::{DType, Shape};
use burn_cubecl::CubeBackend;
use burn_cubecl::cubecl::CubeDim;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;

use crate::nn::kernel::cube::{a_group_a_row, dims};
use crate::nn::kernel::cube_kernels::UNITS;
use crate::nn::kernel::picture::cube_kernels::{
    GROUP_UNITS, group_norm_kernel, group_sums_kernel, windows_kernel,
};
use crate::nn::kernel::picture::{PictureOps, TAPS, Windows};

fn empty(x: &CubeTensor, shape: [usize; 2]) -> CubeTensor {
    let shape = Shape::from(shape);
    let buffer = x.client.empty(shape.num_elements() * DType::F32.size());
    CubeTensor::new_contiguous(x.client.clone(), x.device.clone(), shape, buffer, DType::F32)
}

impl PictureOps for CubeBackend {
    fn windows_op(x: CubeTensor, windows: Windows, first: usize, rows: usize) -> CubeTensor {
        let x = into_contiguous(x);
        let (_, channels) = dims(&x.shape());
        let out = empty(&x, [rows, channels * TAPS]);
        let ([height, width], [_, across]) = (windows.size, windows.count());
        windows_kernel::launch(
            &out.client,
            a_group_a_row(rows),
            CubeDim::new_1d(UNITS as u32),
            x.into_tensor_arg(),
            out.clone().into_tensor_arg(),
            first,
            rows,
            across,
            height,
            width,
            channels,
            windows.repeat,
            windows.stride,
            windows.pad,
        );
        out
    }

    fn group_norm_op(
        x: CubeTensor,
        weight: CubeTensor,
        bias: CubeTensor,
        groups: usize,
        eps: f32,
        swish: bool,
    ) -> CubeTensor {
        let (x, weight, bias) =
            (into_contiguous(x), into_contiguous(weight), into_contiguous(bias));
        let (pixels, channels) = dims(&x.shape());
        let group = (channels / groups.max(1)).max(1);
        let sums = empty(&x, [groups, 2]);
        group_sums_kernel::launch(
            &x.client,
            a_group_a_row(groups),
            CubeDim::new_1d(GROUP_UNITS as u32),
            x.clone().into_tensor_arg(),
            sums.clone().into_tensor_arg(),
            eps,
            groups,
            pixels,
            channels,
            group,
        );
        let out = empty(&x, [pixels, channels]);
        group_norm_kernel::launch(
            &out.client,
            a_group_a_row(pixels),
            CubeDim::new_1d(UNITS as u32),
            x.into_tensor_arg(),
            sums.into_tensor_arg(),
            weight.into_tensor_arg(),
            bias.into_tensor_arg(),
            out.clone().into_tensor_arg(),
            pixels,
            channels,
            group,
            u32::from(swish),
        );
        out
    }
}
