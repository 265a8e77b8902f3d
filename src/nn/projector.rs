//! Maps image features to the decoder's width.

use std::str::FromStr;

use burn::tensor::Tensor;

use crate::nn::{Activation, BadConfig, Linear, MissingTensor, WeightSource};

/// `mm_projector_type` of a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProjectorKind {
    /// One matrix.
    Linear,
    /// `mlpNx_gelu`: N matrices with GELU between them.
    Mlp {
        /// N.
        depth: usize,
    },
    /// Nothing.
    Identity,
}

impl FromStr for ProjectorKind {
    type Err = BadConfig;

    fn from_str(text: &str) -> Result<Self, BadConfig> {
        let depth = text.strip_prefix("mlp").and_then(|rest| rest.strip_suffix("x_gelu"));
        match (text, depth.and_then(|depth| depth.parse().ok())) {
            ("linear", _) => Ok(Self::Linear),
            ("identity", _) => Ok(Self::Identity),
            (_, Some(depth @ 1..=16)) => Ok(Self::Mlp { depth }),
            _ => Err(BadConfig(format!("projector type {text} is not supported"))),
        }
    }
}

/// Image features → rows of the decoder's width.
#[derive(Clone, Debug)]
pub struct Projector {
    layers: Vec<Linear>,
}

impl Projector {
    /// `name` is that of the module, without a point at its end.
    ///
    /// # Errors
    /// When a tensor is not there.
    pub fn init(
        name: &str,
        kind: ProjectorKind,
        inputs: usize,
        hidden: usize,
        weights: &mut impl WeightSource,
    ) -> Result<Self, MissingTensor> {
        let layers = match kind {
            ProjectorKind::Identity => Vec::new(),
            ProjectorKind::Linear => vec![weights.linear(name, hidden, inputs, true)?],
            // activations take every other place in the publisher's list
            ProjectorKind::Mlp { depth } => (0..depth)
                .map(|layer| {
                    let inputs = if layer == 0 { inputs } else { hidden };
                    weights.linear(&format!("{name}.{}", 2 * layer), hidden, inputs, true)
                })
                .collect::<Result<_, _>>()?,
        };
        Ok(Self { layers })
    }

    /// # Shapes
    /// `[patches, inputs]` → `[patches, hidden]`.
    #[must_use]
    pub fn forward(&self, features: Tensor<2>) -> Tensor<2> {
        self.layers.iter().enumerate().fold(features, |x, (index, layer)| {
            layer.forward(if index == 0 { x } else { Activation::Gelu.forward(x) })
        })
    }
}
