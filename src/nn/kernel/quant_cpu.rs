//! The same on the CPU, plainly: weights in an adapter's order are not meant to be there.

use burn::backend::TensorMetadata as _;
use burn::tensor::TensorData;
use burn_flex::ops::matmul::matmul;
use burn_flex::{Flex, FlexTensor};

use crate::nn::kernel::quant_ops::{Blocks, QuantOps};
use crate::nn::quant::{BlockFormat, GROUP, GROUP_BLOCKS, LANES};

fn tensor(values: Vec<f32>, shape: [usize; 2]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}

fn dims(x: &FlexTensor) -> [usize; 2] {
    let shape = x.shape();
    let columns = shape.as_slice().last().copied().unwrap_or(0);
    [shape.num_elements().checked_div(columns).unwrap_or(0), columns]
}

fn values(x: &FlexTensor) -> Vec<f32> {
    let data = x.to_contiguous().into_data();
    data.try_into_vec_as::<f32>().unwrap_or_default()
}

/// Where a column's code is among the words of a group: word and shift.
fn place(format: BlockFormat, column: usize) -> (usize, usize) {
    let (block, column) = (column / 32, column % 32);
    let (lane, column) = (column / 4, column % 4);
    if format == BlockFormat::Q4 {
        (lane * 4 + block / 2, block % 2 * 16 + column * 4)
    } else {
        (block / 4 * LANES * 4 + lane * 4 + block % 4, column * 8)
    }
}

/// The numbers of one group.
fn widen_group(format: BlockFormat, codes: &[u32], scales: &[f32], out: &mut [f32]) {
    for (column, out) in out.iter_mut().enumerate() {
        let (word, shift) = place(format, column);
        let word = codes.get(word).copied().unwrap_or(0) >> shift;
        let block = column / 32;
        let scale = scales.get(block).copied().unwrap_or(0.0);
        *out = if format == BlockFormat::Q4 {
            let minimum = scales.get(GROUP_BLOCKS + block).copied().unwrap_or(0.0);
            scale * (word & 15) as f32 + minimum
        } else {
            scale * ((word & 255) as f32 - 128.0)
        };
    }
}

impl QuantOps for Flex {
    fn block_linear_op(
        x: FlexTensor,
        codes: FlexTensor,
        scales: FlexTensor,
        bias: FlexTensor,
        blocks: Blocks,
    ) -> FlexTensor {
        let ([rows, _], [outputs, _]) = (dims(&x), dims(&codes));
        let weight = Self::widened_op(codes, scales, blocks, 0, outputs);
        let mut out = values(&matmul(x, weight.transpose(0, 1)));
        if blocks.has_bias {
            let bias = values(&bias);
            for row in out.chunks_mut(outputs.max(1)) {
                row.iter_mut().zip(&bias).for_each(|(out, bias)| *out += bias);
            }
        }
        tensor(out, [rows, outputs])
    }

    /// In f32.
    fn widened_op(
        codes: FlexTensor,
        scales: FlexTensor,
        blocks: Blocks,
        first: usize,
        rows: usize,
    ) -> FlexTensor {
        let codes = codes.to_contiguous();
        let (codes, scales) = (codes.storage::<u32>(), values(&scales));
        let groups = blocks.groups();
        let mut out = vec![0.0; rows * groups * GROUP];
        let group_scales = GROUP_BLOCKS * blocks.format.scales();
        let group_words = GROUP_BLOCKS * blocks.format.code_bytes() / size_of::<u32>();
        let parts = codes.chunks(group_words).zip(scales.chunks(group_scales));
        for (out, (codes, scales)) in out.chunks_mut(GROUP).zip(parts.skip(first * groups)) {
            widen_group(blocks.format, codes, scales, out);
        }
        tensor(out, [rows, groups * GROUP])
    }

    fn padded_op(x: FlexTensor, columns: usize) -> FlexTensor {
        let [rows, inputs] = dims(&x);
        let x = values(&x);
        let mut out = vec![0.0; rows * columns];
        for (out, row) in out.chunks_mut(columns.max(1)).zip(x.chunks(inputs.max(1))) {
            out.iter_mut().zip(row).for_each(|(out, value)| *out = *value);
        }
        tensor(out, [rows, columns])
    }
}
