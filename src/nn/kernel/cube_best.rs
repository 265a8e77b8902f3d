//! The highest of the scores, found where they are: a few bytes come back instead of all of them.

// the attribute macro below writes items wider than they need be
#![expect(unreachable_pub, reason = "written by macros")]

use burn::backend::TensorMetadata as _;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, backend_extension};
use burn::tensor::{DType, Tensor, TensorData};
use burn_cubecl::CubeBackend;
use burn_cubecl::cubecl::{CubeCount, CubeDim};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use burn_flex::{Flex, FlexTensor};

use crate::nn::kernel::cube::empty;
use crate::nn::kernel::cube_best_kernels::{PARTS, best_of_parts_kernel, best_parts_kernel};
use crate::nn::kernel::cube_kernels::UNITS;

/// Scores that one group of units looks at, where there are not too many of them.
const SCORES_A_PART: usize = 1024;

/// Numbers of the answer.
pub(crate) const BEST_LEN: usize = 3;

#[backend_extension(Cube, Flex)]
pub trait BestOps: Backend {
    /// `[1, vocab]` → `[1, 3]`, see [`best`].
    fn best_op(scores: FloatTensor<Self>, limit: usize) -> FloatTensor<Self>;
}

/// The first of the highest of the first `limit` scores.
///
/// # Shapes
/// `[1, vocab]` → `[1, 3]`: its index, the logarithm of its probability among those scores, and 1
/// when any score at all is not a number.
pub(crate) fn best(scores: Tensor<2>, limit: usize) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as BestOps>::best_op(scores.into_dispatch(), limit))
}

impl BestOps for CubeBackend {
    fn best_op(scores: CubeTensor, limit: usize) -> CubeTensor {
        let scores = into_contiguous(scores);
        let len = scores.shape().num_elements();
        let at_once = SCORES_A_PART.max(len.div_ceil(PARTS));
        let parts = len.div_ceil(at_once);
        let of_parts = empty(&scores, [parts, 4], DType::F32);
        best_parts_kernel::launch(
            &scores.client,
            CubeCount::Static(parts as u32, 1, 1),
            CubeDim::new_1d(UNITS as u32),
            scores.clone().into_tensor_arg(),
            of_parts.clone().into_tensor_arg(),
            len,
            limit.min(len),
            at_once,
        );
        let out = empty(&scores, [1, BEST_LEN], DType::F32);
        best_of_parts_kernel::launch(
            &out.client,
            CubeCount::Static(1, 1, 1),
            CubeDim::new_1d(PARTS as u32),
            of_parts.into_tensor_arg(),
            out.clone().into_tensor_arg(),
            parts,
        );
        out
    }
}

impl BestOps for Flex {
    fn best_op(scores: FlexTensor, limit: usize) -> FlexTensor {
        let data = scores.to_contiguous().into_data();
        let scores = data.try_into_vec_as::<f32>().unwrap_or_default();
        let known = scores.get(..limit).unwrap_or(&scores);
        let mut best = (0, f32::NEG_INFINITY);
        for (index, score) in known.iter().enumerate() {
            if *score > best.1 {
                best = (index, *score);
            }
        }
        let total: f64 = known.iter().map(|score| f64::from(score - best.1).exp()).sum();
        let has_nan = scores.iter().any(|score| score.is_nan());
        let out = vec![best.0 as f32, -total.ln() as f32, f32::from(u8::from(has_nan))];
        FlexTensor::from_data(TensorData::new(out, [1, BEST_LEN]))
    }
}
