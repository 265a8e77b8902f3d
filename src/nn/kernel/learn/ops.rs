//! The operations, as the engine and its record of what was done know them.

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::ops::{Backward as _, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, backend_extension};
use burn_flex::{Flex, FlexTensor};

use crate::nn::Activation;
use crate::nn::kernel::learn::Sequences;
use crate::nn::kernel::learn::attention::{Attended, attended};
use crate::nn::kernel::learn::back::{ActivationBack, AttentionBack, LinearBack, NormBack};
use crate::nn::kernel::learn::elementwise::activated;
use crate::nn::kernel::learn::linear::product;
use crate::nn::kernel::learn::norm::Normed;

#[backend_extension(Flex, Autodiff)]
pub trait LearnRowOps: Backend {
    /// `[rows, len]`, `[len]` → `[rows, len]`
    fn learn_rms_norm_op(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        eps: f32,
    ) -> FloatTensor<Self>;
    /// `[rows, len]`, `[len]` twice → `[rows, len]`
    fn learn_layer_norm_op(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        eps: f32,
    ) -> FloatTensor<Self>;
    /// `[rows, inputs]`, `[outputs, inputs]` → `[rows, outputs]`
    fn learn_linear_op(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self>;
    /// `[rows, columns]` → the same
    fn learn_activation_op(x: FloatTensor<Self>, activation: Activation) -> FloatTensor<Self>;
    /// `[rows, heads·head_dim]`, `[rows, kv_heads·head_dim]` twice → `[rows, heads·head_dim]`
    fn learn_attention_op(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        sequences: Sequences,
    ) -> FloatTensor<Self>;
}

impl LearnRowOps for Flex {
    fn learn_rms_norm_op(x: FlexTensor, weight: FlexTensor, eps: f32) -> FlexTensor {
        Normed { x, weight, bias: None, eps }.forward()
    }

    fn learn_layer_norm_op(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        eps: f32,
    ) -> FlexTensor {
        Normed { x, weight, bias: Some(bias), eps }.forward()
    }

    fn learn_linear_op(x: FlexTensor, weight: FlexTensor) -> FlexTensor {
        product(x, weight)
    }

    fn learn_activation_op(x: FlexTensor, activation: Activation) -> FlexTensor {
        activated(&x, activation)
    }

    fn learn_attention_op(
        q: FlexTensor,
        k: FlexTensor,
        v: FlexTensor,
        sequences: Sequences,
    ) -> FlexTensor {
        attended([q, k, v], sequences).0
    }
}

impl<C: CheckpointStrategy> LearnRowOps for Autodiff<Flex, C> {
    fn learn_rms_norm_op(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        eps: f32,
    ) -> FloatTensor<Self> {
        let ((x, x_node), (weight, weight_node)) = (x.into_parts(), weight.into_parts());
        let normed = Normed { x, weight, bias: None, eps };
        let out = normed.forward();
        let recorded = NormBack::<2>.prepare::<C>([x_node, weight_node]);
        match recorded.compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(normed, out),
            OpsKind::UnTracked(prepared) => prepared.finish(out),
        }
    }

    fn learn_layer_norm_op(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        eps: f32,
    ) -> FloatTensor<Self> {
        let ((x, x_node), (weight, weight_node), (bias, bias_node)) =
            (x.into_parts(), weight.into_parts(), bias.into_parts());
        let normed = Normed { x, weight, bias: Some(bias), eps };
        let out = normed.forward();
        let recorded = NormBack::<3>.prepare::<C>([x_node, weight_node, bias_node]);
        match recorded.compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(normed, out),
            OpsKind::UnTracked(prepared) => prepared.finish(out),
        }
    }

    fn learn_linear_op(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        let ((x, x_node), (weight, weight_node)) = (x.into_parts(), weight.into_parts());
        let out = product(x.clone(), weight.clone());
        match LinearBack.prepare::<C>([x_node, weight_node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish([x, weight], out),
            OpsKind::UnTracked(prepared) => prepared.finish(out),
        }
    }

    fn learn_activation_op(x: FloatTensor<Self>, activation: Activation) -> FloatTensor<Self> {
        let (x, node) = x.into_parts();
        let out = activated(&x, activation);
        match ActivationBack.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((x, activation), out),
            OpsKind::UnTracked(prepared) => prepared.finish(out),
        }
    }

    fn learn_attention_op(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        sequences: Sequences,
    ) -> FloatTensor<Self> {
        let ((q, q_node), (k, k_node), (v, v_node)) =
            (q.into_parts(), k.into_parts(), v.into_parts());
        let qkv = [q, k, v];
        let (out, shares) = attended(qkv.clone(), sequences);
        let recorded = AttentionBack.prepare::<C>([q_node, k_node, v_node]);
        match recorded.compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(Attended { qkv, shares, sequences }, out),
            OpsKind::UnTracked(prepared) => prepared.finish(out),
        }
    }
}
