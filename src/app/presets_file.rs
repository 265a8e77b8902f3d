//! Presets as a file, to be used on another workstation.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::settings::Preset;

/// Nobody has so many parameters.
const MAX_BYTES: u64 = 1 << 20;

#[derive(Serialize, Deserialize)]
struct File {
    presets: Vec<Preset>,
}

/// All of them, as JSON.
pub(crate) fn presets_json(presets: &[Preset]) -> Option<String> {
    serde_json::to_string_pretty(&File { presets: presets.to_vec() }).ok()
}

/// What such a file holds; the error is one sentence.
pub(crate) fn read_presets(path: &Path) -> Result<Vec<Preset>, String> {
    let unread = |error: std::io::Error| format!("The presets could not be read: {error}");
    if std::fs::metadata(path).map_err(unread)?.len() > MAX_BYTES {
        return Err("This file is too large for presets".to_owned());
    }
    let text = std::fs::read_to_string(path).map_err(unread)?;
    let file: File = serde_json::from_str(&text)
        .map_err(|error| format!("This is no file of presets: {error}"))?;
    let sound = |preset: &Preset| {
        let s = &preset.sampling;
        let is_share = (0.05..=1.0).contains(&s.top_p);
        let is_warm = (0.0..=2.0).contains(&s.temperature);
        let is_named = !preset.name.trim().is_empty();
        is_named && is_share && is_warm && (1.0..=2.0).contains(&s.repetition_penalty)
    };
    match file.presets.iter().find(|preset| !sound(preset)) {
        Some(preset) => Err(format!(
            "The preset “{}” has a parameter out of its range: nothing was taken in",
            preset.name
        )),
        None => Ok(file.presets),
    }
}
