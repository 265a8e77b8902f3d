//! `CONFIG.toml` of a codec's training.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::train::config::{OutputSection, read_toml};
use crate::train::{Augment, Goal, Init, Stage, TrainError};
use crate::vlm::LossOn;

/// The whole of it. Unknown keys are errors; paths are relative to the file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodecConfig {
    /// What is trained.
    pub model: ModelSection,
    /// How vectors are rounded.
    #[serde(default)]
    pub quantiser: Quantiser,
    /// On what.
    pub data: DataSection,
    /// Distortions of pictures, none when absent.
    #[serde(default)]
    pub augment: Augment,
    /// Where everything goes.
    pub output: OutputSection,
    /// One after the other.
    #[serde(rename = "stage")]
    pub stages: Vec<Stage>,
    /// Of the order of pictures, of distortions and of new tensors.
    #[serde(default)]
    pub seed: u64,
}

/// `[model]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSection {
    /// `codec`
    pub kind: Kind,
    /// A folder with `model.yaml`.
    pub folder: PathBuf,
    /// Where its first values come from.
    #[serde(default)]
    pub init: Init,
}

/// What the file is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Encoder, codebook and decoder of pictures.
    Codec,
}

/// `[quantiser]`
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quantiser {
    /// Weight of the quantiser's loss beside that of the picture (`codebook_weight`).
    pub weight: f64,
    /// Weight of one of the two terms of the quantiser's loss.
    pub beta: f64,
    /// Whether `beta` weighs the codebook's term, as `VQModel` has it, or the encoder's, as the
    /// paper has it.
    pub legacy: bool,
    /// Steps after which a code that was never used begins anew as a vector of the encoder; 0
    /// leaves all as they are.
    pub restart_after: u32,
}

impl Default for Quantiser {
    fn default() -> Self {
        Self { weight: 1.0, beta: 0.25, legacy: true, restart_after: 0 }
    }
}

/// `[data]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSection {
    /// Files of records, of which only the pictures count, lists of paths (`.txt`), and folders.
    pub train: Vec<PathBuf>,
    /// The same, to measure on.
    #[serde(default)]
    pub validation: Vec<PathBuf>,
    /// Folder that paths of pictures begin in.
    pub images: PathBuf,
}

#[derive(Deserialize)]
struct Glance {
    model: Option<GlanceModel>,
}

#[derive(Deserialize)]
struct GlanceModel {
    kind: Option<String>,
}

impl CodecConfig {
    /// Read and check a file; `None` when it is about another kind of model.
    ///
    /// # Errors
    /// When it cannot be read, a key is unknown, or a value makes no sense.
    pub fn read(path: &Path) -> Result<Option<Self>, TrainError> {
        let glance: Glance = read_toml(path)?;
        let kind = glance.model.and_then(|model| model.kind);
        if kind.as_deref() != Some("codec") {
            return Ok(None);
        }
        let mut config: Self = read_toml(path)?;
        let fault = |reason: String| TrainError::Config { reason, path: path.to_owned() };
        config.check().map_err(fault)?;
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        let lists = config.data.train.iter_mut().chain(&mut config.data.validation);
        let others = [&mut config.model.folder, &mut config.data.images, &mut config.output.folder];
        for path in lists.chain(others) {
            *path = folder.join(&*path);
        }
        Ok(Some(config))
    }

    fn check(&self) -> Result<(), String> {
        if self.stages.is_empty() {
            return Err("there is no [[stage]]".to_owned());
        }
        if self.data.train.is_empty() {
            return Err("data.train names no file".to_owned());
        }
        if self.output.save_every == 0 || self.output.validate_every == 0 {
            return Err("output.save_every and output.validate_every are at least 1".to_owned());
        }
        let Quantiser { weight, beta, .. } = self.quantiser;
        if ![weight, beta].iter().all(|value| value.is_finite() && *value >= 0.0) {
            return Err("quantiser.weight and quantiser.beta are not below 0".to_owned());
        }
        self.augment.check()?;
        self.stages.iter().try_for_each(check_stage)
    }
}

fn check_stage(stage: &Stage) -> Result<(), String> {
    stage.check_numbers()?;
    let name = &stage.name;
    if let Some(part) = stage.train.iter().find(|part| !part.is_of_codec()) {
        let part = part.name();
        return Err(format!("stage {name} trains {part}, and a codec has no such part"));
    }
    let is_of_words = stage.max_length.is_some()
        || stage.loss_on != LossOn::default()
        || stage.objective != Goal::default()
        || stage.piece.is_some();
    if is_of_words {
        let keys = "max_length, loss_on, objective and piece";
        return Err(format!("{keys} of stage {name} are about records, not pictures"));
    }
    Ok(())
}
