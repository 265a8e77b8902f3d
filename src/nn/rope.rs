//! Rotary positions: pairs (j, j + half), angles computed in f32 as the references do.

use burn::tensor::{Device, Tensor, TensorData};
use serde::Deserialize;

use crate::nn::BadConfig;

/// `rope_scaling` of a configuration, under its own names.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct RopeScaling {
    rope_type: Option<String>,
    /// The older key; some files have both.
    #[serde(rename = "type")]
    old_type: Option<String>,
    factor: Option<f32>,
    rope_theta: Option<f32>,
    /// Pairs turned by time, row and column (Qwen2-VL); all by time when absent.
    mrope_section: Option<[usize; 3]>,
}

/// Where a row of the sequence stands: time, row, column. The three are equal for text.
pub type Position = [u32; 3];

impl RopeScaling {
    /// The base, which newer configurations keep here.
    pub(crate) fn theta(&self) -> Option<f32> {
        self.rope_theta
    }

    fn kind(&self) -> Option<&str> {
        self.rope_type.as_deref().or(self.old_type.as_deref())
    }
}

/// Frequencies of the pairs of one head.
#[derive(Clone, Debug)]
pub(crate) struct Rope {
    inv_freq: Vec<f32>,
    /// Which of the three numbers of a position turns each pair.
    axes: Vec<usize>,
}

impl Rope {
    /// # Errors
    /// When the way of scaling is not known.
    pub(crate) fn new(
        head_dim: usize,
        theta: f32,
        scaling: Option<&RopeScaling>,
    ) -> Result<Self, BadConfig> {
        let kind = scaling.and_then(RopeScaling::kind).unwrap_or("default");
        let factor = match kind {
            "default" | "mrope" => 1.0,
            "linear" => scaling.and_then(|scaling| scaling.factor).unwrap_or(1.0),
            other => return Err(BadConfig(format!("rope scaling {other} is not supported"))),
        };
        let pairs = head_dim / 2;
        let inv_freq = (0..pairs)
            .map(|pair| 1.0 / theta.powf((2 * pair) as f32 / head_dim as f32) / factor)
            .collect();
        let sections = scaling.and_then(|scaling| scaling.mrope_section);
        Ok(Self { inv_freq, axes: axes(pairs, sections)? })
    }

    /// By what one position turns each pair.
    pub(crate) fn inv_freq(&self) -> &[f32] {
        &self.inv_freq
    }

    /// Angles of these positions.
    pub(crate) fn angles(&self, positions: &[Position], device: &Device) -> Angles {
        let mut turns = Vec::with_capacity(positions.len() * self.inv_freq.len());
        for position in positions {
            let along = self.axes.iter().map(|axis| position.get(*axis).copied().unwrap_or(0));
            turns.extend(self.inv_freq.iter().zip(along).map(|(freq, along)| along as f32 * freq));
        }
        Angles::new(&turns, self.inv_freq.len(), device)
    }
}

/// The axis of each pair; a head's pairs are cut in sections of time, row and column.
fn axes(pairs: usize, sections: Option<[usize; 3]>) -> Result<Vec<usize>, BadConfig> {
    let Some(sections) = sections else { return Ok(vec![0; pairs]) };
    if sections.iter().try_fold(0_usize, |sum, len| sum.checked_add(*len)) != Some(pairs) {
        return Err(BadConfig(format!("mrope_section {sections:?} does not add up to {pairs}")));
    }
    let axes = sections.iter().enumerate();
    Ok(axes.flat_map(|(axis, len)| std::iter::repeat_n(axis, *len)).collect())
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

    /// Cosines and sines, `[seq, head_dim]` each.
    pub(crate) fn tables(&self) -> [Tensor<2>; 2] {
        [self.cos.clone().squeeze_dim(0), self.sin.clone().squeeze_dim(0)]
    }

    /// Those of every position by itself.
    pub(crate) fn each(&self) -> impl Iterator<Item = Self> {
        let [_, seq, _] = self.cos.dims();
        let row = |table: &Tensor<3>, at| table.clone().narrow(1, at, 1);
        (0..seq).map(move |at| Self { cos: row(&self.cos, at), sin: row(&self.sin, at) })
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
