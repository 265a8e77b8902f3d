//! The rows of numbers that a training's charts show.

use super::training::Training;
use crate::train::Metric;
use crate::worker::JobId;

/// Reckoned once for each change of the file or of the smoothing.
#[derive(Debug, Default)]
pub(super) struct Curves {
    of: Option<(JobId, u64, u32)>,
    pub(super) loss: Vec<(f64, f64)>,
    pub(super) smooth_loss: Vec<(f64, f64)>,
    pub(super) validation_loss: Vec<(f64, f64)>,
    pub(super) accuracy: Vec<(f64, f64)>,
    pub(super) smooth_accuracy: Vec<(f64, f64)>,
    pub(super) validation_accuracy: Vec<(f64, f64)>,
    pub(super) rate: Vec<(f64, f64)>,
    pub(super) norm: Vec<(f64, f64)>,
    pub(super) smooth_norm: Vec<(f64, f64)>,
}

impl Curves {
    /// The training they are of.
    pub(super) fn id(&self) -> Option<JobId> {
        self.of.map(|(id, _, _)| id)
    }

    /// Those of a training as it is now.
    pub(super) fn update(&mut self, training: &Training, smoothing: f32) {
        let of = Some((training.id, training.revision, smoothing.to_bits()));
        if self.of == of {
            return;
        }
        let every = |value: fn(&Metric) -> f64| -> Vec<(f64, f64)> {
            let metrics = training.metrics.iter();
            let points = metrics.map(|metric| (metric.step as f64, value(metric)));
            points.filter(|(_, value)| value.is_finite()).collect()
        };
        let some = |value: fn(&Metric) -> Option<f64>| -> Vec<(f64, f64)> {
            let metrics = training.metrics.iter();
            metrics.filter_map(|metric| Some((metric.step as f64, value(metric)?))).collect()
        };
        let loss = every(|metric| metric.loss);
        let accuracy = every(|metric| metric.accuracy);
        let norm = every(|metric| metric.gradient_norm);
        *self = Self {
            of,
            smooth_loss: smoothed(&loss, smoothing),
            smooth_accuracy: smoothed(&accuracy, smoothing),
            smooth_norm: smoothed(&norm, smoothing),
            validation_loss: some(|metric| metric.validation_loss),
            validation_accuracy: some(|metric| metric.validation_accuracy),
            rate: every(|metric| metric.learning_rate),
            loss,
            accuracy,
            norm,
        };
    }
}

/// A running mean in which what is `1 / (1 − weight)` steps old counts a third; the beginning is
/// not drawn to zero.
fn smoothed(points: &[(f64, f64)], weight: f32) -> Vec<(f64, f64)> {
    let weight = f64::from(weight);
    let (mut sum, mut all) = (0.0, 0.0);
    let mean = |(step, value): &(f64, f64)| {
        sum = weight * sum + (1.0 - weight) * value;
        all = weight * all + (1.0 - weight);
        (*step, sum / all)
    };
    points.iter().map(mean).collect()
}
