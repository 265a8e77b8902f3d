//! `AdamW` (Loshchilov and Hutter 2019), and gradients added up and cut to a length.

use std::collections::BTreeMap;

use burn::tensor::{Gradients, Tensor};

use crate::train::parameters::host_values;
use crate::train::{Parameters, TrainError};

/// What keeps the root away from zero.
const EPSILON: f64 = 1e-8;

/// Running means of a tensor's gradient.
#[derive(Clone, Debug)]
pub struct Moments {
    /// Of the gradient.
    pub mean: Tensor<1>,
    /// Of its square.
    pub square: Tensor<1>,
}

/// The optimizer of a stage.
#[derive(Clone, Debug, Default)]
pub struct AdamW {
    /// By tensor.
    pub moments: BTreeMap<String, Moments>,
    /// Steps taken.
    pub steps: u64,
}

/// What a step depends on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Update {
    /// Learning rate.
    pub rate: f64,
    /// Decay of the means.
    pub betas: [f64; 2],
    /// Share of the rate that weights shrink by.
    pub weight_decay: f64,
}

impl AdamW {
    /// One step: p ← p − rate·decay·p − rate·m̂ / (√v̂ + ε).
    pub fn step(&mut self, parameters: &mut Parameters, sums: &GradientSums, update: Update) {
        self.step_at(parameters, sums, update, |_| 1.0);
    }

    /// The same with a share of the rate for every tensor.
    pub(crate) fn step_at(
        &mut self,
        parameters: &mut Parameters,
        sums: &GradientSums,
        Update { rate, betas: [b1, b2], weight_decay }: Update,
        share: impl Fn(&str) -> f64,
    ) {
        self.steps += 1;
        let count = i32::try_from(self.steps).unwrap_or(i32::MAX);
        let (c1, c2) = (1.0 - b1.powi(count), 1.0 - b2.powi(count));
        for (name, parameter) in parameters.iter_mut() {
            let Some(gradient) = sums.by_name.get(name).cloned() else { continue };
            let rate = rate * share(name);
            let old = self.moments.remove(name);
            let (mean, square) = match old {
                Some(Moments { mean, square }) => (
                    mean * b1 + gradient.clone() * (1.0 - b1),
                    square * b2 + gradient.clone() * gradient * (1.0 - b2),
                ),
                None => (gradient.clone() * (1.0 - b1), gradient.clone() * gradient * (1.0 - b2)),
            };
            let towards = (mean.clone() / c1) / ((square.clone() / c2).sqrt() + EPSILON);
            let decay = if decays(name, &parameter.shape) { weight_decay } else { 0.0 };
            let kept = parameter.value.clone() * (1.0 - rate * decay);
            parameter.set(kept - towards * rate);
            self.moments.insert(name.clone(), Moments { mean, square });
        }
    }
}

/// Biases and weights of layer norms do not decay; those of RMS norms do, as in the published
/// runs, which go by names: "bias" and "`LayerNorm.weight`".
fn decays(name: &str, shape: &[usize]) -> bool {
    let is_layer_norm = name.contains("layer_norm") || name.contains("layrnorm");
    let is_of_a_norm = is_layer_norm && shape.len() == 1;
    !(name.ends_with(".bias") || is_of_a_norm)
}

/// Gradients of several batches added up.
#[derive(Debug, Default)]
pub struct GradientSums {
    by_name: BTreeMap<String, Tensor<1>>,
}

impl GradientSums {
    /// Add those of a batch.
    pub fn add(&mut self, parameters: &Parameters, gradients: Gradients) {
        self.add_times(parameters, gradients, None);
    }

    /// Add those of a loss that is a sum over so many ids. Where losses are scaled the way back
    /// is that of the scaled mean, and what is added is that of the sum.
    pub(crate) fn learn(&mut self, parameters: &Parameters, loss: Tensor<1>, tokens: usize) {
        let Some(scale) = parameters.loss_scale() else {
            return self.add(parameters, loss.backward());
        };
        let factor = scale as f64 / tokens.max(1) as f64;
        self.add_times(parameters, (loss * factor).backward(), Some(1.0 / factor));
    }

    fn add_times(&mut self, parameters: &Parameters, mut gradients: Gradients, by: Option<f64>) {
        for (name, parameter) in parameters.iter() {
            let Some(gradient) = parameter.leaf().and_then(|leaf| leaf.grad_remove(&mut gradients))
            else {
                continue;
            };
            let gradient = match by {
                Some(by) => gradient * by,
                None => gradient,
            };
            let sum = match self.by_name.remove(name) {
                Some(sum) => sum + gradient,
                None => gradient,
            };
            self.by_name.insert(name.clone(), sum);
        }
    }

    /// Add other sums.
    pub(crate) fn merge(&mut self, others: Self) {
        for (name, gradient) in others.by_name {
            let sum = match self.by_name.remove(&name) {
                Some(sum) => sum + gradient,
                None => gradient,
            };
            self.by_name.insert(name, sum);
        }
    }

    /// Multiply all so that their length is at most `most` (0 leaves them), and give the length
    /// they had.
    ///
    /// # Errors
    /// When the device fails.
    pub fn clip(&mut self, most: f64) -> Result<f64, TrainError> {
        let mut squares = Vec::new();
        for gradient in self.by_name.values() {
            squares.push((gradient.clone() * gradient.clone()).sum());
        }
        if squares.is_empty() {
            return Ok(0.0);
        }
        let squares = host_values(Tensor::cat(squares, 0))?;
        let length = squares.iter().map(|square| f64::from(*square)).sum::<f64>().sqrt();
        if most > 0.0 && length > most {
            let share = most / (length + 1e-6);
            for gradient in self.by_name.values_mut() {
                *gradient = gradient.clone() * share;
            }
        }
        Ok(length)
    }

    /// The gradient of a tensor.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Tensor<1>> {
        self.by_name.get(name)
    }

    /// Multiply all.
    pub fn scale(&mut self, by: f64) {
        for gradient in self.by_name.values_mut() {
            *gradient = gradient.clone() * by;
        }
    }
}
