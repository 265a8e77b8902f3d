//! The list of contents at the end of an archive (APPNOTE 4.3), read without trusting a number in
//! it; of a cut archive the headers before each entry.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
};

/// Entries of one archive.
const MAX_ENTRIES: usize = 200_000;
/// Its list of contents.
const MAX_LIST: u64 = 64 << 20;
/// Record of the end, and the longest comment.
const TAIL: u64 = 22 + 65_535;
const LOCAL: u32 = 0x0403_4B50;
const CENTRAL: u32 = 0x0201_4B50;
const END: &[u8] = b"PK\x05\x06";
const END_64: u32 = 0x0606_4B50;
const LOCATOR_64: u32 = 0x0706_4B50;
/// Of an entry whose sizes follow its data.
const SIZES_FOLLOW: u16 = 8;

/// One entry as the archive has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) crc32: u32,
    pub(super) packed: u64,
    pub(super) size: u64,
    /// Of its local header, from the file's first byte.
    pub(super) offset: u64,
    pub(super) name: Vec<u8>,
}

/// What was read.
pub(super) struct Records {
    pub(super) list: Vec<Record>,
    /// The list of contents is missing or ends early.
    pub(super) cut: bool,
}

/// Bytes at a position.
pub(super) fn read_at(file: &mut File, start: u64, len: u64) -> Result<Vec<u8>, String> {
    let unreadable = |error: std::io::Error| format!("reading: {}", error.kind());
    file.seek(SeekFrom::Start(start)).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(len).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

/// Where the list of contents lies.
struct List {
    start: u64,
    len: u64,
    /// What to add to every offset: bytes before the archive proper.
    shift: u64,
}

impl Records {
    pub(super) fn read(file: &mut File, len: u64) -> Result<Self, String> {
        let Some(list) = find_list(file, len)? else { return Self::from_headers(file, len) };
        if list.len > MAX_LIST {
            return Err(format!("its list of contents is longer than {} MiB", MAX_LIST >> 20));
        }
        let bytes = read_at(file, list.start, list.len)?;
        let mut records = Vec::new();
        let mut at = 0;
        while u32_at(&bytes, at) == Some(CENTRAL) {
            let Some((record, next)) = central(&bytes, at, list.shift) else { break };
            push(&mut records, record)?;
            at = next;
        }
        if records.is_empty() && list.len > 0 {
            return Self::from_headers(file, len);
        }
        Ok(Self { list: records, cut: at < bytes.len() })
    }

    /// Entry after entry, as far as the archive goes.
    fn from_headers(file: &mut File, len: u64) -> Result<Self, String> {
        let mut records = Vec::new();
        let mut at = 0;
        while at < len {
            let start = read_at(file, at, 30)?;
            let Some(head_len) = data_offset(&start) else { break };
            let head = read_at(file, at, head_len)?;
            let Some((record, data)) = local(&head, at) else { break };
            if record.flags & SIZES_FOLLOW != 0 && record.packed == 0 {
                break;
            }
            at = at.saturating_add(data).saturating_add(record.packed);
            push(&mut records, record)?;
        }
        if records.is_empty() {
            return Err("it is cut off or damaged, and nothing in it can be found".to_owned());
        }
        Ok(Self { list: records, cut: true })
    }
}

fn push(records: &mut Vec<Record>, record: Record) -> Result<(), String> {
    if records.len() >= MAX_ENTRIES {
        return Err(format!("it holds more than {MAX_ENTRIES} entries"));
    }
    records.push(record);
    Ok(())
}

/// The record of the end, searched backwards; `None` in a cut archive.
fn find_list(file: &mut File, len: u64) -> Result<Option<List>, String> {
    let tail_start = len.saturating_sub(TAIL);
    let tail = read_at(file, tail_start, TAIL)?;
    let starts = tail.windows(4).enumerate().rev().filter(|(_, four)| *four == END);
    for (at, _) in starts.take(64) {
        let Some((list_len, list_start)) = end_record(&tail, at) else { continue };
        let end = tail_start + at as u64;
        let (list_len, list_start, list_end) = match locator_64(file, &tail, at) {
            Some(wide) => wide,
            None => (u64::from(list_len), u64::from(list_start), end),
        };
        // what comes before the archive shifts everything in it
        let Some(real) = list_end.checked_sub(list_len) else { continue };
        let Some(shift) = real.checked_sub(list_start) else { continue };
        return Ok(Some(List { start: real, len: list_len, shift }));
    }
    Ok(None)
}

/// Length and start of the list, unless the comment reaches beyond the file.
fn end_record(tail: &[u8], at: usize) -> Option<(u32, u32)> {
    let comment = usize::from(u16_at(tail, at + 20)?);
    let fits = at + 22 + comment <= tail.len();
    fits.then_some(())?;
    Some((u32_at(tail, at + 12)?, u32_at(tail, at + 16)?))
}

/// Length, start and end of the list of an archive with 64-bit numbers.
fn locator_64(file: &mut File, tail: &[u8], end: usize) -> Option<(u64, u64, u64)> {
    let at = end.checked_sub(20)?;
    (u32_at(tail, at)? == LOCATOR_64).then_some(())?;
    let place = u64_at(tail, at + 8)?;
    let record = read_at(file, place, 56).ok()?;
    (u32_at(&record, 0)? == END_64).then_some(())?;
    Some((u64_at(&record, 40)?, u64_at(&record, 48)?, place))
}

/// One entry of the list, and where the next begins.
fn central(bytes: &[u8], at: usize, shift: u64) -> Option<(Record, usize)> {
    let lens = [28, 30, 32].map(|field| u16_at(bytes, at + field).map(usize::from));
    let [Some(name), Some(extra), Some(comment)] = lens else { return None };
    let name_at = at + 46;
    let extra_bytes = bytes.get(name_at + name..name_at + name + extra)?;
    let narrow = [u32_at(bytes, at + 24)?, u32_at(bytes, at + 20)?, u32_at(bytes, at + 42)?];
    let [size, packed, offset] = widened(narrow, extra_bytes);
    let record = Record {
        flags: u16_at(bytes, at + 8)?,
        method: u16_at(bytes, at + 10)?,
        crc32: u32_at(bytes, at + 16)?,
        packed,
        size,
        offset: offset.saturating_add(shift),
        name: bytes.get(name_at..name_at + name)?.to_vec(),
    };
    Some((record, name_at + name + extra + comment))
}

/// The header before an entry's data, and how long it is.
fn local(bytes: &[u8], offset: u64) -> Option<(Record, u64)> {
    (u32_at(bytes, 0)? == LOCAL).then_some(())?;
    let (name, extra) = (usize::from(u16_at(bytes, 26)?), usize::from(u16_at(bytes, 28)?));
    let extra_bytes = bytes.get(30 + name..30 + name + extra)?;
    let [size, packed, _] = widened([u32_at(bytes, 22)?, u32_at(bytes, 18)?, 0], extra_bytes);
    let record = Record {
        flags: u16_at(bytes, 6)?,
        method: u16_at(bytes, 8)?,
        crc32: u32_at(bytes, 14)?,
        packed,
        size,
        offset,
        name: bytes.get(30..30 + name)?.to_vec(),
    };
    Some((record, 30 + name as u64 + extra as u64))
}

/// Where an entry's data begin after its local header.
pub(super) fn data_offset(header: &[u8]) -> Option<u64> {
    (u32_at(header, 0)? == LOCAL).then_some(())?;
    Some(30 + u64::from(u16_at(header, 26)?) + u64::from(u16_at(header, 28)?))
}

/// Numbers too large for 32 bits stand in an extra field, in this order (APPNOTE 4.5.3).
fn widened(narrow: [u32; 3], extra: &[u8]) -> [u64; 3] {
    let mut wide = narrow.map(u64::from);
    let mut at = 0;
    while let (Some(id), Some(len)) = (u16_at(extra, at), u16_at(extra, at + 2)) {
        if id == 1 {
            let mut from = at + 4;
            for (wide, narrow) in wide.iter_mut().zip(narrow) {
                if narrow == u32::MAX
                    && let Some(value) = u64_at(extra, from)
                {
                    *wide = value;
                    from += 8;
                }
            }
            break;
        }
        at += 4 + usize::from(len);
    }
    wide
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}
