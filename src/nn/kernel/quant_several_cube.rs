//! Both sides of products with several weights; the processor has its own.
#![expect(
    unsafe_code,
    reason = "a kernel that does not check every index; it does where it writes"
)]

use burn::backend::TensorMetadata as _;
use burn::backend::cubecl::dtype_to_storage_type;
use burn::tensor::DType;
use burn_cubecl::CubeBackend;
use burn_cubecl::cubecl::CubeDim;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use burn_flex::{Flex, FlexTensor};

use crate::nn::kernel::cube::{a_group_a_row, dims, empty};
use crate::nn::kernel::quant_cube::{is_known, product_plan};
use crate::nn::kernel::quant_ops::Product;
use crate::nn::kernel::quant_product::products_kernel;
use crate::nn::kernel::quant_several::SeveralOps;

/// Buffers of the kernel, one of them for its sizes.
const BUFFERS: u32 = 13;

fn launch_products(
    x: CubeTensor,
    norm: CubeTensor,
    codes: Option<[CubeTensor; 3]>,
    numbers: [CubeTensor; 3],
    biases: [CubeTensor; 3],
    product: Product,
) -> Option<CubeTensor> {
    let has_buffers = x.client.properties().hardware.max_bindings >= BUFFERS;
    if !has_buffers || !numbers.iter().all(|numbers| is_known(&x, numbers, product)) {
        return None;
    }
    let (x, norm) = (into_contiguous(x), into_contiguous(norm));
    let (numbers, biases) = (numbers.map(into_contiguous), biases.map(into_contiguous));
    let codes = codes.unwrap_or_else(|| [x.clone(), x.clone(), x.clone()]).map(into_contiguous);
    let (rows, _) = dims(&x.shape());
    let [a, b, c] = [0, 1, 2].map(|index| {
        let numbers = numbers.get(index).map(|numbers| dims(&numbers.shape()).0);
        numbers.unwrap_or(0)
    });
    let all = if product.is_gated { a } else { a + b + c };
    let plan = product_plan(&x, rows, all, product);
    let groups = if product.is_gated { vec![a] } else { vec![a, b, c] };
    let groups = groups.iter().map(|outputs| outputs.div_ceil(plan.own_outputs())).sum();
    let out = empty(&x, [rows, all], DType::F32);
    let [numbers_a, numbers_b, numbers_c] = numbers;
    let dtype = dtype_to_storage_type(numbers_a.dtype);
    let [codes_a, codes_b, codes_c] = codes;
    let [bias_a, bias_b, bias_c] = biases;
    // SAFETY: a group reads rows up to the last output of its matrix and writes none beyond it;
    // rows of x and of the weights have as many columns as the product says
    unsafe {
        products_kernel::launch_unchecked(
            &out.client,
            a_group_a_row(groups),
            CubeDim::new_1d(plan.units as u32),
            x.into_tensor_arg(),
            norm.into_tensor_arg(),
            codes_a.into_tensor_arg(),
            codes_b.into_tensor_arg(),
            codes_c.into_tensor_arg(),
            numbers_a.into_tensor_arg(),
            numbers_b.into_tensor_arg(),
            numbers_c.into_tensor_arg(),
            bias_a.into_tensor_arg(),
            bias_b.into_tensor_arg(),
            bias_c.into_tensor_arg(),
            out.clone().into_tensor_arg(),
            a,
            b,
            c,
            product.columns / 4,
            product.norm_eps.unwrap_or(0.0),
            plan,
            dtype,
        );
    }
    Some(out)
}

impl SeveralOps for CubeBackend {
    fn block_products_op(
        x: CubeTensor,
        norm: CubeTensor,
        codes_a: CubeTensor,
        codes_b: CubeTensor,
        codes_c: CubeTensor,
        scales_a: CubeTensor,
        scales_b: CubeTensor,
        scales_c: CubeTensor,
        bias_a: CubeTensor,
        bias_b: CubeTensor,
        bias_c: CubeTensor,
        product: Product,
    ) -> Option<CubeTensor> {
        let codes = Some([codes_a, codes_b, codes_c]);
        let scales = [scales_a, scales_b, scales_c];
        launch_products(x, norm, codes, scales, [bias_a, bias_b, bias_c], product)
    }

    fn dense_products_op(
        x: CubeTensor,
        norm: CubeTensor,
        weight_a: CubeTensor,
        weight_b: CubeTensor,
        weight_c: CubeTensor,
        bias_a: CubeTensor,
        bias_b: CubeTensor,
        bias_c: CubeTensor,
        product: Product,
    ) -> Option<CubeTensor> {
        let weights = [weight_a, weight_b, weight_c];
        launch_products(x, norm, None, weights, [bias_a, bias_b, bias_c], product)
    }
}

impl SeveralOps for Flex {
    fn block_products_op(
        _x: FlexTensor,
        _norm: FlexTensor,
        _codes_a: FlexTensor,
        _codes_b: FlexTensor,
        _codes_c: FlexTensor,
        _scales_a: FlexTensor,
        _scales_b: FlexTensor,
        _scales_c: FlexTensor,
        _bias_a: FlexTensor,
        _bias_b: FlexTensor,
        _bias_c: FlexTensor,
        _product: Product,
    ) -> Option<FlexTensor> {
        None
    }

    fn dense_products_op(
        _x: FlexTensor,
        _norm: FlexTensor,
        _weight_a: FlexTensor,
        _weight_b: FlexTensor,
        _weight_c: FlexTensor,
        _bias_a: FlexTensor,
        _bias_b: FlexTensor,
        _bias_c: FlexTensor,
        _product: Product,
    ) -> Option<FlexTensor> {
        None
    }
}
