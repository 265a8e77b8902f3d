//! The CPU's side: plain loops over rows, shared among threads.

use burn::backend::TensorMetadata as _;
use burn::tensor::{DType, TensorData};
use burn_flex::ops::matmul::matmul;
use burn_flex::{Flex, FlexTensor};
use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};
use rayon::prelude::*;

use crate::nn::kernel::host::{Norm, Softmax, run};
use crate::nn::kernel::{NnOps, Visible};

/// Numbers below which one thread is faster than several.
const ALONE: usize = 1 << 15;

/// Rows up to which reading the weights is what takes the time: they are not widened.
const FEW_ROWS: usize = 1;

/// Weight rows converted at once for many rows of input.
const ROWS_A_BLOCK: usize = 512;

fn tensor(values: Vec<f32>, shape: [usize; 2]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}

fn dims(x: &FlexTensor) -> [usize; 2] {
    let shape = x.shape();
    let columns = shape.as_slice().last().copied().unwrap_or(0);
    [shape.num_elements().checked_div(columns).unwrap_or(0), columns]
}

impl NnOps for Flex {
    fn rms_norm_op(x: FlexTensor, weight: FlexTensor, eps: f32) -> FlexTensor {
        normed(&x, &weight, None, eps)
    }

    fn layer_norm_op(x: FlexTensor, weight: FlexTensor, bias: FlexTensor, eps: f32) -> FlexTensor {
        normed(&x, &weight, Some(&bias), eps)
    }

    fn attention_shares_op(
        scores: FlexTensor,
        scale: f32,
        seq: usize,
        past: usize,
        window: usize,
    ) -> FlexTensor {
        let scores = scores.to_contiguous();
        let [rows, keys] = dims(&scores);
        let values = scores.storage::<f32>();
        let visible = Visible { seq, past, window };
        let mut out = vec![0.0; values.len()];
        by_rows(&mut out, values, keys, |index, out, row| {
            let range = visible.range(index, keys);
            let Some((out, row)) = out.get_mut(range.clone()).zip(row.get(range)) else { return };
            run(Softmax { out, row, scale });
        });
        tensor(out, [rows, keys])
    }

    fn linear_op(x: FlexTensor, weight: FlexTensor) -> FlexTensor {
        if weight.dtype() == DType::F32 {
            return matmul(x, weight.transpose(0, 1));
        }
        let (x, weight) = (x.to_contiguous(), weight.to_contiguous());
        if weight.dtype() == DType::BF16 {
            return widened_product(&x, &weight, weight.storage::<bf16>());
        }
        if dims(&x)[0] <= FEW_ROWS {
            let narrow = to_dtype(x.clone(), DType::F16);
            let product = matmul(narrow, weight.transpose(0, 1));
            let product = to_dtype(product, DType::F32).to_contiguous();
            // a value beyond the range of f16 on either side of the product shows itself here
            if product.storage::<f32>().iter().all(|value| value.is_finite()) {
                return product;
            }
        }
        widened_product(&x, &weight, weight.storage::<f16>())
    }

    fn batched_matmul_op(a: FlexTensor, b: FlexTensor) -> FlexTensor {
        matmul(a, b)
    }
}

/// With a bias the mean is taken off first.
fn normed(x: &FlexTensor, weight: &FlexTensor, bias: Option<&FlexTensor>, eps: f32) -> FlexTensor {
    let (x, weight) = (x.to_contiguous(), weight.to_contiguous());
    let bias = bias.map(FlexTensor::to_contiguous);
    let [rows, len] = dims(&x);
    let (values, weight) = (x.storage::<f32>(), weight.storage::<f32>());
    let bias = bias.as_ref().map(|bias| bias.storage::<f32>());
    let mut out = vec![0.0; values.len()];
    by_rows(&mut out, values, len, |_, out, row| run(Norm { out, row, weight, bias, eps }));
    tensor(out, [rows, len])
}

/// The weights in f32, some rows at a time: as fast as a product gets, and added up in f32.
fn widened_product<H: Sync>(x: &FlexTensor, weight: &FlexTensor, values: &[H]) -> FlexTensor
where
    [H]: HalfFloatSliceExt,
{
    let ([rows, inputs], [outputs, _]) = (dims(x), dims(weight));
    let mut out = vec![0.0; rows * outputs];
    let blocks = values.chunks((ROWS_A_BLOCK * inputs).max(1));
    for (block, part) in blocks.enumerate() {
        let mut values = vec![0.0; part.len()];
        values
            .par_chunks_mut(ALONE)
            .zip(part.par_chunks(ALONE))
            .for_each(|(values, part)| part.convert_to_f32_slice(values));
        let part_rows = part.len() / inputs.max(1);
        let part = tensor(values, [part_rows, inputs]).transpose(0, 1);
        let product = matmul(x.clone(), part).to_contiguous();
        let product = product.storage::<f32>();
        for (out, row) in out.chunks_mut(outputs.max(1)).zip(product.chunks(part_rows.max(1))) {
            let from = block * ROWS_A_BLOCK;
            if let Some(out) = out.get_mut(from..from + row.len()) {
                out.copy_from_slice(row);
            }
        }
    }
    tensor(out, [rows, outputs])
}

fn to_dtype(x: FlexTensor, dtype: DType) -> FlexTensor {
    if x.dtype() == dtype {
        return x;
    }
    FlexTensor::from_data(x.to_contiguous().into_data().convert_dtype(dtype))
}

/// `work` on every row, on several threads when that pays.
fn by_rows(
    out: &mut [f32],
    values: &[f32],
    len: usize,
    work: impl Fn(usize, &mut [f32], &[f32]) + Sync,
) {
    let len = len.max(1);
    if values.len() < ALONE {
        let rows = out.chunks_mut(len).zip(values.chunks(len));
        rows.enumerate().for_each(|(index, (out, row))| work(index, out, row));
    } else {
        let rows = out.par_chunks_mut(len).zip(values.par_chunks(len));
        rows.enumerate().for_each(|(index, (out, row))| work(index, out, row));
    }
}
