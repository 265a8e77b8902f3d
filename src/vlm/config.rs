//! The JSON files of a LLaVA-style folder as one description of the network.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use crate::nn::{BadConfig, ClipConfig, DecoderConfig, ProjectorKind, SelectFeature};
use crate::vlm::preprocess::ImageProcessor;
use crate::vlm::{Family, ModelError};

/// The largest JSON file read whole.
const MAX_JSON_BYTES: u64 = 8 << 20;

/// What `config.json` says beside the decoder, under its own names.
#[derive(Clone, Debug, Deserialize)]
struct LlavaKeys {
    mm_hidden_size: Option<usize>,
    mm_projector_type: Option<String>,
    mm_vision_select_layer: Option<i64>,
    mm_vision_select_feature: Option<SelectFeature>,
    mm_patch_merge_type: Option<String>,
    image_aspect_ratio: Option<String>,
    tokenizer_model_max_length: Option<usize>,
    // "-hf" files
    vision_feature_layer: Option<i64>,
    vision_feature_select_strategy: Option<String>,
}

/// Everything about a LLaVA-style model that is not a weight.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LlavaConfig {
    pub(crate) decoder: DecoderConfig,
    pub(crate) vision: ClipConfig,
    /// Blocks of the tower that are needed.
    pub(crate) vision_blocks: usize,
    pub(crate) select_feature: SelectFeature,
    pub(crate) projector: ProjectorKind,
    pub(crate) processor: ImageProcessor,
    pub(crate) context_len: usize,
    pub(crate) eos: Vec<u32>,
}

impl LlavaConfig {
    /// Rows a picture takes.
    pub(crate) fn image_tokens(&self) -> usize {
        let class = usize::from(self.select_feature == SelectFeature::ClsPatch);
        self.vision.num_patches() + class
    }

    /// Read the files of a folder.
    pub(crate) fn read(folder: &Path, family: Family) -> Result<Self, ModelError> {
        let json = read_json(folder, "config.json")?
            .ok_or_else(|| ModelError::NotAModel { path: folder.to_owned() })?;
        let bad = |error: &dyn std::fmt::Display| config_error(folder, "config.json", error);
        let keys: LlavaKeys = serde_json::from_value(json.clone()).map_err(|error| bad(&error))?;
        keys.check().map_err(|error| bad(&error))?;
        let text = json.get("text_config").unwrap_or(&json);
        let mut decoder: DecoderConfig =
            serde_json::from_value(text.clone()).map_err(|error| bad(&error))?;
        decoder.qkv_bias = matches!(family, Family::HuatuoVision7b);
        decoder.check().map_err(|error| bad(&error))?;
        let tower = VisionFiles::find(folder, &json)?;
        let vision = tower.config(folder, &json)?;
        vision.check().map_err(|error| bad(&error))?;
        if keys.mm_hidden_size.is_some_and(|width| width != vision.hidden_size) {
            let (tower, wanted) = (vision.hidden_size, keys.mm_hidden_size.unwrap_or_default());
            return Err(bad(&format!("the tower is {tower} wide and mm_hidden_size is {wanted}")));
        }
        let select_layer = keys.mm_vision_select_layer.or(keys.vision_feature_layer).unwrap_or(-2);
        let projector = match &keys.mm_projector_type {
            Some(kind) => kind.parse().map_err(|error: BadConfig| bad(&error))?,
            None if json.get("text_config").is_some() => ProjectorKind::Mlp { depth: 2 },
            None => ProjectorKind::Linear,
        };
        let processor = tower.processor(vision.image_size)?;
        if processor.side() != Some(vision.image_size) {
            return Err(config_error(
                folder,
                "preprocessor_config.json",
                &format!("it does not give squares of {}", vision.image_size),
            ));
        }
        let positions = decoder.max_position_embeddings.unwrap_or(2048);
        let context_len = keys.tokenizer_model_max_length.unwrap_or(4096).min(positions);
        Ok(Self {
            vision_blocks: vision.blocks_for(select_layer).map_err(|error| bad(&error))?,
            select_feature: keys.select_feature(),
            eos: stop_ids(folder, &json)?,
            decoder,
            vision,
            projector,
            processor,
            context_len,
        })
    }
}

impl LlavaKeys {
    fn check(&self) -> Result<(), BadConfig> {
        if self.image_aspect_ratio.as_deref().is_some_and(|ratio| ratio.contains("anyres")) {
            return Err(BadConfig(
                "pictures in several tiles (anyres) are not supported".to_owned(),
            ));
        }
        match self.mm_patch_merge_type.as_deref() {
            None | Some("flat") => Ok(()),
            Some(other) => Err(BadConfig(format!("mm_patch_merge_type {other} is not supported"))),
        }
    }

    fn select_feature(&self) -> SelectFeature {
        match self.vision_feature_select_strategy.as_deref() {
            Some("full") => SelectFeature::ClsPatch,
            _ => self.mm_vision_select_feature.unwrap_or_default(),
        }
    }
}

/// Where the two JSON files of the vision tower are.
pub(crate) struct VisionFiles {
    /// As `config.json` names it.
    pub(crate) name: String,
    /// Its folder, when it was found.
    pub(crate) folder: Option<PathBuf>,
}

impl VisionFiles {
    /// Under the model folder, under the models folder, beside the model folder, or where
    /// `reading-room.toml` says.
    pub(crate) fn find(folder: &Path, json: &Value) -> Result<Self, ModelError> {
        if json.get("vision_config").is_some() {
            return Ok(Self { name: "vision_config".to_owned(), folder: Some(folder.to_owned()) });
        }
        let name = json.get("mm_vision_tower").and_then(Value::as_str).unwrap_or_default();
        let mut candidates = Vec::new();
        if let Some(told) = read_toml(folder)?.get("vision").and_then(toml::Value::as_str) {
            candidates.push(folder.join(told));
        }
        let relative = Path::new(name);
        let last = relative.file_name().map(Path::new);
        if !name.is_empty() && relative.is_relative() {
            candidates.push(folder.join(relative));
            if let Some(parent) = folder.parent() {
                candidates.push(parent.join(relative));
            }
        }
        if let (Some(parent), Some(last)) = (folder.parent(), last) {
            candidates.push(parent.join(last));
        }
        let found = candidates.into_iter().find(|path| path.join("config.json").is_file());
        Ok(Self { name: name.to_owned(), folder: found })
    }

    /// Whether nothing more is needed than what is known of the two published towers.
    pub(crate) fn known_side(&self) -> Option<usize> {
        match Path::new(&self.name).file_name()?.to_str()? {
            "clip-vit-large-patch14-336" | "clip_vit_large_patch14_336" => Some(336),
            "clip-vit-large-patch14" | "clip_vit_large_patch14" => Some(224),
            _ => None,
        }
    }

    fn config(&self, model: &Path, json: &Value) -> Result<ClipConfig, ModelError> {
        let read = match (&self.folder, self.known_side()) {
            _ if json.get("vision_config").is_some() => Some(json.clone()),
            (Some(folder), _) => read_json(folder, "config.json")?,
            (None, Some(side)) => return Ok(ClipConfig::vit_large_patch14(side)),
            (None, None) => None,
        };
        let Some(json) = read else {
            return Err(ModelError::Incomplete {
                missing: vec![format!("the vision tower {}", self.name)],
                path: model.to_owned(),
            });
        };
        // the old form repeats some of the values
        let mut merged = json.get("vision_config_dict").cloned().unwrap_or(Value::Null);
        match json.get("vision_config") {
            Some(Value::Object(values)) => match &mut merged {
                Value::Object(old) => old.extend(values.clone()),
                other => *other = Value::Object(values.clone()),
            },
            _ if merged.is_null() => merged = json,
            _ => {}
        }
        serde_json::from_value(merged)
            .map_err(|error| config_error(model, "the vision tower's config.json", &error))
    }

    fn processor(&self, side: usize) -> Result<ImageProcessor, ModelError> {
        let name = "preprocessor_config.json";
        let Some(folder) = &self.folder else { return Ok(ImageProcessor::clip(side)) };
        match read_json(folder, name)? {
            Some(json) => ImageProcessor::from_json(&json)
                .map_err(|reason| config_error(folder, name, &reason)),
            None => Ok(ImageProcessor::clip(side)),
        }
    }
}

/// Ids that end an answer: all that any of the files names.
fn stop_ids(folder: &Path, json: &Value) -> Result<Vec<u32>, ModelError> {
    let generation = read_json(folder, "generation_config.json")?.unwrap_or_default();
    let mut ids: Vec<u32> = [Some(json), json.get("text_config"), Some(&generation)]
        .into_iter()
        .flatten()
        .filter_map(|file| file.get("eos_token_id"))
        .flat_map(|ids| match ids {
            Value::Array(ids) => ids.clone(),
            one => vec![one.clone()],
        })
        .filter_map(|id| u32::try_from(id.as_u64()?).ok())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// `reading-room.toml`, empty when it is not there.
pub(crate) fn read_toml(folder: &Path) -> Result<toml::Table, ModelError> {
    let path = folder.join("reading-room.toml");
    if !path.is_file() {
        return Ok(toml::Table::new());
    }
    let text = std::fs::read_to_string(&path).map_err(|source| ModelError::Io { source, path })?;
    toml::from_str(&text)
        .map_err(|error| config_error(folder, "reading-room.toml", &error.message()))
}

/// A JSON file of a folder; `None` when it is not there.
pub(crate) fn read_json(folder: &Path, name: &str) -> Result<Option<Value>, ModelError> {
    let path = folder.join(name);
    if !path.is_file() {
        return Ok(None);
    }
    let io = |source| ModelError::Io { source, path: path.clone() };
    if std::fs::metadata(&path).map_err(io)?.len() > MAX_JSON_BYTES {
        return Err(config_error(folder, name, &"it is larger than 8 MB"));
    }
    let bytes = std::fs::read(&path).map_err(io)?;
    serde_json::from_slice(&bytes).map(Some).map_err(|error| config_error(folder, name, &error))
}

pub(crate) fn config_error(
    folder: &Path,
    file: &str,
    reason: &dyn std::fmt::Display,
) -> ModelError {
    ModelError::Config {
        file: file.to_owned(),
        reason: reason.to_string(),
        path: folder.to_owned(),
    }
}
