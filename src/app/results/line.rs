//! A line of `metrics.jsonl`, of a model or of a codec, as the charts show it.

use crate::train::{CodecMetric, Metric};

/// A step as charts show it, and whether it is one of a codec. What a codec is measured by stands
/// where a model's shares of right ids stand: the likeness of validation pictures (SSIM).
pub(super) fn metric_of(line: &[u8]) -> Option<(Metric, bool)> {
    if let Ok(metric) = serde_json::from_slice(line) {
        return Some((metric, false));
    }
    let codec: CodecMetric = serde_json::from_slice(line).ok()?;
    let metric = Metric {
        step: codec.step,
        stage: codec.stage,
        epoch: codec.epoch,
        loss: codec.reconstruction,
        accuracy: f64::NAN,
        learning_rate: codec.learning_rate,
        gradient_norm: codec.gradient_norm,
        tokens: 0,
        seconds: codec.seconds,
        validation_loss: codec.validation.map(|measured| measured.reconstruction),
        validation_accuracy: codec.validation.map(|measured| measured.ssim),
        loss_scale: None,
        skipped: false,
    };
    Some((metric, true))
}
