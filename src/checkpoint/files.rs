//! Which files hold a model's weights.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::checkpoint::CheckpointError;

/// No index is larger: 200 bytes a name, a hundred thousand names.
const MAX_INDEX_BYTES: u64 = 32 << 20;

/// The weight files of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightFiles {
    /// Those that are there, by name.
    pub present: Vec<PathBuf>,
    /// Those the index names and that are not there.
    pub missing: Vec<String>,
}

/// Find them: a safetensors index, one safetensors file, a pickle index, one pickle.
///
/// Where a folder has both kinds, safetensors win: they hold nothing but numbers.
///
/// # Errors
/// When there are none, or the index is damaged.
pub fn find_weight_files(folder: &Path) -> Result<WeightFiles, CheckpointError> {
    for (index, single, extensions) in [
        ("model.safetensors.index.json", "model.safetensors", &["safetensors"][..]),
        ("pytorch_model.bin.index.json", "pytorch_model.bin", &["bin", "pt", "pth"]),
    ] {
        let index = folder.join(index);
        if index.is_file() {
            let names = names_in_index(&index)?;
            let (present, missing): (Vec<_>, Vec<_>) =
                names.into_iter().partition(|name| folder.join(name).is_file());
            let present = present.into_iter().map(|name| folder.join(name)).collect();
            return Ok(WeightFiles { present, missing });
        }
        let single = folder.join(single);
        if single.is_file() {
            return Ok(WeightFiles { present: vec![single], missing: Vec::new() });
        }
        let mut others = files_with_extension(folder, extensions)?;
        if let (1, Some(only)) = (others.len(), others.pop()) {
            return Ok(WeightFiles { present: vec![only], missing: Vec::new() });
        }
    }
    Err(CheckpointError::NoWeights { path: folder.to_owned() })
}

fn names_in_index(path: &Path) -> Result<BTreeSet<String>, CheckpointError> {
    let io = |source| CheckpointError::Io { source, path: path.to_owned() };
    let damaged = |reason: String| CheckpointError::Damaged { reason, path: path.to_owned() };
    if std::fs::metadata(path).map_err(io)?.len() > MAX_INDEX_BYTES {
        return Err(damaged("the index is larger than 32 MB".to_owned()));
    }
    let text = std::fs::read(path).map_err(io)?;
    let index: Value = serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
    let Some(map) = index.get("weight_map").and_then(Value::as_object) else {
        return Err(damaged("the index has no weight_map".to_owned()));
    };
    let mut names = BTreeSet::new();
    for name in map.values() {
        let plain = name.as_str().filter(|name| {
            let mut parts = Path::new(name).components();
            matches!((parts.next(), parts.next()), (Some(std::path::Component::Normal(_)), None))
        });
        match plain {
            Some(name) => names.insert(name.to_owned()),
            None => {
                return Err(damaged(format!("the index names a file {name} outside its folder")));
            }
        };
    }
    Ok(names)
}

fn files_with_extension(
    folder: &Path,
    extensions: &[&str],
) -> Result<Vec<PathBuf>, CheckpointError> {
    let entries = std::fs::read_dir(folder)
        .map_err(|source| CheckpointError::Io { source, path: folder.to_owned() })?;
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extensions.iter().any(|known| extension == *known))
        })
        .filter(|path| {
            path.file_name()
                .is_some_and(|name| !name.to_string_lossy().starts_with("training_args"))
        })
        .collect();
    found.sort();
    Ok(found)
}
