//! Where the numbers of a PyTorch file lie, read without the usual reader: see `unpickle`.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Error, ErrorKind, Read as _, Result, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use crate::checkpoint::unpickle::{Place, Unpickled, Value, unpickle};

/// The pickle of the largest published file is a hundredth of this.
const MAX_PICKLE_BYTES: u64 = 64 << 20;

/// A whole central directory of a hundred thousand entries.
const MAX_DIRECTORY_BYTES: u64 = 64 << 20;

/// A comment of any length and the record before it.
const MAX_END_BYTES: u64 = (1 << 16) + 64;

/// Opens a legacy file: a pickle of the number 0x1950a86a20f9469cfc6c.
const LEGACY_START: &[u8] = &[0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8];

/// The saved object, and for every storage the place of its numbers.
pub(super) struct Stored {
    pub(super) object: Unpickled,
    path: PathBuf,
    /// First byte and bytes.
    places: HashMap<String, (u64, u64)>,
}

impl Stored {
    /// `None` for files of any other kind.
    pub(super) fn open(path: &Path) -> Option<Self> {
        let mut file = File::open(path).ok()?;
        let len = file.metadata().ok()?.len();
        let start = bytes_at(&mut file, 0, len.min(LEGACY_START.len() as u64)).ok()?;
        let (object, places) = if start.starts_with(b"PK\x03\x04") {
            open_zip(&mut file, len)?
        } else if start == LEGACY_START {
            open_legacy(&mut file, len)?
        } else {
            return None;
        };
        Some(Self { object, path: path.to_owned(), places })
    }

    /// The bytes of a tensor, row-major.
    pub(super) fn read(&self, place: &Place) -> Result<Vec<u8>> {
        let damaged = |reason: &str| Error::new(ErrorKind::InvalidData, reason.to_owned());
        let (from, len) = self
            .places
            .get(&place.storage.key)
            .ok_or_else(|| damaged("its numbers are not in the file"))?;
        let size = place.storage.dtype.size() as u64;
        let (first, span) = span(place).ok_or_else(|| damaged("its extents are out of range"))?;
        let (first, span) = (first.checked_mul(size), span.checked_mul(size));
        let (Some(first), Some(span)) = (first, span) else {
            return Err(damaged("its extents are out of range"));
        };
        if first.checked_add(span).is_none_or(|end| end > *len) {
            return Err(damaged("it reaches beyond its numbers"));
        }
        let bytes = bytes_at(&mut File::open(&self.path)?, from + first, span)?;
        Ok(if is_row_major(place) { bytes } else { gathered(place, &bytes) })
    }
}

/// Numbers before a tensor's first, and from there to its last.
fn span(place: &Place) -> Option<(u64, u64)> {
    if place.shape.len() != place.strides.len() {
        return None;
    }
    let mut last = 0_u64;
    for (extent, stride) in place.shape.iter().zip(&place.strides) {
        let Some(steps) = extent.checked_sub(1) else { return Some((0, 0)) };
        last = last.checked_add((steps as u64).checked_mul(*stride as u64)?)?;
    }
    // a row repeated by a stride of 0 could be larger than any file
    let count = place.shape.iter().try_fold(1_u64, |n, extent| n.checked_mul(*extent as u64))?;
    let span = last.checked_add(1)?;
    (count <= span).then_some((place.offset as u64, span))
}

fn is_row_major(place: &Place) -> bool {
    let mut expected = 1;
    place.shape.iter().zip(&place.strides).rev().all(|(extent, stride)| {
        let fits = *extent == 1 || *stride == expected;
        expected *= extent;
        fits
    })
}

/// The numbers of a turned or cut view, in the order of its rows.
fn gathered(place: &Place, bytes: &[u8]) -> Vec<u8> {
    let size = place.storage.dtype.size();
    let count: usize = place.shape.iter().product();
    let mut out = Vec::with_capacity(count * size);
    for index in 0..count {
        let (mut rest, mut at) = (index, 0);
        for (extent, stride) in place.shape.iter().zip(&place.strides).rev() {
            at += rest % extent * stride;
            rest /= extent;
        }
        out.extend(bytes.get(at * size..(at + 1) * size).unwrap_or_default());
    }
    out
}

fn bytes_at(file: &mut File, from: u64, len: u64) -> Result<Vec<u8>> {
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(usize::MAX)];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

type Opened = (Unpickled, HashMap<String, (u64, u64)>);

/// Magic number, protocol version, facts of the system, the object, the storages' keys; then
/// their numbers, each behind their count.
fn open_legacy(file: &mut File, len: u64) -> Option<Opened> {
    let bytes = bytes_at(file, 0, len.min(MAX_PICKLE_BYTES)).ok()?;
    let mut at = 0;
    let mut next = || {
        let part = unpickle(bytes.get(at..)?)?;
        at += part.len;
        Some(part)
    };
    let (_magic, _version) = (next()?, next()?);
    let system = next()?;
    let (object, keys) = (next()?, next()?);
    if !matches!(system.entry(system.root(), "little_endian")?, Value::Int(1)) {
        return None;
    }
    let sizes: HashMap<&str, (usize, usize)> = object
        .storages()
        .map(|storage| (storage.key.as_str(), (storage.len, storage.dtype.size())))
        .collect();
    let Value::Items(keys_in_order) = keys.root() else { return None };
    let mut places = HashMap::new();
    let mut from = at as u64;
    for key in keys_in_order {
        let key = keys.text(*key)?;
        let (count, size) = *sizes.get(key)?;
        let written = u64::from_le_bytes(bytes_at(file, from, 8).ok()?.try_into().ok()?);
        if written != count as u64 {
            return None;
        }
        let storage_len = written.checked_mul(size as u64)?;
        places.insert(key.to_owned(), (from + 8, storage_len));
        from = from.checked_add(8)?.checked_add(storage_len)?;
        if from > len {
            return None;
        }
    }
    Some((object, places))
}

/// `…/data.pkl`, and the storages under `…/data/`.
fn open_zip(file: &mut File, len: u64) -> Option<Opened> {
    let entries = zip_entries(file, len)?;
    let is_pickle = |name: &&String| *name == "data.pkl" || name.ends_with("/data.pkl");
    let name = entries.keys().filter(is_pickle).min_by_key(|name| name.len())?;
    let root = name.strip_suffix("data.pkl")?;
    if let Some(order) = entries.get(&format!("{root}byteorder"))
        && contents(file, *order)? != b"little"
    {
        return None;
    }
    let object = unpickle(&contents(file, *entries.get(name)?)?)?;
    let mut places = HashMap::new();
    for storage in object.storages() {
        let Some((from, len)) = entries.get(&format!("{root}data/{}", storage.key)) else {
            continue;
        };
        if !places.contains_key(&storage.key) {
            places.insert(storage.key.clone(), (data_start(file, *from)?, *len));
        }
    }
    Some((object, places))
}

/// Of an entry that is not too large for a pickle.
fn contents(file: &mut File, (header, len): (u64, u64)) -> Option<Vec<u8>> {
    let from = data_start(file, header)?;
    (len <= MAX_PICKLE_BYTES).then(|| bytes_at(file, from, len).ok())?
}

/// The first byte of an entry's contents, from where its own header starts.
fn data_start(file: &mut File, header: u64) -> Option<u64> {
    let bytes = bytes_at(file, header, 30).ok()?;
    if !bytes.starts_with(b"PK\x03\x04") {
        return None;
    }
    Some(header + 30 + u64::from(u16_at(&bytes, 26)?) + u64::from(u16_at(&bytes, 28)?))
}

/// Every entry that is stored as it is: where its header starts, and its bytes.
fn zip_entries(file: &mut File, len: u64) -> Option<HashMap<String, (u64, u64)>> {
    let (from, directory_len) = zip_directory(file, len)?;
    if directory_len > MAX_DIRECTORY_BYTES {
        return None;
    }
    let directory = bytes_at(file, from, directory_len).ok()?;
    let mut entries = HashMap::new();
    let mut rest = directory.as_slice();
    while rest.starts_with(b"PK\x01\x02") {
        let number = |at| u32_at(rest, at).map(u64::from);
        let (method, stored) = (u16_at(rest, 10)?, number(20)?);
        let (size, header) = (number(24)?, number(42)?);
        let [name, extra, comment] = [28, 30, 32].map(|at| u16_at(rest, at).map(usize::from));
        let (name_end, extra, comment) = (46 + name?, extra?, comment?);
        let name = String::from_utf8_lossy(rest.get(46..name_end)?).into_owned();
        let extra = rest.get(name_end..name_end + extra)?;
        rest = rest.get(name_end + extra.len() + comment..)?;
        let [size, stored, header] = widened([size, stored, header], extra)?;
        let is_inside = header.checked_add(size).is_some_and(|end| end <= len);
        if method == 0 && size == stored && is_inside {
            entries.insert(name, (header, size));
        }
    }
    Some(entries)
}

/// Where the directory starts, and its bytes.
fn zip_directory(file: &mut File, len: u64) -> Option<(u64, u64)> {
    let tail_start = len.saturating_sub(MAX_END_BYTES);
    let tail = bytes_at(file, tail_start, len - tail_start).ok()?;
    let end = tail.windows(4).rposition(|word| word == b"PK\x05\x06")?;
    let record = tail.get(end..)?;
    let (size, start) = (u32_at(record, 12)?, u32_at(record, 16)?);
    if size != u32::MAX && start != u32::MAX {
        return Some((u64::from(start), u64::from(size)));
    }
    let locator = tail.get(end.checked_sub(20)?..end)?;
    let record = bytes_at(file, u64_at(locator, 8)?, 56).ok()?;
    let is_wide = locator.starts_with(b"PK\x06\x07") && record.starts_with(b"PK\x06\x06");
    is_wide.then_some((u64_at(&record, 48)?, u64_at(&record, 40)?))
}

/// Numbers that did not fit into 32 bits stand in the extra field, in this order.
fn widened(numbers: [u64; 3], extra: &[u8]) -> Option<[u64; 3]> {
    let mut wide = extra;
    while let (Some(kind), Some(len)) = (u16_at(wide, 0), u16_at(wide, 2)) {
        let body = wide.get(4..4 + usize::from(len))?;
        if kind == 1 {
            let mut words = body.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word));
            let mut one = |number: u64| {
                if number == u64::from(u32::MAX) { words.next() } else { Some(number) }
            };
            let [a, b, c] = numbers;
            return Some([one(a)?, one(b)?, one(c)?]);
        }
        wide = wide.get(4 + body.len()..)?;
    }
    Some(numbers)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes)
}
