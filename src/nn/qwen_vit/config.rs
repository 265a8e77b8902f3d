//! The numbers of the Qwen2.5-VL vision tower.

use serde::Deserialize;

use crate::nn::rope::Rope;
use crate::nn::{Activation, BadConfig};

/// Base of the rotation, which no file says.
const THETA: f32 = 10_000.0;

/// `vision_config` under its own names; absent values are those of the published class.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(from = "Keys")]
pub struct QwenVitConfig {
    /// Blocks.
    pub depth: usize,
    /// Width.
    pub hidden_size: usize,
    /// Width inside the feed-forward part.
    pub intermediate_size: usize,
    /// Heads.
    pub num_heads: usize,
    /// Of the gate.
    pub hidden_act: Activation,
    /// Samples of a pixel; `in_chans` in older files.
    pub in_channels: usize,
    /// Side of a patch in pixels; `spatial_patch_size` in some files.
    pub patch_size: usize,
    /// Frames of a patch.
    pub temporal_patch_size: usize,
    /// Side in patches of a cell, which becomes one row of features.
    pub spatial_merge_size: usize,
    /// Side of a window in pixels.
    pub window_size: usize,
    /// Blocks that see the whole picture; the others see one window at a time.
    pub fullatt_block_indexes: Vec<usize>,
    /// Width of the features: the decoder's.
    pub out_hidden_size: usize,
}

impl Default for QwenVitConfig {
    fn default() -> Self {
        Self {
            depth: 32,
            hidden_size: 1280,
            intermediate_size: 3420,
            num_heads: 16,
            hidden_act: Activation::Silu,
            in_channels: 3,
            patch_size: 14,
            temporal_patch_size: 2,
            spatial_merge_size: 2,
            window_size: 112,
            fullatt_block_indexes: vec![7, 15, 23, 31],
            out_hidden_size: 3584,
        }
    }
}

/// The keys of a file: some have two names, and files exist that say both.
#[derive(Deserialize)]
struct Keys {
    depth: Option<usize>,
    hidden_size: Option<usize>,
    intermediate_size: Option<usize>,
    num_heads: Option<usize>,
    hidden_act: Option<Activation>,
    in_channels: Option<usize>,
    in_chans: Option<usize>,
    patch_size: Option<usize>,
    spatial_patch_size: Option<usize>,
    temporal_patch_size: Option<usize>,
    spatial_merge_size: Option<usize>,
    window_size: Option<usize>,
    fullatt_block_indexes: Option<Vec<usize>>,
    out_hidden_size: Option<usize>,
}

impl From<Keys> for QwenVitConfig {
    fn from(keys: Keys) -> Self {
        let default = Self::default();
        // of two names the published class reads the first
        let in_channels = keys.in_channels.or(keys.in_chans);
        let patch_size = keys.patch_size.or(keys.spatial_patch_size);
        Self {
            depth: keys.depth.unwrap_or(default.depth),
            hidden_size: keys.hidden_size.unwrap_or(default.hidden_size),
            intermediate_size: keys.intermediate_size.unwrap_or(default.intermediate_size),
            num_heads: keys.num_heads.unwrap_or(default.num_heads),
            hidden_act: keys.hidden_act.unwrap_or(default.hidden_act),
            in_channels: in_channels.unwrap_or(default.in_channels),
            patch_size: patch_size.unwrap_or(default.patch_size),
            temporal_patch_size: keys.temporal_patch_size.unwrap_or(default.temporal_patch_size),
            spatial_merge_size: keys.spatial_merge_size.unwrap_or(default.spatial_merge_size),
            window_size: keys.window_size.unwrap_or(default.window_size),
            fullatt_block_indexes: keys
                .fullatt_block_indexes
                .unwrap_or(default.fullatt_block_indexes),
            out_hidden_size: keys.out_hidden_size.unwrap_or(default.out_hidden_size),
        }
    }
}

impl QwenVitConfig {
    /// Width of a head.
    #[must_use]
    pub fn head_dim(&self) -> usize {
        self.hidden_size / self.num_heads.max(1)
    }

    /// Numbers of a patch.
    #[must_use]
    pub fn patch_features(&self) -> usize {
        self.in_channels * self.temporal_patch_size * self.patch_size * self.patch_size
    }

    /// Patches of a cell.
    #[must_use]
    pub fn patches_per_cell(&self) -> usize {
        self.spatial_merge_size * self.spatial_merge_size
    }

    /// Side of a window in cells.
    #[must_use]
    pub fn window_cells(&self) -> usize {
        self.window_size / self.spatial_merge_size.max(1) / self.patch_size.max(1)
    }

    /// Rows and columns turn half of the pairs of a head each, with the same frequencies.
    pub(super) fn rope(&self) -> Result<Rope, BadConfig> {
        Rope::new(self.head_dim() / 2, THETA, None)
    }

    /// # Errors
    /// When the numbers describe no tower.
    pub fn check(&self) -> Result<(), BadConfig> {
        let sizes = [
            ("depth", self.depth, 1 << 12),
            ("hidden_size", self.hidden_size, 1 << 16),
            ("intermediate_size", self.intermediate_size, 1 << 18),
            ("num_heads", self.num_heads, 1 << 12),
            ("patch_size", self.patch_size, 1 << 10),
            ("temporal_patch_size", self.temporal_patch_size, 1 << 4),
            ("spatial_merge_size", self.spatial_merge_size, 1 << 4),
            ("window_size", self.window_size, 1 << 20),
            ("out_hidden_size", self.out_hidden_size, 1 << 16),
        ];
        for (name, size, most) in sizes {
            if size == 0 || size > most {
                return Err(BadConfig(format!("{name} of the vision tower is {size}")));
            }
        }
        if self.in_channels != 3 {
            return Err(BadConfig("the vision tower does not take three channels".to_owned()));
        }
        let (hidden, heads) = (self.hidden_size, self.num_heads);
        if !hidden.is_multiple_of(heads) {
            return Err(BadConfig(format!(
                "the vision tower's width {hidden} does not divide among {heads} heads"
            )));
        }
        if !self.head_dim().is_multiple_of(4) {
            return Err(BadConfig(format!(
                "heads of {} in the vision tower do not turn by rows and columns",
                self.head_dim()
            )));
        }
        if self.window_cells() == 0 {
            return Err(BadConfig(format!(
                "a window of {} pixels in the vision tower holds no {} patches of {} pixels",
                self.window_size, self.spatial_merge_size, self.patch_size
            )));
        }
        Ok(())
    }
}
