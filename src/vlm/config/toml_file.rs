//! `reading-room.toml`: what a folder's own files cannot say, every key optional.

use std::path::Path;

use serde::Deserialize;

use crate::vlm::ModelError;
use crate::vlm::config::config_error;

const NAME: &str = "reading-room.toml";

/// The file's keys.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct RoomToml {
    /// `healthgpt-m3`, …
    pub(crate) family: Option<String>,
    /// Folder of the language model an adapter or a delta belongs to.
    pub(crate) base: Option<String>,
    /// Folder of the vision tower.
    pub(crate) vision: Option<String>,
    /// `external`: the tower's own repository counts, not the tensors in the checkpoint.
    pub(crate) vision_weights: Option<VisionWeights>,
    /// Form of the prompt, where the authors use more than one.
    pub(crate) template: Option<String>,
    /// Most pixels of a picture, where pictures keep their shape.
    pub(crate) max_pixels: Option<usize>,
    /// Codes a picture is made of.
    pub(crate) vq_tokens: Option<u32>,
    /// Folder of the decoder of picture tokens.
    pub(crate) vqgan: Option<String>,
    /// Embeddings with picture tokens.
    pub(crate) fusion: Option<String>,
    /// Adapter for questions.
    pub(crate) comprehension: AdapterToml,
    /// Adapter for reconstruction.
    pub(crate) generation: AdapterToml,
}

/// Which tower's weights count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum VisionWeights {
    Checkpoint,
    External,
}

/// One task's adapter.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct AdapterToml {
    pub(crate) weights: Option<String>,
    pub(crate) rank: Option<usize>,
    pub(crate) alpha: Option<f32>,
    pub(crate) experts: Option<usize>,
}

impl RoomToml {
    /// Of a folder; empty when it has none.
    pub(crate) fn read(folder: &Path) -> Result<Self, ModelError> {
        let path = folder.join(NAME);
        if !path.is_file() {
            return Ok(Self::default());
        }
        let text =
            std::fs::read_to_string(&path).map_err(|source| ModelError::Io { source, path })?;
        toml::from_str(&text).map_err(|error| config_error(folder, NAME, &error.message()))
    }
}
