//! Rows of a table on a graphics adapter, looked up by an id that was found there.

// the attribute macro below writes items wider than they need be
#![expect(unreachable_pub, reason = "written by macros")]
#![expect(unsafe_code, reason = "a kernel that does not check every index")]

use burn::backend::TensorMetadata as _;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, Dispatch, backend_extension};
use burn::tensor::{DType, Int, Tensor};
use burn_cubecl::CubeBackend;
use burn_cubecl::cubecl::CubeDim;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use burn_flex::{Flex, FlexTensor};

use crate::nn::kernel::cube::{a_group_a_row, dims, empty};
use crate::nn::kernel::cube_kernels::UNITS;
use crate::nn::kernel::rows_kernels::row_kernel;

/// What the words of a table are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WordFormat {
    /// One number of 32 bits.
    F32,
    /// Two numbers of 16 bits, the first in the lower half.
    F16,
    /// The same with the range of f32.
    Bf16,
}

impl WordFormat {
    /// Numbers of a word.
    pub(crate) fn numbers(self) -> usize {
        match self {
            Self::F32 => 1,
            Self::F16 | Self::Bf16 => 2,
        }
    }
}

#[backend_extension(Cube, Flex)]
pub trait RowOps: Backend {
    /// found `[1, 3]` begins with an id, words `[rows, words of a row]` are the rows from `first`
    /// on → `[1, columns]`, which is `before` when the row is not one of these.
    fn row_op(
        found: FloatTensor<Self>,
        words: IntTensor<Self>,
        before: FloatTensor<Self>,
        first: usize,
        format: WordFormat,
    ) -> FloatTensor<Self>;
    /// The same memory as words: `[rows, columns]` → `[rows, words of a row]`.
    fn words_op(numbers: FloatTensor<Self>) -> IntTensor<Self>;
}

/// The row of the id that `found` begins with, from pieces of a table in order; zeros where there
/// is none.
///
/// # Shapes
/// `[1, 3]`, `[some rows, words of a row]` each → `[1, columns]`.
pub(crate) fn row_of_found(
    found: &Tensor<2>,
    pieces: &[Tensor<2, Int>],
    format: WordFormat,
) -> Tensor<2> {
    let (mut row, mut first) = (found.clone(), 0);
    for words in pieces {
        let [rows, _] = words.dims();
        let (found, words) = (found.clone().into_dispatch(), words.clone().into_dispatch());
        let before = row.into_dispatch();
        let next = <Dispatch as RowOps>::row_op(found, words, before, first, format);
        row = Tensor::from_dispatch(next);
        first += rows;
    }
    row
}

/// A matrix as words; its columns must fill them.
pub(crate) fn words_of(numbers: &Tensor<2>) -> Tensor<2, Int> {
    Tensor::from_dispatch(<Dispatch as RowOps>::words_op(numbers.clone().into_dispatch()))
}

impl RowOps for CubeBackend {
    fn row_op(
        found: CubeTensor,
        words: CubeTensor,
        before: CubeTensor,
        first: usize,
        format: WordFormat,
    ) -> CubeTensor {
        let words = into_contiguous(words);
        let (rows, a_row) = dims(&words.shape());
        let out = if first == 0 {
            empty(&found, [1, a_row * format.numbers()], DType::F32)
        } else {
            before
        };
        // SAFETY: units beyond the last word do nothing, and the id is compared with the rows
        unsafe {
            row_kernel::launch_unchecked(
                &out.client,
                a_group_a_row(a_row.div_ceil(UNITS)),
                CubeDim::new_1d(UNITS as u32),
                into_contiguous(found).into_tensor_arg(),
                words.into_tensor_arg(),
                out.clone().into_tensor_arg(),
                first,
                rows,
                a_row,
                first == 0,
                format,
            );
        }
        out
    }

    fn words_op(numbers: CubeTensor) -> CubeTensor {
        let numbers = into_contiguous(numbers);
        let (rows, columns) = dims(&numbers.shape());
        let a_row = columns * numbers.dtype.size() / size_of::<u32>();
        let CubeTensor { client, device, handle, .. } = numbers;
        CubeTensor::new_contiguous(client, device, [rows, a_row].into(), handle, DType::U32)
    }
}

/// The CPU looks rows up in the table itself.
impl RowOps for Flex {
    fn row_op(
        found: FlexTensor,
        _words: FlexTensor,
        _before: FlexTensor,
        _first: usize,
        _format: WordFormat,
    ) -> FlexTensor {
        found
    }

    fn words_op(numbers: FlexTensor) -> FlexTensor {
        numbers
    }
}
