//! The CLIP vision transformer, up to the layer whose state is read.

use std::ops::ControlFlow;

use burn::tensor::{Device, Tensor, TensorData};
use serde::Deserialize;

use crate::nn::kernel::{Recorded, attend_all, attend_all_sequences, is_recorded};
use crate::nn::norm::LayerNorm;
use crate::nn::{Activation, BadConfig, Linear, MissingTensor, WeightSource};

/// `vision_config` under its own names; absent values are those of the published class.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default)]
pub struct ClipConfig {
    /// Width.
    pub hidden_size: usize,
    /// Width inside the feed-forward part.
    pub intermediate_size: usize,
    /// Blocks.
    pub num_hidden_layers: usize,
    /// Heads.
    pub num_attention_heads: usize,
    /// Side of the picture.
    pub image_size: usize,
    /// Side of a patch.
    pub patch_size: usize,
    /// Samples of a pixel.
    pub num_channels: usize,
    /// Between the two feed-forward matrices.
    pub hidden_act: Activation,
    /// Of the normalisation.
    pub layer_norm_eps: f64,
}

impl Default for ClipConfig {
    fn default() -> Self {
        Self {
            hidden_size: 768,
            intermediate_size: 3072,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            image_size: 224,
            patch_size: 32,
            num_channels: 3,
            hidden_act: Activation::QuickGelu,
            layer_norm_eps: 1e-5,
        }
    }
}

impl ClipConfig {
    /// The published ViT-L/14 for pictures of this side.
    #[must_use]
    pub fn vit_large_patch14(image_size: usize) -> Self {
        Self {
            hidden_size: 1024,
            intermediate_size: 4096,
            num_hidden_layers: 24,
            num_attention_heads: 16,
            image_size,
            patch_size: 14,
            ..Self::default()
        }
    }

    /// Patches of a picture.
    #[must_use]
    pub fn num_patches(&self) -> usize {
        (self.image_size / self.patch_size.max(1)).pow(2)
    }

    /// Blocks to run for a select layer: entry `layer` of the list of states, from the end when
    /// negative, where entry 0 is the state before the first block.
    ///
    /// # Errors
    /// When there is no such state.
    pub fn blocks_for(&self, select_layer: i64) -> Result<usize, BadConfig> {
        let states = i64::try_from(self.num_hidden_layers).unwrap_or(i64::MAX).saturating_add(1);
        let entry =
            if select_layer < 0 { states.saturating_add(select_layer) } else { select_layer };
        usize::try_from(entry).ok().filter(|entry| *entry <= self.num_hidden_layers).ok_or_else(
            || {
                BadConfig(format!(
                    "select layer {select_layer} of a tower of {} blocks",
                    self.num_hidden_layers
                ))
            },
        )
    }

    /// # Errors
    /// When the numbers describe no tower.
    pub fn check(&self) -> Result<(), BadConfig> {
        let sizes = [
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("image_size", self.image_size),
            ("patch_size", self.patch_size),
            ("num_channels", self.num_channels),
        ];
        for (name, size) in sizes {
            if size == 0 || size > 1 << 16 {
                return Err(BadConfig(format!("{name} of the vision tower is {size}")));
            }
        }
        if self.num_channels != 3 {
            return Err(BadConfig("the vision tower does not take three channels".to_owned()));
        }
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) || self.num_patches() == 0 {
            return Err(BadConfig("the sizes of the vision tower do not divide".to_owned()));
        }
        Ok(())
    }
}

/// Which rows of the state are features.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SelectFeature {
    /// The patches.
    #[default]
    Patch,
    /// The class row and the patches.
    ClsPatch,
}

/// Pixels → hidden state of one layer.
#[derive(Clone, Debug)]
pub struct ClipVit {
    class_embedding: Tensor<1>,
    patch_embedding: Linear,
    position_embedding: Tensor<2>,
    /// Spelled as the publisher spells it.
    pre_layrnorm: LayerNorm,
    layers: Vec<EncoderLayer>,
    select_feature: SelectFeature,
    config: ClipConfig,
}

#[derive(Clone, Debug)]
struct EncoderLayer {
    layer_norm1: LayerNorm,
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    out_proj: Linear,
    layer_norm2: LayerNorm,
    fc1: Linear,
    fc2: Linear,
}

impl ClipVit {
    /// `prefix` ends before `embeddings.`; only the first `blocks` blocks are taken.
    ///
    /// # Errors
    /// When a tensor is not there.
    pub fn init(
        prefix: &str,
        config: &ClipConfig,
        blocks: usize,
        select_feature: SelectFeature,
        weights: &mut impl WeightSource,
    ) -> Result<Self, MissingTensor> {
        let (hidden, eps) = (config.hidden_size, config.layer_norm_eps);
        let name = |rest: &str| format!("{prefix}{rest}");
        let positions = config.num_patches() + 1;
        let inputs = config.num_channels * config.patch_size * config.patch_size;
        Ok(Self {
            class_embedding: weights.vector(&name("embeddings.class_embedding"), &[hidden])?,
            patch_embedding: weights.linear(
                &name("embeddings.patch_embedding"),
                hidden,
                inputs,
                false,
            )?,
            position_embedding: weights
                .vector(&name("embeddings.position_embedding.weight"), &[positions, hidden])?
                .reshape([positions, hidden]),
            pre_layrnorm: LayerNorm::init(&name("pre_layrnorm"), hidden, eps, weights)?,
            layers: (0..blocks)
                .map(|block| {
                    EncoderLayer::init(&name(&format!("encoder.layers.{block}")), config, weights)
                })
                .collect::<Result<_, _>>()?,
            select_feature,
            config: config.clone(),
        })
    }

    /// State after this many blocks; `between` is asked before every one.
    ///
    /// # Shapes
    /// pixel values `[channels, height, width]`, row-major → features `[rows, hidden]`.
    pub fn forward(
        &self,
        pixel_values: &[f32],
        blocks: usize,
        device: &Device,
        between: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> ControlFlow<(), Tensor<2>> {
        self.forward_many(pixel_values, 1, blocks, device, between)
    }

    /// The same for several pictures at once, the first one's rows first.
    ///
    /// # Shapes
    /// `[pictures, channels, height, width]` → `[pictures·rows, hidden]`.
    pub fn forward_many(
        &self,
        pixel_values: &[f32],
        pictures: usize,
        blocks: usize,
        device: &Device,
        between: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> ControlFlow<(), Tensor<2>> {
        let hidden = self.config.hidden_size;
        let rows = self.config.num_patches() + 1;
        let patches = self.embedded(pixel_values, pictures, device);
        let class = self.class_embedding.clone().reshape([1, 1, hidden]);
        let x = Tensor::cat(vec![class.expand([pictures, 1, hidden]), patches], 1);
        let x = x + self.position_embedding.clone().unsqueeze();
        let mut x = self.pre_layrnorm.forward(x.reshape([pictures * rows, hidden]));
        for layer in self.layers.iter().take(blocks) {
            between()?;
            x = layer.forward(x, pictures, &self.config);
        }
        ControlFlow::Continue(match self.select_feature {
            SelectFeature::Patch => x
                .reshape([pictures, rows, hidden])
                .narrow(1, 1, rows - 1)
                .reshape([pictures * (rows - 1), hidden]),
            SelectFeature::ClsPatch => x,
        })
    }

    /// Patches of all pictures, `[pictures, patches, hidden]`.
    fn embedded(&self, pixel_values: &[f32], pictures: usize, device: &Device) -> Tensor<3> {
        let config = &self.config;
        let num_patches = config.num_patches();
        let a_picture = config.num_channels * config.image_size * config.image_size;
        let inputs = config.num_channels * config.patch_size * config.patch_size;
        let mut patches = Vec::with_capacity(pictures * num_patches * inputs);
        for picture in pixel_values.chunks(a_picture.max(1)).take(pictures) {
            self.push_patches(picture, &mut patches);
        }
        let shape = [pictures * num_patches, inputs];
        let patches = Tensor::<2>::from_data(TensorData::new(patches, shape), device);
        let embedded = self.patch_embedding.forward(patches);
        embedded.reshape([pictures, num_patches, config.hidden_size])
    }

    /// Rows of patches from the top left, each `[channels, patch, patch]`: a convolution whose
    /// stride is its size is a matrix product.
    fn push_patches(&self, pixel_values: &[f32], out: &mut Vec<f32>) {
        let (side, patch) = (self.config.image_size, self.config.patch_size);
        let grid = side / patch;
        for (row, column) in (0..grid).flat_map(|row| (0..grid).map(move |column| (row, column))) {
            for channel in 0..self.config.num_channels {
                for y in row * patch..(row + 1) * patch {
                    let from = (channel * side + y) * side + column * patch;
                    out.extend(pixel_values.get(from..from + patch).unwrap_or_default());
                }
            }
        }
    }
}

impl EncoderLayer {
    fn init(
        name: &str,
        config: &ClipConfig,
        weights: &mut impl WeightSource,
    ) -> Result<Self, MissingTensor> {
        let (hidden, eps) = (config.hidden_size, config.layer_norm_eps);
        let inner = config.intermediate_size;
        let mut square = |part: &str| {
            weights.linear(&format!("{name}.self_attn.{part}_proj"), hidden, hidden, true)
        };
        let (q_proj, k_proj) = (square("q")?, square("k")?);
        let (v_proj, out_proj) = (square("v")?, square("out")?);
        Ok(Self {
            layer_norm1: LayerNorm::init(&format!("{name}.layer_norm1"), hidden, eps, weights)?,
            q_proj,
            k_proj,
            v_proj,
            out_proj,
            layer_norm2: LayerNorm::init(&format!("{name}.layer_norm2"), hidden, eps, weights)?,
            fc1: weights.linear(&format!("{name}.mlp.fc1"), inner, hidden, true)?,
            fc2: weights.linear(&format!("{name}.mlp.fc2"), hidden, inner, true)?,
        })
    }

    /// # Shapes
    /// `[pictures·(patches + 1), hidden]` → the same.
    fn forward(&self, x: Tensor<2>, pictures: usize, config: &ClipConfig) -> Tensor<2> {
        let normed = self.layer_norm1.forward(x.clone());
        let q = self.q_proj.forward(normed.clone());
        let k = self.k_proj.forward(normed.clone());
        let v = self.v_proj.forward(normed);
        let heads = config.num_attention_heads;
        let mixed = if pictures == 1 && !is_recorded(&q) {
            attend_all(q, k, v, heads)
        } else {
            let sequences = Recorded { sequences: pictures, numbers: self.out_proj.numbers() };
            attend_all_sequences([q, k, v], heads, sequences)
        };
        let x = x + self.out_proj.forward(mixed);
        let inner = self.fc1.forward(self.layer_norm2.forward(x.clone()));
        x + self.fc2.forward(config.hidden_act.forward(inner))
    }
}
