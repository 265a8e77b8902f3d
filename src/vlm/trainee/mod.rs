//! A model as training sees it: names and shapes of its tensors, sequences with what is to be said
//! at each position, and its networks built of tensors that record what is done to them.

mod adapters;
mod layout;
mod networks;
mod picture;
mod sequence;
mod target;

use std::path::{Path, PathBuf};

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::nn::HLoraConfig;
use crate::text::{Tokenizer, TokenizerOptions};
use crate::vlm::codes::Codes;
use crate::vlm::config::{VisionConfig, VlmConfig, config_error};
use crate::vlm::fit::{check_fit, plan_of, sources};
use crate::vlm::parts::{GENERATION, PROJECTOR, Parts, QWEN_MERGER, QWEN_VISION, VISION_PREFIX};
use crate::vlm::recognise::family_of;
use crate::vlm::{Family, ModelError, Task};

pub use adapters::NewAdapters;
pub use layout::WeightFile;
pub use networks::TraineeNetworks;
pub use picture::TowerPicture;
pub use sequence::{Exchange, LossOn, Place, Sequence};
pub use target::TargetCodec;

/// A model of a published layout that can be trained: tower, projector, decoder, and the adapters
/// of its tasks.
pub struct Trainee {
    folder: PathBuf,
    family: Family,
    parts: Parts,
    config: VlmConfig,
    template: crate::text::ChatTemplate,
    tokenizer: Tokenizer,
    /// Ids of the codes of pictures, when it draws.
    codes: Option<Codes>,
    /// Adapters that no file holds.
    new: NewAdapters,
}

/// The name of the table of embeddings.
pub const EMBEDDING: &str = "model.embed_tokens.weight";
/// The name of the head.
const HEAD: &str = "lm_head.weight";

/// Takes a tensor that was read: name, shape, numbers.
pub type PlaceTensor<'a> = &'a mut dyn FnMut(&str, Vec<usize>, Vec<f32>);

/// A tensor of the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorShape {
    /// As in the files.
    pub name: String,
    /// As the files have it, outermost first.
    pub shape: Vec<usize>,
    /// Whether it is multiplied with.
    pub is_matrix: bool,
}

impl Trainee {
    /// Open a folder of a published layout; weights need not be there yet.
    ///
    /// # Errors
    /// When it holds no such model, or one whose parts are not trained here.
    pub fn open(folder: &Path, adapter: Option<HLoraConfig>) -> Result<Self, ModelError> {
        Self::open_with(folder, NewAdapters { plain: adapter, ..NewAdapters::default() })
    }

    /// The same with all tasks whose files are there or whose adapters begin anew.
    ///
    /// # Errors
    /// When it holds no such model, one whose parts are not trained here, or one that has no place
    /// for such adapters.
    pub fn open_with(folder: &Path, new: NewAdapters) -> Result<Self, ModelError> {
        let family = family_of(folder)?;
        let not_yet = || {
            let (title, path) = (format!("training of {}", family.title()), folder.to_owned());
            ModelError::NotSupportedYet { title, path }
        };
        let rules = family.rules().ok_or_else(not_yet)?;
        new.check(folder, family)?;
        let mut parts = Parts::find(folder, family)?;
        if !parts.has_language || (family.has_hlora() && parts.tower.is_none()) {
            let (missing, path) = (parts.missing, folder.to_owned());
            return Err(ModelError::Incomplete { missing, path });
        }
        parts.missing.clear();
        let vq_tokens = Codes::asked_for(family, &parts);
        if new.reconstruction.is_some() && vq_tokens.is_none() {
            let reason = "vq_tokens, which says how many codes the codec has, is not in it";
            return Err(config_error(folder, "reading-room.toml", &reason));
        }
        let options = TokenizerOptions { kind: rules.tokenizer, vq_tokens };
        let tokenizer = Tokenizer::load_with(&parts.language, options)?;
        let parts = new.begin(parts, folder, family, tokenizer.vocab_size())?;
        let mut config = VlmConfig::read(&parts, family)?;
        let template = family.template(parts.told.template.as_deref())?;
        config.settle(family, &tokenizer);
        if new.plain.is_some() {
            config.hlora = new.plain;
        }
        let codes = Codes::of(&parts, &config, &tokenizer)?;
        let folder = folder.to_owned();
        Ok(Self { folder, family, parts, config, template, tokenizer, codes, new })
    }

    /// Whether it can be taught a task.
    #[must_use]
    pub fn has_task(&self, task: Task) -> bool {
        match task {
            Task::Question => self.config.answers,
            Task::Reconstruction => self.config.generation.is_some(),
        }
    }

    /// Whether a task has an adapter.
    #[must_use]
    pub fn has_adapter(&self, task: Task) -> bool {
        match task {
            Task::Question => self.config.hlora.is_some(),
            Task::Reconstruction => self.config.generation.is_some(),
        }
    }

    /// The name of a task's table of embeddings.
    #[must_use]
    pub fn embedding_of(task: Task) -> String {
        match task {
            Task::Question => EMBEDDING.to_owned(),
            Task::Reconstruction => format!("{GENERATION}{EMBEDDING}"),
        }
    }

    /// Name of the family for people.
    #[must_use]
    pub fn title(&self) -> &'static str {
        self.family.title()
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Positions it reads at most.
    #[must_use]
    pub fn context_len(&self) -> usize {
        self.config.context_len
    }

    /// All tensors, adapters included.
    ///
    /// # Errors
    /// When the configuration describes no networks.
    pub fn tensors(&self) -> Result<Vec<TensorShape>, ModelError> {
        let plan = plan_of(&self.parts, &self.config)?;
        let (patch, kernel) = self.patch_kernel();
        let shape_of = |name: &String, shape: &Vec<usize>| {
            if *name == patch { kernel.clone() } else { shape.clone() }
        };
        let entries = plan.expected.iter();
        Ok(entries
            .map(|(name, expected)| TensorShape {
                name: name.clone(),
                shape: shape_of(name, &expected.shape),
                is_matrix: expected.is_matrix,
            })
            .collect())
    }

    /// The one tensor whose shape in files is not that of a matrix or a vector.
    fn patch_kernel(&self) -> (String, Vec<usize>) {
        match &self.config.vision {
            VisionConfig::Clip(clip) => {
                let (name, clip) = ("embeddings.patch_embedding.weight", &clip.config);
                let side = clip.patch_size;
                let kernel = vec![clip.hidden_size, clip.num_channels, side, side];
                (format!("{VISION_PREFIX}{name}"), kernel)
            }
            VisionConfig::Qwen(qwen) => {
                let (vit, side) = (&qwen.vit, qwen.vit.patch_size);
                let frames = vit.temporal_patch_size;
                let kernel = vec![vit.hidden_size, vit.in_channels, frames, side, side];
                (format!("{QWEN_VISION}patch_embed.proj.weight"), kernel)
            }
        }
    }

    /// Every tensor of the weight files in f32; those of new adapters are not in them.
    ///
    /// # Errors
    /// When files are missing, damaged or do not fit.
    pub fn read_weights(&self, place: PlaceTensor<'_>) -> Result<(), ModelError> {
        let mut plan = plan_of(&self.parts, &self.config)?;
        plan.expected.retain(|name, _| !self.begins_anew(name));
        let mut opened = Vec::new();
        for part in &self.parts.weights {
            let checkpoint = Checkpoint::open_as(part.prefix, &part.folder, &part.files)?;
            opened.push((part.kind, checkpoint));
        }
        if opened.is_empty() {
            return Err(CheckpointError::NoWeights { path: self.folder.clone() }.into());
        }
        let sources = sources(&plan, &opened);
        check_fit(&opened, &plan, &sources, &self.config)?;
        for name in plan.expected.keys() {
            let part = sources.get(name).and_then(|at| opened.get(*at));
            let tensor = part.map(|(_, part)| part.read_tensor(name)).transpose()?.flatten();
            if let Some(tensor) = tensor {
                place(name, tensor.shape.clone(), tensor.raw().to_f32());
            }
        }
        self.begin_codes(&opened, place)
    }

    /// Which part of the model a tensor belongs to.
    #[must_use]
    pub fn part_of(name: &str) -> &'static str {
        let own = name.strip_prefix(GENERATION).unwrap_or(name);
        match name {
            _ if name.starts_with("labels.") => "labels",
            _ if name.contains(".lora_") => "adapter",
            _ if name.starts_with(QWEN_MERGER) => "projector",
            _ if name.starts_with(VISION_PREFIX) || name.starts_with(QWEN_VISION) => "vision",
            _ if own.starts_with(PROJECTOR) => "projector",
            _ if own != name && (own == EMBEDDING || own == HEAD) => "embedding",
            _ => "language",
        }
    }

    /// Whether a task uses a tensor; tower and base serve all tasks.
    #[must_use]
    pub fn is_of_task(name: &str, task: Task) -> bool {
        let is_of_a_task = ["adapter", "projector"].contains(&Self::part_of(name))
            || name == EMBEDDING
            || name == HEAD;
        match task {
            Task::Question => !name.starts_with(GENERATION),
            Task::Reconstruction => name.starts_with(GENERATION) || !is_of_a_task,
        }
    }
}
