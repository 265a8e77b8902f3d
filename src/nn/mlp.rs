//! The feed-forward part of a decoder's layer.

use burn::tensor::Tensor;

use crate::nn::norm::RmsNorm;
use crate::nn::{Activation, DecoderConfig, Linear, MissingTensor, WeightSource};

/// down(act(gate(x))·up(x))
#[derive(Clone, Debug)]
pub(crate) struct Mlp {
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

impl Mlp {
    pub(crate) fn init(
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
    pub(crate) fn forward(&self, x: Tensor<2>, norm: &RmsNorm) -> Tensor<2> {
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
