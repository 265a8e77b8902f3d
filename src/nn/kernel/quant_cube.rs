//! The adapters' side of products with weights in blocks: launches kernels.
#![expect(unsafe_code, reason = "kernels that do not check every index; those that write do")]

use burn::backend::TensorMetadata as _;
use burn::backend::cubecl::dtype_to_storage_type;
use burn::tensor::DType;
use burn_cubecl::CubeBackend;
use burn_cubecl::cubecl::ir::features::Plane;
use burn_cubecl::cubecl::{CubeCount, CubeDim};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;

use crate::nn::kernel::cube::{a_group_a_row, dims, empty};
use crate::nn::kernel::quant_kernels::{
    ProductPlan, block_product_kernel, padded_kernel, widened_kernel,
};
use crate::nn::kernel::quant_ops::{Blocks, QuantOps};
use crate::nn::quant::{BlockFormat, GROUP, LANES};

/// Units of a group where each works for itself.
const UNITS: usize = 128;

/// Groups enough for a unit an item.
pub(super) fn a_unit_an_item(items: usize) -> CubeCount {
    a_group_a_row(items.div_ceil(UNITS))
}

/// Whether the adapter's units add up among themselves without shared memory.
pub(super) fn has_planes(x: &CubeTensor) -> bool {
    let properties = x.client.properties();
    properties.features.plane.contains(Plane::Ops) && properties.hardware.plane_size_min >= 4
}

fn product_plan(x: &CubeTensor, rows: usize, outputs: usize, blocks: Blocks) -> ProductPlan {
    let items = blocks.groups() * LANES;
    let is_q4 = blocks.format == BlockFormat::Q4;
    ProductPlan {
        is_q4,
        rows,
        // more outputs share what is read of x; fewer keep more groups busy
        outputs: if rows == 1 && is_q4 && outputs >= 4096 { 4 } else { 2 },
        units: items.next_power_of_two().clamp(32, UNITS),
        has_planes: has_planes(x),
        has_bias: blocks.has_bias,
    }
}

impl QuantOps for CubeBackend {
    fn block_linear_op(
        x: CubeTensor,
        codes: CubeTensor,
        scales: CubeTensor,
        bias: CubeTensor,
        blocks: Blocks,
    ) -> CubeTensor {
        let (x, bias) = (into_contiguous(x), into_contiguous(bias));
        let ((rows, _), (outputs, _)) = (dims(&x.shape()), dims(&codes.shape()));
        let out = empty(&x, [rows, outputs], DType::F32);
        let plan = product_plan(&x, rows, outputs, blocks);
        let dtype = dtype_to_storage_type(scales.dtype);
        // SAFETY: a group reads rows up to the last output and writes none beyond it; x and the
        // rows of codes and scales have `groups` whole groups
        unsafe {
            block_product_kernel::launch_unchecked(
                &out.client,
                a_group_a_row(outputs.div_ceil(plan.outputs)),
                CubeDim::new_1d(plan.units as u32),
                x.into_tensor_arg(),
                codes.into_tensor_arg(),
                scales.into_tensor_arg(),
                bias.into_tensor_arg(),
                out.clone().into_tensor_arg(),
                outputs,
                blocks.groups(),
                plan,
                dtype,
            );
        }
        out
    }

    fn widened_op(
        codes: CubeTensor,
        scales: CubeTensor,
        blocks: Blocks,
        first: usize,
        rows: usize,
    ) -> CubeTensor {
        let groups = blocks.groups();
        let out = empty(&codes, [rows, groups * GROUP], scales.dtype);
        let dtype = dtype_to_storage_type(scales.dtype);
        // SAFETY: units beyond the last item do nothing, and the caller takes rows of the matrix
        unsafe {
            widened_kernel::launch_unchecked(
                &out.client,
                a_unit_an_item(rows * groups * LANES),
                CubeDim::new_1d(UNITS as u32),
                codes.into_tensor_arg(),
                scales.into_tensor_arg(),
                out.clone().into_tensor_arg(),
                first,
                rows,
                groups,
                blocks.format == BlockFormat::Q4,
                dtype,
            );
        }
        out
    }

    fn padded_op(x: CubeTensor, columns: usize) -> CubeTensor {
        let x = into_contiguous(x);
        let (rows, inputs) = dims(&x.shape());
        let out = empty(&x, [rows, columns], x.dtype);
        // SAFETY: units beyond the last number do nothing
        unsafe {
            padded_kernel::launch_unchecked(
                &out.client,
                a_unit_an_item(rows * columns),
                CubeDim::new_1d(UNITS as u32),
                x.into_tensor_arg(),
                out.clone().into_tensor_arg(),
                rows,
                inputs,
                columns,
            );
        }
        out
    }
}
