//! Activation functions by the names configurations use.

use burn::tensor::{
    Tensor,
    activation::{gelu, gelu_approximate, relu, sigmoid, silu},
};
use serde::Deserialize;

use crate::nn::kernel::{
    activated, activated_on_device, gated, gated_on_device, is_recorded, learnt_activation,
};

/// An activation function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// x·sigmoid(x)
    #[serde(alias = "swish")]
    Silu,
    /// With the error function.
    Gelu,
    /// x·sigmoid(1.702 x)
    QuickGelu,
    /// With tanh.
    #[serde(alias = "gelu_pytorch_tanh", alias = "gelu_fast")]
    GeluNew,
    /// max(x, 0)
    Relu,
}

impl Activation {
    /// Element by element.
    #[must_use]
    pub fn forward(self, x: Tensor<2>) -> Tensor<2> {
        let own = || activated_on_device(self, &x).or_else(|| activated(self, &x));
        let learnt = || learnt_activation(self, &x);
        if let Some(activated) = if is_recorded(&x) { learnt() } else { own() } {
            return activated;
        }
        match self {
            Self::Silu => silu(x),
            Self::Gelu => gelu(x),
            Self::QuickGelu => x.clone() * sigmoid(x * 1.702),
            Self::GeluNew => gelu_approximate(x),
            Self::Relu => relu(x),
        }
    }

    /// Of `gate`, times `up`.
    pub(crate) fn gated(self, gate: Tensor<2>, up: Tensor<2>) -> Tensor<2> {
        let own = || gated_on_device(self, &gate, &up).or_else(|| gated(self, &gate, &up));
        let at_once = if is_recorded(&gate) { None } else { own() };
        at_once.unwrap_or_else(|| self.forward(gate) * up)
    }
}
