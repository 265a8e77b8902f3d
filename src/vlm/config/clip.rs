//! The CLIP tower of a model: where its files are and what they say.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::nn::ClipConfig;
use crate::vlm::ModelError;
use crate::vlm::config::{RoomToml, config_error, read_json};
use crate::vlm::preprocess::ImageProcessor;

/// Where the files of the vision tower are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TowerFiles {
    /// As the configuration names it.
    pub(crate) name: String,
    /// Its folder, when there is one.
    pub(crate) folder: Option<PathBuf>,
}

impl TowerFiles {
    /// Where `reading-room.toml` says, under the model folder, under the models folder, or beside
    /// the model folder.
    pub(crate) fn find(folder: &Path, name: &str, told: &RoomToml) -> Self {
        let candidates = match &told.vision {
            Some(told) => vec![folder.join(told)],
            None => candidates(folder, name),
        };
        let with_config = candidates.iter().find(|path| path.join("config.json").is_file());
        let found = with_config.or_else(|| candidates.iter().find(|path| path.is_dir()));
        Self { name: told.vision.as_deref().unwrap_or(name).to_owned(), folder: found.cloned() }
    }

    /// Tower and processor. Without a folder, those of the two published towers are known.
    pub(crate) fn read(&self, model: &Path) -> Result<(ClipConfig, ImageProcessor), ModelError> {
        let found = self.folder.as_deref().map(|folder| read_json(folder, "config.json"));
        let config = match (found.transpose()?.flatten(), self.known_side()) {
            (Some(json), _) => clip_config(model, &json)?,
            (None, Some(side)) => ClipConfig::vit_large_patch14(side),
            (None, None) => return Err(self.without_config(model)),
        };
        let processor = processor(self.folder.as_deref(), config.image_size);
        match processor {
            // the file beside it shows that the published sizes are not those of this tower
            Err(_) if self.is_assumed() => Err(self.without_config(model)),
            processor => Ok((config, processor?)),
        }
    }

    /// For a tower whose sizes are not the published ones.
    pub(crate) fn without_config(&self, model: &Path) -> ModelError {
        ModelError::Incomplete { missing: vec![self.config_name()], path: model.to_owned() }
    }

    /// Whether the tower's sizes stand in a file or are taken from what was published.
    pub(crate) fn is_assumed(&self) -> bool {
        !self.folder.as_deref().is_some_and(|folder| folder.join("config.json").is_file())
    }

    /// How the reader finds the file that is not there.
    pub(crate) fn config_name(&self) -> String {
        format!("{}/config.json of the vision tower", self.name)
    }

    fn known_side(&self) -> Option<usize> {
        match Path::new(&self.name).file_name()?.to_str()? {
            "clip-vit-large-patch14-336" | "clip_vit_large_patch14_336" => Some(336),
            "clip-vit-large-patch14" | "clip_vit_large_patch14" => Some(224),
            _ => None,
        }
    }
}

fn candidates(folder: &Path, name: &str) -> Vec<PathBuf> {
    let relative = Path::new(name);
    let mut places = Vec::new();
    if !name.is_empty() && relative.is_relative() {
        places.push(folder.join(relative));
        places.extend(folder.parent().map(|parent| parent.join(relative)));
    }
    if let (Some(parent), Some(last)) = (folder.parent(), relative.file_name()) {
        places.extend([folder.join(last), parent.join(last)]);
    }
    places
}

/// `vision_config` of a CLIP repository, or all of the file when the tower is alone.
pub(crate) fn clip_config(model: &Path, json: &Value) -> Result<ClipConfig, ModelError> {
    let bad = |error: &dyn std::fmt::Display| {
        config_error(model, "the vision tower's config.json", error)
    };
    // the old form repeats some of the values
    let mut merged = json.get("vision_config_dict").cloned().unwrap_or(Value::Null);
    match json.get("vision_config") {
        Some(Value::Object(values)) => match &mut merged {
            Value::Object(old) => old.extend(values.clone()),
            other => *other = Value::Object(values.clone()),
        },
        _ if merged.is_null() => merged = json.clone(),
        _ => {}
    }
    let config: ClipConfig = serde_json::from_value(merged).map_err(|error| bad(&error))?;
    config.check().map_err(|error| bad(&error))?;
    Ok(config)
}

/// The processor beside a tower; it must give squares of the tower's side.
pub(crate) fn processor(
    folder: Option<&Path>,
    image_size: usize,
) -> Result<ImageProcessor, ModelError> {
    let name = "preprocessor_config.json";
    let json = folder.map(|folder| read_json(folder, name)).transpose()?.flatten();
    let (Some(folder), Some(json)) = (folder, json) else {
        return Ok(ImageProcessor::clip(image_size));
    };
    let processor =
        ImageProcessor::from_json(&json).map_err(|reason| config_error(folder, name, &reason))?;
    if processor.side() != Some(image_size) {
        let reason = format!("it does not give squares of {image_size}");
        return Err(config_error(folder, name, &reason));
    }
    Ok(processor)
}
