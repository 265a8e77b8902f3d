//! A finished codec in the published layout.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::checkpoint::{Listed, OwnedTensor, ReadEnd, write_shards};
use crate::train::codec::source::lengths;
use crate::train::codec::{CODEBOOK, PROJ};
use crate::train::config::SavedPrecision;
use crate::train::export::{bytes, dtype_of};
use crate::train::parameters::host_values;
use crate::train::{Parameters, TrainError};
use crate::vlm::{CodecTrainee, ModelError};

/// Write `OUTPUT/model`: `model.yaml` and all tensors, `quantize.proj` made of the codebook. What
/// stood there before is replaced once everything is written.
pub(super) fn export(
    trainee: &CodecTrainee,
    parameters: &Parameters,
    precision: SavedPrecision,
    output: &Path,
) -> Result<PathBuf, TrainError> {
    let (partial, target) = (output.join("model.partial"), output.join("model"));
    let _nothing_there = std::fs::remove_dir_all(&partial);
    std::fs::create_dir_all(&partial).map_err(TrainError::io(&partial))?;
    trainee.copy_files(&partial)?;
    let dtype = dtype_of(precision);
    let tensors = trainee.tensors()?;
    let listed: Vec<Listed> =
        tensors.iter().map(|one| (one.name.clone(), dtype, one.shape.clone())).collect();
    let mut make = |name: &str| -> Result<OwnedTensor, TrainError> {
        let shape = listed.iter().find(|(own, ..)| own == name).map(|(_, _, shape)| shape.clone());
        let values = match name.strip_prefix(PROJ) {
            Some(".weight") => parameters.values(CODEBOOK)?,
            Some(_) => halved_lengths(trainee, parameters)?,
            None => parameters.values(name)?,
        };
        let bytes = bytes(&values, precision);
        Ok(OwnedTensor { dtype, shape: shape.unwrap_or_default(), bytes })
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

/// The bias of `quantize.proj`.
fn halved_lengths(trainee: &CodecTrainee, parameters: &Parameters) -> Result<Vec<f32>, TrainError> {
    let (rows, columns) = (trainee.config().n_embed, trainee.config().embed_dim);
    let Some(codebook) = parameters.get(CODEBOOK) else { return Ok(Vec::new()) };
    host_values(lengths(codebook.value.clone().reshape([rows, columns])))
}
