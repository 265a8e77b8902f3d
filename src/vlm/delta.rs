//! LLaVA-Med 1.0 was published as differences from LLaMA-7B: what they are added to, and how.

use std::ops::ControlFlow;
use std::path::Path;

use half::f16;

use crate::checkpoint::{
    Checkpoint, CheckpointError, FileDtype, Listed, OwnedTensor, RawTensor, ReadEnd, WeightFiles,
    find_weight_files, write_shards,
};
use crate::vlm::ModelError;

/// Buffers that are equal in base and model, so that a delta holds zeros.
const BUFFER: &str = "rotary_emb.inv_freq";

/// Mean size of the last normalisation's weights below which they are differences: those of the
/// model itself are around 1.
const SMALL: f32 = 0.25;

/// Whether a folder's weights are differences from a base.
pub(crate) fn is_delta(folder: &Path) -> bool {
    let Ok(files) = find_weight_files(folder) else { return false };
    let there = WeightFiles { missing: Vec::new(), ..files };
    let Ok(checkpoint) = Checkpoint::open(folder, &there) else { return false };
    let buffer = checkpoint.tensors().keys().find(|name| name.ends_with(BUFFER)).cloned();
    let values = |name: &str| checkpoint.read_tensor(name).ok().flatten().map(|t| t.raw().to_f32());
    if let Some(values) = buffer.and_then(|name| values(&name)) {
        return values.iter().all(|value| *value == 0.0);
    }
    let Some(values) = values("model.norm.weight") else { return false };
    let mean = values.iter().map(|value| value.abs()).sum::<f32>() / values.len().max(1) as f32;
    mean < SMALL
}

/// Base and difference, rounded to f16 as the published script does; rows that only the
/// difference has are its own.
///
/// # Shapes
/// `[rows, columns]` and `[fewer rows, columns]` → `[rows, columns]`; `None` when the columns differ.
pub(crate) fn add_delta(base: RawTensor<'_>, delta: RawTensor<'_>) -> Option<OwnedTensor> {
    if base.shape.get(1..) != delta.shape.get(1..) || base.shape.first() > delta.shape.first() {
        return None;
    }
    let (base, mut sum) = (base.to_f16(), delta.to_f16());
    for (sum, base) in sum.iter_mut().zip(base) {
        *sum = f16::from_f32(sum.to_f32() + base.to_f32());
    }
    let bytes = sum.iter().flat_map(|value| value.to_le_bytes()).collect();
    Some(OwnedTensor { dtype: FileDtype::F16, shape: delta.shape.to_vec(), bytes })
}

/// Both tensors of one name, added; those that only the difference has are taken as they are.
///
/// # Errors
/// When the shapes do not belong together, with the name.
pub(crate) fn added(
    name: &str,
    base: Option<&OwnedTensor>,
    delta: RawTensor<'_>,
    folder: &Path,
) -> Result<Option<OwnedTensor>, ModelError> {
    let Some(base) = base else { return Ok(None) };
    let sum = add_delta(base.raw(), delta);
    sum.map(Some).ok_or_else(|| {
        let (base, delta) = (&base.shape, delta.shape);
        let path = folder.to_owned();
        let faults = format!("{name} is {base:?} in the base and {delta:?} in the difference");
        CheckpointError::DoesNotFit { faults, path }.into()
    })
}

/// Add a delta to its base and write the model: safetensors shards and the delta's other files.
///
/// # Errors
/// When a folder holds no weights, the two do not belong together, the new folder is not empty,
/// a file cannot be written, or `progress` (bytes done, bytes in all) breaks.
pub fn apply_delta(
    base: &Path,
    delta: &Path,
    out: &Path,
    progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<(), ModelError> {
    let open = |folder: &Path| Checkpoint::open(folder, &find_weight_files(folder)?);
    let (base, delta) = (open(base)?, open(delta)?);
    check_same(&base, &delta)?;
    let io = |source| ModelError::Io { source, path: out.to_owned() };
    std::fs::create_dir_all(out).map_err(io)?;
    if std::fs::read_dir(out).map_err(io)?.next().is_some() {
        return Err(ModelError::NotEmpty { path: out.to_owned() });
    }
    let tensors: Vec<Listed> = delta
        .tensors()
        .iter()
        .map(|(name, info)| (name.clone(), FileDtype::F16, info.shape.clone()))
        .collect();
    let total = tensors.iter().map(|(_, _, s)| 2 * s.iter().product::<usize>() as u64).sum();
    let mut make = |name: &str| sum_of(&base, &delta, name);
    let mut tell = |done: u64| progress(done, total);
    write_shards(out, &tensors, &mut make, &mut tell).map_err(|end| match end {
        ReadEnd::Checkpoint(error) => error.into(),
        ReadEnd::Caller(error) => error,
        ReadEnd::Cancelled => ModelError::Cancelled,
    })?;
    copy_small_files(delta.folder(), out)
}

/// A base of another model would give noise.
fn check_same(base: &Checkpoint, delta: &Checkpoint) -> Result<(), ModelError> {
    let lacks = |name: &&String| !delta.tensors().contains_key(*name);
    match base.tensors().keys().find(lacks) {
        Some(name) => Err(CheckpointError::DoesNotFit {
            faults: format!("{name} of the base is not in the difference"),
            path: base.folder().to_owned(),
        }
        .into()),
        None => Ok(()),
    }
}

fn sum_of(base: &Checkpoint, delta: &Checkpoint, name: &str) -> Result<OwnedTensor, ModelError> {
    let Some(own) = delta.read_tensor(name)? else {
        let (files, path) = (vec![name.to_owned()], delta.folder().to_owned());
        return Err(CheckpointError::MissingShards { files, path }.into());
    };
    let sum = added(name, base.read_tensor(name)?.as_ref(), own.raw(), delta.folder())?;
    Ok(sum.unwrap_or_else(|| {
        let bytes = own.raw().to_f16().iter().flat_map(|value| value.to_le_bytes()).collect();
        OwnedTensor { dtype: FileDtype::F16, shape: own.shape.clone(), bytes }
    }))
}

/// Configuration, tokenizer, card and licence; no weights and no index of them.
pub(crate) fn copy_small_files(from: &Path, to: &Path) -> Result<(), ModelError> {
    let io = |source| ModelError::Io { source, path: from.to_owned() };
    for entry in std::fs::read_dir(from).map_err(io)?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_weights = [".bin", ".safetensors", ".index.json", ".toml"]
            .iter()
            .any(|ending| name.ends_with(ending));
        if entry.path().is_file() && !is_weights {
            let target = to.join(&name);
            std::fs::copy(entry.path(), &target)
                .map_err(|source| ModelError::Io { source, path: target })?;
        }
    }
    Ok(())
}
