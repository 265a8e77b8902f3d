//! Where the parts of a model lie: in one folder, or in several that belong together.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::checkpoint::{Checkpoint, CheckpointError, WeightFiles, find_weight_files};
use crate::nn::{BadConfig, HLoraConfig};
use crate::vlm::config::{AdapterToml, RoomToml, TowerFiles, VisionWeights, read_json};
use crate::vlm::{Family, ModelError};

/// Beginnings of the names of the tower's and the projector's tensors.
pub(crate) const VISION_PREFIX: &str = "model.vision_tower.vision_tower.vision_model.";
pub(crate) const PROJECTOR: &str = "model.mm_projector";

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
    /// H-LoRA's file.
    pub(crate) adapter: Option<Adapter>,
    /// What a folder says about itself.
    pub(crate) told: RoomToml,
    /// What was not found, by name.
    pub(crate) missing: Vec<String>,
}

/// Weight files that belong together.
#[derive(Clone, Debug)]
pub(crate) struct WeightPart {
    pub(crate) kind: PartKind,
    pub(crate) folder: PathBuf,
    pub(crate) files: WeightFiles,
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
    /// What the next part, a delta, is added to.
    DeltaBase,
    /// Differences from a base language model.
    Delta,
}

/// One task's adapter file.
#[derive(Clone, Debug)]
pub(crate) struct Adapter {
    pub(crate) folder: PathBuf,
    told: AdapterToml,
    rank: Option<usize>,
    experts: Option<usize>,
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
            told: RoomToml::read(folder)?,
            missing: Vec::new(),
        };
        match family {
            Family::HealthGptM3 | Family::HealthGptL14 | Family::HealthGptXl32 => {
                parts.find_healthgpt(folder, family)?;
            }
            _ => parts.find_llava(folder, family)?,
        }
        Ok(parts)
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

    fn find_healthgpt(&mut self, folder: &Path, family: Family) -> Result<(), ModelError> {
        let adapter = self.find_adapter(folder)?;
        let hidden = adapter.as_ref().and_then(|(_, hidden)| *hidden);
        let (base_name, tower_name) = (published_base(family), "clip-vit-large-patch14-336");
        let fits = |json: &Value| fits_base(json, family, hidden);
        match find_beside(folder, self.told.base.as_deref(), base_name, &fits) {
            Some(base) => {
                self.language.clone_from(&base);
                self.add_weights(
                    PartKind::Model,
                    &base,
                    &format!("{base_name}/model.safetensors"),
                )?;
            }
            None => {
                self.has_language = false;
                let name = self.told.base.as_deref().unwrap_or(base_name);
                self.missing.push(not_found("the base language model", name, "base"));
            }
        }
        let told = self.told.vision.as_deref();
        let is_clip = |json: &Value| json.get("vision_config").is_some();
        match find_beside(folder, told, tower_name, &is_clip) {
            Some(tower) => {
                let name = told.unwrap_or(tower_name).to_owned();
                self.tower = Some(TowerFiles { name, folder: Some(tower) });
                self.add_tower()?;
            }
            None => self.missing.push(not_found(
                "the vision tower",
                told.unwrap_or(tower_name),
                "vision",
            )),
        }
        if let Some((part, _)) = adapter {
            self.weights.push(part);
        }
        Ok(())
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
                self.weights.push(WeightPart { kind, folder: folder.to_owned(), files });
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

    /// The adapter for questions, and the decoder's width it was made for.
    fn find_adapter(
        &mut self,
        folder: &Path,
    ) -> Result<Option<(WeightPart, Option<usize>)>, ModelError> {
        let told = self.told.comprehension.clone();
        let name = told.weights.clone().or_else(|| adapter_in(folder, "com_hlora_weights"));
        let name = name.unwrap_or_else(|| "com_hlora_weights.bin".to_owned());
        let path = folder.join(&name);
        if !path.is_file() {
            self.missing.push(name);
            return Ok(None);
        }
        let folder = path.parent().unwrap_or(folder).to_owned();
        let files = WeightFiles { present: vec![path], missing: Vec::new() };
        let checkpoint = Checkpoint::open(&folder, &files)?;
        let extents = |ending: &str| {
            let mut names = checkpoint.tensors().iter();
            names.find(|(name, _)| name.ends_with(ending)).map(|(_, info)| info.shape.clone())
        };
        let hidden = extents("self_attn.qkv_proj.lora_A.weight")
            .or_else(|| extents("self_attn.q_proj.lora_A.weight"))
            .and_then(|shape| shape.get(1).copied());
        self.adapter = Some(Adapter {
            folder: folder.clone(),
            told,
            rank: usual_rows(&checkpoint, ".lora_A.weight"),
            experts: usual_rows(&checkpoint, ".lora_route.weight"),
        });
        Ok(Some((WeightPart { kind: PartKind::Adapter, folder, files }, hidden)))
    }
}

impl Adapter {
    /// Rank and experts are those of the file; alpha is twice the rank in every release.
    pub(crate) fn config(&self) -> Result<HLoraConfig, BadConfig> {
        let agreed = |key: &str, told: Option<usize>, found: Option<usize>| match (told, found) {
            (Some(told), Some(found)) if told != found => Err(BadConfig(format!(
                "reading-room.toml says {key} {told} and the file has {found}"
            ))),
            (_, Some(found)) => Ok(found),
            (_, None) => Err(BadConfig("it holds no H-LoRA tensors".to_owned())),
        };
        let rank = agreed("rank", self.told.rank, self.rank)?;
        let experts = agreed("experts", self.told.experts, self.experts)?;
        let alpha = self.told.alpha.unwrap_or(2.0 * rank as f32);
        let config = HLoraConfig { rank, experts, alpha };
        config.check()?;
        Ok(config)
    }
}

/// Rows that most tensors of this kind have: one that differs is the one at fault.
fn usual_rows(checkpoint: &Checkpoint, ending: &str) -> Option<usize> {
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    let tensors = checkpoint.tensors().iter().filter(|(name, _)| name.ends_with(ending));
    for rows in tensors.filter_map(|(_, info)| info.shape.first()) {
        *counts.entry(*rows).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(rows, _)| rows)
}

/// The first file of a folder whose name begins so and ends in `.bin`.
pub(crate) fn adapter_in(folder: &Path, beginning: &str) -> Option<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with(beginning) && name.ends_with(".bin"))
        .collect();
    names.sort();
    names.into_iter().next()
}

fn published_base(family: Family) -> &'static str {
    match family {
        Family::HealthGptL14 => "phi-4",
        Family::HealthGptXl32 => "Qwen2.5-32B-Instruct",
        _ => "Phi-3-mini-4k-instruct",
    }
}

fn fits_base(json: &Value, family: Family, hidden: Option<usize>) -> bool {
    let wanted = match family {
        Family::HealthGptXl32 => "Qwen2ForCausalLM",
        _ => "Phi3ForCausalLM",
    };
    let width = json.get("hidden_size").and_then(Value::as_u64);
    architecture(json) == wanted && hidden.is_none_or(|hidden| width == Some(hidden as u64))
}

/// The first of `architectures`.
pub(crate) fn architecture(json: &Value) -> &str {
    json.pointer("/architectures/0").and_then(Value::as_str).unwrap_or_default()
}

/// A part's folder: where it is said to be, else inside or beside the model's folder by its
/// published name, else the only one there whose `config.json` fits.
fn find_beside(
    folder: &Path,
    told: Option<&str>,
    published_name: &str,
    fits: &dyn Fn(&Value) -> bool,
) -> Option<PathBuf> {
    if let Some(told) = told {
        return Some(folder.join(told)).filter(|path| path.is_dir());
    }
    let whole = std::fs::canonicalize(folder).unwrap_or_else(|_error| folder.to_owned());
    let places: Vec<&Path> = std::iter::once(whole.as_path()).chain(whole.parent()).collect();
    let named = places.iter().map(|place| place.join(published_name)).find(|path| path.is_dir());
    if named.is_some() {
        return named;
    }
    let mut fitting = Vec::new();
    for path in places.iter().flat_map(|place| folders_in(place)).filter(|path| *path != whole) {
        let json = read_json(&path, "config.json").ok().flatten();
        if json.is_some_and(|json| fits(&json)) {
            fitting.push(path);
        }
    }
    fitting.pop().filter(|_| fitting.is_empty())
}

fn folders_in(place: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(place).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn not_found(what: &str, name: &str, key: &str) -> String {
    format!("{what} {name} (inside or beside this folder, or under `{key}` in reading-room.toml)")
}
