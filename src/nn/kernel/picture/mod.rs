//! Operations on pictures of many channels: rows are pixels from the top left, columns channels.
//!
//! A 3×3 convolution is a matrix product once the nine pixels under its window stand side by
//! side. They are put there some rows at a time, so that memory stays bounded, and the product is
//! the one all weights go through: no search for the fastest convolution at every new shape.

// the attribute macro below writes items wider than they need be
#![expect(unreachable_pub, reason = "written by macros")]

mod cpu;
mod cpu_back;
mod cpu_conv;
mod cube;
mod cube_kernels;
mod learn;
mod recorded;

use std::ops::Range;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, backend_extension};
use burn::tensor::{DType, Device, Tensor};

use crate::nn::kernel::is_recorded;
use crate::nn::kernel::picture::learn::LearnPictureOps;

/// Channels up to which windows need not be laid out.
const FEW_CHANNELS: usize = 96;

/// Pixels under a window.
pub(crate) const TAPS: usize = 9;

/// How a window of 3×3 goes over a picture of some height and width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// Rows and columns of the picture.
    pub size: [usize; 2],
    /// How often each pixel is repeated, along both sides, before the window sees it.
    pub repeat: usize,
    /// Steps of the window.
    pub stride: usize,
    /// Zeros above and to the left; below and to the right there are as many as it takes.
    pub pad: usize,
}

impl Windows {
    /// One window a pixel.
    pub(crate) fn same(size: [usize; 2]) -> Self {
        Self { size, repeat: 1, stride: 1, pad: 1 }
    }

    /// One window a pixel of the picture at twice its size, each pixel repeated.
    pub(crate) fn doubling(size: [usize; 2]) -> Self {
        Self { size, repeat: 2, stride: 1, pad: 1 }
    }

    /// Every second window, zeros only below and to the right.
    pub(crate) fn halving(size: [usize; 2]) -> Self {
        Self { size, repeat: 1, stride: 2, pad: 0 }
    }

    /// Rows and columns of windows.
    pub(crate) fn count(self) -> [usize; 2] {
        self.size.map(|extent| extent * self.repeat / self.stride)
    }

    /// The pixel under a tap of a window, where there is one.
    fn pixel(self, window: usize, tap: usize) -> Option<usize> {
        let [height, width] = self.size;
        let [_, across] = self.count();
        let y = self.inside(window / across, tap / 3, height)?;
        let x = self.inside(window % across, tap % 3, width)?;
        Some(y * width + x)
    }

    /// The same along one side.
    fn inside(self, window: usize, tap: usize, extent: usize) -> Option<usize> {
        let at = (window * self.stride + tap).checked_sub(self.pad)? / self.repeat;
        (at < extent).then_some(at)
    }

    /// The window along one side that sees a place with a tap, at one of the times that the place is
    /// repeated.
    fn seen_by(self, at: usize, part: usize, tap: usize, count: usize) -> Option<usize> {
        let begin = (at * self.repeat + part + self.pad).checked_sub(tap)?;
        let window = begin / self.stride;
        (begin.is_multiple_of(self.stride) && window < count).then_some(window)
    }

    /// Windows along one side that see a place with this tap: the other way round.
    fn seeing(self, at: usize, tap: usize, count: usize) -> impl Iterator<Item = usize> {
        (0..self.repeat).filter_map(move |part| self.seen_by(at, part, tap, count))
    }
}

#[backend_extension(Cube, Flex)]
pub trait PictureOps: Backend {
    /// `[pixels, channels]` → `[rows, channels · 9]`
    fn windows_op(
        x: FloatTensor<Self>,
        windows: Windows,
        first: usize,
        rows: usize,
    ) -> FloatTensor<Self>;
    /// `[pixels, channels]`, `[channels]` twice → `[pixels, channels]`
    fn group_norm_op(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        groups: usize,
        eps: f32,
        swish: bool,
    ) -> FloatTensor<Self>;
}

/// What these windows see, a window a row, channel by channel; zero beyond the edges.
pub(crate) fn windows(x: Tensor<2>, windows: Windows, range: Range<usize>) -> Tensor<2> {
    let x = x.into_dispatch();
    let rows = <Dispatch as PictureOps>::windows_op(x, windows, range.start, range.len());
    Tensor::from_dispatch(rows)
}

/// What all windows see of something recorded, tap by tap: channels then lie side by side on the
/// way there and back.
pub(crate) fn recorded_windows(x: Tensor<2>, windows: Windows) -> Tensor<2> {
    if !is_on_cpu(&x) {
        return recorded::windows(x, windows);
    }
    let x = x.into_dispatch();
    Tensor::from_dispatch(<Dispatch as LearnPictureOps>::learn_windows_op(x, windows))
}

/// A convolution of something recorded; `None` where a product over windows does as well.
///
/// # Shapes
/// `[pixels, inputs]`, `[outputs, inputs · 9]` → `[windows, outputs]`.
pub(crate) fn recorded_conv(x: &Tensor<2>, weight: &Tensor<2>, over: Windows) -> Option<Tensor<2>> {
    let ([_, inputs], [outputs, _]) = (x.dims(), weight.dims());
    let is_f32 = x.dtype() == DType::F32 && weight.dtype() == DType::F32;
    if !(is_on_cpu(x) && is_f32 && inputs.max(outputs) <= FEW_CHANNELS) {
        return None;
    }
    let (x, weight) = (x.clone().into_dispatch(), weight.clone().into_dispatch());
    Some(Tensor::from_dispatch(<Dispatch as LearnPictureOps>::learn_conv_op(x, weight, over)))
}

/// (x − mean) / √(variance + eps) · weight + bias, mean and variance those of a group of
/// channels over the whole picture; `swish` multiplies the result by its sigmoid.
pub(crate) fn group_norm(
    x: Tensor<2>,
    [weight, bias]: [Tensor<1>; 2],
    groups: usize,
    eps: f32,
    swish: bool,
) -> Tensor<2> {
    let is_learnt = is_recorded(&x) || is_recorded(&weight) || is_recorded(&bias);
    if is_learnt && !is_on_cpu(&x) {
        return recorded::group_norm(x, [weight, bias], groups, eps, swish);
    }
    let (x, weight, bias) = (x.into_dispatch(), weight.into_dispatch(), bias.into_dispatch());
    if is_learnt {
        return Tensor::from_dispatch(<Dispatch as LearnPictureOps>::learn_group_norm_op(
            x, weight, bias, groups, eps, swish,
        ));
    }
    Tensor::from_dispatch(<Dispatch as PictureOps>::group_norm_op(
        x, weight, bias, groups, eps, swish,
    ))
}

/// Where the operations of `learn` have kernels.
fn is_on_cpu(x: &Tensor<2>) -> bool {
    x.device().without_autodiff() == Device::flex()
}
