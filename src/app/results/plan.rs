//! How many steps a training will have: `metrics.jsonl` does not say, its configuration does.

use std::path::{Path, PathBuf};

use super::stages::StageRun;
use crate::train::{CodecConfig, Metric, Stage, TrainConfig};

/// Files looked at in one folder.
const MAX_FILES: usize = 64;
const MAX_BYTES: u64 = 1 << 20;

/// The stages of a configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan(Vec<Stage>);

impl Plan {
    /// The configuration, in the output folder or beside it, that writes to this folder.
    #[must_use]
    pub fn find(folder: &Path) -> Option<Self> {
        let folder = folder.canonicalize().ok()?;
        let places = [Some(folder.as_path()), folder.parent()];
        places.into_iter().flatten().find_map(|place| in_folder(place, &folder))
    }

    /// Stages of the configuration.
    #[must_use]
    pub fn num_stages(&self) -> usize {
        self.0.len()
    }

    /// Epochs of a stage, unless its steps are counted instead.
    pub(crate) fn epochs(&self, stage: usize) -> Option<f64> {
        let stage = self.0.get(stage)?;
        stage.steps.is_none().then_some(stage.epochs)
    }

    /// Steps of all stages, if what is written fits this configuration. The number of records
    /// follows from how far a step went.
    pub(crate) fn steps(&self, runs: &[StageRun], metrics: &[Metric]) -> Option<u64> {
        let fits = runs.iter().zip(&self.0).all(|(run, stage)| run.name == stage.name);
        if !fits || runs.len() > self.0.len() {
            return None;
        }
        let (at, run) = runs.iter().enumerate().next_back()?;
        let stage = self.0.get(at)?;
        let epoch = metrics.last().map(|metric| metric.epoch).filter(|epoch| *epoch > 0.0)?;
        let count = (run.steps() as f64 * a_step(stage) / epoch).round();
        let records = count / stage.records.max(f64::MIN_POSITIVE);
        Some(self.0.iter().map(|stage| steps_of(stage, records)).sum())
    }
}

fn a_step(stage: &Stage) -> f64 {
    (stage.batch * stage.accumulate) as f64
}

fn steps_of(stage: &Stage, records: f64) -> u64 {
    let count = (records * stage.records).round().max(1.0);
    let by_epochs = (stage.epochs * count / a_step(stage)).ceil() as u64;
    stage.steps.unwrap_or(by_epochs).max(1)
}

fn in_folder(place: &Path, output: &Path) -> Option<Plan> {
    let files = std::fs::read_dir(place).ok()?.flatten().map(|entry| entry.path());
    let configs =
        files.filter(|path| path.extension().is_some_and(|extension| extension == "toml"));
    configs.take(MAX_FILES).find_map(|path| {
        let is_small = path.metadata().is_ok_and(|meta| meta.len() < MAX_BYTES);
        let (folder, stages) = is_small.then(|| stages_of(&path)).flatten()?;
        folder.canonicalize().is_ok_and(|folder| folder == output).then_some(Plan(stages))
    })
}

/// Where a configuration writes to, and its stages.
fn stages_of(path: &Path) -> Option<(PathBuf, Vec<Stage>)> {
    match CodecConfig::read(path) {
        Ok(Some(codec)) => Some((codec.output.folder, codec.stages)),
        _ => TrainConfig::read(path).ok().map(|config| (config.output.folder, config.stages)),
    }
}
