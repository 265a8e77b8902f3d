//! Rotary positions: pairs (j, j + half), angles computed in f32 as the references do.

use burn::tensor::{Device, Tensor, TensorData};
use serde::Deserialize;

use crate::nn::BadConfig;

/// `rope_scaling` of a configuration, under its own names.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct RopeScaling {
    #[serde(alias = "type")]
    rope_type: Option<String>,
    factor: Option<f32>,
    rope_theta: Option<f32>,
}

impl RopeScaling {
    /// The base, which newer configurations keep here.
    pub(crate) fn theta(&self) -> Option<f32> {
        self.rope_theta
    }
}

/// Frequencies of the pairs of one head.
#[derive(Clone, Debug)]
pub(crate) struct Rope {
    inv_freq: Vec<f32>,
}

impl Rope {
    /// # Errors
    /// When the way of scaling is not known.
    pub(crate) fn new(
        head_dim: usize,
        theta: f32,
        scaling: Option<&RopeScaling>,
    ) -> Result<Self, BadConfig> {
        let kind = scaling.and_then(|scaling| scaling.rope_type.as_deref()).unwrap_or("default");
        let factor = match kind {
            "default" => 1.0,
            "linear" => scaling.and_then(|scaling| scaling.factor).unwrap_or(1.0),
            other => return Err(BadConfig(format!("rope scaling {other} is not supported"))),
        };
        let inv_freq = (0..head_dim / 2)
            .map(|pair| 1.0 / theta.powf((2 * pair) as f32 / head_dim as f32) / factor)
            .collect();
        Ok(Self { inv_freq })
    }

    /// By what one position turns each pair.
    pub(crate) fn inv_freq(&self) -> &[f32] {
        &self.inv_freq
    }

    /// Angles of the positions `from..from + seq`.
    pub(crate) fn angles(&self, from: usize, seq: usize, device: &Device) -> Angles {
        let positions = from..from + seq;
        let turns = positions
            .flat_map(|position| self.inv_freq.iter().map(move |freq| position as f32 * freq));
        Angles::new(&turns.collect::<Vec<_>>(), self.inv_freq.len(), device)
    }
}

/// Cosines and sines `[1, seq, head_dim]`.
#[derive(Clone, Debug)]
pub(crate) struct Angles {
    cos: Tensor<3>,
    sin: Tensor<3>,
}

impl Angles {
    /// From the angle of every pair, `[seq, half]` row-major, where `half` pairs make a head.
    pub(crate) fn new(turns: &[f32], half: usize, device: &Device) -> Self {
        let half = half.max(1);
        let table = |of: fn(f32) -> f32| {
            let rows = turns.chunks_exact(half);
            let shape = [rows.len(), 2 * half];
            // both members of a pair turn by the same angle
            let values: Vec<f32> =
                rows.flat_map(|row| row.iter().chain(row)).map(|turn| of(*turn)).collect();
            Tensor::<2>::from_data(TensorData::new(values, shape), device).unsqueeze()
        };
        Self { cos: table(f32::cos), sin: table(f32::sin) }
    }

    /// # Shapes
    /// `[heads, seq, head_dim]` → the same, turned.
    pub(crate) fn rotate(&self, x: Tensor<3>) -> Tensor<3> {
        let [_, _, head_dim] = x.dims();
        let half = head_dim / 2;
        let first = x.clone().narrow(2, 0, half);
        let second = x.clone().narrow(2, half, half);
        x * self.cos.clone() + Tensor::cat(vec![second.neg(), first], 2) * self.sin.clone()
    }
}
