//! The bytes of one entry, unpacked as far as they are asked for and kept in memory.

use std::{
    fs::File,
    io::{Read, Seek as _, SeekFrom},
    path::Path,
};

use crc32fast::Hasher;
use flate2::read::DeflateDecoder;

use super::{
    super::error::{Fault, OpenError},
    contents::Entry,
    records::{data_offset, read_at},
};

/// An entry under way. What it holds is at most what the archive says.
pub(in super::super) struct Unpacking {
    packed: Box<dyn Read>,
    bytes: Vec<u8>,
    size: u64,
    sum: Hasher,
    crc32: u32,
}

impl Unpacking {
    /// Find the entry's data; `path` is for messages.
    pub(super) fn open(archive: &Path, entry: Entry, path: &Path) -> Result<Self, OpenError> {
        let unreadable = |error: &std::io::Error| OpenError::io(error, archive);
        let mut file = File::open(archive).map_err(|error| unreadable(&error))?;
        let header = read_at(&mut file, entry.offset, 30).map_err(|why| entry_fault(&why).at(path));
        let data = data_offset(&header?)
            .ok_or_else(|| entry_fault("the archive is damaged where it begins").at(path))?;
        file.seek(SeekFrom::Start(entry.offset.saturating_add(data)))
            .map_err(|error| unreadable(&error))?;
        let packed = file.take(entry.packed);
        let packed: Box<dyn Read> = match entry.is_deflated {
            true => Box::new(DeflateDecoder::new(packed)),
            false => Box::new(packed),
        };
        let (size, crc32) = (entry.size, entry.crc32);
        Ok(Self { packed, bytes: Vec::new(), size, sum: Hasher::new(), crc32 })
    }

    /// What the archive says it is long.
    pub(in super::super) fn len(&self) -> u64 {
        self.size
    }

    /// Its first bytes, at least up to `end` unless it ends before.
    pub(in super::super) fn up_to(&mut self, end: u64) -> Result<&[u8], Fault> {
        let before = self.bytes.len();
        let missing = end.min(self.size).saturating_sub(before as u64);
        if missing > 0 {
            let read = self.packed.as_mut().take(missing).read_to_end(&mut self.bytes);
            let read = read.map_err(|_error| entry_fault("it is damaged"))?;
            if (read as u64) < missing {
                return Err(entry_fault("it ends before it should"));
            }
            self.sum.update(self.bytes.get(before..).unwrap_or_default());
            self.check_whole()?;
        }
        Ok(&self.bytes)
    }

    fn check_whole(&self) -> Result<(), Fault> {
        let is_whole = self.bytes.len() as u64 == self.size;
        if is_whole && self.sum.clone().finalize() != self.crc32 {
            return Err(entry_fault("it is damaged: its checksum is another"));
        }
        Ok(())
    }

    /// All of it.
    pub(in super::super) fn into_bytes(mut self) -> Result<Vec<u8>, Fault> {
        self.up_to(self.size)?;
        Ok(self.bytes)
    }
}

fn entry_fault(why: &str) -> Fault {
    Fault::Entry(why.to_owned())
}
