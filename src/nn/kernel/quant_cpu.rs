//! The same on the CPU, plainly: weights in an adapter's order are not meant to be there.

use burn::backend::TensorMetadata as _;
use burn::tensor::TensorData;
use burn_flex::{Flex, FlexTensor};

use crate::nn::kernel::quant_ops::{Product, QuantOps};
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
    fn block_product_op(
        _x: FlexTensor,
        _norm: FlexTensor,
        _codes: FlexTensor,
        _scales: FlexTensor,
        _bias: FlexTensor,
        _added: FlexTensor,
        _product: Product,
    ) -> Option<FlexTensor> {
        None
    }

    fn dense_product_op(
        _x: FlexTensor,
        _norm: FlexTensor,
        _weight: FlexTensor,
        _bias: FlexTensor,
        _added: FlexTensor,
        _product: Product,
    ) -> Option<FlexTensor> {
        None
    }

    /// In f32.
    fn widened_op(
        codes: FlexTensor,
        scales: FlexTensor,
        format: BlockFormat,
        first: usize,
        rows: usize,
    ) -> FlexTensor {
        let codes = codes.to_contiguous();
        let group_scales = GROUP_BLOCKS * format.scales();
        let group_words = GROUP_BLOCKS * format.code_bytes() / size_of::<u32>();
        let [_, scales_a_row] = dims(&scales);
        let (codes, scales) = (codes.storage::<u32>(), values(&scales));
        let groups = scales_a_row / group_scales;
        let mut out = vec![0.0; rows * groups * GROUP];
        let parts = codes.chunks(group_words).zip(scales.chunks(group_scales));
        for (out, (codes, scales)) in out.chunks_mut(GROUP).zip(parts.skip(first * groups)) {
            widen_group(format, codes, scales, out);
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
