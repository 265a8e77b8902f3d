//! What is written down about every step of a codec: a JSON object a line.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::train::TrainError;
use crate::train::metrics::{Line, read_lines};

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CodecMetric {
    /// Counted from 1 over all stages.
    pub step: u64,
    /// Its name.
    pub stage: String,
    /// Times through the pictures of the stage.
    pub epoch: f64,
    /// What is made small: the two below, the second by its weight.
    pub loss: f64,
    /// Mean of absolute differences, samples from −1 to 1.
    pub reconstruction: f64,
    /// Of the quantiser: both terms.
    pub codebook: f64,
    /// How many codes would be used if all were used equally often: e to the entropy.
    pub perplexity: f64,
    /// Different codes in the pictures of the step.
    pub codes_used: usize,
    /// Codes that began anew after it.
    pub restarted: usize,
    /// Of the step.
    pub learning_rate: f64,
    /// Length of the gradient before it was cut.
    pub gradient_norm: f64,
    /// Seconds of the step.
    pub seconds: f64,
    /// Of the validation pictures, after some steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<CodecValidation>,
}

/// Means over the validation pictures, in 8 bits as the codec gives them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CodecValidation {
    /// Mean of absolute differences, samples from −1 to 1.
    pub reconstruction: f64,
    /// Peak signal to noise in decibels.
    pub psnr_db: f64,
    /// Structural similarity; 0 where pictures are smaller than its window.
    pub ssim: f64,
    /// Over all of them.
    pub perplexity: f64,
}

impl Line for CodecMetric {
    fn step(&self) -> u64 {
        self.step
    }
}

/// The lines of a file; a last line that was cut off is left out.
///
/// # Errors
/// When the file cannot be read.
pub fn read_codec_metrics(path: &Path) -> Result<Vec<CodecMetric>, TrainError> {
    read_lines(path)
}
