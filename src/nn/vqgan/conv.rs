//! A picture of many channels, and the two layers that see more of it than a pixel.

use burn::tensor::Tensor;

use crate::nn::kernel::{
    TAPS, Windows, group_norm, is_recorded, recorded_conv, recorded_windows, windows,
};
use crate::nn::{Linear, MissingTensor, WeightSource};

/// Of every normalisation.
pub(super) const GROUPS: usize = 32;
const EPS: f32 = 1e-6;

/// Numbers of windows laid out at once.
const MAX_WINDOW_NUMBERS: usize = 1 << 22;

/// Rows are pixels from the top left, columns channels.
#[derive(Clone, Debug)]
pub(super) struct Picture {
    pub(super) pixels: Tensor<2>,
    /// Rows and columns.
    pub(super) size: [usize; 2],
}

impl Picture {
    /// A picture of the same size.
    pub(super) fn map(self, change: impl FnOnce(Tensor<2>) -> Tensor<2>) -> Self {
        Self { pixels: change(self.pixels), size: self.size }
    }
}

/// What a convolution does to the sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sides {
    /// Zeros all around keep them.
    Kept,
    /// Each pixel is repeated before it.
    Doubled,
    /// Every second window, with zeros only below and to the right.
    Halved,
}

/// A 3×3 convolution.
#[derive(Clone, Debug)]
pub(super) struct Conv {
    /// `[outputs, inputs · 9]`
    window: Linear,
    sides: Sides,
}

impl Conv {
    pub(super) fn init(
        name: &str,
        outputs: usize,
        inputs: usize,
        sides: Sides,
        weights: &mut impl WeightSource,
    ) -> Result<Self, MissingTensor> {
        Ok(Self { window: weights.linear(name, outputs, inputs * 9, true)?, sides })
    }

    pub(super) fn forward(&self, picture: &Picture) -> Picture {
        let over = match self.sides {
            Sides::Kept => Windows::same(picture.size),
            Sides::Doubled => Windows::doubling(picture.size),
            Sides::Halved => Windows::halving(picture.size),
        };
        let size = over.count();
        let count = size.iter().product::<usize>();
        let [_, channels] = picture.pixels.dims();
        if is_recorded(&picture.pixels)
            && let Some((weight, bias)) = self.window.only_numbers()
            && let Some(pixels) = recorded_conv(&picture.pixels, weight, over)
        {
            let pixels = match bias {
                Some(bias) => pixels + bias.clone().unsqueeze(),
                None => pixels,
            };
            return Picture { pixels, size };
        }
        if is_recorded(&picture.pixels)
            && let Some(window) = self.window.with_innermost_first(TAPS)
        {
            let pixels = window.forward(recorded_windows(picture.pixels.clone(), over));
            return Picture { pixels, size };
        }
        // pieces of one size: each new one would be prepared for anew
        let pieces = (count * channels * 9).div_ceil(MAX_WINDOW_NUMBERS).max(1);
        let rows = count.div_ceil(pieces).max(1);
        let part = |from: usize| {
            let range = from..(from + rows).min(count);
            self.window.forward(windows(picture.pixels.clone(), over, range))
        };
        let mut parts: Vec<Tensor<2>> = (0..count).step_by(rows).map(part).collect();
        let pixels = match (parts.len(), parts.pop()) {
            (1, Some(only)) => only,
            (_, last) => Tensor::cat(parts.into_iter().chain(last).collect(), 0),
        };
        Picture { pixels, size }
    }
}

/// Normalisation over groups of channels and the whole picture.
#[derive(Clone, Debug)]
pub(super) struct GroupNorm {
    weight: Tensor<1>,
    bias: Tensor<1>,
}

impl GroupNorm {
    pub(super) fn init(
        name: &str,
        channels: usize,
        weights: &mut impl WeightSource,
    ) -> Result<Self, MissingTensor> {
        Ok(Self {
            weight: weights.vector(&format!("{name}.weight"), &[channels])?,
            bias: weights.vector(&format!("{name}.bias"), &[channels])?,
        })
    }

    pub(super) fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        group_norm(x, [self.weight.clone(), self.bias.clone()], GROUPS, EPS, false)
    }

    /// x·sigmoid(x) of it.
    pub(super) fn forward_swish(&self, x: Tensor<2>) -> Tensor<2> {
        group_norm(x, [self.weight.clone(), self.bias.clone()], GROUPS, EPS, true)
    }
}
