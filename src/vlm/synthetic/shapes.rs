//! The published shapes, by the names they are asked for.

use std::str::FromStr;

use crate::nn::{Activation, ClipConfig, DecoderConfig, HLoraConfig, ProjectorKind, SelectFeature};
use crate::vlm::config::{ClipVision, VisionConfig, VlmConfig};
use crate::vlm::preprocess::{ImageProcessor, Squares};

/// Side of the tower's pictures.
const SIDE: usize = 336;

/// A network of published shape that is made of random weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Synthetic {
    /// HuatuoGPT-Vision 7B.
    HuatuoVision7b,
    /// HuatuoGPT-Vision 34B.
    HuatuoVision34b,
    /// LLaVA-Med 1.5, which is Mistral 7B.
    LlavaMed7b,
    /// HealthGPT M3, for questions.
    HealthGptM3,
    /// HealthGPT L14.
    HealthGptL14,
    /// HealthGPT XL32.
    HealthGptXl32,
    /// The vision tower alone.
    ClipL336,
    /// The codec of pictures alone.
    VqganF8,
}

impl Synthetic {
    /// All there are.
    pub const ALL: [Self; 8] = [
        Self::HuatuoVision7b,
        Self::HuatuoVision34b,
        Self::LlavaMed7b,
        Self::HealthGptM3,
        Self::HealthGptL14,
        Self::HealthGptXl32,
        Self::ClipL336,
        Self::VqganF8,
    ];

    /// `huatuo-vision-7b`, …
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HuatuoVision7b => "huatuo-vision-7b",
            Self::HuatuoVision34b => "huatuo-vision-34b",
            Self::LlavaMed7b => "llava-med-7b",
            Self::HealthGptM3 => "healthgpt-m3",
            Self::HealthGptL14 => "healthgpt-l14",
            Self::HealthGptXl32 => "healthgpt-xl32",
            Self::ClipL336 => "clip-l-336",
            Self::VqganF8 => "vqgan-f8",
        }
    }

    /// Tower, projector and decoder; of what is only a part of a model the decoder is next to
    /// nothing.
    pub(crate) fn config(self) -> VlmConfig {
        let (shape, rank) = match self {
            Self::HuatuoVision7b => (QWEN2_7B, None),
            Self::HuatuoVision34b => (YI_34B, None),
            Self::LlavaMed7b => (MISTRAL_7B, None),
            Self::HealthGptM3 => (PHI3_MINI, Some(64)),
            Self::HealthGptL14 => (PHI4, Some(32)),
            Self::HealthGptXl32 => (QWEN25_32B, Some(32)),
            Self::ClipL336 | Self::VqganF8 => (LEAST, None),
        };
        // twice the rank and four experts in every release
        let hlora = |rank: usize| HLoraConfig { rank, experts: 4, alpha: 2.0 * rank as f32 };
        VlmConfig {
            decoder: shape.config(),
            hlora: rank.map(hlora),
            answers: true,
            generation: None,
            vision: VisionConfig::Clip(clip_vision()),
            context_len: shape.context_len,
            eos: Vec::new(),
            vocab_limit: None,
        }
    }
}

impl FromStr for Synthetic {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = || Self::ALL.map(Self::as_str).join(", ");
        let found = Self::ALL.into_iter().find(|shape| shape.as_str() == text);
        found.ok_or_else(|| format!("{text} is none of {}", known()))
    }
}

/// CLIP ViT-L/14-336 as all of these models use it: what comes before the last block is read.
pub(crate) fn clip_vision() -> ClipVision {
    let config = ClipConfig::vit_large_patch14(SIDE);
    ClipVision {
        blocks: config.num_hidden_layers - 1,
        select_feature: SelectFeature::Patch,
        projector: ProjectorKind::Mlp { depth: 2 },
        squares: Squares {
            processor: ImageProcessor::clip(config.image_size),
            pads_to_square: true,
        },
        config,
    }
}

/// A decoder's numbers as they were published.
#[derive(Clone, Copy)]
struct Shape {
    hidden: usize,
    inner: usize,
    layers: usize,
    /// Of queries and of keys.
    heads: [usize; 2],
    vocab: usize,
    theta: f32,
    eps: f64,
    window: Option<usize>,
    context_len: usize,
    /// On queries, keys and values.
    has_bias: bool,
    /// One matrix for queries, keys and values, one for gate and up.
    is_fused: bool,
}

const QWEN2_7B: Shape = Shape {
    hidden: 3584,
    inner: 18944,
    layers: 28,
    heads: [28, 4],
    vocab: 152_064,
    theta: 1e6,
    eps: 1e-6,
    window: None,
    context_len: 4096,
    has_bias: true,
    is_fused: false,
};

const YI_34B: Shape = Shape {
    hidden: 7168,
    inner: 20480,
    layers: 60,
    heads: [56, 8],
    vocab: 64000,
    theta: 5e6,
    has_bias: false,
    ..QWEN2_7B
};

const MISTRAL_7B: Shape = Shape {
    hidden: 4096,
    inner: 14336,
    layers: 32,
    heads: [32, 8],
    vocab: 32000,
    eps: 1e-5,
    has_bias: false,
    ..QWEN2_7B
};

const PHI3_MINI: Shape = Shape {
    hidden: 3072,
    inner: 8192,
    layers: 32,
    heads: [32, 32],
    vocab: 32064,
    theta: 1e4,
    eps: 1e-5,
    window: Some(2047),
    context_len: 4096,
    has_bias: false,
    is_fused: true,
};

const PHI4: Shape = Shape {
    hidden: 5120,
    inner: 17920,
    layers: 40,
    heads: [40, 10],
    vocab: 100_352,
    theta: 2.5e5,
    window: None,
    context_len: 16384,
    ..PHI3_MINI
};

const QWEN25_32B: Shape = Shape {
    hidden: 5120,
    inner: 27648,
    layers: 64,
    heads: [40, 8],
    context_len: 32768,
    ..QWEN2_7B
};

const LEAST: Shape =
    Shape { hidden: 2, inner: 2, layers: 1, heads: [1, 1], vocab: 1, context_len: 1, ..MISTRAL_7B };

impl Shape {
    fn config(self) -> DecoderConfig {
        let [heads, kv_heads] = self.heads;
        DecoderConfig {
            hidden_size: self.hidden,
            intermediate_size: self.inner,
            num_hidden_layers: self.layers,
            num_attention_heads: heads,
            num_key_value_heads: Some(kv_heads),
            explicit_head_dim: None,
            hidden_act: Activation::Silu,
            rms_norm_eps: self.eps,
            rope_theta: Some(self.theta),
            rope_scaling: None,
            vocab_size: self.vocab,
            tie_word_embeddings: false,
            attention_bias: false,
            sliding_window: self.window,
            use_sliding_window: None,
            max_window_layers: None,
            max_position_embeddings: Some(self.context_len),
            max_sequence_length: None,
            qkv_bias: self.has_bias,
            fused_projections: self.is_fused,
            window_excludes_self: self.is_fused,
        }
    }
}
