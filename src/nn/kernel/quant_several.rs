//! A few rows times two or three weights in one launch: queries, keys and values, or a gate and
//! what is gated.

// the attribute macro below writes items wider than they need be
#![expect(unreachable_pub, reason = "written by macros")]
#![expect(clippy::too_many_arguments, reason = "operations take their tensors one by one")]

use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, Dispatch, DispatchTensor, backend_extension};
use burn::tensor::{Int, Tensor};

use crate::nn::kernel::is_recorded;
use crate::nn::kernel::quant_ops::{FEW_ROWS, Product, WeightRows, padded};
use crate::nn::quant::GROUP;

/// Matrices at most.
const MOST: usize = 3;

#[backend_extension(Cube, Flex)]
pub trait SeveralOps: Backend {
    /// x `[rows, columns]`, norm `[columns]`, codes and scales of three matrices, their biases →
    /// their outputs beside each other, or those of the first gating those of the second. `None`
    /// where there is no such kernel.
    fn block_products_op(
        x: FloatTensor<Self>,
        norm: FloatTensor<Self>,
        codes_a: IntTensor<Self>,
        codes_b: IntTensor<Self>,
        codes_c: IntTensor<Self>,
        scales_a: FloatTensor<Self>,
        scales_b: FloatTensor<Self>,
        scales_c: FloatTensor<Self>,
        bias_a: FloatTensor<Self>,
        bias_b: FloatTensor<Self>,
        bias_c: FloatTensor<Self>,
        product: Product,
    ) -> Option<FloatTensor<Self>>;
    /// The same for weights of numbers.
    fn dense_products_op(
        x: FloatTensor<Self>,
        norm: FloatTensor<Self>,
        weight_a: FloatTensor<Self>,
        weight_b: FloatTensor<Self>,
        weight_c: FloatTensor<Self>,
        bias_a: FloatTensor<Self>,
        bias_b: FloatTensor<Self>,
        bias_c: FloatTensor<Self>,
        product: Product,
    ) -> Option<FloatTensor<Self>>;
}

/// A weight and its bias.
pub(crate) type WeightAndBias<'a> = (WeightRows<'a>, Option<&'a Tensor<1>>);

/// A few rows, normalised by the root of the mean square, times weights of one input.
///
/// # Shapes
/// `[rows, inputs]`, two or three weights → `[rows, all outputs]`, or `[rows, outputs]` where the
/// first weight gates the second: silu(gate) · up.
pub(crate) fn products_of_few(
    x: &Tensor<2>,
    (norm, eps): (&Tensor<1>, f32),
    weights: &[WeightAndBias<'_>],
    is_gated: bool,
) -> Option<Tensor<2>> {
    let [rows, columns] = x.dims();
    let with_bias = weights.iter().filter(|(_, bias)| bias.is_some()).count();
    if is_recorded(x)
        || rows > FEW_ROWS
        || weights.len() > MOST
        || (with_bias != 0 && with_bias != weights.len())
    {
        return None;
    }
    let mut product = Product {
        format: None,
        columns,
        norm_eps: Some(eps),
        has_bias: with_bias != 0,
        has_added: false,
        is_gated,
    };
    let last = weights.last()?;
    // two are followed by the last again, which is not read
    let [a, b, c] = [0, 1, 2].map(|index| weights.get(index).unwrap_or(last));
    let bias = |(_, bias): &WeightAndBias<'_>| -> DispatchTensor {
        let unused = || x.clone().into_dispatch();
        bias.map_or_else(unused, |bias| bias.clone().into_dispatch())
    };
    let (bias_a, bias_b, bias_c) = (bias(a), bias(b), bias(c));
    let norm = norm.clone().into_dispatch();
    let found = match [a.0, b.0, c.0] {
        [WeightRows::Dense(a), WeightRows::Dense(b), WeightRows::Dense(c)] => {
            if a.dtype() != b.dtype() || a.dtype() != c.dtype() {
                return None;
            }
            let x = x.clone().into_dispatch();
            let [a, b, c] = [a, b, c].map(|weight| weight.clone().into_dispatch());
            <Dispatch as SeveralOps>::dense_products_op(
                x, norm, a, b, c, bias_a, bias_b, bias_c, product,
            )
        }
        [WeightRows::Blocks(a), WeightRows::Blocks(b), WeightRows::Blocks(c)] => {
            // zeros that fill up a row would count in the mean
            if a.format != b.format || a.format != c.format || !columns.is_multiple_of(GROUP) {
                return None;
            }
            product.format = Some(a.format);
            let codes = |codes: &Tensor<2, Int>| codes.clone().into_dispatch();
            let scales = |scales: &Tensor<2>| scales.clone().into_dispatch();
            <Dispatch as SeveralOps>::block_products_op(
                padded(x.clone(), columns).into_dispatch(),
                norm,
                codes(&a.codes),
                codes(&b.codes),
                codes(&c.codes),
                scales(&a.scales),
                scales(&b.scales),
                scales(&c.scales),
                bias_a,
                bias_b,
                bias_c,
                product,
            )
        }
        _ => None,
    };
    found.map(Tensor::from_dispatch)
}
