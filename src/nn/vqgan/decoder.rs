//! Embeddings of codes → pixels.

use std::ops::ControlFlow;

use burn::tensor::Tensor;

use crate::nn::vqgan::VqganConfig;
use crate::nn::vqgan::blocks::{Level, Mid};
use crate::nn::vqgan::conv::{Conv, GroupNorm, Picture, Sides};
use crate::nn::{Linear, MissingTensor, WeightSource};

/// `post_quant_conv` and `decoder`.
#[derive(Clone, Debug)]
pub struct VqganDecoder {
    post_quant_conv: Linear,
    conv_in: Conv,
    mid: Mid,
    /// From full size to the smallest.
    up: Vec<Level>,
    norm_out: GroupNorm,
    conv_out: Conv,
    grid: usize,
}

impl VqganDecoder {
    /// Of a configuration that was checked.
    ///
    /// # Errors
    /// When a tensor is not there.
    pub fn init(
        config: &VqganConfig,
        weights: &mut impl WeightSource,
    ) -> Result<Self, MissingTensor> {
        let (numbers, deepest) = (&config.ddconfig, config.deepest());
        let z = numbers.z_channels;
        let post_quant_conv = weights.linear("post_quant_conv", z, config.embed_dim, true)?;
        let conv_in = Conv::init("decoder.conv_in", deepest, z, Sides::Kept, weights)?;
        let mid = Mid::init("decoder.mid", deepest, weights)?;
        let mut up = Vec::new();
        for level in 0..config.levels() {
            let name = format!("decoder.up.{level}");
            let below = config.width(level + 1);
            let inputs = if below == 0 { deepest } else { below };
            let blocks = (numbers.num_res_blocks + 1, inputs);
            let mut built = Level::init(&name, config, level, blocks, weights)?;
            if level > 0 {
                let name = format!("{name}.upsample.conv");
                built = built.resampled(&name, config.width(level), Sides::Doubled, weights)?;
            }
            up.push(built);
        }
        let width = config.width(0);
        Ok(Self {
            post_quant_conv,
            conv_in,
            mid,
            up,
            norm_out: GroupNorm::init("decoder.norm_out", width, weights)?,
            conv_out: Conv::init("decoder.conv_out", numbers.out_ch, width, Sides::Kept, weights)?,
            grid: config.grid(),
        })
    }

    /// Times `between` is asked.
    #[must_use]
    pub fn steps(&self) -> usize {
        3 + self.up.iter().map(Level::steps).sum::<usize>()
    }

    /// # Shapes
    /// rows of the codebook `[places, embed_dim]` → `[places, z_channels]`.
    #[must_use]
    pub fn post_quant(&self, z_q: Tensor<2>) -> Tensor<2> {
        self.post_quant_conv.forward(z_q)
    }

    /// `between` is asked before every block.
    ///
    /// # Shapes
    /// rows of the codebook `[places, embed_dim]`, a row a place of the grid from the top left →
    /// `[pixels, 3]`, about −1 to 1.
    pub fn forward(
        &self,
        z_q: Tensor<2>,
        between: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> ControlFlow<(), Tensor<2>> {
        let size = [self.grid; 2];
        let z = Picture { pixels: self.post_quant(z_q), size };
        let mut x = self.mid.forward(self.conv_in.forward(&z), between)?;
        for level in self.up.iter().rev() {
            x = level.forward(x, between)?;
        }
        let x = x.map(|x| self.norm_out.forward_swish(x));
        ControlFlow::Continue(self.conv_out.forward(&x).pixels)
    }
}
