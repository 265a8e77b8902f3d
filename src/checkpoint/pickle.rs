//! PyTorch files: zip, legacy and tar. Nothing in them is ever executed; what is not a tensor is
//! left unread and named.

use std::collections::BTreeSet;
use std::path::Path;

use pytorch_reader::{DType, PickleValue, PytorchReader, Tensor};

use crate::checkpoint::{CheckpointError, FileDtype};

/// Names under which training programs nest the weights.
const NESTS: &[&str] = &["state_dict", "model_state_dict", "module", "model"];

/// What a file holds.
pub(crate) struct PickleFile {
    /// By name.
    pub(crate) tensors: Vec<Tensor>,
    /// Types of objects that were left unread.
    pub(crate) ignored: Vec<String>,
}

pub(crate) fn open_pickle(path: &Path) -> Result<PickleFile, CheckpointError> {
    let damaged = |error: pytorch_reader::PytorchError| CheckpointError::Damaged {
        reason: error.to_string(),
        path: path.to_owned(),
    };
    let root = PytorchReader::read_pickle_data(path, None).map_err(damaged)?;
    let mut ignored = BTreeSet::new();
    collect_ignored(&root, 0, &mut ignored);
    let nest = match &root {
        PickleValue::Dict(entries) => NESTS
            .iter()
            .find(|nest| matches!(entries.get(**nest), Some(PickleValue::Dict(inner)) if !inner.is_empty())),
        _ => None,
    };
    drop(root);
    let reader = match nest {
        Some(nest) => PytorchReader::with_top_level_key(path, nest),
        None => PytorchReader::new(path),
    }
    .map_err(damaged)?;
    let mut tensors: Vec<Tensor> = reader.into_tensors().into_values().collect();
    tensors.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(PickleFile { tensors, ignored: ignored.into_iter().collect() })
}

pub(crate) fn dtype_of(tensor: &Tensor) -> FileDtype {
    match tensor.dtype() {
        DType::F64 => FileDtype::F64,
        DType::F32 => FileDtype::F32,
        DType::F16 => FileDtype::F16,
        DType::BF16 => FileDtype::Bf16,
        other => FileDtype::Other { size: other.size() },
    }
}

fn collect_ignored(value: &PickleValue, depth: usize, found: &mut BTreeSet<String>) {
    if depth > 64 {
        return;
    }
    match value {
        PickleValue::Unsupported(kind) => {
            let kind = kind.to_lowercase();
            let is_data =
                kind.contains("tensor") || kind.contains("parameter") || kind.contains("storage");
            if !is_data || kind.contains("system") {
                found.insert(kind.chars().take(80).collect());
            }
        }
        PickleValue::List(items) => {
            items.iter().for_each(|item| collect_ignored(item, depth + 1, found));
        }
        PickleValue::Dict(entries) => {
            let mut names: Vec<_> = entries.keys().collect();
            names.sort();
            for name in names {
                if let Some(item) = entries.get(name) {
                    collect_ignored(item, depth + 1, found);
                }
            }
        }
        _ => {}
    }
}
