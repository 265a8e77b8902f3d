//! Attention inside windows or over a whole picture, a bounded number of scores at a time.

use burn::tensor::Tensor;

use crate::nn::kernel::{
    Recorded, Visible, attend_all_sequences, attention_shares, batched_matmul, is_recorded,
};
use crate::nn::qwen_vit::order::Group;
use crate::nn::rope::Angles;
use crate::nn::{Linear, MissingTensor, QwenVitConfig, WeightSource};

/// Scores held at once: 128 MB of them, which is also the largest tensor some adapters bind.
pub(crate) const MAX_WINDOW_SCORES: usize = 1 << 25;

/// Every row sees every row of its window.
#[derive(Clone, Debug)]
pub(super) struct WindowAttention {
    qkv: Linear,
    proj: Linear,
    heads: usize,
}

impl WindowAttention {
    pub(super) fn init(
        name: &str,
        config: &QwenVitConfig,
        weights: &mut impl WeightSource,
    ) -> Result<Self, MissingTensor> {
        let hidden = config.hidden_size;
        Ok(Self {
            qkv: weights.linear(&format!("{name}.qkv"), 3 * hidden, hidden, true)?,
            proj: weights.linear(&format!("{name}.proj"), hidden, hidden, true)?,
            heads: config.num_heads,
        })
    }

    /// The groups are all rows in order.
    ///
    /// # Shapes
    /// `[rows, hidden]` → the same.
    pub(super) fn forward(&self, x: Tensor<2>, angles: &Angles, groups: &[Group]) -> Tensor<2> {
        let [rows, hidden] = x.dims();
        let head_dim = hidden / self.heads;
        let qkv = self.qkv.forward(x).reshape([rows, 3 * self.heads, head_dim]).swap_dims(0, 1);
        let part = |index: usize| qkv.clone().narrow(0, index * self.heads, self.heads);
        let qkv = [angles.rotate(part(0)), angles.rotate(part(1)), part(2)];
        if qkv.iter().any(is_recorded) {
            return self.proj.forward(self.recorded(qkv, groups));
        }
        let [q, k, v] = qkv;
        let mixed: Vec<Tensor<3>> = groups
            .iter()
            .map(|Group { start, count, len }| {
                let windows = |x: &Tensor<3>| -> Tensor<3> {
                    let rows = x.clone().narrow(1, *start, count * len);
                    rows.reshape([self.heads * count, *len, head_dim])
                };
                let mixed = attend(&windows(&q), &windows(&k), &windows(&v));
                mixed.reshape([self.heads, count * len, head_dim])
            })
            .collect();
        let mixed = Tensor::cat(mixed, 1).swap_dims(0, 1).reshape([rows, hidden]);
        self.proj.forward(mixed)
    }
}

impl WindowAttention {
    /// The same where gradients are asked for: windows of one size are sequences of one length.
    ///
    /// # Shapes
    /// `[heads, rows, head_dim]` each → `[rows, hidden]`.
    fn recorded(&self, qkv: [Tensor<3>; 3], groups: &[Group]) -> Tensor<2> {
        let qkv = qkv.map(|x| -> Tensor<2> {
            let [heads, rows, head_dim] = x.dims();
            x.swap_dims(0, 1).reshape([rows, heads * head_dim])
        });
        let mixed = groups.iter().map(|Group { start, count, len }| {
            let windows = qkv.each_ref().map(|x| x.clone().narrow(0, *start, count * len));
            let windows_of = Recorded { sequences: *count, numbers: self.proj.numbers() };
            attend_all_sequences(windows, self.heads, windows_of)
        });
        Tensor::cat(mixed.collect(), 0)
    }
}

/// # Shapes
/// `[batch, len, head_dim]` each → the same.
fn attend(q: &Tensor<3>, k: &Tensor<3>, v: &Tensor<3>) -> Tensor<3> {
    let [batch, len, _] = q.dims();
    let at_once = (MAX_WINDOW_SCORES / (len * len).max(1)).clamp(1, batch.max(1));
    let rows_at_once = (MAX_WINDOW_SCORES / (at_once * len).max(1)).clamp(1, len.max(1));
    let parts = (0..batch).step_by(at_once).map(|from| {
        let part = |x: &Tensor<3>| x.clone().narrow(0, from, at_once.min(batch - from));
        let (q, k, v) = (part(q), part(k).swap_dims(1, 2), part(v));
        let rows = (0..len).step_by(rows_at_once).map(|row| {
            let q = q.clone().narrow(1, row, rows_at_once.min(len - row));
            shared_out(q, k.clone(), v.clone())
        });
        Tensor::cat(rows.collect(), 1)
    });
    Tensor::cat(parts.collect(), 0)
}

/// # Shapes
/// `[batch, rows, head_dim]`, keys `[batch, head_dim, len]`, values `[batch, len, head_dim]` →
/// `[batch, rows, head_dim]`.
fn shared_out(q: Tensor<3>, k: Tensor<3>, v: Tensor<3>) -> Tensor<3> {
    let ([batch, rows, head_dim], [_, _, len]) = (q.dims(), k.dims());
    let scores = batched_matmul(q, k).reshape([batch * rows, len]);
    let scale = (head_dim as f32).sqrt().recip();
    let shares = attention_shares(scores, scale, Visible::all(len));
    batched_matmul(shares.reshape([batch, rows, len]), v)
}
