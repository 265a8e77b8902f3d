//! The decoder of Qwen2, Llama, Yi, Mistral and Phi-3: one network, told apart by configuration.
//!
//! The residual stream, normalisation, rotation and scores are f32 whatever the weights are stored
//! in: these cost little beside the weights, and the residuals of Qwen2 and Mistral outgrow f16.
//! The cache is as exact as the weights are.

use std::ops::ControlFlow;

use burn::tensor::{Device, Tensor};
use serde::Deserialize;

use crate::nn::attention::{LayerPlace, SelfAttention};
use crate::nn::device_table::DeviceTable;
use crate::nn::kernel::{Visible, best};
use crate::nn::norm::RmsNorm;
use crate::nn::rope::{Angles, Position, Rope, RopeScaling};
use crate::nn::{
    Activation, BadConfig, CacheType, KvCache, Linear, MissingTensor, Table, WeightSource,
};

/// Positions from which on half a layer is a piece of work.
const MANY_POSITIONS: usize = 16;

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

    fn rope(&self) -> Result<Rope, BadConfig> {
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

/// Embeddings → layers → scores of the vocabulary.
#[derive(Clone, Debug)]
pub struct Decoder {
    embed_tokens: Table,
    layers: Vec<Layer>,
    norm: RmsNorm,
    lm_head: Linear,
    rope: Rope,
    config: DecoderConfig,
    /// The embedding where the ids are found.
    table_there: Option<DeviceTable>,
}

#[derive(Clone, Debug)]
struct Layer {
    input_layernorm: RmsNorm,
    self_attn: SelfAttention,
    post_attention_layernorm: RmsNorm,
    mlp: Mlp,
}

/// down(act(gate(x))·up(x))
#[derive(Clone, Debug)]
struct Mlp {
    gate_up: GateUp,
    down_proj: Linear,
    hidden_act: Activation,
}

#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "one a layer, and the larger is the usual one")]
enum GateUp {
    Split {
        gate_proj: Linear,
        up_proj: Linear,
    },
    /// One matrix, rows of the gate first (Phi-3, or stacked).
    Fused {
        gate_up_proj: Linear,
        intermediate: usize,
    },
}

/// Why a decoder cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// Its numbers.
    #[error(transparent)]
    Config(#[from] BadConfig),
    /// Its tensors.
    #[error(transparent)]
    Missing(#[from] MissingTensor),
}

impl Decoder {
    /// Names as LLaVA-style checkpoints have them: `model.embed_tokens.weight`, `model.layers.…`,
    /// `model.norm.weight`, `lm_head.weight`.
    ///
    /// # Errors
    /// When the configuration is impossible or a tensor is not there.
    pub fn init(
        config: &DecoderConfig,
        weights: &mut impl WeightSource,
    ) -> Result<Self, InitError> {
        config.check()?;
        let (vocab, hidden) = (config.vocab_size, config.hidden_size);
        let embed_tokens = weights.table("model.embed_tokens.weight", vocab, hidden)?;
        let layers = (0..config.num_hidden_layers)
            .map(|layer| Layer::init(&format!("model.layers.{layer}"), config, weights))
            .collect::<Result<_, _>>()?;
        let norm = RmsNorm::init("model.norm", hidden, config.rms_norm_eps, weights)?;
        let head = if config.tie_word_embeddings { "model.embed_tokens" } else { "lm_head" };
        let lm_head = weights.linear(head, vocab, hidden, false)?;
        Ok(Self {
            embed_tokens,
            layers,
            norm,
            lm_head,
            rope: config.rope()?,
            config: config.clone(),
            table_there: None,
        })
    }

    /// Its configuration.
    #[must_use]
    pub fn config(&self) -> &DecoderConfig {
        &self.config
    }

    /// Append the embedding of an id, `[hidden]`.
    pub fn push_embedding(&self, id: u32, out: &mut Vec<f32>) {
        self.embed_tokens.push_row(id as usize, out);
    }

    /// Rows of the embedding.
    #[must_use]
    pub fn vocab(&self) -> usize {
        self.embed_tokens.num_rows()
    }

    /// Read further positions into the cache; `between` is asked twice a layer.
    ///
    /// After a break the positions are not counted as read.
    ///
    /// # Shapes
    /// embeddings `[seq, hidden]`, a position each → hidden state `[seq, hidden]` before the last
    /// normalisation.
    pub fn forward(
        &self,
        embeds: Tensor<2>,
        positions: &[Position],
        cache: &mut KvCache,
        between: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> ControlFlow<(), Tensor<2>> {
        let angles = self.rope.angles(positions, &embeds.device());
        self.forward_at(embeds, &angles, cache, between)
    }

    fn forward_at(
        &self,
        embeds: Tensor<2>,
        angles: &Angles,
        cache: &mut KvCache,
        between: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> ControlFlow<(), Tensor<2>> {
        let [seq, _] = embeds.dims();
        let (past, device) = (cache.len(), embeds.device());
        // what shares the device with us gets its turn between pieces of work
        let hand_over = || {
            if seq > MANY_POSITIONS {
                // what went wrong shows itself when the result is read
                device.flush().ok();
            }
        };
        let mut x = embeds;
        for (index, layer) in self.layers.iter().enumerate() {
            between()?;
            let window = self.config.window(index).unwrap_or(usize::MAX);
            let visible = Visible { seq, past, window };
            let norm = &layer.input_layernorm;
            let place = LayerPlace { layer: index, angles, visible };
            x = layer.self_attn.forward(x, norm, place, cache);
            hand_over();
            between()?;
            x = layer.mlp.forward(x, &layer.post_attention_layernorm);
            hand_over();
        }
        cache.advance(seq);
        ControlFlow::Continue(x)
    }

    /// Read whole sequences of one length at once, each of which sees only itself; nothing is
    /// kept. This is how training reads.
    ///
    /// # Shapes
    /// embeddings `[sequences·seq, hidden]`, a position each → hidden state of the same shape
    /// before the last normalisation.
    #[must_use]
    pub fn forward_whole(
        &self,
        embeds: Tensor<2>,
        positions: &[Position],
        sequences: usize,
    ) -> Tensor<2> {
        let device = embeds.device().without_autodiff();
        let angles = self.rope.angles(positions, &device);
        self.layers.iter().enumerate().fold(embeds, |x, (index, layer)| {
            let window = self.config.window(index).unwrap_or(usize::MAX);
            let norm = &layer.input_layernorm;
            let x = layer.self_attn.forward_whole(x, norm, &angles, sequences, window);
            layer.mlp.forward(x, &layer.post_attention_layernorm)
        })
    }

    /// Scores after each of these rows.
    ///
    /// # Shapes
    /// hidden state `[rows, hidden]` → `[rows, vocab]`.
    #[must_use]
    pub fn scores(&self, hidden_state: Tensor<2>) -> Tensor<2> {
        self.lm_head.forward_normed(hidden_state, &self.norm)
    }

    /// Scores after the last position.
    ///
    /// # Shapes
    /// hidden state `[seq, hidden]` → `[1, vocab]`.
    #[must_use]
    pub fn logits(&self, hidden_state: Tensor<2>) -> Tensor<2> {
        let [seq, _] = hidden_state.dims();
        self.lm_head.forward_normed(hidden_state.narrow(0, seq - 1, 1), &self.norm)
    }

    /// The id with the highest score after the last position, found on the device.
    ///
    /// # Shapes
    /// hidden state `[seq, hidden]` → `[1, 3]`: the first id with the highest of the first `limit`
    /// scores, the logarithm of its probability among them, and 1 when a score is not a number.
    #[must_use]
    pub fn best(&self, hidden_state: Tensor<2>, limit: usize) -> Tensor<2> {
        best(self.logits(hidden_state), limit)
    }

    /// Keep what [`Self::best_of_each`] needs on the device of the weights: a copy of the
    /// embedding in pieces of so many bytes at most, unless the head holds the same numbers.
    pub fn keep_embedding(&mut self, device: &Device, piece_bytes: u64) {
        let shared = match self.config.tie_word_embeddings {
            true => DeviceTable::shared(&self.embed_tokens, &self.lm_head),
            false => None,
        };
        let table = shared.or_else(|| DeviceTable::copied(&self.embed_tokens, device, piece_bytes));
        self.table_there = table;
    }

    /// Whether [`Self::best_of_each`] has what it needs.
    #[must_use]
    pub fn keeps_embedding(&self) -> bool {
        self.table_there.is_some()
    }

    /// Read an id and then those that follow it, each the one with the highest score after the
    /// one before, and nothing of them back: as many positions as are given.
    ///
    /// After a break the positions of whole steps are counted as read.
    ///
    /// # Shapes
    /// embedding of the first id `[1, hidden]`, a position each → as of [`Self::best`], each.
    pub fn best_of_each(
        &self,
        first: Tensor<2>,
        positions: &[Position],
        limit: usize,
        cache: &mut KvCache,
        between: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> ControlFlow<(), Vec<Tensor<2>>> {
        // before the first launch: what is sent to the device later waits for all before it
        let angles = self.rope.angles(positions, &first.device());
        let mut all: Vec<Tensor<2>> = Vec::with_capacity(positions.len());
        for angles in angles.each() {
            let embedded = match (all.last(), &self.table_there) {
                (Some(found), Some(table)) => table.row(found),
                (None, _) => first.clone(),
                (Some(_), None) => break,
            };
            let state = self.forward_at(embedded, &angles, cache, between)?;
            all.push(self.best(state, limit));
        }
        ControlFlow::Continue(all)
    }

    /// An empty cache for one conversation.
    #[must_use]
    pub fn new_cache(&self, device: &Device, numbers: CacheType) -> KvCache {
        let config = &self.config;
        let (layers, kv_heads) = (config.num_hidden_layers, config.kv_heads());
        KvCache::new(layers, [kv_heads, config.head_dim()], numbers, device.clone())
    }
}

impl Layer {
    fn init(
        name: &str,
        config: &DecoderConfig,
        weights: &mut impl WeightSource,
    ) -> Result<Self, MissingTensor> {
        let (hidden, eps) = (config.hidden_size, config.rms_norm_eps);
        Ok(Self {
            input_layernorm: RmsNorm::init(
                &format!("{name}.input_layernorm"),
                hidden,
                eps,
                weights,
            )?,
            self_attn: SelfAttention::init(&format!("{name}.self_attn"), config, weights)?,
            post_attention_layernorm: RmsNorm::init(
                &format!("{name}.post_attention_layernorm"),
                hidden,
                eps,
                weights,
            )?,
            mlp: Mlp::init(&format!("{name}.mlp"), config, weights)?,
        })
    }
}

impl Mlp {
    fn init(
        name: &str,
        config: &DecoderConfig,
        weights: &mut impl WeightSource,
    ) -> Result<Self, MissingTensor> {
        let (hidden, intermediate) = (config.hidden_size, config.intermediate_size);
        let mut up =
            |part: &str, rows| weights.linear(&format!("{name}.{part}"), rows, hidden, false);
        let gate_up = if config.fused_projections {
            GateUp::Fused { gate_up_proj: up("gate_up_proj", 2 * intermediate)?, intermediate }
        } else {
            match Linear::stack([up("gate_proj", intermediate)?, up("up_proj", intermediate)?]) {
                Ok(gate_up_proj) => GateUp::Fused { gate_up_proj, intermediate },
                Err([gate_proj, up_proj]) => GateUp::Split { gate_proj, up_proj },
            }
        };
        let down_proj =
            weights.linear(&format!("{name}.down_proj"), hidden, intermediate, false)?;
        Ok(Self { gate_up, down_proj, hidden_act: config.hidden_act })
    }

    /// Of the stream normalised, added to the stream.
    ///
    /// # Shapes
    /// `[seq, hidden]` → `[seq, hidden]`.
    fn forward(&self, x: Tensor<2>, norm: &RmsNorm) -> Tensor<2> {
        let gated = self.gated_at_once(&x, norm);
        let gated = gated.unwrap_or_else(|| self.gated(norm.forward(x.clone())));
        self.down_proj.forward_added(gated, x)
    }

    fn gated_at_once(&self, x: &Tensor<2>, norm: &RmsNorm) -> Option<Tensor<2>> {
        if self.hidden_act != Activation::Silu {
            return None;
        }
        match &self.gate_up {
            GateUp::Split { gate_proj, up_proj } => {
                Linear::several_normed([gate_proj, up_proj], x, norm, true)
            }
            GateUp::Fused { gate_up_proj, .. } => gate_up_proj.gated_normed(x, norm),
        }
    }

    fn gated(&self, x: Tensor<2>) -> Tensor<2> {
        let (gate, up) = match &self.gate_up {
            GateUp::Split { gate_proj, up_proj } => {
                (gate_proj.forward(x.clone()), up_proj.forward(x))
            }
            GateUp::Fused { gate_up_proj, intermediate } => {
                let both = gate_up_proj.forward(x);
                let gate = both.clone().narrow(1, 0, *intermediate);
                (gate, both.narrow(1, *intermediate, *intermediate))
            }
        };
        self.hidden_act.gated(gate, up)
    }
}
