//! What a folder on disk is, from its JSON files and the headers of its weights.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::checkpoint::Checkpoint;
use crate::vlm::config::{RoomToml, VlmConfig, config_error, read_json};
use crate::vlm::fit::{missing_tensors, plan_of};
use crate::vlm::licence::licence_in;
use crate::vlm::memory::memory_plan;
use crate::vlm::parts::{
    GENERATION, PROJECTOR, PartKind, Parts, QWEN_MERGER, QWEN_VISION, VISION_PREFIX, adapter_in,
    architecture,
};
use crate::vlm::weights::Plan;
use crate::vlm::{Abilities, Family, ModelError, ModelSpec, Part};

/// Most tensors that are named one by one.
const MAX_NAMES: usize = 8;

/// What a folder is; reads headers and JSON only.
///
/// # Errors
/// When it holds no model of a known family.
pub fn recognise(folder: &Path) -> Result<ModelSpec, ModelError> {
    let family = family_of(folder)?;
    let parts = Parts::find(folder, family)?;
    let mut spec = ModelSpec {
        name: name_of(folder),
        path: folder.to_owned(),
        family,
        title: family.title().to_owned(),
        parts: Vec::new(),
        missing: [parts.missing.as_slice(), &parts.missing_for_questions].concat(),
        weights_bytes: 0,
        parameters: 0,
        context_len: 0,
        image_tokens: 0,
        max_images: family.rules().map_or(0, |rules| rules.max_images),
        licence: licence_in(folder),
        languages: family.languages().iter().map(|code| (*code).to_owned()).collect(),
        repetition_penalty: penalty_in(&parts.language)?,
        abilities: Abilities::default(),
        missing_for_reconstruction: missing_for_reconstruction(&parts, family),
        memory: None,
    };
    let checkpoints = add_weights(&mut spec, &parts)?;
    add_files(&mut spec, &parts);
    if family.is_supported() {
        add_config(&mut spec, &parts, &checkpoints)?;
    }
    spec.abilities = Abilities {
        questions: family.is_supported() && spec.missing.is_empty(),
        several_images: family.knows_several_images(),
        reconstruction: draws(&parts, family) && spec.missing_for_reconstruction.is_empty(),
    };
    Ok(spec)
}

/// Extents, memory, and tensors that are not there.
fn add_config(
    spec: &mut ModelSpec,
    parts: &Parts,
    checkpoints: &[Checkpoint],
) -> Result<(), ModelError> {
    match VlmConfig::read(parts, spec.family) {
        Ok(config) => {
            spec.context_len = config.context_len as u32;
            spec.image_tokens = config.vision.max_rows() as u32;
            let tensors = checkpoints.iter().map(Checkpoint::tensors);
            let plan = plan_of(parts, &config)?;
            spec.memory = Some(memory_plan(&config, &plan, tensors));
            let absent = missing_in(parts, &config, &plan, checkpoints);
            let (own, other): (Vec<_>, Vec<_>) =
                absent.into_iter().partition(|name| name.starts_with(GENERATION));
            if spec.missing.is_empty() {
                spec.missing.clone_from(&other);
            }
            if spec.missing_for_reconstruction.is_empty() && draws(parts, spec.family) {
                spec.missing_for_reconstruction = other.into_iter().chain(own).collect();
            }
        }
        Err(ModelError::Incomplete { missing, .. }) => {
            if spec.missing.is_empty() {
                spec.missing = missing;
            }
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// The models in a folder: the folder itself and those directly inside it, by name.
#[must_use]
pub fn models_in(folder: &Path) -> Vec<ModelSpec> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders.insert(0, folder.to_owned());
    folders.iter().filter_map(|folder| recognise(folder).ok()).collect()
}

/// The folder's own name, also of `.` and the like.
fn name_of(folder: &Path) -> String {
    let whole = std::fs::canonicalize(folder).unwrap_or_else(|_error| folder.to_owned());
    whole.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

pub(crate) fn family_of(folder: &Path) -> Result<Family, ModelError> {
    let told = RoomToml::read(folder)?.family;
    let adapter = ["com_hlora_weights", "gen_hlora_weights"]
        .iter()
        .find_map(|beginning| adapter_in(folder, beginning));
    let is_healthgpt = told.as_deref().is_some_and(|family| family.starts_with("healthgpt"));
    if adapter.is_some() || is_healthgpt {
        return healthgpt_family(folder, told.as_deref(), &adapter.unwrap_or_default());
    }
    let Some(config) = read_json(folder, "config.json")? else {
        return Err(ModelError::NotAModel { path: folder.to_owned() });
    };
    let has_marks = config.get("mm_use_im_start_end").and_then(Value::as_bool).unwrap_or(false);
    let text_model = config.pointer("/text_config/model_type").and_then(Value::as_str);
    match (architecture(&config), text_model) {
        ("LlavaQwen2ForCausalLM", _) if told.as_deref() == Some("nano") => Ok(Family::Nano),
        ("LlavaQwen2ForCausalLM", _) => Ok(Family::HuatuoVision7b),
        ("LlavaLlamaForCausalLM" | "LlavaForCausalLM" | "LlavaForConditionalGeneration", _)
            if has_marks =>
        {
            Ok(Family::LlavaMedV1)
        }
        ("LlavaLlamaForCausalLM", _) => Ok(Family::HuatuoVision34b),
        ("LlavaMistralForCausalLM", _) => Ok(Family::LlavaMedV15),
        ("Qwen2_5_VLForConditionalGeneration", _) => Ok(Family::HuatuoVisionQwen25Vl),
        ("Qwen3VLForConditionalGeneration", _) => Ok(Family::HealthGptPro),
        ("LlavaForConditionalGeneration", Some("qwen2")) => Ok(Family::HuatuoVision7b),
        ("LlavaForConditionalGeneration", Some("llama")) => Ok(Family::HuatuoVision34b),
        (architecture, _) => Err(ModelError::UnknownArchitecture {
            architecture: architecture.chars().take(80).collect(),
            path: folder.to_owned(),
        }),
    }
}

fn penalty_in(folder: &Path) -> Result<f32, ModelError> {
    let json = read_json(folder, "generation_config.json")?.unwrap_or_default();
    let penalty = json.get("repetition_penalty").and_then(Value::as_f64).unwrap_or(1.0) as f32;
    Ok(if penalty.is_finite() && penalty > 0.0 { penalty } else { 1.0 })
}

/// As `reading-room.toml` says, else by the published names of the adapters.
fn healthgpt_family(
    folder: &Path,
    told: Option<&str>,
    adapter: &str,
) -> Result<Family, ModelError> {
    let families = [Family::HealthGptM3, Family::HealthGptL14, Family::HealthGptXl32];
    if let Some(told) = told {
        let found = families.into_iter().find(|family| family.as_str() == told);
        return found.ok_or_else(|| {
            let names = families.map(Family::as_str).join(", ");
            let reason = format!("family {told} of H-LoRA weights is none of {names}");
            config_error(folder, "reading-room.toml", &reason)
        });
    }
    let adapter = adapter.to_lowercase();
    Ok(match () {
        () if adapter.contains("phi4") => Family::HealthGptL14,
        () if adapter.contains("qwen") => Family::HealthGptXl32,
        () => Family::HealthGptM3,
    })
}

/// Sizes of all weight files, by what their tensors are for.
fn add_weights(spec: &mut ModelSpec, parts: &Parts) -> Result<Vec<Checkpoint>, ModelError> {
    let mut checkpoints = Vec::new();
    for part in &parts.weights {
        let checkpoint = Checkpoint::open_as(part.prefix, &part.folder, &part.files)?;
        spec.weights_bytes += checkpoint.bytes();
        let mut sizes: BTreeMap<usize, (&str, u64)> = BTreeMap::new();
        for (name, info) in checkpoint.tensors() {
            let Some((order, label)) = role(part.kind, name) else { continue };
            let numbers: u64 = info.shape.iter().map(|extent| *extent as u64).product();
            if part.kind != PartKind::DeltaBase {
                spec.parameters += numbers;
            }
            sizes.entry(order).or_insert((label, 0)).1 += numbers * info.dtype.size() as u64;
        }
        for (label, bytes) in sizes.into_values() {
            let path = part.folder.clone();
            spec.parts.push(Part { name: label.to_owned(), path, bytes });
        }
        checkpoints.push(checkpoint);
    }
    Ok(checkpoints)
}

/// What a tensor is for; `None` for those no family here uses.
fn role(kind: PartKind, name: &str) -> Option<(usize, &'static str)> {
    if name.starts_with(VISION_PREFIX) {
        return Some((1, "vision tower"));
    }
    if name.starts_with(QWEN_MERGER) || name.starts_with(PROJECTOR) {
        return Some((2, "projector"));
    }
    match kind {
        PartKind::Tower => None,
        PartKind::Adapter if name.starts_with(GENERATION) => Some((3, "reconstruction adapter")),
        PartKind::Adapter => Some((3, "adapter")),
        PartKind::Fusion => Some((3, "reconstruction embeddings")),
        PartKind::DeltaBase => Some((0, "base language model")),
        PartKind::Delta => Some((0, "differences from the base")),
        PartKind::Model if name.starts_with(QWEN_VISION) => Some((1, "vision tower")),
        PartKind::Model => Some((0, "language model")),
    }
}

fn add_files(spec: &mut ModelSpec, parts: &Parts) {
    let is_own = |folder: &PathBuf| parts.weights.iter().any(|part| part.folder == *folder);
    let tower = parts.tower.as_ref().and_then(|tower| tower.folder.clone());
    if let Some(path) = tower.filter(|folder| !is_own(folder)) {
        let files = ["config.json", "preprocessor_config.json"].map(|name| path.join(name));
        let bytes = files.iter().filter_map(|file| file.metadata().ok()).map(|m| m.len()).sum();
        spec.parts.push(Part { name: "vision tower configuration".to_owned(), path, bytes });
    }
    if let Some(generation) = &parts.generation {
        let path = generation.vqgan.join("last.ckpt");
        let bytes = path.metadata().map_or(0, |meta| meta.len());
        spec.parts.push(Part { name: "picture decoder".to_owned(), path, bytes });
    }
    let files = ["tokenizer.json", "tokenizer.model"].map(|name| parts.language.join(name));
    if let Some(path) = files.into_iter().find(|path| path.is_file()) {
        let bytes = path.metadata().map_or(0, |meta| meta.len());
        spec.parts.push(Part { name: "tokenizer".to_owned(), path, bytes });
    }
    for set in spec.family.rules().map_or(&[][..], |rules| rules.files) {
        let is_there = set.iter().any(|name| parts.language.join(name).is_file());
        if let (false, Some(name)) = (is_there || !parts.has_language, set.first()) {
            spec.missing.push((*name).to_owned());
        }
    }
}

/// Whether a model is one that gives pictures, once all is there.
fn draws(parts: &Parts, family: Family) -> bool {
    let is_added = family == Family::Nano && parts.told.generation.weights.is_some();
    family.reconstructs() || is_added
}

fn missing_for_reconstruction(parts: &Parts, family: Family) -> Vec<String> {
    if !draws(parts, family) {
        return Vec::new();
    }
    [parts.missing.as_slice(), &parts.missing_for_reconstruction].concat()
}

/// Tensors that are not there; a tower whose sizes are only assumed lacks its configuration.
fn missing_in(
    parts: &Parts,
    config: &VlmConfig,
    plan: &Plan,
    checkpoints: &[Checkpoint],
) -> Vec<String> {
    if let Some(tower) = parts.tower.as_ref().filter(|tower| tower.is_assumed()) {
        let name = format!("{VISION_PREFIX}embeddings.position_embedding.weight");
        let found = checkpoints.iter().find_map(|checkpoint| checkpoint.tensors().get(&name));
        if found.is_some_and(|found| !config.vision.has_positions(found)) {
            return vec![tower.config_name()];
        }
    }
    let mut names = missing_tensors(plan, checkpoints);
    let more = names.len().saturating_sub(MAX_NAMES);
    names.truncate(MAX_NAMES);
    if more > 0 {
        names.push(format!("{more} more tensors"));
    }
    names
}
