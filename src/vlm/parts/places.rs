//! Where a part of a model may lie: inside its folder, beside it, or where it is said to be.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::vlm::config::read_json;

/// The first of `architectures`.
pub(crate) fn architecture(json: &Value) -> &str {
    json.pointer("/architectures/0").and_then(Value::as_str).unwrap_or_default()
}

/// A part's folder: where it is said to be, else inside or beside the model's folder by its
/// published name, else the only one there whose `config.json` fits.
pub(crate) fn find_beside(
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

pub(crate) fn not_found(what: &str, name: &str, key: &str) -> String {
    format!("{what} {name} (inside or beside this folder, or under `{key}` in reading-room.toml)")
}
