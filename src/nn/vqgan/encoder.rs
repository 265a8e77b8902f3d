//! Pixels → scores of the codes.

use std::ops::ControlFlow;

use burn::tensor::Tensor;

use crate::nn::vqgan::VqganConfig;
use crate::nn::vqgan::blocks::{Level, Mid};
use crate::nn::vqgan::conv::{Conv, GroupNorm, Picture, Sides};
use crate::nn::{Linear, MissingTensor, WeightSource};

/// `encoder`, `quant_conv` and the quantiser's `proj`.
///
/// The published quantiser adds random noise to the scores, when it is used too; the highest
/// score without it is the same every time.
#[derive(Clone, Debug)]
pub struct VqganEncoder {
    conv_in: Conv,
    /// From full size to the smallest.
    down: Vec<Level>,
    mid: Mid,
    norm_out: GroupNorm,
    conv_out: Conv,
    quant_conv: Linear,
    proj: Linear,
    side: usize,
}

impl VqganEncoder {
    /// Of a configuration that was checked and can encode.
    ///
    /// # Errors
    /// When a tensor is not there.
    pub fn init(
        config: &VqganConfig,
        weights: &mut impl WeightSource,
    ) -> Result<Self, MissingTensor> {
        let (numbers, deepest) = (&config.ddconfig, config.deepest());
        let (z, embed_dim) = (numbers.z_channels, config.embed_dim);
        let conv_in =
            Conv::init("encoder.conv_in", numbers.ch, numbers.in_channels, Sides::Kept, weights)?;
        let mut down = Vec::new();
        let mut inputs = numbers.ch;
        for level in 0..config.levels() {
            let name = format!("encoder.down.{level}");
            let width = config.width(level);
            let blocks = (numbers.num_res_blocks, inputs);
            let mut built = Level::init(&name, config, level, blocks, weights)?;
            if level + 1 < config.levels() {
                let name = format!("{name}.downsample.conv");
                built = built.resampled(&name, width, Sides::Halved, weights)?;
            }
            down.push(built);
            inputs = width;
        }
        Ok(Self {
            conv_in,
            down,
            mid: Mid::init("encoder.mid", deepest, weights)?,
            norm_out: GroupNorm::init("encoder.norm_out", deepest, weights)?,
            conv_out: Conv::init("encoder.conv_out", z, deepest, Sides::Kept, weights)?,
            quant_conv: weights.linear("quant_conv", embed_dim, z, true)?,
            proj: weights.linear("quantize.proj", config.n_embed, z, true)?,
            side: numbers.resolution,
        })
    }

    /// Times `between` is asked.
    #[must_use]
    pub fn steps(&self) -> usize {
        3 + self.down.iter().map(Level::steps).sum::<usize>()
    }

    /// `between` is asked before every block.
    ///
    /// # Shapes
    /// `[pixels, 3]` from −1 to 1, a row a pixel from the top left → `[places, embed_dim]`.
    pub fn forward(
        &self,
        pixels: Tensor<2>,
        between: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> ControlFlow<(), Tensor<2>> {
        let mut x = self.conv_in.forward(&Picture { pixels, size: [self.side; 2] });
        for level in &self.down {
            x = level.forward(x, between)?;
        }
        let x = self.mid.forward(x, between)?.map(|x| self.norm_out.forward_swish(x));
        ControlFlow::Continue(self.quant_conv.forward(self.conv_out.forward(&x).pixels))
    }

    /// # Shapes
    /// what `forward` gives → `[places, n_embed]`.
    #[must_use]
    pub fn logits(&self, x: Tensor<2>) -> Tensor<2> {
        self.proj.forward(x)
    }
}
