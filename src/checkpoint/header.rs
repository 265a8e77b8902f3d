//! The header of a safetensors file: names, shapes and places, checked before any byte is used.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::checkpoint::{CheckpointError, FileDtype};

/// The largest published header has 26 kB; this leaves room for a hundred thousand tensors.
const MAX_HEADER_BYTES: u64 = 32 << 20;

/// One tensor of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) dtype: FileDtype,
    pub(crate) shape: Vec<usize>,
    /// From the start of the file.
    pub(crate) offset: u64,
    pub(crate) len: u64,
}

#[derive(Deserialize)]
struct RawEntry {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: (u64, u64),
}

/// Entries in the order of the file; its tensors must fill it without gap or overlap.
pub(crate) fn read_header(path: &Path) -> Result<Vec<Entry>, CheckpointError> {
    let io = |source| CheckpointError::Io { source, path: path.to_owned() };
    let damaged = |reason: String| CheckpointError::Damaged { reason, path: path.to_owned() };
    let mut file = File::open(path).map_err(io)?;
    let file_len = file.metadata().map_err(io)?.len();
    let mut size = [0; 8];
    if file_len < 8 {
        return Err(damaged(format!("it has only {file_len} bytes")));
    }
    file.read_exact(&mut size).map_err(io)?;
    let header_len = u64::from_le_bytes(size);
    if header_len > MAX_HEADER_BYTES || header_len > file_len - 8 {
        return Err(damaged(format!("its header would have {header_len} bytes of {file_len}")));
    }
    let mut text = vec![0; usize::try_from(header_len).unwrap_or_default()];
    file.read_exact(&mut text).map_err(io)?;
    let header: Header = serde_json::from_slice(&text)
        .map_err(|error| damaged(format!("its header cannot be read: {error}")))?;
    let start = 8 + header_len;
    let mut entries = Vec::with_capacity(header.0.len());
    for (name, raw) in header.0 {
        entries.push(check_entry(name, raw, start).map_err(damaged)?);
    }
    entries.sort_by_key(|entry| (entry.offset, entry.len));
    let mut end = start;
    for entry in &entries {
        if entry.offset != end {
            return Err(damaged(format!(
                "{} does not start where the last tensor ends",
                entry.name
            )));
        }
        end += entry.len;
    }
    if end != file_len {
        return Err(damaged(format!("it has {file_len} bytes where {end} are expected")));
    }
    Ok(entries)
}

fn check_entry(name: String, raw: RawEntry, start: u64) -> Result<Entry, String> {
    let dtype = dtype_of(&raw.dtype).ok_or_else(|| format!("{name} has type {}", raw.dtype))?;
    let (from, to) = raw.data_offsets;
    let len = to.checked_sub(from).ok_or_else(|| format!("{name} ends before it starts"))?;
    let wanted = raw
        .shape
        .iter()
        .try_fold(dtype.size() as u64, |bytes, extent| bytes.checked_mul(*extent as u64));
    if wanted != Some(len) {
        return Err(format!("{name} of shape {:?} has {len} bytes", raw.shape));
    }
    let offset = start.checked_add(from).ok_or_else(|| format!("{name} starts beyond the file"))?;
    Ok(Entry { name, dtype, shape: raw.shape, offset, len })
}

fn dtype_of(text: &str) -> Option<FileDtype> {
    Some(match text {
        "F64" => FileDtype::F64,
        "F32" => FileDtype::F32,
        "F16" => FileDtype::F16,
        "BF16" => FileDtype::Bf16,
        "I64" | "U64" => FileDtype::Other { size: 8 },
        "I32" | "U32" => FileDtype::Other { size: 4 },
        "I16" | "U16" => FileDtype::Other { size: 2 },
        "I8" | "U8" | "BOOL" => FileDtype::Other { size: 1 },
        _ => return None,
    })
}

/// A JSON object whose names must differ, which parsers of objects do not ask for.
struct Header(Vec<(String, RawEntry)>);

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeaderVisitor)
    }
}

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = Header;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
        let mut entries = Vec::new();
        let mut names = BTreeSet::new();
        while let Some(name) = map.next_key::<String>()? {
            if name == "__metadata__" {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            if !names.insert(name.clone()) {
                return Err(serde::de::Error::custom(format!("{name} is there twice")));
            }
            entries.push((name, map.next_value()?));
        }
        Ok(Header(entries))
    }
}
