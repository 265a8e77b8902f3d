//! nano, the small model that is part of the program, unpacked where it is read like any other.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::vlm::{ModelError, ModelSpec, WeightsCache, recognise};

/// The name it is asked for by.
pub const NANO: &str = "nano";

/// Names below its folder, with what is in the files.
macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_bytes!(concat!("../../assets/nano/", $name)))),*]
    };
}

/// What it can and cannot do: `assets/nano/README.md`.
const FILES: &[(&str, &[u8])] = files![
    "README.md",
    "config.json",
    "fusion_layer_weights.safetensors",
    "gen_hlora_weights.safetensors",
    "generation_config.json",
    "reading-room.toml",
    "taming_transformers/ckpt/model.safetensors",
    "taming_transformers/ckpt/model.yaml",
    "tokenizer.json",
    "vit/config.json",
    "vit/preprocessor_config.json",
    "model.safetensors",
];

/// nano, in the platform's place for what can be made again, or where `READING_ROOM_CACHE` says.
///
/// Writes a few megabytes the first time: not for the window's thread.
///
/// # Errors
/// When that place cannot be written.
pub fn nano() -> Result<ModelSpec, ModelError> {
    let usual = WeightsCache::usual().and_then(|cache| Some(cache.folder().parent()?.to_owned()));
    let into = usual.unwrap_or_else(|| PathBuf::from(".reading-room"));
    let folder = unpack(&into).map_err(|source| ModelError::Io { source, path: into })?;
    recognise(&folder)
}

/// Write what is not there as it should be. The folder is named after its contents, so that
/// another version of the program has another.
fn unpack(into: &Path) -> std::io::Result<PathBuf> {
    let mut sum = crc32fast::Hasher::new();
    FILES.iter().for_each(|(_, bytes)| sum.update(bytes));
    let folder = into.join("models").join(format!("{:08x}", sum.finalize())).join(NANO);
    for (name, bytes) in FILES {
        let path = folder.join(name);
        if fs::metadata(&path).is_ok_and(|file| file.len() == bytes.len() as u64) {
            continue;
        }
        let beside = path.parent().unwrap_or(&folder);
        fs::create_dir_all(beside)?;
        // two programs may start at once: a file is whole when it gets its name
        let mut file = tempfile::NamedTempFile::new_in(beside)?;
        file.write_all(bytes)?;
        file.persist(&path).map_err(|error| error.error)?;
    }
    Ok(folder)
}
