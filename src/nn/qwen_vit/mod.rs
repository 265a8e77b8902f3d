//! The Qwen2.5-VL vision tower with its merger: patches of a picture → rows for the decoder.
//!
//! Most blocks attend inside windows. Windows of equal size are computed as one, so rows are
//! kept in an order of their own from the patches to the features; see [`order`].
//!
//! Checked against: `tests/model_nets.rs`.

mod attention;
mod config;
mod order;

use std::ops::ControlFlow;

use burn::tensor::{Device, Tensor, TensorData};

pub(crate) use attention::MAX_WINDOW_SCORES;
pub use config::QwenVitConfig;

use crate::nn::norm::RmsNorm;
use crate::nn::rope::{Angles, Rope};
use crate::nn::{Activation, InitError, Linear, MissingTensor, WeightSource};
use attention::WindowAttention;
use order::{CellOrder, Group};

/// Of every normalisation; no file says it.
const NORM_EPS: f64 = 1e-6;

/// Patches → features.
#[derive(Clone, Debug)]
pub struct QwenVit {
    patch_embed: Linear,
    blocks: Vec<Block>,
    merger: Merger,
    rope: Rope,
    config: QwenVitConfig,
}

/// What the tower says about a picture.
#[derive(Clone, Debug)]
pub struct QwenFeatures {
    /// State after the last block, `[patches, width]`, window after window as the published code
    /// has it.
    pub pre_merger: Tensor<2>,
    /// Features, `[cells, out_hidden]`, row by row.
    pub merged: Tensor<2>,
}

#[derive(Clone, Debug)]
struct Block {
    norm1: RmsNorm,
    attn: WindowAttention,
    norm2: RmsNorm,
    gate_proj: Linear,
    up_proj: Linear,
    down_proj: Linear,
    sees_all: bool,
}

/// The patches of a cell become one row of the decoder's width.
#[derive(Clone, Debug)]
struct Merger {
    ln_q: RmsNorm,
    /// Named by their places in the publisher's list, with the activation between them.
    mlp_0: Linear,
    mlp_2: Linear,
}

impl QwenVit {
    /// `prefix` ends before `patch_embed.`.
    ///
    /// # Errors
    /// When the configuration is impossible or a tensor is not there.
    pub fn init(
        prefix: &str,
        config: &QwenVitConfig,
        weights: &mut impl WeightSource,
    ) -> Result<Self, InitError> {
        config.check()?;
        let patch_embed = weights.linear(
            &format!("{prefix}patch_embed.proj"),
            config.hidden_size,
            config.patch_features(),
            false,
        )?;
        let blocks = (0..config.depth)
            .map(|block| {
                let sees_all = config.fullatt_block_indexes.contains(&block);
                Block::init(&format!("{prefix}blocks.{block}"), config, sees_all, weights)
            })
            .collect::<Result<_, _>>()?;
        let merger = Merger::init(&format!("{prefix}merger"), config, weights)?;
        Ok(Self { patch_embed, blocks, merger, rope: config.rope()?, config: config.clone() })
    }

    /// Its configuration.
    #[must_use]
    pub fn config(&self) -> &QwenVitConfig {
        &self.config
    }

    /// `between` is asked before every block.
    ///
    /// # Shapes
    /// patches `[rows · columns, features]`, row-major, cell after cell, of a grid of `rows` and
    /// `columns` patches, both whole numbers of cells → features.
    pub fn forward(
        &self,
        patches: &[f32],
        grid: [usize; 2],
        device: &Device,
        between: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> ControlFlow<(), QwenFeatures> {
        let [rows, columns] = grid.map(|side| side / self.config.spatial_merge_size);
        let order = CellOrder::new(rows, columns, self.config.window_cells());
        let per_cell = self.config.patches_per_cell();
        let windows = order.groups(per_cell);
        let whole = [Group { start: 0, count: 1, len: rows * columns * per_cell }];
        let angles = self.angles(&order, columns, device);
        let mut x = self.patch_embed.forward(self.patches(patches, &order, device));
        for block in &self.blocks {
            between()?;
            let groups = if block.sees_all { whole.as_slice() } else { &windows };
            x = block.forward(x, &angles, groups, self.config.hidden_act);
        }
        let [patches, width] = x.dims();
        let cells = [rows * columns, per_cell * width];
        let merged = order.raster(self.merger.forward(x.clone(), cells));
        let pre_merger = order.windowed(x.reshape(cells)).reshape([patches, width]);
        ControlFlow::Continue(QwenFeatures { pre_merger, merged })
    }

    /// The patches in the order of computing.
    fn patches(&self, patches: &[f32], order: &CellOrder, device: &Device) -> Tensor<2> {
        let features = self.config.patch_features();
        let cell_len = features * self.config.patches_per_cell();
        let rows = order.computed.len() * self.config.patches_per_cell();
        let mut values: Vec<f32> = Vec::with_capacity(rows * features);
        for cell in &order.computed {
            let from = cell * cell_len;
            values.extend(patches.get(from..from + cell_len).unwrap_or_default());
        }
        Tensor::from_data(TensorData::new(values, [rows, features]), device)
    }

    /// Of the first half of the pairs by the patch's row, of the second by its column.
    fn angles(&self, order: &CellOrder, columns: usize, device: &Device) -> Angles {
        let (merge, inv_freq) = (self.config.spatial_merge_size, self.rope.inv_freq());
        let mut turns = Vec::new();
        for cell in &order.computed {
            for inner in 0..merge * merge {
                let row = cell / columns * merge + inner / merge;
                let column = cell % columns * merge + inner % merge;
                for position in [row, column] {
                    turns.extend(inv_freq.iter().map(|freq| position as f32 * freq));
                }
            }
        }
        Angles::new(&turns, 2 * inv_freq.len(), device)
    }
}

impl Block {
    fn init(
        name: &str,
        config: &QwenVitConfig,
        sees_all: bool,
        weights: &mut impl WeightSource,
    ) -> Result<Self, MissingTensor> {
        let (hidden, inner) = (config.hidden_size, config.intermediate_size);
        Ok(Self {
            norm1: RmsNorm::init(&format!("{name}.norm1"), hidden, NORM_EPS, weights)?,
            attn: WindowAttention::init(&format!("{name}.attn"), config, weights)?,
            norm2: RmsNorm::init(&format!("{name}.norm2"), hidden, NORM_EPS, weights)?,
            gate_proj: weights.linear(&format!("{name}.mlp.gate_proj"), inner, hidden, true)?,
            up_proj: weights.linear(&format!("{name}.mlp.up_proj"), inner, hidden, true)?,
            down_proj: weights.linear(&format!("{name}.mlp.down_proj"), hidden, inner, true)?,
            sees_all,
        })
    }

    /// # Shapes
    /// `[patches, hidden]` → the same.
    fn forward(
        &self,
        x: Tensor<2>,
        angles: &Angles,
        groups: &[Group],
        hidden_act: Activation,
    ) -> Tensor<2> {
        let x = x.clone() + self.attn.forward(self.norm1.forward(x), angles, groups);
        let normed = self.norm2.forward(x.clone());
        let gate = hidden_act.forward(self.gate_proj.forward(normed.clone()));
        x + self.down_proj.forward(gate * self.up_proj.forward(normed))
    }
}

impl Merger {
    fn init(
        name: &str,
        config: &QwenVitConfig,
        weights: &mut impl WeightSource,
    ) -> Result<Self, MissingTensor> {
        let cell = config.hidden_size * config.patches_per_cell();
        let out = config.out_hidden_size;
        Ok(Self {
            ln_q: RmsNorm::init(&format!("{name}.ln_q"), config.hidden_size, NORM_EPS, weights)?,
            mlp_0: weights.linear(&format!("{name}.mlp.0"), cell, cell, true)?,
            mlp_2: weights.linear(&format!("{name}.mlp.2"), out, cell, true)?,
        })
    }

    /// # Shapes
    /// `[patches, hidden]` → `[cells, out_hidden]`, where `cells` are the extents of a matrix
    /// with a cell a row.
    fn forward(&self, x: Tensor<2>, cells: [usize; 2]) -> Tensor<2> {
        let inner = self.mlp_0.forward(self.ln_q.forward(x).reshape(cells));
        self.mlp_2.forward(Activation::Gelu.forward(inner))
    }
}
