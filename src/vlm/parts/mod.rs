//! Where the parts of a model lie: in one folder, or in several that belong together.

mod adapter;
mod healthgpt;
mod places;

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::checkpoint::{CheckpointError, WeightFiles, find_weight_files};
use crate::vlm::config::{RoomToml, TowerFiles, VisionWeights, read_json};
use crate::vlm::{Family, ModelError, Tasks};

pub(crate) use adapter::{Adapter, adapter_in};
pub(crate) use healthgpt::{GenerationParts, PUBLISHED_TOWER, PUBLISHED_VQGAN, published_base};
pub(crate) use places::architecture;
use places::{find_beside, not_found};

/// Put before the names of tensors that only reconstruction uses: its files have the names of
/// those for questions.
pub(crate) const GENERATION: &str = "generation.";

/// Beginnings of the names of the tower's and the projector's tensors.
pub(crate) const VISION_PREFIX: &str = "model.vision_tower.vision_tower.vision_model.";
pub(crate) const PROJECTOR: &str = "model.mm_projector";

/// The same of Qwen2.5-VL, whose tower has the projector inside.
pub(crate) const QWEN_VISION: &str = "visual.";
pub(crate) const QWEN_MERGER: &str = "visual.merger.";

/// The parts of one model.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    /// In the order they are applied: of two tensors with one name the later counts.
    pub(crate) weights: Vec<WeightPart>,
    /// Folder of the language model's configuration and tokenizer.
    pub(crate) language: PathBuf,
    /// Whether that folder was found.
    pub(crate) has_language: bool,
    /// The CLIP tower's files, unless `config.json` holds all about it.
    pub(crate) tower: Option<TowerFiles>,
    /// H-LoRA's file for questions.
    pub(crate) adapter: Option<Adapter>,
    /// What reconstruction adds.
    pub(crate) generation: Option<GenerationParts>,
    /// What a folder says about itself.
    pub(crate) told: RoomToml,
    /// What was not found and every task needs, by name.
    pub(crate) missing: Vec<String>,
    /// What only questions need.
    pub(crate) missing_for_questions: Vec<String>,
    /// What only reconstruction needs.
    pub(crate) missing_for_reconstruction: Vec<String>,
}

/// Weight files that belong together.
#[derive(Clone, Debug)]
pub(crate) struct WeightPart {
    pub(crate) kind: PartKind,
    /// Put before the names of its tensors.
    pub(crate) prefix: &'static str,
    pub(crate) folder: PathBuf,
    pub(crate) files: WeightFiles,
}

impl WeightPart {
    fn is_of_a_task(&self) -> bool {
        matches!(self.kind, PartKind::Adapter | PartKind::Fusion)
    }
}

/// What weight files hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PartKind {
    /// The decoder, and in most families everything else.
    Model,
    /// The tower's own repository.
    Tower,
    /// H-LoRA and projector of one task.
    Adapter,
    /// Embedding and head with codes of pictures.
    Fusion,
    /// What the next part, a delta, is added to.
    DeltaBase,
    /// Differences from a base language model.
    Delta,
}

impl Parts {
    /// Look for the parts of a model of this family.
    pub(crate) fn find(folder: &Path, family: Family) -> Result<Self, ModelError> {
        let mut parts = Self {
            weights: Vec::new(),
            language: folder.to_owned(),
            has_language: true,
            tower: None,
            adapter: None,
            generation: None,
            told: RoomToml::read(folder)?,
            missing: Vec::new(),
            missing_for_questions: Vec::new(),
            missing_for_reconstruction: Vec::new(),
        };
        match family {
            Family::HealthGptM3 | Family::HealthGptL14 | Family::HealthGptXl32 => {
                parts.find_healthgpt(folder, family)?;
                // the base comes first: faults are reported with its folder
                parts.weights.sort_by_key(|part| part.is_of_a_task());
            }
            _ => parts.find_llava(folder, family)?,
        }
        if family == Family::Nano {
            parts.find_added(folder)?;
        }
        Ok(parts)
    }

    /// Whether any task of an adapter was found.
    pub(crate) fn has_adapter(&self) -> bool {
        self.adapter.is_some() || self.generation.is_some()
    }

    /// The same without what other tasks need.
    ///
    /// # Errors
    /// With what is missing, by name.
    pub(crate) fn for_tasks(mut self, tasks: Tasks) -> Result<Self, ModelError> {
        let mut missing = self.missing.clone();
        for (is_wanted, names) in [
            (tasks.questions, &self.missing_for_questions),
            (tasks.reconstruction, &self.missing_for_reconstruction),
        ] {
            missing.extend(names.iter().filter(|_| is_wanted).cloned());
        }
        if !missing.is_empty() {
            return Err(ModelError::Incomplete { missing, path: self.language });
        }
        self.weights.retain(|part| match (part.is_of_a_task(), part.prefix) {
            (true, GENERATION) => tasks.reconstruction,
            (true, _) => tasks.questions,
            (false, _) => true,
        });
        self.adapter = self.adapter.filter(|_| tasks.questions);
        self.generation = self.generation.filter(|_| tasks.reconstruction);
        Ok(self)
    }

    fn find_llava(&mut self, folder: &Path, family: Family) -> Result<(), ModelError> {
        let json = read_json(folder, "config.json")?.unwrap_or_default();
        if json.get("vision_config").is_none() {
            let name = json.get("mm_vision_tower").and_then(Value::as_str).unwrap_or_default();
            self.tower = Some(TowerFiles::find(folder, name, &self.told));
        }
        let kind = match family {
            Family::LlavaMedV1 if super::delta::is_delta(folder) => {
                self.add_delta_base(folder, &json)?;
                PartKind::Delta
            }
            _ => PartKind::Model,
        };
        self.add_weights(kind, folder, "model.safetensors")?;
        let wants_tower = family == Family::LlavaMedV1
            || self.told.vision_weights == Some(VisionWeights::External);
        if wants_tower { self.add_tower() } else { Ok(()) }
    }

    /// The tower's own weights.
    fn add_tower(&mut self) -> Result<(), ModelError> {
        let Some(tower) = self.tower.clone() else { return Ok(()) };
        match &tower.folder {
            Some(folder) => {
                if tower.is_assumed() {
                    self.missing.push(tower.config_name());
                }
                let name = format!("{}/pytorch_model.bin", tower.name);
                self.add_weights(PartKind::Tower, folder, &name)
            }
            None => {
                self.missing.push(not_found("the vision tower", &tower.name, "vision"));
                Ok(())
            }
        }
    }

    fn add_weights(
        &mut self,
        kind: PartKind,
        folder: &Path,
        usual_name: &str,
    ) -> Result<(), ModelError> {
        match find_weight_files(folder) {
            Ok(files) => {
                self.missing.extend(files.missing.iter().cloned());
                let files = WeightFiles { missing: Vec::new(), ..files };
                let folder = folder.to_owned();
                self.weights.push(WeightPart { kind, prefix: "", folder, files });
                Ok(())
            }
            Err(CheckpointError::NoWeights { .. }) => {
                self.missing.push(usual_name.to_owned());
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn add_delta_base(&mut self, folder: &Path, json: &Value) -> Result<(), ModelError> {
        let told = self.told.base.as_deref();
        let same = |key: &str, other: &Value| json.get(key) == other.get(key);
        let fits = |other: &Value| {
            architecture(other) == "LlamaForCausalLM"
                && same("hidden_size", other)
                && same("num_hidden_layers", other)
        };
        match find_beside(folder, told, "llama-7b", &fits) {
            Some(base) => {
                self.add_weights(PartKind::DeltaBase, &base, "the base's pytorch_model.bin")
            }
            None => {
                let name = told.unwrap_or("LLaMA-7B");
                self.missing.push(format!(
                    "{} (these weights are differences from it; apply-delta adds them for good)",
                    not_found("the base language model", name, "base")
                ));
                Ok(())
            }
        }
    }
}
