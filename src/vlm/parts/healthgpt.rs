//! The parts of HealthGPT: a base language model, a CLIP tower, and what each task adds.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::checkpoint::{Checkpoint, WeightFiles};
use crate::nn::HLoraConfig;
use crate::vlm::codec::Codec;
use crate::vlm::config::TowerFiles;
use crate::vlm::parts::adapter::{Adapter, adapter_in};
use crate::vlm::parts::places::{architecture, find_beside, not_found};
use crate::vlm::parts::{GENERATION, PartKind, Parts, WeightPart};
use crate::vlm::{Family, ModelError};

/// Where the authors' program keeps the decoder of pictures.
pub(crate) const PUBLISHED_VQGAN: &str = "taming_transformers/ckpt";

/// The tower's published folder.
pub(crate) const PUBLISHED_TOWER: &str = "clip-vit-large-patch14-336";

/// What reconstruction adds to the base: adapter, embeddings with codes, decoder of pictures.
#[derive(Clone, Debug)]
pub(crate) struct GenerationParts {
    pub(crate) adapter: Adapter,
    /// Rows of the embedding in the fusion file.
    pub(crate) vocab_size: usize,
    /// Names of its tensors, with [`GENERATION`] before them.
    pub(crate) replaced: BTreeSet<String>,
    /// Folder of `last.ckpt` and `model.yaml`.
    pub(crate) vqgan: PathBuf,
}

impl Parts {
    pub(super) fn find_healthgpt(
        &mut self,
        folder: &Path,
        family: Family,
    ) -> Result<(), ModelError> {
        let told = self.told.comprehension.clone();
        let questions = match Adapter::find(folder, &told, "com_hlora_weights")? {
            Ok(adapter) => Some(adapter),
            Err(name) => {
                self.missing_for_questions.push(name);
                None
            }
        };
        let generation = match family {
            Family::HealthGptM3 => self.find_generation(folder)?,
            _ => None,
        };
        let either = questions.as_ref().or(generation.as_ref());
        let hidden = either.and_then(|adapter| adapter.hidden);
        let (base_name, tower_name) = (published_base(family), PUBLISHED_TOWER);
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
        if let Some(adapter) = questions {
            let (folder, files) = (adapter.folder.clone(), adapter.files.clone());
            self.weights.push(WeightPart { kind: PartKind::Adapter, prefix: "", folder, files });
            self.adapter = Some(adapter);
        }
        Ok(())
    }

    fn find_generation(&mut self, folder: &Path) -> Result<Option<Adapter>, ModelError> {
        let told = self.told.clone();
        let adapter = match Adapter::find(folder, &told.generation, "gen_hlora_weights")? {
            Ok(adapter) => Some(adapter),
            Err(name) => {
                self.missing_for_reconstruction.push(name);
                None
            }
        };
        let fusion = told.fusion.clone().or_else(|| adapter_in(folder, "fusion_layer_weights"));
        let fusion = fusion.unwrap_or_else(|| "fusion_layer_weights.bin".to_owned());
        let path = folder.join(&fusion);
        if !path.is_file() {
            self.missing_for_reconstruction.push(fusion.clone());
        }
        let vqgan = vqgan_folder(folder, told.vqgan.as_deref());
        let place = told.vqgan.as_deref().unwrap_or(PUBLISHED_VQGAN);
        let absent = Codec::missing(&vqgan).into_iter().map(|name| format!("{place}/{name}"));
        self.missing_for_reconstruction.extend(absent);
        if !path.is_file() {
            return Ok(adapter);
        }
        let Some(adapter) = adapter else { return Ok(None) };
        let files = WeightFiles { present: vec![path], missing: Vec::new() };
        let checkpoint = Checkpoint::open(folder, &files)?;
        let table = checkpoint.tensors().get("model.embed_tokens.weight");
        let Some(vocab_size) = table.and_then(|table| table.shape.first().copied()) else {
            let name = format!("model.embed_tokens.weight in {fusion}");
            self.missing_for_reconstruction.push(name);
            return Ok(Some(adapter));
        };
        let mut replaced = BTreeSet::new();
        for (kind, folder, files) in [
            (PartKind::Adapter, adapter.folder.clone(), adapter.files.clone()),
            (PartKind::Fusion, folder.to_owned(), files),
        ] {
            let checkpoint = Checkpoint::open_as(GENERATION, &folder, &files)?;
            replaced.extend(checkpoint.tensors().keys().cloned());
            self.weights.push(WeightPart { kind, prefix: GENERATION, folder, files });
        }
        let adapter_of = adapter.clone();
        self.generation =
            Some(GenerationParts { adapter: adapter_of, vocab_size, replaced, vqgan });
        Ok(Some(adapter))
    }
}

impl Parts {
    /// What `reading-room.toml` says is added to a model that answers without any of it: HealthGPT's
    /// files, in the model's own folder.
    pub(super) fn find_added(&mut self, folder: &Path) -> Result<(), ModelError> {
        let told = self.told.comprehension.clone();
        if told.weights.is_some() {
            match Adapter::find(folder, &told, "com_hlora_weights")? {
                Ok(adapter) => {
                    let (kind, prefix) = (PartKind::Adapter, "");
                    let (folder, files) = (adapter.folder.clone(), adapter.files.clone());
                    self.weights.push(WeightPart { kind, prefix, folder, files });
                    self.adapter = Some(adapter);
                }
                Err(name) => self.missing_for_questions.push(name),
            }
        }
        if self.told.generation.weights.is_some() {
            self.find_generation(folder)?;
        }
        Ok(())
    }

    /// Begin the adapter of questions anew, whatever files there are.
    pub(crate) fn begin_questions(&mut self, folder: &Path, hlora: HLoraConfig) {
        self.weights.retain(|part| part.kind != PartKind::Adapter || part.prefix == GENERATION);
        self.missing_for_questions.clear();
        self.adapter = Some(Adapter::new(folder, hlora));
    }

    /// The same for reconstruction, whose embedding has so many rows.
    pub(crate) fn begin_generation(
        &mut self,
        folder: &Path,
        hlora: HLoraConfig,
        vocab_size: usize,
    ) {
        self.weights.retain(|part| part.prefix != GENERATION);
        let vqgan = vqgan_folder(folder, self.told.vqgan.as_deref());
        let place = self.told.vqgan.as_deref().unwrap_or(PUBLISHED_VQGAN);
        let absent = Codec::missing(&vqgan).into_iter().map(|name| format!("{place}/{name}"));
        self.missing_for_reconstruction = absent.collect();
        let own = ["model.embed_tokens.weight", "lm_head.weight"];
        self.generation = Some(GenerationParts {
            adapter: Adapter::new(folder, hlora),
            vocab_size,
            replaced: own.map(|name| format!("{GENERATION}{name}")).into_iter().collect(),
            vqgan,
        });
    }
}

/// Where it is said to be, else inside or beside the model's folder.
fn vqgan_folder(folder: &Path, told: Option<&str>) -> PathBuf {
    if let Some(told) = told {
        return folder.join(told);
    }
    let whole = std::fs::canonicalize(folder).unwrap_or_else(|_error| folder.to_owned());
    let inside = whole.join(PUBLISHED_VQGAN);
    let beside = whole.parent().map(|parent| parent.join(PUBLISHED_VQGAN));
    beside.filter(|beside| !inside.is_dir() && beside.is_dir()).unwrap_or(inside)
}

pub(crate) fn published_base(family: Family) -> &'static str {
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
