//! `CONFIG.toml` of a training: model, data, stages.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::nn::HLoraConfig;
use crate::train::{Arithmetic, Augment, LossScale, TrainError};
use crate::vlm::{LossOn, NewAdapters, Task, Trainee};

/// The whole of it. Unknown keys are errors; paths are relative to the file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// What is trained.
    pub model: ModelSection,
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
    /// Of the order of examples, of distortions and of new tensors.
    #[serde(default)]
    pub seed: u64,
    /// Numbers that weights are multiplied in.
    #[serde(default)]
    pub arithmetic: Arithmetic,
    /// What losses are multiplied by at first, in f16: a power of two; the usual one when absent.
    pub loss_scale: Option<u64>,
}

/// `[model]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSection {
    /// A folder of a published layout.
    pub folder: PathBuf,
    /// Where its first values come from.
    #[serde(default)]
    pub init: Init,
    /// Adapters on the decoder's matrices.
    pub lora: Option<LoraSection>,
    /// HealthGPT's adapters that begin anew.
    #[serde(default)]
    pub hlora: HLoraSections,
}

/// `[model.hlora]`: adapters of these tasks begin anew; the others are as the folder has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HLoraSections {
    /// For questions.
    pub comprehension: Option<HLoraSection>,
    /// For pictures.
    pub generation: Option<HLoraSection>,
}

/// Sizes of a task's adapter.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HLoraSection {
    /// Ranks of all experts together.
    pub rank: usize,
    /// Experts.
    pub experts: usize,
    /// Scale of the addition before it is divided by the rank; twice the rank when absent, as in
    /// every release.
    pub alpha: Option<f32>,
}

impl HLoraSection {
    fn adapter(self) -> HLoraConfig {
        let Self { rank, experts, alpha } = self;
        HLoraConfig { rank, experts, alpha: alpha.unwrap_or(2.0 * rank as f32) }
    }
}

impl ModelSection {
    /// Adapters that no file holds.
    #[must_use]
    pub fn new_adapters(&self) -> NewAdapters {
        NewAdapters {
            plain: self.lora.map(LoraSection::adapter),
            questions: self.hlora.comprehension.map(HLoraSection::adapter),
            reconstruction: self.hlora.generation.map(HLoraSection::adapter),
        }
    }
}

/// Where the first values of the tensors come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Init {
    /// The folder's weight files.
    #[default]
    Weights,
    /// The seed.
    Random,
}

/// `[model.lora]`: with one expert plain LoRA, added to the matrices when the model is written.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoraSection {
    /// Width between the two small matrices.
    pub rank: usize,
    /// Scale of the addition before it is divided by the rank.
    pub alpha: f32,
}

impl LoraSection {
    /// As the networks take it.
    #[must_use]
    pub fn adapter(self) -> HLoraConfig {
        HLoraConfig { rank: self.rank, experts: 1, alpha: self.alpha }
    }
}

/// `[data]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSection {
    /// Files of records to learn from.
    pub train: Vec<PathBuf>,
    /// Files of records to measure on.
    #[serde(default)]
    pub validation: Vec<PathBuf>,
    /// Folder that paths of pictures begin in.
    pub images: PathBuf,
}

/// `[output]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputSection {
    /// Made when it is not there.
    pub folder: PathBuf,
    /// Steps between saved states.
    #[serde(default = "save_every")]
    pub save_every: u64,
    /// Steps between measurements on the validation records.
    #[serde(default = "save_every")]
    pub validate_every: u64,
    /// Records of a measurement.
    #[serde(default = "validation_records")]
    pub validation_records: usize,
    /// Numbers of the finished model's files.
    #[serde(default)]
    pub precision: SavedPrecision,
}

fn save_every() -> u64 {
    500
}

fn validation_records() -> usize {
    256
}

/// Numbers of the finished model's files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SavedPrecision {
    /// 32 bits.
    #[default]
    F32,
    /// 16 bits, small range.
    F16,
    /// 16 bits, range of f32.
    Bf16,
}

/// A part of a model that a stage trains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The tower.
    Vision,
    /// Between tower and decoder.
    Projector,
    /// The decoder with its embedding and head.
    Language,
    /// The adapters.
    Adapter,
    /// The words for codes of pictures: embedding and head of HealthGPT's generation.
    Embedding,
    /// The heads that read labels, which are not part of the finished model.
    Labels,
    /// Of a codec: pictures to places.
    Encoder,
    /// Of a codec: what places are rounded to.
    Codebook,
    /// Of a codec: places to pictures.
    Decoder,
}

impl Part {
    /// As tensors are sorted by name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Vision => "vision",
            Self::Projector => "projector",
            Self::Language => "language",
            Self::Adapter => "adapter",
            Self::Embedding => "embedding",
            Self::Labels => "labels",
            Self::Encoder => "encoder",
            Self::Codebook => "codebook",
            Self::Decoder => "decoder",
        }
    }

    /// Whether codecs have it, and only they.
    pub(crate) fn is_of_codec(self) -> bool {
        matches!(self, Self::Encoder | Self::Codebook | Self::Decoder)
    }
}

/// What a stage makes likelier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Goal {
    /// The answers of the records.
    #[default]
    Answers,
    /// Their `labels`, from the tower alone.
    Labels,
}

/// Which of a model's tasks a stage teaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Taught {
    /// Questions are answered in words.
    #[default]
    Comprehension,
    /// Pictures are drawn: records with a `target`.
    Generation,
}

impl Taught {
    /// As models name it.
    #[must_use]
    pub fn task(self) -> Task {
        match self {
            Self::Comprehension => Task::Question,
            Self::Generation => Task::Reconstruction,
        }
    }
}

/// `[[stage]]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// For people.
    pub name: String,
    /// What learns; the rest stays as it is.
    pub train: Vec<Part>,
    /// What it learns.
    #[serde(default)]
    pub objective: Goal,
    /// For which task.
    #[serde(default)]
    pub task: Taught,
    /// Times through the records; `steps` counts instead when it is there.
    #[serde(default = "one")]
    pub epochs: f64,
    /// Steps of the optimizer.
    pub steps: Option<u64>,
    /// Records read at once.
    pub batch: usize,
    /// Records that one thread computes by itself; all threads share every operation when absent.
    pub piece: Option<usize>,
    /// Batches of one step.
    #[serde(default = "once")]
    pub accumulate: usize,
    /// The highest.
    pub learning_rate: f64,
    /// The highest of the projector, where it is another (`mm_projector_lr` of LLaVA's code).
    pub projector_learning_rate: Option<f64>,
    /// Where the cosine ends, as a share of the highest.
    #[serde(default)]
    pub final_share: f64,
    /// Share of the steps in which the rate rises.
    #[serde(default = "warmup")]
    pub warmup: f64,
    /// Of `AdamW`; biases and the weights of layer norms do not decay.
    #[serde(default)]
    pub weight_decay: f64,
    /// Of `AdamW`.
    #[serde(default = "betas")]
    pub betas: [f64; 2],
    /// Length that the gradient is cut to; 0 leaves it.
    #[serde(default = "one")]
    pub clip: f64,
    /// Which answers count.
    #[serde(default)]
    pub loss_on: LossOn,
    /// Longer sequences are left out; the model's own limit when absent.
    pub max_length: Option<usize>,
    /// Share of the records that pictures of this stage are taken from.
    #[serde(default = "one")]
    pub records: f64,
}

fn one() -> f64 {
    1.0
}

fn once() -> usize {
    1
}

fn warmup() -> f64 {
    0.03
}

fn betas() -> [f64; 2] {
    [0.9, 0.999]
}

impl TrainConfig {
    /// Read and check a file.
    ///
    /// # Errors
    /// When it cannot be read, a key is unknown, or a value makes no sense.
    pub fn read(path: &Path) -> Result<Self, TrainError> {
        let fault = |reason: String| TrainError::Config { reason, path: path.to_owned() };
        let mut config: Self = read_toml(path)?;
        config.check().map_err(fault)?;
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        config.resolve(folder);
        Ok(config)
    }

    fn resolve(&mut self, folder: &Path) {
        let records = self.data.train.iter_mut().chain(&mut self.data.validation);
        let others = [&mut self.model.folder, &mut self.data.images, &mut self.output.folder];
        for path in records.chain(others) {
            *path = folder.join(&*path);
        }
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
        match self.loss_scale {
            Some(_) if self.arithmetic != Arithmetic::F16 => {
                return Err("loss_scale is for arithmetic = \"f16\" alone".to_owned());
            }
            Some(factor) => LossScale::check(factor)?,
            None => {}
        }
        self.augment.check()?;
        self.stages.iter().try_for_each(Stage::check)
    }
}

/// A file whose every key is known; an error says on which line.
pub(crate) fn read_toml<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, TrainError> {
    let text = std::fs::read_to_string(path).map_err(TrainError::io(path))?;
    toml::from_str(&text).map_err(|error| {
        let line = error.span().map(|span| text.get(..span.start).unwrap_or("").lines().count());
        let place = line.map(|line| format!(" (line {})", line.max(1))).unwrap_or_default();
        let reason = format!("{}{place}", error.message());
        TrainError::Config { reason, path: path.to_owned() }
    })
}

impl Stage {
    fn check(&self) -> Result<(), String> {
        self.check_numbers()?;
        let name = &self.name;
        if let Some(part) = self.train.iter().find(|part| part.is_of_codec()) {
            return Err(format!("stage {name} trains the {}, which only a codec has", part.name()));
        }
        if self.train.contains(&Part::Embedding) && self.task == Taught::Comprehension {
            return Err(format!("stage {name} trains the embedding: only generation has its own"));
        }
        let is_tower = |part: &Part| matches!(part, Part::Vision | Part::Labels);
        if self.objective == Goal::Labels && !self.train.iter().all(is_tower) {
            return Err(format!("stage {name} learns labels: it trains vision and labels alone"));
        }
        if self.objective == Goal::Answers && self.train.contains(&Part::Labels) {
            return Err(format!("stage {name} trains labels: its objective is not labels"));
        }
        Ok(())
    }

    /// Whether a model has what is to be trained.
    pub(crate) fn check_for(&self, trainee: &Trainee) -> Result<(), String> {
        let (name, task) = (&self.name, self.task.task());
        if !trainee.has_task(task) {
            let title = trainee.title();
            return Err(format!("stage {name}: {title} has nothing for {} here", task.title()));
        }
        if self.train.contains(&Part::Adapter) && !trainee.has_adapter(task) {
            return Err(format!("stage {name} trains an adapter and there is no [model.lora]"));
        }
        Ok(())
    }

    pub(crate) fn check_numbers(&self) -> Result<(), String> {
        let name = &self.name;
        let shares =
            [("final_share", self.final_share), ("warmup", self.warmup), ("records", self.records)];
        for (key, share) in shares {
            if !(0.0..=1.0).contains(&share) {
                return Err(format!("{key} of stage {name} is {share}, not between 0 and 1"));
            }
        }
        if self.batch == 0 || self.accumulate == 0 || self.piece == Some(0) {
            return Err(format!("batch, piece and accumulate of stage {name} are at least 1"));
        }
        if self.train.is_empty() {
            return Err(format!("stage {name} trains nothing"));
        }
        let positive = |value: f64| value.is_finite() && value > 0.0;
        let rates = std::iter::once(self.learning_rate).chain(self.projector_learning_rate);
        if !rates.into_iter().all(positive) || !positive(self.epochs) {
            return Err(format!("learning_rate and epochs of stage {name} are above 0"));
        }
        let decays = self.weight_decay >= 0.0 && self.clip >= 0.0;
        if !decays || !self.betas.iter().all(|beta| (0.0..1.0).contains(beta)) {
            return Err(format!("weight_decay, clip or betas of stage {name} make no sense"));
        }
        Ok(())
    }
}
