//! A finished model in its family's own layout.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use half::{bf16, f16};

use crate::checkpoint::{FileDtype, Listed, OwnedTensor, ReadEnd, write_shards};
use crate::train::config::{LoraSection, SavedPrecision};
use crate::train::labels::LABELS;
use crate::train::parameters::host_values;
use crate::train::{Parameters, TrainError};
use crate::vlm::{ModelError, Trainee};

/// Write `OUTPUT/model`: the folder's small files and all tensors, adapters added to their
/// matrices. What stood there before is replaced once everything is written.
pub(crate) fn export(
    trainee: &Trainee,
    parameters: &Parameters,
    lora: Option<LoraSection>,
    precision: SavedPrecision,
    output: &Path,
) -> Result<PathBuf, TrainError> {
    let (partial, target) = (output.join("model.partial"), output.join("model"));
    let _nothing_there = std::fs::remove_dir_all(&partial);
    std::fs::create_dir_all(&partial).map_err(TrainError::io(&partial))?;
    trainee.copy_files(&partial)?;
    let dtype = dtype_of(precision);
    let shapes: BTreeMap<&String, &Vec<usize>> =
        parameters.iter().map(|(name, parameter)| (name, &parameter.shape)).collect();
    let listed: Vec<Listed> = shapes
        .iter()
        .filter(|(name, _)| !name.contains(".lora_") && !name.starts_with(LABELS))
        .map(|(name, shape)| ((*name).clone(), dtype, (*shape).clone()))
        .collect();
    let mut make = |name: &str| -> Result<OwnedTensor, TrainError> {
        let values = whole(parameters, name, lora)?;
        let shape = shapes.get(&name.to_owned()).map_or_else(Vec::new, |shape| (*shape).clone());
        Ok(OwnedTensor { dtype, shape, bytes: bytes(&values, precision) })
    };
    let written = write_shards(&partial, &listed, &mut make, &mut |_| ControlFlow::Continue(()));
    written.map_err(|end| match end {
        ReadEnd::Checkpoint(error) => TrainError::from(error),
        ReadEnd::Caller(error) => error,
        ReadEnd::Cancelled => ModelError::Cancelled.into(),
    })?;
    let _nothing_there = std::fs::remove_dir_all(&target);
    std::fs::rename(&partial, &target).map_err(TrainError::io(&target))?;
    Ok(target)
}

/// A tensor with what its adapter adds: W + alpha / rank · B·A.
fn whole(
    parameters: &Parameters,
    name: &str,
    lora: Option<LoraSection>,
) -> Result<Vec<f32>, TrainError> {
    let stem = name.strip_suffix(".weight").unwrap_or(name);
    let part = |which: &str| parameters.get(&format!("{stem}.lora_{which}.weight"));
    let (Some(lora), Some(a), Some(b)) = (lora, part("A"), part("B")) else {
        return parameters.values(name);
    };
    let ([rank, inputs], [outputs, _]) = (extents(&a.shape), extents(&b.shape));
    let low = b.value.clone().reshape([outputs, rank]);
    let added =
        low.matmul(a.value.clone().reshape([rank, inputs])) * (lora.alpha / lora.rank as f32);
    let added = host_values(added)?;
    Ok(parameters.values(name)?.iter().zip(added).map(|(own, added)| own + added).collect())
}

fn extents(shape: &[usize]) -> [usize; 2] {
    let extent = |at: usize| shape.get(at).copied().unwrap_or(1);
    [extent(0), extent(1)]
}

/// As files name it.
pub(crate) fn dtype_of(precision: SavedPrecision) -> FileDtype {
    match precision {
        SavedPrecision::F32 => FileDtype::F32,
        SavedPrecision::F16 => FileDtype::F16,
        SavedPrecision::Bf16 => FileDtype::Bf16,
    }
}

/// Numbers as a file has them.
pub(crate) fn bytes(values: &[f32], precision: SavedPrecision) -> Vec<u8> {
    match precision {
        SavedPrecision::F32 => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        SavedPrecision::F16 => {
            values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect()
        }
        SavedPrecision::Bf16 => {
            values.iter().flat_map(|value| bf16::from_f32(*value).to_le_bytes()).collect()
        }
    }
}
