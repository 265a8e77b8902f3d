//! What tells the decoders of the families apart: `config.json`, and what a family's name says.

use serde::Deserialize;

use crate::nn::rope::{Rope, RopeScaling};
use crate::nn::{Activation, BadConfig, CacheType};

/// `config.json` under its own names, and what the files leave to the architecture's name.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct DecoderConfig {
    /// Width.
    pub hidden_size: usize,
    /// Width inside the feed-forward part.
    pub intermediate_size: usize,
    /// Layers.
    pub num_hidden_layers: usize,
    /// Query heads.
    pub num_attention_heads: usize,
    /// Key heads; as many as query heads when absent.
    pub num_key_value_heads: Option<usize>,
    /// Width of a head; `hidden_size / num_attention_heads` when absent.
    #[serde(rename = "head_dim")]
    pub explicit_head_dim: Option<usize>,
    /// Of the gate.
    #[serde(default = "silu")]
    pub hidden_act: Activation,
    /// Of the normalisation.
    #[serde(default = "default_eps")]
    pub rms_norm_eps: f64,
    /// Base of the rotation; 10000 when absent.
    pub rope_theta: Option<f32>,
    /// Way of stretching positions.
    #[serde(alias = "rope_parameters")]
    pub rope_scaling: Option<RopeScaling>,
    /// Rows of the embedding and of the head.
    pub vocab_size: usize,
    /// The head is the embedding.
    #[serde(default)]
    pub tie_word_embeddings: bool,
    /// Biases on q, k, v and o.
    #[serde(default)]
    pub attention_bias: bool,
    /// How far back a position looks.
    pub sliding_window: Option<usize>,
    /// Qwen2: whether `sliding_window` counts at all.
    pub use_sliding_window: Option<bool>,
    /// Qwen2: layers before this one look back without limit.
    pub max_window_layers: Option<usize>,
    /// Positions it was trained for.
    pub max_position_embeddings: Option<usize>,
    /// The older key.
    pub max_sequence_length: Option<usize>,
    /// Biases on q, k and v (Qwen2); set by the family.
    #[serde(skip)]
    pub qkv_bias: bool,
    /// One matrix for q, k, v and one for gate and up (Phi-3); set by the family.
    #[serde(skip)]
    pub fused_projections: bool,
    /// The position itself comes on top of `sliding_window` (Phi-3 as its authors ran it); set by
    /// the family.
    #[serde(skip)]
    pub window_excludes_self: bool,
}

fn silu() -> Activation {
    Activation::Silu
}

fn default_eps() -> f64 {
    1e-6
}

impl DecoderConfig {
    /// Key heads.
    #[must_use]
    pub fn kv_heads(&self) -> usize {
        self.num_key_value_heads.unwrap_or(self.num_attention_heads)
    }

    /// Width of a head.
    #[must_use]
    pub fn head_dim(&self) -> usize {
        self.explicit_head_dim.unwrap_or(self.hidden_size / self.num_attention_heads.max(1))
    }

    /// Positions it was trained for.
    #[must_use]
    pub fn positions(&self) -> Option<usize> {
        self.max_position_embeddings.or(self.max_sequence_length)
    }

    /// How far back a layer looks, the position itself included.
    #[must_use]
    pub fn window(&self, layer: usize) -> Option<usize> {
        let counts = self.use_sliding_window.unwrap_or(true)
            && layer
                >= self
                    .max_window_layers
                    .filter(|_| self.use_sliding_window.is_some())
                    .unwrap_or(0);
        let window = self.sliding_window.filter(|_| counts);
        window.map(|window| window.saturating_add(usize::from(self.window_excludes_self)))
    }

    /// # Errors
    /// When the numbers describe no decoder.
    pub fn check(&self) -> Result<(), BadConfig> {
        let bad = |reason: String| Err(BadConfig(reason));
        let sizes = [
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("num_key_value_heads", self.kv_heads()),
            ("head_dim", self.head_dim()),
            ("vocab_size", self.vocab_size),
        ];
        for (name, size) in sizes {
            if size == 0 || size > 1 << 20 {
                return bad(format!("{name} is {size}"));
            }
        }
        if !self.num_attention_heads.is_multiple_of(self.kv_heads()) {
            let heads = self.num_attention_heads;
            return bad(format!("{heads} heads do not share {} key heads evenly", self.kv_heads()));
        }
        if !self.head_dim().is_multiple_of(2) {
            return bad(format!("head_dim {} is odd", self.head_dim()));
        }
        if self.sliding_window == Some(0) {
            return bad("sliding_window is 0".to_owned());
        }
        self.rope().map(|_| ())
    }

    pub(super) fn rope(&self) -> Result<Rope, BadConfig> {
        let scaling = self.rope_scaling.as_ref();
        let theta = self.rope_theta.or_else(|| scaling.and_then(RopeScaling::theta));
        Rope::new(self.head_dim(), theta.unwrap_or(10_000.0), scaling)
    }

    /// Bytes of the cache for one position.
    #[must_use]
    pub fn cache_bytes_per_position(&self, numbers: CacheType) -> u64 {
        (2 * self.num_hidden_layers * self.kv_heads() * self.head_dim() * numbers.bytes()) as u64
    }
}
