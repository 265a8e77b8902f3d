//! Writes large checkpoints as safetensors shards with their index, a tensor at a time.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::ops::ControlFlow;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::checkpoint::{CheckpointError, FileDtype, OwnedTensor, ReadEnd};

/// Bytes of a shard, as the published files have them.
const SHARD_BYTES: u64 = 5_000_000_000;

/// Name, numbers and shape of a tensor to be written.
pub type Listed = (String, FileDtype, Vec<usize>);

/// Write tensors in this order; `make` gives each one when its turn comes, `progress` gets the
/// bytes written.
///
/// # Errors
/// When a file cannot be written, `make` fails or gives another shape, or `progress` breaks.
pub fn write_shards<E>(
    folder: &Path,
    tensors: &[Listed],
    make: &mut dyn FnMut(&str) -> Result<OwnedTensor, E>,
    progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<(), ReadEnd<E>> {
    let shards = split(tensors);
    let (mut done, mut map) = (0, Map::new());
    for (index, shard) in shards.iter().enumerate() {
        let name = shard_name(index, shards.len());
        for (tensor, _, _) in *shard {
            map.insert(tensor.clone(), json!(name));
        }
        write_shard(&folder.join(name), shard, make, &mut done, progress)?;
    }
    if shards.len() > 1 {
        let index = json!({"metadata": {"total_size": done}, "weight_map": map});
        let path = folder.join("model.safetensors.index.json");
        std::fs::write(&path, index.to_string()).map_err(|source| io(&path, source))?;
    }
    Ok(())
}

/// The same as one file, however large.
///
/// # Errors
/// When it cannot be written, or `make` fails or gives another shape.
pub fn write_file<E>(
    path: &Path,
    tensors: &[Listed],
    make: &mut dyn FnMut(&str) -> Result<OwnedTensor, E>,
) -> Result<(), ReadEnd<E>> {
    write_shard(path, tensors, make, &mut 0, &mut |_| ControlFlow::Continue(()))
}

fn shard_name(index: usize, count: usize) -> String {
    if count == 1 {
        return "model.safetensors".to_owned();
    }
    format!("model-{:05}-of-{count:05}.safetensors", index + 1)
}

fn bytes_of((_, dtype, shape): &Listed) -> u64 {
    shape.iter().map(|extent| *extent as u64).product::<u64>() * dtype.size() as u64
}

fn split(tensors: &[Listed]) -> Vec<&[Listed]> {
    let (mut shards, mut rest, mut at, mut bytes) = (Vec::new(), tensors, 0, 0);
    while let Some(tensor) = rest.get(at) {
        if at > 0 && bytes + bytes_of(tensor) > SHARD_BYTES {
            let (shard, more) = rest.split_at(at);
            shards.push(shard);
            (rest, at, bytes) = (more, 0, 0);
            continue;
        }
        bytes += bytes_of(tensor);
        at += 1;
    }
    shards.push(rest);
    shards
}

fn write_shard<E>(
    path: &Path,
    tensors: &[Listed],
    make: &mut dyn FnMut(&str) -> Result<OwnedTensor, E>,
    done: &mut u64,
    progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<(), ReadEnd<E>> {
    let failed = |source| io(path, source);
    let mut file = BufWriter::new(File::create(path).map_err(failed)?);
    let header = header(tensors);
    file.write_all(&(header.len() as u64).to_le_bytes()).map_err(failed)?;
    file.write_all(header.as_bytes()).map_err(failed)?;
    for (name, dtype, shape) in tensors {
        let tensor = make(name).map_err(ReadEnd::Caller)?;
        if tensor.dtype != *dtype || tensor.shape != *shape {
            return Err(ReadEnd::Checkpoint(CheckpointError::Damaged {
                reason: format!("{name} became another shape"),
                path: path.to_owned(),
            }));
        }
        file.write_all(&tensor.bytes).map_err(failed)?;
        *done += tensor.bytes.len() as u64;
        if progress(*done).is_break() {
            return Err(ReadEnd::Cancelled);
        }
    }
    let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
    file.sync_all().map_err(failed)
}

/// Padded with spaces so that tensors begin at a multiple of eight bytes.
fn header(tensors: &[Listed]) -> String {
    let (mut entries, mut at) = (Map::new(), 0);
    entries.insert("__metadata__".to_owned(), json!({"format": "pt"}));
    for tensor in tensors {
        let (name, dtype, shape) = tensor;
        let end = at + bytes_of(tensor);
        let entry = json!({"dtype": code(*dtype), "shape": shape, "data_offsets": [at, end]});
        entries.insert(name.clone(), entry);
        at = end;
    }
    let mut text = Value::Object(entries).to_string();
    text.extend(std::iter::repeat_n(' ', text.len().next_multiple_of(8) - text.len()));
    text
}

fn code(dtype: FileDtype) -> &'static str {
    match dtype {
        FileDtype::F64 => "F64",
        FileDtype::F32 => "F32",
        FileDtype::F16 => "F16",
        FileDtype::Bf16 => "BF16",
        FileDtype::Other { .. } => "U8",
    }
}

fn io<E>(path: &Path, source: std::io::Error) -> ReadEnd<E> {
    ReadEnd::Checkpoint(CheckpointError::Io { source, path: path.to_owned() })
}
