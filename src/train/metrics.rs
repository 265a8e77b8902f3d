//! What is written down about every step: a JSON object a line.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use crate::train::TrainError;

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// Counted from 1 over all stages.
    pub step: u64,
    /// Its name.
    pub stage: String,
    /// Times through the records of the stage.
    pub epoch: f64,
    /// Mean of −log p over what was to be said.
    pub loss: f64,
    /// Share of ids that were the likeliest.
    pub accuracy: f64,
    /// Of the step.
    pub learning_rate: f64,
    /// Length of the gradient before it was cut; no number in a step that was left out.
    #[serde(deserialize_with = "number_or_none")]
    pub gradient_norm: f64,
    /// Ids that were to be said.
    pub tokens: usize,
    /// Seconds of the step.
    pub seconds: f64,
    /// Of the validation records, after some steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_loss: Option<f64>,
    /// Of the validation records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_accuracy: Option<f64>,
    /// What the loss was multiplied by, in f16.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss_scale: Option<u64>,
    /// Whether gradients outgrew f16, so that nothing was changed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skipped: bool,
}

/// What JSON writes as nothing because it is no number.
fn number_or_none<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(from)?.unwrap_or(f64::NAN))
}

/// Something that is written down about every step.
pub(crate) trait Line: Serialize + DeserializeOwned {
    /// Counted from 1 over all stages.
    fn step(&self) -> u64;
}

impl Line for Metric {
    fn step(&self) -> u64 {
        self.step
    }
}

/// The lines of a file; a last line that was cut off is left out.
///
/// # Errors
/// When the file cannot be read.
pub fn read_metrics(path: &Path) -> Result<Vec<Metric>, TrainError> {
    read_lines(path)
}

pub(crate) fn read_lines<L: Line>(path: &Path) -> Result<Vec<L>, TrainError> {
    let file = File::open(path).map_err(TrainError::io(path))?;
    let mut metrics = Vec::new();
    for line in BufReader::new(file).lines() {
        let line = line.map_err(TrainError::io(path))?;
        metrics.extend(serde_json::from_str::<L>(&line).ok());
    }
    Ok(metrics)
}

/// Appends to the file.
pub(crate) struct MetricsFile<L> {
    file: File,
    path: PathBuf,
    line: PhantomData<L>,
}

impl<L: Line> MetricsFile<L> {
    /// Go on after this step: what a lost run wrote later is taken off.
    pub(crate) fn open(path: PathBuf, after: u64) -> Result<Self, TrainError> {
        let kept: Vec<L> = if path.is_file() { read_lines(&path)? } else { Vec::new() };
        let mut text = String::new();
        for metric in kept.iter().filter(|metric| metric.step() <= after) {
            text.push_str(&line(metric));
        }
        // beside it first: on a full disk the lines so far stay
        let partial = path.with_extension("partial");
        std::fs::write(&partial, text).map_err(TrainError::io(&partial))?;
        std::fs::rename(&partial, &path).map_err(TrainError::io(&path))?;
        let file = OpenOptions::new().append(true).open(&path).map_err(TrainError::io(&path))?;
        Ok(Self { file, path, line: PhantomData })
    }

    pub(crate) fn add(&mut self, metric: &L) -> Result<(), TrainError> {
        self.file.write_all(line(metric).as_bytes()).map_err(TrainError::io(&self.path))
    }
}

fn line(metric: &impl Line) -> String {
    serde_json::to_string(metric).map(|line| line + "\n").unwrap_or_default()
}
