//! H-LoRA's files: one a task, with the task's projector inside.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::checkpoint::{Checkpoint, WeightFiles};
use crate::nn::{BadConfig, HLoraConfig};
use crate::vlm::ModelError;
use crate::vlm::config::AdapterToml;

/// One task's adapter file.
#[derive(Clone, Debug)]
pub(crate) struct Adapter {
    pub(crate) folder: PathBuf,
    pub(crate) files: WeightFiles,
    /// Width of the decoder it was made for.
    pub(crate) hidden: Option<usize>,
    told: AdapterToml,
    rank: Option<usize>,
    experts: Option<usize>,
}

impl Adapter {
    /// The file that is named, else the first whose name begins so. `Err` holds its name when it
    /// is not there.
    pub(crate) fn find(
        folder: &Path,
        told: &AdapterToml,
        beginning: &str,
    ) -> Result<Result<Self, String>, ModelError> {
        let name = told.weights.clone().or_else(|| adapter_in(folder, beginning));
        let name = name.unwrap_or_else(|| format!("{beginning}.bin"));
        let path = folder.join(&name);
        if !path.is_file() {
            return Ok(Err(name));
        }
        let folder = path.parent().unwrap_or(folder).to_owned();
        let files = WeightFiles { present: vec![path], missing: Vec::new() };
        let checkpoint = Checkpoint::open(&folder, &files)?;
        let extents = |ending: &str| {
            let mut names = checkpoint.tensors().iter();
            names.find(|(name, _)| name.ends_with(ending)).map(|(_, info)| info.shape.clone())
        };
        let hidden = extents("self_attn.qkv_proj.lora_A.weight")
            .or_else(|| extents("self_attn.q_proj.lora_A.weight"))
            .and_then(|shape| shape.get(1).copied());
        Ok(Ok(Self {
            folder: folder.clone(),
            hidden,
            told: told.clone(),
            rank: usual_rows(&checkpoint, ".lora_A.weight"),
            experts: usual_rows(&checkpoint, ".lora_route.weight"),
            files,
        }))
    }

    /// One that no file holds yet.
    pub(crate) fn new(folder: &Path, HLoraConfig { rank, experts, alpha }: HLoraConfig) -> Self {
        Self {
            folder: folder.to_owned(),
            files: WeightFiles { present: Vec::new(), missing: Vec::new() },
            hidden: None,
            told: AdapterToml { alpha: Some(alpha), ..AdapterToml::default() },
            rank: Some(rank),
            experts: Some(experts),
        }
    }

    /// Rank and experts are those of the file; alpha is twice the rank in every release.
    pub(crate) fn config(&self) -> Result<HLoraConfig, BadConfig> {
        let agreed = |key: &str, told: Option<usize>, found: Option<usize>| match (told, found) {
            (Some(told), Some(found)) if told != found => Err(BadConfig(format!(
                "reading-room.toml says {key} {told} and the file has {found}"
            ))),
            (_, Some(found)) => Ok(found),
            (_, None) => Err(BadConfig("it holds no H-LoRA tensors".to_owned())),
        };
        let rank = agreed("rank", self.told.rank, self.rank)?;
        let experts = agreed("experts", self.told.experts, self.experts)?;
        let alpha = self.told.alpha.unwrap_or(2.0 * rank as f32);
        let config = HLoraConfig { rank, experts, alpha };
        config.check()?;
        Ok(config)
    }
}

/// Rows that most tensors of this kind have: one that differs is the one at fault.
fn usual_rows(checkpoint: &Checkpoint, ending: &str) -> Option<usize> {
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    let tensors = checkpoint.tensors().iter().filter(|(name, _)| name.ends_with(ending));
    for rows in tensors.filter_map(|(_, info)| info.shape.first()) {
        *counts.entry(*rows).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(rows, _)| rows)
}

/// The first file of a folder whose name begins so and ends in `.bin`.
pub(crate) fn adapter_in(folder: &Path, beginning: &str) -> Option<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with(beginning) && name.ends_with(".bin"))
        .collect();
    names.sort();
    names.into_iter().next()
}
