//! What is known of a training that is followed.

use std::path::PathBuf;

use super::follow::News;
use super::plan::Plan;
use super::stages::StageRun;
use crate::train::Metric;
use crate::worker::JobId;

/// The slowest of so many last steps says how long silence means nothing.
const STEPS_LOOKED_AT: usize = 1000;
/// Silence beyond three of the slowest steps and this is a stop.
const PATIENCE_SECS: f64 = 15.0;
/// Steps whose mean is the pace: as many as there mostly are between two validations.
const PACE_STEPS: usize = 200;

/// How a training stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TrainingStatus {
    /// The folder has no `metrics.jsonl` yet.
    NoFile,
    /// The file has no step yet.
    NoStep,
    /// Steps come.
    Running,
    /// For so many seconds no step has come, and it is not at its end.
    Stopped(f64),
    /// At its end.
    Finished,
}

/// A training that is followed.
#[derive(Debug)]
pub struct Training {
    /// Tells trainings apart.
    pub id: JobId,
    /// Output folder.
    pub folder: PathBuf,
    /// All steps so far.
    pub metrics: Vec<Metric>,
    /// They are those of a codec: the loss is the difference of pictures, the share their likeness.
    pub is_codec: bool,
    /// Lines that could not be read and are left out.
    pub damaged: usize,
    /// The last line has no end.
    pub is_cut_off: bool,
    /// Why nothing more is read.
    pub trouble: Option<String>,
    /// Changes with every news.
    pub revision: u64,
    pub(crate) stages: Vec<StageRun>,
    plan: Option<Plan>,
    has_model: bool,
    is_missing: bool,
    /// When the file was last written to, on the clock of the window.
    written_at_secs: f64,
}

impl Training {
    pub(crate) fn new(id: JobId, folder: PathBuf) -> Self {
        Self {
            id,
            folder,
            metrics: Vec::new(),
            is_codec: false,
            damaged: 0,
            is_cut_off: false,
            trouble: None,
            revision: 0,
            stages: Vec::new(),
            plan: None,
            has_model: false,
            is_missing: true,
            written_at_secs: 0.0,
        }
    }

    pub(crate) fn take(&mut self, news: News, now_secs: f64) {
        self.revision += 1;
        if news.is_anew {
            self.metrics.clear();
            self.stages.clear();
            self.damaged = 0;
            self.is_codec = false;
        }
        self.is_codec |= news.is_codec;
        for metric in news.metrics {
            StageRun::extend(&mut self.stages, self.metrics.last(), &metric);
            self.metrics.push(metric);
        }
        self.damaged += news.damaged;
        self.is_cut_off = news.is_cut_off;
        self.is_missing = news.is_missing;
        self.has_model = news.has_model;
        self.plan = news.plan;
        self.trouble = news.trouble;
        self.written_at_secs = now_secs - news.quiet_secs;
    }

    /// The folder's name.
    pub fn name(&self) -> String {
        let name = self.folder.file_name().unwrap_or(self.folder.as_os_str());
        name.to_string_lossy().into_owned()
    }

    /// The newest step.
    pub fn last(&self) -> Option<&Metric> {
        self.metrics.last()
    }

    /// Steps of all stages, where the configuration was found.
    pub fn steps(&self) -> Option<u64> {
        self.plan.as_ref()?.steps(&self.stages, &self.metrics)
    }

    /// Stages of the configuration, where it was found.
    pub(crate) fn num_stages(&self) -> Option<usize> {
        self.plan.as_ref().map(Plan::num_stages)
    }

    /// Epochs of the stage under way, where the configuration counts them.
    pub(crate) fn epochs(&self) -> Option<f64> {
        self.plan.as_ref()?.epochs(self.stages.len().checked_sub(1)?)
    }

    /// Seconds of a step: the mean of the newest. The very first, which makes everything ready,
    /// counts only when it is alone.
    pub fn pace_secs(&self) -> Option<f64> {
        let from = self.metrics.len().saturating_sub(PACE_STEPS).max(1);
        let recent = self.metrics.get(from..).filter(|recent| !recent.is_empty());
        let recent = recent.unwrap_or(&self.metrics);
        let all: f64 = recent.iter().map(|metric| metric.seconds).sum();
        (!recent.is_empty()).then(|| all / recent.len() as f64)
    }

    /// At the pace so far, where the number of steps is known.
    pub fn secs_left(&self) -> Option<f64> {
        let left = self.steps()?.saturating_sub(self.last()?.step);
        Some(self.pace_secs()? * left as f64)
    }

    /// Seconds since the file was written to.
    pub(crate) fn quiet_secs(&self, now_secs: f64) -> f64 {
        (now_secs - self.written_at_secs).max(0.0)
    }

    /// How it stands at this time of the window.
    pub fn status(&self, now_secs: f64) -> TrainingStatus {
        let Some(last) = self.last() else {
            return match self.is_missing {
                true => TrainingStatus::NoFile,
                false => TrainingStatus::NoStep,
            };
        };
        let is_finished = match self.steps() {
            Some(steps) => last.step >= steps,
            None => self.has_model,
        };
        let recent = self.metrics.iter().rev().take(STEPS_LOOKED_AT);
        let slowest = recent.map(|metric| metric.seconds).fold(0.0, f64::max);
        let quiet = self.quiet_secs(now_secs);
        if is_finished {
            TrainingStatus::Finished
        } else if quiet > PATIENCE_SECS + 3.0 * slowest {
            TrainingStatus::Stopped(quiet)
        } else {
            TrainingStatus::Running
        }
    }

    /// The newest measurement on the validation records.
    pub fn validated(&self) -> Option<&Metric> {
        self.metrics.iter().rev().find(|metric| metric.validation_loss.is_some())
    }

    /// The best measurement on the validation records.
    pub(crate) fn best(&self) -> Option<&Metric> {
        let measured = self.metrics.iter().filter(|metric| metric.validation_loss.is_some());
        let loss = |metric: &Metric| metric.validation_loss.unwrap_or(f64::INFINITY);
        measured.min_by(|a, b| loss(a).total_cmp(&loss(b)))
    }
}
