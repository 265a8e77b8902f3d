//! A table on a graphics adapter: what the device chose there is looked up without asking the host.

use burn::tensor::{DType, Device, Int, Tensor, TensorData};

use crate::nn::kernel::{WordFormat, row_of_found, words_of};
use crate::nn::{Linear, Table, TableValues};

/// The rows of a [`Table`], with exactly its values.
#[derive(Clone, Debug)]
pub(crate) struct DeviceTable {
    /// Some rows each, in order.
    pieces: Vec<Tensor<2, Int>>,
    format: WordFormat,
}

impl DeviceTable {
    /// A copy, in pieces of so many bytes at most; `None` when a row does not fit or fills no
    /// whole number of words.
    pub(crate) fn copied(table: &Table, device: &Device, piece_bytes: u64) -> Option<Self> {
        let (columns, values) = (table.columns(), table.values());
        let format = format_of(values);
        if !columns.is_multiple_of(format.numbers()) {
            return None;
        }
        let a_row = columns / format.numbers();
        let rows = usize::try_from(piece_bytes / (a_row * size_of::<u32>()) as u64);
        let at_once = rows.unwrap_or(usize::MAX).min(table.num_rows());
        if at_once == 0 {
            return None;
        }
        let piece = |first: usize| {
            let numbers =
                first * columns..first.saturating_add(at_once).min(table.num_rows()) * columns;
            let words = words(values, numbers);
            let shape = [words.len() / a_row, a_row];
            Tensor::from_data(TensorData::new(words, shape), (device, DType::U32))
        };
        let pieces = (0..table.num_rows()).step_by(at_once).map(piece).collect();
        Some(Self { pieces, format })
    }

    /// The rows of the head, when it holds the table's numbers as they are.
    pub(crate) fn shared(table: &Table, head: &Linear) -> Option<Self> {
        let dense = head.dense_pieces()?;
        let dtype = dense.first()?.dtype();
        let format = match (dtype, table.values()) {
            (DType::F32, _) => WordFormat::F32,
            (DType::F16, TableValues::F16(_)) => WordFormat::F16,
            _ => return None,
        };
        if !table.columns().is_multiple_of(format.numbers()) {
            return None;
        }
        Some(Self { pieces: dense.into_iter().map(words_of).collect(), format })
    }

    /// The row of the id that `found` begins with; zeros when there is none.
    ///
    /// # Shapes
    /// `[1, 3]` → `[1, columns]`.
    pub(crate) fn row(&self, found: &Tensor<2>) -> Tensor<2> {
        row_of_found(found, &self.pieces, self.format)
    }
}

fn format_of(values: &TableValues) -> WordFormat {
    match values {
        TableValues::F32(_) => WordFormat::F32,
        TableValues::F16(_) => WordFormat::F16,
        TableValues::Bf16(_) => WordFormat::Bf16,
    }
}

fn words(values: &TableValues, numbers: std::ops::Range<usize>) -> Vec<u32> {
    match values {
        TableValues::F32(values) => {
            let values = values.get(numbers).unwrap_or_default();
            values.iter().map(|value| value.to_bits()).collect()
        }
        TableValues::F16(values) => pairs(values.get(numbers).unwrap_or_default(), |v| v.to_bits()),
        TableValues::Bf16(values) => {
            pairs(values.get(numbers).unwrap_or_default(), |v| v.to_bits())
        }
    }
}

/// Two numbers a word, the first in the lower half.
fn pairs<T: Copy>(values: &[T], bits: impl Fn(T) -> u16) -> Vec<u32> {
    let (pairs, _) = values.as_chunks::<2>();
    pairs.iter().map(|[low, high]| u32::from(bits(*low)) | u32::from(bits(*high)) << 16).collect()
}
