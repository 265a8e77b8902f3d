//! Which gradients go where.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn_flex::{Flex, FlexTensor};

use crate::nn::Activation;
use crate::nn::kernel::learn::attention::Attended;
use crate::nn::kernel::learn::elementwise::activated_back;
use crate::nn::kernel::learn::linear::{product_back_input, product_back_weight};
use crate::nn::kernel::learn::norm::Normed;

/// Of x, weight and, when there are three, bias.
#[derive(Debug)]
pub(super) struct NormBack<const N: usize>;

impl<const N: usize> Backward<Flex, N> for NormBack<N> {
    type State = Normed;

    fn backward(self, ops: Ops<Normed, N>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<Flex>(&ops.node);
        let gradients = ops.state.back(&gradient);
        for (parent, gradient) in ops.parents.into_iter().zip(gradients) {
            if let Some(parent) = parent {
                grads.register::<Flex>(parent.id, gradient);
            }
        }
    }
}

/// Of x and weight.
#[derive(Debug)]
pub(super) struct LinearBack;

impl Backward<Flex, 2> for LinearBack {
    type State = [FlexTensor; 2];

    fn backward(self, ops: Ops<[FlexTensor; 2], 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<Flex>(&ops.node);
        let ([x, weight], [of_x, of_weight]) = (ops.state, ops.parents);
        if let Some(parent) = of_x {
            grads.register::<Flex>(parent.id, product_back_input(gradient.clone(), weight));
        }
        if let Some(parent) = of_weight {
            grads.register::<Flex>(parent.id, product_back_weight(gradient, x));
        }
    }
}

/// Of x.
#[derive(Debug)]
pub(super) struct ActivationBack;

impl Backward<Flex, 1> for ActivationBack {
    type State = (FlexTensor, Activation);

    fn backward(
        self,
        ops: Ops<(FlexTensor, Activation), 1>,
        grads: &mut Gradients,
        _: &mut Checkpointer,
    ) {
        let gradient = grads.consume::<Flex>(&ops.node);
        let (x, activation) = ops.state;
        if let [Some(parent)] = ops.parents {
            grads.register::<Flex>(parent.id, activated_back(&x, activation, &gradient));
        }
    }
}

/// Of q, k and v.
#[derive(Debug)]
pub(super) struct AttentionBack;

impl Backward<Flex, 3> for AttentionBack {
    type State = Attended;

    fn backward(self, ops: Ops<Attended, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<Flex>(&ops.node);
        let gradients = ops.state.back(&gradient);
        for (parent, gradient) in ops.parents.into_iter().zip(gradients) {
            if let Some(parent) = parent {
                grads.register::<Flex>(parent.id, gradient);
            }
        }
    }
}
