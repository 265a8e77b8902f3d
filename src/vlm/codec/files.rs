//! Where a codec lies, and what its `model.yaml` says.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::nn::VqganConfig;
use crate::vlm::ModelError;
use crate::vlm::config::config_error;

/// Its configuration's published name.
pub(super) const CONFIG: &str = "model.yaml";

/// Its weights' published name.
const WEIGHTS: &str = "last.ckpt";

/// The published file has 1 kB.
const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// The published folder, and the parts of its path that people keep.
const PLACES: &[&str] = &["", "taming_transformers/ckpt", "taming_transformers", "ckpt"];

/// The codec's folder: this one, or the published one inside or beside it.
pub(super) fn find(folder: &Path) -> Option<PathBuf> {
    let whole = std::fs::canonicalize(folder).unwrap_or_else(|_error| folder.to_owned());
    std::iter::once(whole.as_path())
        .chain(whole.parent())
        .flat_map(|start| PLACES.iter().map(move |place| start.join(place)))
        .find(|place| place.join(CONFIG).is_file())
}

/// The weights of a codec's folder. Where there are both kinds, SafeTensors win: they hold
/// nothing but numbers.
pub(super) fn weights(folder: &Path) -> Option<PathBuf> {
    let named = |name: &str| Some(folder.join(name)).filter(|path| path.is_file());
    named("last.safetensors")
        .or_else(|| named("model.safetensors"))
        .or_else(|| only(folder, "safetensors"))
        .or_else(|| named(WEIGHTS))
        .or_else(|| only(folder, "ckpt"))
}

/// The file with this extension, when there is one.
fn only(folder: &Path, extension: &str) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut fitting = entries
        .map(|entry| entry.path())
        .filter(|path| path.is_file() && path.extension().is_some_and(|found| found == extension));
    fitting.next().filter(|_| fitting.next().is_none())
}

/// Files that are not there, by their published names.
pub(super) fn missing(folder: &Path) -> Vec<String> {
    let config = (!folder.join(CONFIG).is_file()).then_some(CONFIG);
    let weights = weights(folder).is_none().then_some(WEIGHTS);
    config.into_iter().chain(weights).map(str::to_owned).collect()
}

#[derive(Deserialize)]
struct File {
    model: Model,
}

#[derive(Deserialize)]
struct Model {
    params: VqganConfig,
}

/// The checked numbers of a folder's `model.yaml`.
pub(super) fn read_config(folder: &Path) -> Result<VqganConfig, ModelError> {
    let path = folder.join(CONFIG);
    let io = |source| ModelError::Io { source, path: path.clone() };
    if std::fs::metadata(&path).map_err(io)?.len() > MAX_CONFIG_BYTES {
        return Err(config_error(folder, CONFIG, &"it is larger than 1 MB"));
    }
    let bytes = std::fs::read(&path).map_err(io)?;
    let file: File =
        serde_norway::from_slice(&bytes).map_err(|error| config_error(folder, CONFIG, &error))?;
    let config = file.model.params;
    config.check().map_err(|error| config_error(folder, CONFIG, &error))?;
    Ok(config)
}
