//! What a folder on disk is, from its JSON files and the headers of its weights.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::checkpoint::{Checkpoint, CheckpointError, WeightFiles, find_weight_files};
use crate::vlm::config::{LlavaConfig, VisionFiles, read_json, read_toml};
use crate::vlm::licence::licence_in;
use crate::vlm::{Family, ModelError, ModelSpec, Part};

/// Names of the tower's and the projector's tensors begin with these.
pub(crate) const VISION_PREFIX: &str = "model.vision_tower.vision_tower.vision_model.";
pub(crate) const PROJECTOR: &str = "model.mm_projector";

/// What a folder is; reads headers and JSON only.
///
/// # Errors
/// When it holds no model of a known family.
pub fn recognise(folder: &Path) -> Result<ModelSpec, ModelError> {
    let family = family_of(folder)?;
    let mut spec = ModelSpec {
        name: name_of(folder),
        path: folder.to_owned(),
        family,
        title: family.title().to_owned(),
        parts: Vec::new(),
        missing: Vec::new(),
        weights_bytes: 0,
        parameters: 0,
        context_len: 0,
        image_tokens: 0,
        max_images: family.rules().map_or(0, |rules| rules.max_images),
        licence: licence_in(folder),
        languages: family.languages().iter().map(|code| (*code).to_owned()).collect(),
    };
    if matches!(family, Family::HealthGptM3 | Family::HealthGptL14 | Family::HealthGptXl32) {
        return Ok(spec);
    }
    add_weights(&mut spec)?;
    add_tokenizer(&mut spec);
    if family.is_supported() {
        match LlavaConfig::read(folder, family) {
            Ok(config) => {
                spec.context_len = config.context_len as u32;
                spec.image_tokens = config.image_tokens() as u32;
            }
            Err(ModelError::Incomplete { missing, .. }) => spec.missing.extend(missing),
            Err(error) => return Err(error),
        }
    }
    Ok(spec)
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

fn family_of(folder: &Path) -> Result<Family, ModelError> {
    if has_hlora(folder) {
        let told = read_toml(folder)?;
        return Ok(match told.get("family").and_then(toml::Value::as_str) {
            Some("healthgpt-l14") => Family::HealthGptL14,
            Some("healthgpt-xl32") => Family::HealthGptXl32,
            _ => Family::HealthGptM3,
        });
    }
    let Some(config) = read_json(folder, "config.json")? else {
        return Err(ModelError::NotAModel { path: folder.to_owned() });
    };
    let architecture =
        config.pointer("/architectures/0").and_then(Value::as_str).unwrap_or_default();
    let has_marks = config.get("mm_use_im_start_end").and_then(Value::as_bool).unwrap_or(false);
    let text_model = config.pointer("/text_config/model_type").and_then(Value::as_str);
    match (architecture, text_model) {
        ("LlavaQwen2ForCausalLM", _) => Ok(Family::HuatuoVision7b),
        ("LlavaLlamaForCausalLM" | "LlavaForCausalLM" | "LlavaForConditionalGeneration", _)
            if has_marks =>
        {
            Ok(Family::LlavaMedV1)
        }
        ("LlavaLlamaForCausalLM", _) => Ok(Family::HuatuoVision34b),
        ("LlavaMistralForCausalLM", _) => Ok(Family::LlavaMedV15),
        ("Qwen2_5_VLForConditionalGeneration", _) => Ok(Family::HuatuoVisionQwen25Vl),
        ("LlavaForConditionalGeneration", Some("qwen2")) => Ok(Family::HuatuoVision7b),
        ("LlavaForConditionalGeneration", Some("llama")) => Ok(Family::HuatuoVision34b),
        _ => Err(ModelError::UnknownArchitecture {
            architecture: architecture.chars().take(80).collect(),
            path: folder.to_owned(),
        }),
    }
}

fn has_hlora(folder: &Path) -> bool {
    std::fs::read_dir(folder).into_iter().flatten().flatten().any(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        name.contains("_hlora_weights") && name.ends_with(".bin")
    })
}

fn add_weights(spec: &mut ModelSpec) -> Result<(), ModelError> {
    let files = match find_weight_files(&spec.path) {
        Ok(files) => files,
        Err(CheckpointError::NoWeights { .. }) => {
            spec.missing.push("model.safetensors".to_owned());
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    spec.missing.extend(files.missing.iter().cloned());
    let there = WeightFiles { missing: Vec::new(), ..files };
    let checkpoint = Checkpoint::open(&spec.path, &there)?;
    spec.weights_bytes = checkpoint.bytes();
    spec.parameters = checkpoint.parameters();
    let mut sizes = [0, 0, 0];
    for (name, info) in checkpoint.tensors() {
        let part = match name {
            name if name.starts_with(VISION_PREFIX) => 1,
            name if name.starts_with(PROJECTOR) => 2,
            _ => 0,
        };
        let bytes = info.shape.iter().product::<usize>() * info.dtype.size();
        if let Some(size) = sizes.get_mut(part) {
            *size += bytes as u64;
        }
    }
    for (name, bytes) in ["language model", "vision tower", "projector"].into_iter().zip(sizes) {
        if bytes > 0 {
            spec.parts.push(Part { name: name.to_owned(), path: spec.path.clone(), bytes });
        }
    }
    let config = read_json(&spec.path, "config.json")?.unwrap_or_default();
    if let Some(folder) =
        VisionFiles::find(&spec.path, &config)?.folder.filter(|path| *path != spec.path)
    {
        let bytes = folder_bytes(&folder);
        spec.parts.push(Part {
            name: "vision tower configuration".to_owned(),
            path: folder,
            bytes,
        });
    }
    Ok(())
}

fn add_tokenizer(spec: &mut ModelSpec) {
    let files = ["tokenizer.json", "tokenizer.model"].map(|name| spec.path.join(name));
    match files.into_iter().find(|path| path.is_file()) {
        Some(path) => {
            let bytes = path.metadata().map_or(0, |meta| meta.len());
            spec.parts.push(Part { name: "tokenizer".to_owned(), path, bytes });
        }
        None => spec.missing.push("tokenizer.json".to_owned()),
    }
}

fn folder_bytes(folder: &Path) -> u64 {
    ["config.json", "preprocessor_config.json"]
        .iter()
        .filter_map(|name| folder.join(name).metadata().ok())
        .map(|meta| meta.len())
        .sum()
}
