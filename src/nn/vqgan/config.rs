//! The numbers of a VQGAN, under their own names.

use serde::Deserialize;

use crate::nn::BadConfig;
use crate::nn::vqgan::conv::GROUPS;

/// No published width comes near.
const MAX_SIZE: usize = 1 << 14;

/// A picture of this side fills gigabytes on its way.
const MAX_SIDE: usize = 1 << 11;

/// No published network has as many levels, or blocks of a level.
const MAX_DEPTH: usize = 16;

/// `model.params` of the publisher's `model.yaml`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct VqganConfig {
    /// Width of a row of the codebook.
    pub embed_dim: usize,
    /// Rows of the codebook.
    pub n_embed: usize,
    /// Of encoder and decoder.
    pub ddconfig: DdConfig,
}

/// Numbers of encoder and decoder; absent values are those of the published classes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct DdConfig {
    /// Width between encoder and codebook.
    pub z_channels: usize,
    /// Side of the picture.
    pub resolution: usize,
    /// Samples of a pixel going in.
    pub in_channels: usize,
    /// Samples of a pixel coming out.
    pub out_ch: usize,
    /// Width at full size, before the multiples.
    pub ch: usize,
    /// Multiples of the width, a level each; every level but the last halves the sides.
    pub ch_mult: Vec<usize>,
    /// Blocks of a level.
    pub num_res_blocks: usize,
    /// Sides at which blocks are followed by attention.
    pub attn_resolutions: Vec<usize>,
    /// Whether the encoder gives mean and variance: a model with a quantiser has neither.
    #[serde(default = "yes")]
    pub double_z: bool,
    /// Whether sides are changed by convolutions.
    #[serde(default = "yes")]
    pub resamp_with_conv: bool,
}

fn yes() -> bool {
    true
}

impl VqganConfig {
    /// The published model, made for pictures of all kinds: sides divided by 8, 8192 codes.
    #[must_use]
    pub fn openimages_f8() -> Self {
        Self {
            embed_dim: 256,
            n_embed: 8192,
            ddconfig: DdConfig {
                z_channels: 256,
                resolution: 256,
                in_channels: 3,
                out_ch: 3,
                ch: 128,
                ch_mult: vec![1, 1, 2, 4],
                num_res_blocks: 2,
                attn_resolutions: vec![32],
                double_z: false,
                resamp_with_conv: true,
            },
        }
    }

    /// Side of the picture in codes.
    #[must_use]
    pub fn grid(&self) -> usize {
        self.side_of(self.levels().saturating_sub(1))
    }

    /// Whether pictures can be encoded: the quantiser is made for the encoder's width and sees
    /// the codebook's.
    #[must_use]
    pub fn can_encode(&self) -> bool {
        self.embed_dim == self.ddconfig.z_channels
    }

    /// Numbers of the largest matrix of pixels on the way.
    #[must_use]
    pub fn largest_activation(&self) -> usize {
        let pixels = |level| self.side_of(level) * self.side_of(level);
        // going up, the sides are doubled before the width is that of the next level
        let width = |level| self.width(level).max(self.width(level + 1));
        (0..self.levels()).map(|level| pixels(level) * width(level)).max().unwrap_or(0)
    }

    /// # Errors
    /// When the numbers describe no network.
    pub fn check(&self) -> Result<(), BadConfig> {
        let numbers = &self.ddconfig;
        let bad = |text: String| Err(BadConfig(text));
        let sizes = [
            ("embed_dim", self.embed_dim, MAX_SIZE),
            ("n_embed", self.n_embed, 1 << 20),
            ("z_channels", numbers.z_channels, MAX_SIZE),
            ("resolution", numbers.resolution, MAX_SIDE),
            ("ch", numbers.ch, MAX_SIZE),
            ("num_res_blocks", numbers.num_res_blocks, MAX_DEPTH),
            ("the number of levels in ch_mult", numbers.ch_mult.len(), MAX_DEPTH),
        ];
        let multiples =
            numbers.ch_mult.iter().map(|multiple| ("a multiple in ch_mult", *multiple, 64));
        for (name, size, most) in sizes.into_iter().chain(multiples) {
            if size == 0 || size > most {
                return bad(format!("{name} is {size}, not 1 to {most}"));
            }
        }
        for (name, channels) in [("in_channels", numbers.in_channels), ("out_ch", numbers.out_ch)] {
            if channels != 3 {
                return bad(format!("{name} is {channels}, and pictures here have 3"));
            }
        }
        if !numbers.ch.is_multiple_of(GROUPS) {
            return bad(format!("ch is {}, which {GROUPS} groups cannot share", numbers.ch));
        }
        if !numbers.resolution.is_multiple_of(1 << (self.levels() - 1)) {
            let (side, levels) = (numbers.resolution, self.levels());
            return bad(format!("resolution is {side}, which {levels} levels cannot halve"));
        }
        if numbers.double_z {
            return bad("double_z is true: it is not the model of a quantiser".to_owned());
        }
        if !numbers.resamp_with_conv {
            return bad("resamp_with_conv is false, which is not implemented".to_owned());
        }
        Ok(())
    }

    pub(super) fn levels(&self) -> usize {
        self.ddconfig.ch_mult.len()
    }

    /// Side of the picture at a level.
    pub(super) fn side_of(&self, level: usize) -> usize {
        u32::try_from(level)
            .ok()
            .and_then(|level| self.ddconfig.resolution.checked_shr(level))
            .unwrap_or(0)
    }

    /// Channels of a level; 0 where there is none.
    pub(super) fn width(&self, level: usize) -> usize {
        self.ddconfig.ch_mult.get(level).map_or(0, |multiple| multiple * self.ddconfig.ch)
    }

    /// Channels of the last level.
    pub(super) fn deepest(&self) -> usize {
        self.width(self.levels().saturating_sub(1))
    }

    pub(super) fn has_attention(&self, level: usize) -> bool {
        self.ddconfig.attn_resolutions.contains(&self.side_of(level))
    }
}
