//! The adapters' side of products with weights: launches kernels.
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
use crate::nn::kernel::quant_kernels::{padded_kernel, widened_kernel};
use crate::nn::kernel::quant_ops::{Product, QuantOps};
use crate::nn::kernel::quant_product::{ProductPlan, Stored, product_kernel};
use crate::nn::quant::{BlockFormat, GROUP, GROUP_BLOCKS, LANES};

/// Most units of a group.
const UNITS: usize = 128;

/// Groups enough for a unit an item.
fn a_unit_an_item(items: usize) -> CubeCount {
    a_group_a_row(items.div_ceil(UNITS))
}

/// Whether the adapter's units add up among themselves without shared memory.
fn has_planes(x: &CubeTensor) -> bool {
    let properties = x.client.properties();
    properties.features.plane.contains(Plane::Ops) && properties.hardware.plane_size_min >= 4
}

/// Whether the kernels multiply these: x, and a weight of numbers or the scales of one of blocks.
pub(super) fn is_known(x: &CubeTensor, numbers: &CubeTensor, product: Product) -> bool {
    let has_numbers = matches!(numbers.dtype, DType::F16 | DType::F32);
    x.dtype == DType::F32 && has_numbers && product.columns.is_multiple_of(4)
}

pub(super) fn product_plan(
    x: &CubeTensor,
    rows: usize,
    outputs: usize,
    product: Product,
) -> ProductPlan {
    let (stored, columns_a_unit) = match product.format {
        None => (Stored::Numbers, 4),
        Some(BlockFormat::Q4) => (Stored::Q4, GROUP / LANES),
        Some(_) => (Stored::Q8, GROUP / LANES),
    };
    // more outputs share what is read of x; fewer keep more groups busy
    let is_large = rows == 1 && stored == Stored::Q4 && outputs >= 4096;
    ProductPlan {
        stored,
        rows,
        outputs: if is_large { 4 } else { 2 },
        units: (product.columns / columns_a_unit).next_power_of_two().clamp(32, UNITS),
        has_planes: has_planes(x),
        has_norm: product.norm_eps.is_some(),
        has_bias: product.has_bias,
        has_added: product.has_added,
        is_gated: product.is_gated,
    }
}

/// The parts of a product.
struct Operands {
    x: CubeTensor,
    norm: CubeTensor,
    /// Of blocks.
    codes: Option<CubeTensor>,
    /// Scales of blocks, or the weight itself.
    numbers: CubeTensor,
    bias: CubeTensor,
    added: CubeTensor,
}

fn launch_product(operands: Operands, product: Product) -> Option<CubeTensor> {
    let Operands { x, norm, codes, numbers, bias, added } = operands;
    if !is_known(&x, &numbers, product) {
        return None;
    }
    let (x, norm, numbers) = (into_contiguous(x), into_contiguous(norm), into_contiguous(numbers));
    let (bias, added) = (into_contiguous(bias), into_contiguous(added));
    let ((rows, _), (weight_rows, _)) = (dims(&x.shape()), dims(&numbers.shape()));
    let plan = product_plan(&x, rows, weight_rows, product);
    let (outputs, at_once) = if product.is_gated {
        (weight_rows / 2, plan.outputs / 2)
    } else {
        (weight_rows, plan.outputs)
    };
    let out = empty(&x, [rows, outputs], DType::F32);
    let dtype = dtype_to_storage_type(numbers.dtype);
    // SAFETY: a group reads rows up to the last output and writes none beyond it; rows of x and of
    // the weight have as many columns as the product says
    unsafe {
        product_kernel::launch_unchecked(
            &out.client,
            a_group_a_row(outputs.div_ceil(at_once)),
            CubeDim::new_1d(plan.units as u32),
            x.clone().into_tensor_arg(),
            norm.into_tensor_arg(),
            codes.unwrap_or(x).into_tensor_arg(),
            numbers.into_tensor_arg(),
            bias.into_tensor_arg(),
            added.into_tensor_arg(),
            out.clone().into_tensor_arg(),
            outputs,
            product.columns / 4,
            product.norm_eps.unwrap_or(0.0),
            plan,
            dtype,
        );
    }
    Some(out)
}

impl QuantOps for CubeBackend {
    fn block_product_op(
        x: CubeTensor,
        norm: CubeTensor,
        codes: CubeTensor,
        scales: CubeTensor,
        bias: CubeTensor,
        added: CubeTensor,
        product: Product,
    ) -> Option<CubeTensor> {
        let codes = Some(into_contiguous(codes));
        launch_product(Operands { x, norm, codes, numbers: scales, bias, added }, product)
    }

    fn dense_product_op(
        x: CubeTensor,
        norm: CubeTensor,
        weight: CubeTensor,
        bias: CubeTensor,
        added: CubeTensor,
        product: Product,
    ) -> Option<CubeTensor> {
        launch_product(Operands { x, norm, codes: None, numbers: weight, bias, added }, product)
    }

    fn widened_op(
        codes: CubeTensor,
        scales: CubeTensor,
        format: BlockFormat,
        first: usize,
        rows: usize,
    ) -> CubeTensor {
        let (_, scales_a_row) = dims(&scales.shape());
        let groups = scales_a_row / (GROUP_BLOCKS * format.scales());
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
                format == BlockFormat::Q4,
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
