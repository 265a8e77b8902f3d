//! PyTorch files: zip, legacy and tar. Nothing in them is ever executed; what is not a tensor is
//! left unread and named.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;

use pytorch_reader::{DType, PickleValue, PytorchError, PytorchReader, Tensor};

use crate::checkpoint::storages::Stored;
use crate::checkpoint::unpickle::Value;
use crate::checkpoint::{CheckpointError, FileDtype};

/// Names under which training programs nest the weights.
const NESTS: &[&str] = &["state_dict", "model_state_dict", "module", "model"];

/// What a file holds.
pub(crate) struct PickleFile {
    /// By name.
    pub(crate) tensors: Vec<PickleTensor>,
    /// Types of objects that were left unread.
    pub(crate) ignored: Vec<String>,
}

/// A tensor that has not been read.
pub(crate) struct PickleTensor {
    pub(crate) name: String,
    pub(crate) dtype: FileDtype,
    pub(crate) shape: Vec<usize>,
    read: Read,
}

type Read = Box<dyn Fn() -> io::Result<Vec<u8>> + Send + Sync>;

impl PickleTensor {
    /// Its bytes, row-major.
    pub(crate) fn read(&self) -> io::Result<Vec<u8>> {
        (self.read)()
    }

    pub(crate) fn byte_len(&self) -> usize {
        self.shape.iter().product::<usize>() * self.dtype.size()
    }
}

impl From<Tensor> for PickleTensor {
    fn from(tensor: Tensor) -> Self {
        let (name, dtype, shape, read) = tensor.into_parts();
        Self { name, dtype: dtype_of(dtype), shape, read: Box::new(read) }
    }
}

pub(crate) fn open_pickle(path: &Path) -> Result<PickleFile, CheckpointError> {
    let mut opened = match read_known(path) {
        // most often a dictionary with classes for keys
        Err(PytorchError::Pickle(error)) => read_leniently(path).ok_or(PytorchError::Pickle(error)),
        read => read,
    }
    .map_err(|error| CheckpointError::Damaged {
        reason: error.to_string(),
        path: path.to_owned(),
    })?;
    opened.tensors.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(opened)
}

fn read_known(path: &Path) -> Result<PickleFile, PytorchError> {
    let root = PytorchReader::read_pickle_data(path, None)?;
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
    }?;
    let tensors = reader.into_tensors().into_values().map(PickleTensor::from).collect();
    Ok(PickleFile { tensors, ignored: ignored.into_iter().collect() })
}

/// The tensors of one dictionary, whatever stands beside it.
fn read_leniently(path: &Path) -> Option<PickleFile> {
    let stored = Arc::new(Stored::open(path)?);
    let object = &stored.object;
    let root = object.root();
    let is_full = |value: &&Value| matches!(value, Value::Dict(entries) if !entries.is_empty());
    let nest = NESTS.iter().find_map(|nest| object.entry(root, nest).filter(is_full));
    let Value::Dict(entries) = nest.unwrap_or(root) else { return None };
    let mut tensors = Vec::new();
    for (name, value) in entries {
        let (Some(name), Value::Tensor(place)) = (object.text(*name), object.get(*value)) else {
            continue;
        };
        let (place, stored) = (place.clone(), Arc::clone(&stored));
        tensors.push(PickleTensor {
            name: name.to_owned(),
            dtype: place.storage.dtype,
            shape: place.shape.clone(),
            read: Box::new(move || stored.read(&place)),
        });
    }
    let ignored: BTreeSet<String> =
        object.class_keys().map(|name| name.replace(' ', ".").chars().take(80).collect()).collect();
    (!tensors.is_empty()).then(|| PickleFile { tensors, ignored: ignored.into_iter().collect() })
}

fn dtype_of(dtype: DType) -> FileDtype {
    match dtype {
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
