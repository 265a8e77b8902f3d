//! The decoder of Qwen2, Llama, Yi, Mistral and Phi-3: one network, told apart by configuration.
//!
//! The residual stream, normalisation, rotation and scores are f32 whatever the weights are stored
//! in: these cost little beside the weights, and the residuals of Qwen2 and Mistral outgrow f16.
//! The cache is as exact as the weights are.

use std::ops::ControlFlow;

use burn::tensor::{Device, Tensor};

use crate::nn::attention::{LayerPlace, SelfAttention};
use crate::nn::device_table::DeviceTable;
use crate::nn::kernel::{Visible, best};
use crate::nn::mlp::Mlp;
use crate::nn::norm::RmsNorm;
use crate::nn::rope::{Angles, Position, Rope};
use crate::nn::{
    BadConfig, CacheType, DecoderConfig, KvCache, Linear, MissingTensor, Table, WeightSource,
};

/// Positions from which on half a layer is a piece of work.
const MANY_POSITIONS: usize = 16;

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
