//! The blocks that encoder and decoder are made of.

use std::ops::ControlFlow;

use burn::tensor::Tensor;

use crate::nn::kernel::{Visible, attention_shares, batched_matmul};
use crate::nn::vqgan::VqganConfig;
use crate::nn::vqgan::conv::{Conv, GroupNorm, Picture, Sides};
use crate::nn::{Linear, MissingTensor, WeightSource};

/// Scores computed at once.
const MAX_SCORES: usize = 1 << 24;

/// Two convolutions beside a straight way.
#[derive(Clone, Debug)]
pub(super) struct ResnetBlock {
    norm1: GroupNorm,
    conv1: Conv,
    norm2: GroupNorm,
    conv2: Conv,
    /// Where the width changes.
    nin_shortcut: Option<Linear>,
}

impl ResnetBlock {
    pub(super) fn init(
        name: &str,
        outputs: usize,
        inputs: usize,
        weights: &mut impl WeightSource,
    ) -> Result<Self, MissingTensor> {
        let part = |part: &str| format!("{name}.{part}");
        let nin_shortcut = match inputs == outputs {
            true => None,
            false => Some(weights.linear(&part("nin_shortcut"), outputs, inputs, true)?),
        };
        Ok(Self {
            norm1: GroupNorm::init(&part("norm1"), inputs, weights)?,
            conv1: Conv::init(&part("conv1"), outputs, inputs, Sides::Kept, weights)?,
            norm2: GroupNorm::init(&part("norm2"), outputs, weights)?,
            conv2: Conv::init(&part("conv2"), outputs, outputs, Sides::Kept, weights)?,
            nin_shortcut,
        })
    }

    /// # Shapes
    /// `[pixels, inputs]` → `[pixels, outputs]`.
    pub(super) fn forward(&self, x: Picture) -> Picture {
        let h = self.conv1.forward(&x.clone().map(|x| self.norm1.forward_swish(x)));
        let h = self.conv2.forward(&h.map(|h| self.norm2.forward_swish(h)));
        x.map(|x| match &self.nin_shortcut {
            Some(shortcut) => shortcut.forward(x) + h.pixels,
            None => x + h.pixels,
        })
    }
}

/// Attention of every pixel to every other, one head.
#[derive(Clone, Debug)]
pub(super) struct AttnBlock {
    norm: GroupNorm,
    q: Linear,
    k: Linear,
    v: Linear,
    proj_out: Linear,
}

impl AttnBlock {
    pub(super) fn init(
        name: &str,
        width: usize,
        weights: &mut impl WeightSource,
    ) -> Result<Self, MissingTensor> {
        let norm = GroupNorm::init(&format!("{name}.norm"), width, weights)?;
        let mut square = |part: &str| weights.linear(&format!("{name}.{part}"), width, width, true);
        Ok(Self {
            norm,
            q: square("q")?,
            k: square("k")?,
            v: square("v")?,
            proj_out: square("proj_out")?,
        })
    }

    /// # Shapes
    /// `[pixels, width]` → the same.
    pub(super) fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let [pixels, width] = x.dims();
        let normed = self.norm.forward(x.clone());
        let q = self.q.forward(normed.clone());
        let k = self.k.forward(normed.clone()).swap_dims(0, 1).unsqueeze::<3>();
        let v = self.v.forward(normed).unsqueeze::<3>();
        let scale = (width as f32).sqrt().recip();
        let rows = (MAX_SCORES / pixels.max(1)).clamp(1, pixels.max(1));
        let part = |from: usize| {
            let rows = rows.min(pixels - from);
            let q = q.clone().narrow(0, from, rows).unsqueeze::<3>();
            let scores = batched_matmul(q, k.clone()).reshape([rows, pixels]);
            let shares = attention_shares(scores, scale, Visible::all(pixels));
            batched_matmul(shares.unsqueeze::<3>(), v.clone()).reshape([rows, width])
        };
        let mixed = (0..pixels).step_by(rows).map(part).collect();
        x + self.proj_out.forward(Tensor::cat(mixed, 0))
    }
}

/// The blocks at the smallest size.
#[derive(Clone, Debug)]
pub(super) struct Mid {
    block_1: ResnetBlock,
    attn_1: AttnBlock,
    block_2: ResnetBlock,
}

impl Mid {
    pub(super) fn init(
        name: &str,
        width: usize,
        weights: &mut impl WeightSource,
    ) -> Result<Self, MissingTensor> {
        Ok(Self {
            block_1: ResnetBlock::init(&format!("{name}.block_1"), width, width, weights)?,
            attn_1: AttnBlock::init(&format!("{name}.attn_1"), width, weights)?,
            block_2: ResnetBlock::init(&format!("{name}.block_2"), width, width, weights)?,
        })
    }

    pub(super) fn forward(
        &self,
        x: Picture,
        between: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> ControlFlow<(), Picture> {
        between()?;
        let x = self.block_1.forward(x);
        between()?;
        let x = x.map(|x| self.attn_1.forward(x));
        between()?;
        ControlFlow::Continue(self.block_2.forward(x))
    }
}

/// The blocks at one size, and the way to the next.
#[derive(Clone, Debug)]
pub(super) struct Level {
    block: Vec<ResnetBlock>,
    /// As many, or none.
    attn: Vec<AttnBlock>,
    resample: Option<Conv>,
}

impl Level {
    /// `blocks` blocks, of which the first takes `inputs` channels.
    pub(super) fn init(
        name: &str,
        config: &VqganConfig,
        level: usize,
        (blocks, inputs): (usize, usize),
        weights: &mut impl WeightSource,
    ) -> Result<Self, MissingTensor> {
        let width = config.width(level);
        let mut built = Self { block: Vec::new(), attn: Vec::new(), resample: None };
        for at in 0..blocks {
            let inputs = if at == 0 { inputs } else { width };
            let block = format!("{name}.block.{at}");
            built.block.push(ResnetBlock::init(&block, width, inputs, weights)?);
            if config.has_attention(level) {
                built.attn.push(AttnBlock::init(&format!("{name}.attn.{at}"), width, weights)?);
            }
        }
        Ok(built)
    }

    /// The same with a convolution that changes the sides.
    pub(super) fn resampled(
        self,
        name: &str,
        width: usize,
        sides: Sides,
        weights: &mut impl WeightSource,
    ) -> Result<Self, MissingTensor> {
        let resample = Some(Conv::init(name, width, width, sides, weights)?);
        Ok(Self { resample, ..self })
    }

    /// Times `between` is asked.
    pub(super) fn steps(&self) -> usize {
        self.block.len() + self.attn.len() + usize::from(self.resample.is_some())
    }

    pub(super) fn forward(
        &self,
        mut x: Picture,
        between: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> ControlFlow<(), Picture> {
        for (at, block) in self.block.iter().enumerate() {
            between()?;
            x = block.forward(x);
            if let Some(attn) = self.attn.get(at) {
                between()?;
                x = x.map(|x| attn.forward(x));
            }
        }
        if let Some(resample) = &self.resample {
            between()?;
            x = resample.forward(&x);
        }
        ControlFlow::Continue(x)
    }
}
