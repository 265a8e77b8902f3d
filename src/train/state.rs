//! Saved states: everything that a training needs to go on as if it had never stopped.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use burn::tensor::{Tensor, TensorData};

use crate::checkpoint::{Checkpoint, WeightFiles, WrittenValues, write_safetensors};
use crate::train::parameters::host_values;
use crate::train::{AdamW, LossScale, Moments, Parameters, TrainError};
use crate::vlm::PlaceTensor;

/// States that are kept; an older one is there for when the newest is damaged.
const KEPT: usize = 2;

/// Where a training stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Standing {
    /// Steps over all stages.
    pub(crate) step: u64,
    /// From 0.
    pub(crate) stage: usize,
    /// Steps of that stage.
    pub(crate) stage_step: u64,
    /// Of the configuration and the records: a state of others is not resumed.
    pub(crate) fingerprint: String,
    /// Steps of that stage whose gradients outgrew f16: the optimizer did not take them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) stage_skipped: u64,
    /// In f16.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) loss_scale: Option<LossScale>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Standing {
    /// Steps of the optimizer in that stage.
    fn taken(&self) -> u64 {
        self.stage_step.saturating_sub(self.stage_skipped)
    }
}

/// The folder of states.
pub(crate) struct States {
    folder: PathBuf,
    /// Tensors that no stage changes: they come from where they came from at first.
    fixed: BTreeSet<String>,
}

impl States {
    pub(crate) fn new(output: &Path) -> Self {
        Self { folder: output.join("state"), fixed: BTreeSet::new() }
    }

    /// The same without these tensors.
    pub(crate) fn without(self, fixed: BTreeSet<String>) -> Self {
        Self { fixed, ..self }
    }

    /// Write a state beside the others, then take the oldest away. A run that is killed in
    /// between leaves a folder of another name, which the next run removes.
    pub(crate) fn save(
        &self,
        standing: &Standing,
        parameters: &Parameters,
        optimizer: &AdamW,
    ) -> Result<(), TrainError> {
        let partial = self.folder.join("partial");
        remove(&partial)?;
        std::fs::create_dir_all(&partial).map_err(TrainError::io(&partial))?;
        let mut values = Vec::new();
        for (name, parameter) in parameters.iter().filter(|(name, _)| !self.fixed.contains(*name)) {
            values.push((name.clone(), parameter.shape.clone(), parameters.values(name)?));
        }
        write(&partial.join("model.safetensors"), &values)?;
        let mut values = Vec::new();
        for (name, Moments { mean, square }) in &optimizer.moments {
            for (which, moment) in [("mean", mean), ("square", square)] {
                let numbers = host_values(moment.clone())?;
                values.push((format!("{which}.{name}"), vec![numbers.len()], numbers));
            }
        }
        // between two stages there are none, nor before the first step that counted
        if !values.is_empty() {
            write(&partial.join("moments.safetensors"), &values)?;
        }
        let text = serde_json::to_string_pretty(standing).unwrap_or_default();
        let file = partial.join("state.json");
        std::fs::write(&file, text).map_err(TrainError::io(&file))?;
        sync(&partial)?;
        let target = self.folder.join(format!("step-{:08}", standing.step));
        remove(&target)?;
        std::fs::rename(&partial, &target).map_err(TrainError::io(&target))?;
        let all = self.list();
        let old = all.len().saturating_sub(KEPT);
        all.iter().take(old).try_for_each(|path| remove(path))
    }

    /// The newest state of this configuration that can be read; `None` when there is none at all.
    pub(crate) fn load(
        &self,
        fingerprint: &str,
        parameters: &mut Parameters,
    ) -> Result<Option<(Standing, AdamW)>, TrainError> {
        let mut fault = None;
        for path in self.list().into_iter().rev() {
            match load(&path, fingerprint, parameters) {
                Ok(found) => return Ok(Some(found)),
                Err(error) => fault = fault.or(Some(error)),
            }
        }
        fault.map_or(Ok(None), Err)
    }

    /// Folders of states, oldest first.
    fn list(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let is_state = |path: &PathBuf| {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            name.is_some_and(|name| name.starts_with("step-"))
        };
        let mut all: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_state).collect();
        all.sort();
        all
    }
}

fn load(
    path: &Path,
    fingerprint: &str,
    parameters: &mut Parameters,
) -> Result<(Standing, AdamW), TrainError> {
    let fault = |reason: String| TrainError::State { reason, path: path.to_owned() };
    let file = path.join("state.json");
    let text = std::fs::read_to_string(&file).map_err(TrainError::io(&file))?;
    let standing: Standing =
        serde_json::from_str(&text).map_err(|error| fault(format!("state.json: {error}")))?;
    if standing.fingerprint != fingerprint {
        let reason = "its configuration or its records were others; give output.folder another \
                      name to begin anew";
        return Err(fault(reason.to_owned()));
    }
    let mut found = Vec::new();
    each(path, "model", &mut |name, shape, values| {
        found.push((name.to_owned(), shape, values));
    })?;
    for (name, shape, values) in found {
        match parameters.get(&name) {
            Some(known) if known.shape == shape => parameters.insert(&name, shape, values),
            _ => return Err(fault(format!("{name} is not a tensor of this model"))),
        }
    }
    let mut optimizer = AdamW { steps: standing.taken(), ..AdamW::default() };
    let device = parameters.device().clone();
    let mut means = Vec::new();
    if standing.taken() > 0 {
        each(path, "moments", &mut |name, shape, values| {
            let tensor = Tensor::<1>::from_data(TensorData::new(values, shape), &device);
            means.push((name.to_owned(), tensor));
        })?;
    }
    for (name, mean) in &means {
        let Some(name) = name.strip_prefix("mean.") else { continue };
        let wanted = format!("square.{name}");
        let square = means.iter().find(|(other, _)| *other == wanted);
        let (_, square) = square.ok_or_else(|| fault(format!("{wanted} is missing")))?;
        let moments = Moments { mean: mean.clone(), square: square.clone() };
        optimizer.moments.insert(name.to_owned(), moments);
    }
    Ok((standing, optimizer))
}

/// Every tensor of `{which}.safetensors`.
fn each(path: &Path, which: &str, place: PlaceTensor<'_>) -> Result<(), TrainError> {
    let file = path.join(format!("{which}.safetensors"));
    if !file.is_file() {
        return Err(TrainError::State { reason: "a file is missing".to_owned(), path: file });
    }
    let files = WeightFiles { present: vec![file], missing: Vec::new() };
    let checkpoint = Checkpoint::open(path, &files)?;
    for name in checkpoint.tensors().keys() {
        if let Some(tensor) = checkpoint.read_tensor(name)? {
            place(name, tensor.shape.clone(), tensor.raw().to_f32());
        }
    }
    Ok(())
}

fn write(path: &Path, values: &[(String, Vec<usize>, Vec<f32>)]) -> Result<(), TrainError> {
    let tensors: Vec<_> = values
        .iter()
        .map(|(name, shape, values)| (name.as_str(), shape.clone(), WrittenValues::F32(values)))
        .collect();
    Ok(write_safetensors(path, &tensors)?)
}

/// The files are on the disk before their folder gets its name.
fn sync(folder: &Path) -> Result<(), TrainError> {
    for entry in std::fs::read_dir(folder).map_err(TrainError::io(folder))?.flatten() {
        let path = entry.path();
        let file = std::fs::File::open(&path).map_err(TrainError::io(&path))?;
        file.sync_all().map_err(TrainError::io(&path))?;
    }
    Ok(())
}

fn remove(path: &Path) -> Result<(), TrainError> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(TrainError::io(path)(error))
        }
        _ => Ok(()),
    }
}
