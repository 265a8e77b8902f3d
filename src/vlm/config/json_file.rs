//! JSON files of a model's folders, read with a limit and faults that name the file.

use std::fmt::Display;
use std::path::Path;

use serde_json::Value;

use crate::vlm::ModelError;

/// The largest JSON file read whole.
const MAX_JSON_BYTES: u64 = 8 << 20;

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

/// A JSON file that must be there.
pub(crate) fn need_json(folder: &Path, name: &str) -> Result<Value, ModelError> {
    read_json(folder, name)?.ok_or_else(|| ModelError::Incomplete {
        missing: vec![name.to_owned()],
        path: folder.to_owned(),
    })
}

/// Keys that decide the result and have another value by default in each library.
pub(crate) fn need_keys(folder: &Path, json: &Value, keys: &[&str]) -> Result<(), ModelError> {
    match keys.iter().find(|key| json.get(**key).is_none()) {
        Some(key) => Err(config_error(folder, "config.json", &format!("it has no {key}"))),
        None => Ok(()),
    }
}

/// Ids under `eos_token_id`, of all these files.
pub(crate) fn eos_ids<'a>(files: impl IntoIterator<Item = &'a Value>) -> Vec<u32> {
    let mut ids: Vec<u32> = files
        .into_iter()
        .filter_map(|file| file.get("eos_token_id"))
        .flat_map(|ids| match ids {
            Value::Array(ids) => ids.clone(),
            one => vec![one.clone()],
        })
        .filter_map(|id| u32::try_from(id.as_u64()?).ok())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

pub(crate) fn config_error(folder: &Path, file: &str, reason: &dyn Display) -> ModelError {
    ModelError::Config {
        file: file.to_owned(),
        reason: reason.to_string(),
        path: folder.to_owned(),
    }
}
