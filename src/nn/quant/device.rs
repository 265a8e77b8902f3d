//! A matrix of blocks in the order in which a graphics adapter reads it.

use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use half::f16;
use rayon::prelude::*;

use crate::nn::quant::{BLOCK, Block, BlockFormat};

/// Blocks read together; rows are filled up with blocks of zeros to whole groups.
pub(crate) const GROUP_BLOCKS: usize = 8;

/// Columns of a group.
pub(crate) const GROUP: usize = GROUP_BLOCKS * BLOCK;

/// Columns that one unit takes of every block of a group: 128 bits of the inputs.
const LANE: usize = 4;

/// Units that read a group: four columns of every block each, 32 in all.
pub(crate) const LANES: usize = BLOCK / LANE;

/// Some rows of a matrix in an adapter's order, not yet on the adapter.
///
/// A unit of the adapter reads 128 bits at once and neighbouring units read neighbouring words
/// and neighbouring inputs: unit `l` of the eight of a group has columns `4·l + i` of each of the
/// group's eight blocks.
///
/// - Q8, `[rows][groups][2 halves][8 units][4 words]`: word `w` of half `h` is block `4·h + w`,
///   column `i` in byte `i`;
/// - Q4, `[rows][groups][8 units][4 words]`: word `w` is blocks `2·w` and, in the high half,
///   `2·w + 1`, column `i` in nibble `i`.
///
/// Scales are `[rows][groups][8]`, in Q4 `[rows][groups][scale, minimum][8]`.
#[derive(Clone, Debug)]
pub struct BlockRows {
    format: BlockFormat,
    rows: usize,
    columns: usize,
    codes: Vec<u32>,
    scales: Vec<f16>,
}

/// Words of the codes of a group.
fn group_words(format: BlockFormat) -> usize {
    GROUP_BLOCKS * format.code_bytes() / size_of::<u32>()
}

impl BlockRows {
    /// Whether adapters read the format.
    #[must_use]
    pub fn supports(format: BlockFormat) -> bool {
        matches!(format, BlockFormat::Q8 | BlockFormat::Q4)
    }

    /// Bytes of the codes and of the scales on an adapter, which may store scales in f32.
    #[must_use]
    pub fn bytes_of(format: BlockFormat, rows: usize, columns: usize, has_f16: bool) -> [usize; 2] {
        let groups = rows.saturating_mul(columns.div_ceil(GROUP));
        let scale = if has_f16 { size_of::<f16>() } else { size_of::<f32>() };
        [
            groups.saturating_mul(group_words(format) * size_of::<u32>()),
            groups.saturating_mul(GROUP_BLOCKS * format.scales() * scale),
        ]
    }

    /// Rows whose codes are within the largest tensor of an adapter; its scales are smaller.
    #[must_use]
    pub fn rows_within(format: BlockFormat, columns: usize, tensor_bytes: u64) -> usize {
        let [row_bytes, _] = Self::bytes_of(format, 1, columns, false);
        usize::try_from(tensor_bytes / (row_bytes as u64).max(1)).unwrap_or(usize::MAX)
    }

    /// Whether every scale and minimum is a number: numbers beyond the range of f16 give some that
    /// are not.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        self.scales.iter().all(|scale| scale.is_finite())
    }

    /// Blocks of rows of numbers; `row` fills a slice of `columns` numbers. `None` when adapters do
    /// not read the format.
    #[must_use]
    pub fn quantise(
        format: BlockFormat,
        rows: usize,
        columns: usize,
        row: &(dyn Fn(usize, &mut [f32]) + Sync),
    ) -> Option<Self> {
        if !Self::supports(format) {
            return None;
        }
        let groups = columns.div_ceil(GROUP);
        let words = group_words(format);
        let mut codes = vec![0; rows * groups * words];
        let mut scales = vec![f16::ZERO; rows * groups * GROUP_BLOCKS * format.scales()];
        let row_codes = codes.par_chunks_mut((groups * words).max(1));
        let row_scales = scales.par_chunks_mut((groups * GROUP_BLOCKS * format.scales()).max(1));
        let empty = || vec![0.0; groups * GROUP];
        row_codes.zip(row_scales).enumerate().for_each_init(
            empty,
            |values, (at, (codes, scales))| {
                if let Some(values) = values.get_mut(..columns) {
                    row(at, values);
                }
                put_row(format, values, codes, scales);
            },
        );
        Some(Self { format, rows, columns, codes, scales })
    }
}

/// One row of whole groups.
fn put_row(format: BlockFormat, values: &[f32], codes: &mut [u32], scales: &mut [f16]) {
    let group_codes = codes.chunks_mut(group_words(format));
    let group_scales = scales.chunks_mut(GROUP_BLOCKS * format.scales());
    for (values, (codes, scales)) in values.chunks(GROUP).zip(group_codes.zip(group_scales)) {
        for (index, values) in values.as_chunks::<BLOCK>().0.iter().enumerate() {
            let block = Block::quantise(format, values);
            put_codes(format, index, &block, codes);
            let pair = [block.scale, block.minimum];
            for (scales, scale) in scales.chunks_mut(GROUP_BLOCKS).zip(pair) {
                if let Some(place) = scales.get_mut(index) {
                    *place = scale;
                }
            }
        }
    }
}

/// `codes` is one group, `index` the block's number in it.
fn put_codes(format: BlockFormat, index: usize, block: &Block, codes: &mut [u32]) {
    for (lane, columns) in block.codes.chunks(LANE).enumerate() {
        let (at, bits, shift) = if format == BlockFormat::Q4 {
            (lane * 4 + index / 2, 4, index % 2 * 16)
        } else {
            (index / 4 * LANES * 4 + lane * 4 + index % 4, 8, 0)
        };
        let Some(word) = codes.get_mut(at) else { return };
        for (column, code) in columns.iter().enumerate() {
            *word |= u32::from(*code as u16) << (shift + bits * column);
        }
    }
}

/// A weight `[rows, columns]` in blocks on a graphics adapter, in the order of [`BlockRows`].
#[derive(Clone, Debug)]
pub struct BlockMatrix {
    pub(crate) format: BlockFormat,
    pub(crate) columns: usize,
    /// `[rows, words]`, 32 bits without a sign.
    pub(crate) codes: Tensor<2, Int>,
    /// `[rows, scales]`, f16 where the adapter has it.
    pub(crate) scales: Tensor<2>,
}

impl BlockMatrix {
    /// Put rows onto a device.
    #[must_use]
    pub fn new(rows: BlockRows, device: &Device) -> Self {
        let BlockRows { format, rows, columns, codes, scales } = rows;
        let groups = columns.div_ceil(GROUP);
        let shape = [rows, groups * group_words(format)];
        let codes = TensorData::new(codes, shape);
        let shape = [rows, groups * GROUP_BLOCKS * format.scales()];
        let has_f16 = device.supports_dtype(DType::F16);
        let dtype = if has_f16 { DType::F16 } else { DType::F32 };
        Self {
            format,
            columns,
            codes: Tensor::from_data(codes, (device, DType::U32)),
            scales: Tensor::from_data(TensorData::new(scales, shape), (device, dtype)),
        }
    }

    /// Outputs.
    #[must_use]
    pub fn rows(&self) -> usize {
        let [rows, _] = self.codes.dims();
        rows
    }

    /// Inputs.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }
}
