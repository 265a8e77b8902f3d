//! What stages learn from: records that are read, looked through and chosen.

use std::path::{Path, PathBuf};

use crate::train::labels::LabelSet;
use crate::train::{Goal, Record, Stage, Taught, TrainConfig, TrainError, read_records};

/// Which records teach something in a stage.
pub(super) fn usable(records: &[Record], stage: &Stage) -> Vec<usize> {
    let all = records.iter().enumerate().filter(|(_, record)| teaches(record, stage));
    all.map(|(at, _)| at).collect()
}

/// Whether a stage can learn from a record.
pub(super) fn teaches(record: &Record, stage: &Stage) -> bool {
    match stage.objective {
        Goal::Answers => record.target.is_some() == (stage.task == Taught::Generation),
        Goal::Labels => !(record.labels.is_empty() || record.images.is_empty()),
    }
}

/// Every stage has something to learn from.
pub(super) fn check_tasks(config: &TrainConfig, records: &[Record]) -> Result<(), TrainError> {
    let without = |stage: &&Stage| !records.iter().any(|record| teaches(record, stage));
    let Some(Stage { name, task, .. }) = config.stages.iter().find(without) else { return Ok(()) };
    let reason = match task {
        Taught::Generation => {
            format!("stage {name} teaches to draw and no record has a \"target\"")
        }
        Taught::Comprehension => format!("stage {name} finds no record that it can learn from"),
    };
    let path = config.data.train.first().cloned().unwrap_or_default();
    Err(TrainError::Data { reason, path })
}

/// What the heads of labels can say, when a stage asks for them.
pub(super) fn labels_of(config: &TrainConfig, records: &[Record]) -> Result<LabelSet, TrainError> {
    if !config.stages.iter().any(|stage| stage.objective == Goal::Labels) {
        return Ok(LabelSet::default());
    }
    let labels = LabelSet::of(records);
    if labels != LabelSet::default() {
        return Ok(labels);
    }
    let reason = "a stage learns labels and no record has \"labels\" that differ".to_owned();
    let path = config.data.train.first().cloned().unwrap_or_default();
    Err(TrainError::Data { reason, path })
}

/// All records of some files; every picture is there.
pub(super) fn read_all(files: &[PathBuf], images: &Path) -> Result<Vec<Record>, TrainError> {
    let mut records = Vec::new();
    for file in files {
        let read = read_records(file)?;
        let is_missing = |path: &&PathBuf| {
            let (path, _) = crate::imaging::parse_image_path(&images.join(path));
            !path.is_file()
        };
        let pictures = || read.iter().flat_map(|one| one.images.iter().chain(&one.target));
        let missing: Vec<&PathBuf> = pictures().filter(is_missing).collect();
        if let Some(first) = missing.first() {
            let (count, of) = (missing.len(), pictures().count());
            let reason = format!(
                "{count} of {of} pictures are not in {}, the first is {}",
                images.display(),
                first.display()
            );
            return Err(TrainError::Data { reason, path: file.clone() });
        }
        records.extend(read);
    }
    Ok(records)
}
