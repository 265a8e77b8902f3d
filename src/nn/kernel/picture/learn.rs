//! The CPU's operations on pictures for what learns: a kernel forwards and a kernel back.
//!
//! Made of operations whose gradients are known, each would be a dozen passes over memory.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, backend_extension};
use burn_flex::{Flex, FlexTensor};

use crate::nn::kernel::picture::cpu_back::{Normed, windows_back, windows_by_tap};
use crate::nn::kernel::picture::cpu_conv::Convolved;
use crate::nn::kernel::picture::{PictureOps as _, Windows};

#[backend_extension(Flex, Autodiff)]
pub trait LearnPictureOps: Backend {
    /// `[pixels, channels]` → `[windows, 9 · channels]`
    fn learn_windows_op(x: FloatTensor<Self>, windows: Windows) -> FloatTensor<Self>;
    /// `[pixels, inputs]`, `[outputs, inputs · 9]` → `[windows, outputs]`
    fn learn_conv_op(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        windows: Windows,
    ) -> FloatTensor<Self>;
    /// `[pixels, channels]`, `[channels]` twice → `[pixels, channels]`
    fn learn_group_norm_op(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        groups: usize,
        eps: f32,
        swish: bool,
    ) -> FloatTensor<Self>;
}

impl LearnPictureOps for Flex {
    fn learn_windows_op(x: FlexTensor, windows: Windows) -> FlexTensor {
        windows_by_tap(&x, windows)
    }

    fn learn_conv_op(x: FlexTensor, weight: FlexTensor, windows: Windows) -> FlexTensor {
        Convolved { x, weight, windows }.forward()
    }

    fn learn_group_norm_op(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        groups: usize,
        eps: f32,
        swish: bool,
    ) -> FlexTensor {
        Self::group_norm_op(x, weight, bias, groups, eps, swish)
    }
}

impl<C: CheckpointStrategy> LearnPictureOps for Autodiff<Flex, C> {
    fn learn_windows_op(x: FloatTensor<Self>, windows: Windows) -> FloatTensor<Self> {
        let (x, node) = x.into_parts();
        let out = Flex::learn_windows_op(x, windows);
        match WindowsBack.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(windows, out),
            OpsKind::UnTracked(prepared) => prepared.finish(out),
        }
    }

    fn learn_conv_op(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        windows: Windows,
    ) -> FloatTensor<Self> {
        let ((x, x_node), (weight, weight_node)) = (x.into_parts(), weight.into_parts());
        let convolved = Convolved { x, weight, windows };
        let out = convolved.forward();
        match ConvBack.prepare::<C>([x_node, weight_node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(convolved, out),
            OpsKind::UnTracked(prepared) => prepared.finish(out),
        }
    }

    fn learn_group_norm_op(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        groups: usize,
        eps: f32,
        swish: bool,
    ) -> FloatTensor<Self> {
        let ((x, x_node), (weight, weight_node), (bias, bias_node)) =
            (x.into_parts(), weight.into_parts(), bias.into_parts());
        let out = Flex::group_norm_op(x.clone(), weight.clone(), bias.clone(), groups, eps, swish);
        let nodes = [x_node, weight_node, bias_node];
        match NormBack.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                prepared.finish(Normed { x, weight, bias, groups, eps, swish }, out)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(out),
        }
    }
}

#[derive(Debug)]
struct WindowsBack;

impl Backward<Flex, 1> for WindowsBack {
    type State = Windows;

    fn backward(self, ops: Ops<Windows, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<Flex>(&ops.node);
        if let [Some(parent)] = ops.parents {
            grads.register::<Flex>(parent.id, windows_back(&gradient, ops.state));
        }
    }
}

#[derive(Debug)]
struct ConvBack;

impl Backward<Flex, 2> for ConvBack {
    type State = Convolved;

    fn backward(self, ops: Ops<Convolved, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<Flex>(&ops.node);
        let [of_x, of_weight] = ops.parents;
        let (x, weight) = ops.state.back(&gradient, of_x.is_some());
        if let Some((parent, gradient)) = of_x.zip(x) {
            grads.register::<Flex>(parent.id, gradient);
        }
        if let Some(parent) = of_weight {
            grads.register::<Flex>(parent.id, weight);
        }
    }
}

#[derive(Debug)]
struct NormBack;

impl Backward<Flex, 3> for NormBack {
    type State = Normed;

    fn backward(self, ops: Ops<Normed, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<Flex>(&ops.node);
        let gradients = ops.state.back(&gradient);
        for (parent, gradient) in ops.parents.into_iter().zip(gradients) {
            if let Some(parent) = parent {
                grads.register::<Flex>(parent.id, gradient);
            }
        }
    }
}
