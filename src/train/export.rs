//! A finished model in its family's own layout.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use half::{bf16, f16};

use crate::checkpoint::{FileDtype, Listed, OwnedTensor, ReadEnd, write_file, write_shards};
use crate::train::config::{LoraSection, SavedPrecision};
use crate::train::parameters::host_values;
use crate::train::{Parameters, TrainError};
use crate::vlm::{ModelError, Trainee, WeightFile};

/// What decides how a model is written.
#[derive(Clone, Copy)]
pub(crate) struct Form<'a> {
    /// Added to its matrices.
    pub(crate) lora: Option<LoraSection>,
    pub(crate) precision: SavedPrecision,
    /// Whether a tensor may be another than the folder's files hold.
    pub(crate) is_changed: &'a dyn Fn(&str) -> bool,
}

/// Write `OUTPUT/model`: what was taught, and copies of the rest. What stood there before is
/// replaced once everything is written.
pub(crate) fn export(
    trainee: &Trainee,
    parameters: &Parameters,
    form: Form<'_>,
    output: &Path,
) -> Result<PathBuf, TrainError> {
    let (partial, target) = (output.join("model.partial"), output.join("model"));
    let _nothing_there = std::fs::remove_dir_all(&partial);
    std::fs::create_dir_all(&partial).map_err(TrainError::io(&partial))?;
    for file in trainee.lay_out(&partial, form.is_changed)? {
        write(&file, parameters, form)?;
    }
    let _nothing_there = std::fs::remove_dir_all(&target);
    std::fs::rename(&partial, &target).map_err(TrainError::io(&target))?;
    Ok(target)
}

fn write(file: &WeightFile, parameters: &Parameters, form: Form<'_>) -> Result<(), TrainError> {
    let dtype = dtype_of(form.precision);
    let names: BTreeMap<&String, &String> =
        file.tensors.iter().map(|(in_file, name)| (in_file, name)).collect();
    let shape_of = |name: &str| {
        let parameter = parameters.get(name);
        parameter.map_or_else(Vec::new, |parameter| parameter.shape.clone())
    };
    let listed: Vec<Listed> =
        names.iter().map(|(in_file, name)| ((*in_file).clone(), dtype, shape_of(name))).collect();
    let mut make = |in_file: &str| -> Result<OwnedTensor, TrainError> {
        let name = names.get(&in_file.to_owned()).map_or(in_file, |name| name.as_str());
        let values = whole(parameters, name, form.lora)?;
        let bytes = bytes(&values, form.precision);
        Ok(OwnedTensor { dtype, shape: shape_of(name), bytes })
    };
    let written = match file.name {
        Some(name) => write_file(&file.folder.join(name), &listed, &mut make),
        None => {
            let go_on = &mut |_| ControlFlow::Continue(());
            write_shards(&file.folder, &listed, &mut make, go_on)
        }
    };
    written.map_err(|end| match end {
        ReadEnd::Checkpoint(error) => TrainError::from(error),
        ReadEnd::Caller(error) => error,
        ReadEnd::Cancelled => ModelError::Cancelled.into(),
    })
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
