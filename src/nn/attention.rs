//! Grouped-query attention over a cache.

use burn::tensor::Tensor;

use crate::nn::kernel::{HeadShape, Recorded, Visible, attend, attend_sequences};
use crate::nn::norm::RmsNorm;
use crate::nn::rope::Angles;
use crate::nn::{DecoderConfig, KvCache, Linear, MissingTensor, WeightSource};

/// Queries, keys and values of one decoder layer.
#[derive(Clone, Debug)]
pub(crate) struct SelfAttention {
    qkv: Qkv,
    o_proj: Linear,
    heads: usize,
    kv_heads: usize,
    head_dim: usize,
}

#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "one a layer, and the larger is the usual one")]
enum Qkv {
    Split {
        q_proj: Linear,
        k_proj: Linear,
        v_proj: Linear,
    },
    /// One matrix whose rows are those of q, k and v (Phi-3, or stacked).
    Fused {
        qkv_proj: Linear,
    },
}

/// Which layer it is, and where its positions are.
#[derive(Clone, Copy)]
pub(crate) struct LayerPlace<'a> {
    pub(crate) layer: usize,
    pub(crate) angles: &'a Angles,
    pub(crate) visible: Visible,
}

impl SelfAttention {
    pub(crate) fn init(
        name: &str,
        config: &DecoderConfig,
        weights: &mut impl WeightSource,
    ) -> Result<Self, MissingTensor> {
        let (heads, kv_heads) = (config.num_attention_heads, config.kv_heads());
        let head_dim = config.head_dim();
        let hidden = config.hidden_size;
        let has_bias = config.qkv_bias || config.attention_bias;
        let qkv = if config.fused_projections {
            let rows = (heads + 2 * kv_heads) * head_dim;
            Qkv::Fused {
                qkv_proj: weights.linear(&format!("{name}.qkv_proj"), rows, hidden, has_bias)?,
            }
        } else {
            let mut linear = |part: &str, heads: usize| {
                weights.linear(&format!("{name}.{part}_proj"), heads * head_dim, hidden, has_bias)
            };
            let parts = [linear("q", heads)?, linear("k", kv_heads)?, linear("v", kv_heads)?];
            match Linear::stack(parts) {
                Ok(qkv_proj) => Qkv::Fused { qkv_proj },
                Err([q_proj, k_proj, v_proj]) => Qkv::Split { q_proj, k_proj, v_proj },
            }
        };
        let o_proj = weights.linear(
            &format!("{name}.o_proj"),
            hidden,
            heads * head_dim,
            config.attention_bias,
        )?;
        Ok(Self { qkv, o_proj, heads, kv_heads, head_dim })
    }

    /// Of the stream normalised, added to the stream.
    ///
    /// # Shapes
    /// `[seq, hidden]` → `[seq, hidden]`.
    pub(crate) fn forward(
        &self,
        x: Tensor<2>,
        norm: &RmsNorm,
        LayerPlace { layer, angles, visible }: LayerPlace<'_>,
        cache: &mut KvCache,
    ) -> Tensor<2> {
        let (heads, kv_heads, head_dim) = (self.heads, self.kv_heads, self.head_dim);
        let shape = HeadShape { heads, kv_heads, head_dim };
        let qkv = self.project(x.clone(), norm);
        self.o_proj.forward_added(attend(qkv, angles, shape, visible, layer, cache), x)
    }

    /// The same for whole sequences of one length, without a cache.
    ///
    /// # Shapes
    /// `[sequences·seq, hidden]` → the same.
    pub(crate) fn forward_whole(
        &self,
        x: Tensor<2>,
        norm: &RmsNorm,
        angles: &Angles,
        sequences: usize,
        window: usize,
    ) -> Tensor<2> {
        let (heads, kv_heads, head_dim) = (self.heads, self.kv_heads, self.head_dim);
        let shape = HeadShape { heads, kv_heads, head_dim };
        let qkv = self.project(x.clone(), norm);
        let sequences = Recorded { sequences, numbers: self.o_proj.numbers() };
        self.o_proj.forward_added(attend_sequences(qkv, angles, shape, sequences, window), x)
    }

    fn project(&self, x: Tensor<2>, norm: &RmsNorm) -> [Tensor<2>; 3] {
        match &self.qkv {
            Qkv::Split { q_proj, k_proj, v_proj } => {
                if let Some(rows) =
                    Linear::several_normed([q_proj, k_proj, v_proj], &x, norm, false)
                {
                    return self.cut(rows);
                }
                let x = norm.forward(x);
                [q_proj.forward(x.clone()), k_proj.forward(x.clone()), v_proj.forward(x)]
            }
            Qkv::Fused { qkv_proj } => self.cut(qkv_proj.forward_normed(x, norm)),
        }
    }

    /// Queries, keys and values stand beside each other.
    fn cut(&self, rows: Tensor<2>) -> [Tensor<2>; 3] {
        let (q_len, kv_len) = (self.heads * self.head_dim, self.kv_heads * self.head_dim);
        [
            rows.clone().narrow(1, 0, q_len),
            rows.clone().narrow(1, q_len, kv_len),
            rows.narrow(1, q_len + kv_len, kv_len),
        ]
    }
}
