//! The questions as typed: the data file with what belongs to it.

use std::path::PathBuf;

use anyhow::Context as _;

use crate::eval::{Asked, Candidates, Dataset, Settings, Shard, Turns};

use super::args::DataArgs;

/// What is asked, and where results go.
pub(super) struct Data {
    pub(super) path: PathBuf,
    pub(super) out: PathBuf,
    pub(super) dataset: Dataset,
    pub(super) candidates: Option<Candidates>,
    ground_truth_sha256: Option<String>,
    limit: Option<usize>,
    turns: Turns,
}

impl Data {
    pub(super) fn read(typed: &DataArgs) -> anyhow::Result<Self> {
        let path = typed.dataset.clone().context("no data file was given: pass --dataset")?;
        let out = typed.out.clone().context("no output folder was given: pass --out")?;
        let mut dataset = Dataset::open(&path, typed.turns)?;
        let truth = typed.ground_truth.as_deref();
        let ground_truth_sha256 = truth.map(|truth| dataset.add_references(truth)).transpose()?;
        let candidates = typed.candidates.as_deref().map(Candidates::open).transpose()?;
        let limit = typed.limit.map(usize::try_from).transpose()?;
        Ok(Self { path, out, dataset, candidates, ground_truth_sha256, limit, turns: typed.turns })
    }

    pub(super) fn settings(
        &self,
        blind: bool,
        shard: Option<Shard>,
        asked: Option<Asked>,
    ) -> Settings {
        let all = self.dataset.items.len();
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        Settings {
            program_version: env!("CARGO_PKG_VERSION").to_owned(),
            dataset: name.into_owned(),
            dataset_sha256: self.dataset.sha256.clone(),
            format: self.dataset.format,
            questions: self.limit.map_or(all, |limit| all.min(limit)),
            dropped: self.dataset.dropped,
            limit: self.limit,
            shard,
            turns: self.turns,
            blind,
            ground_truth_sha256: self.ground_truth_sha256.clone(),
            candidates_sha256: self.candidates.as_ref().map(|known| known.sha256.clone()),
            asked,
        }
    }
}
