//! Where the bytes of a data set come from: a file read piecewise, or inflated memory.

use std::{
    fs::File,
    io::{BufReader, Read as _, Seek as _, SeekFrom},
    path::Path,
};

use flate2::read::DeflateDecoder;

use super::super::error::{Fault, OpenError};

/// A deflated data set may not grow beyond this.
const MAX_INFLATED: u64 = 384 << 20;

/// Bytes by position, never more than asked for and never more than there are.
#[derive(Debug)]
pub(super) enum Source {
    /// A file and its length.
    File { file: BufReader<File>, len: u64 },
    /// Everything at hand.
    Memory(Vec<u8>),
}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        let file = File::open(path).map_err(|error| OpenError::io(&error, path))?;
        let meta = file.metadata().map_err(|error| OpenError::io(&error, path))?;
        if !meta.is_file() {
            return Err(Fault::NotAPicture.at(path));
        }
        Ok(Self::File { file: BufReader::with_capacity(1 << 16, file), len: meta.len() })
    }

    pub(super) fn len(&self) -> u64 {
        match self {
            Self::File { len, .. } => *len,
            Self::Memory(bytes) => bytes.len() as u64,
        }
    }

    /// Up to `len` bytes from `start`; fewer at the end.
    pub(super) fn read(&mut self, start: u64, len: u64) -> Result<Vec<u8>, Fault> {
        let len = len.min(self.len().saturating_sub(start));
        match self {
            Self::File { file, .. } => {
                let unreadable =
                    |error: std::io::Error| Fault::Structure(format!("reading: {}", error.kind()));
                let here = file.stream_position().map_err(unreadable)?;
                let step = i64::try_from(i128::from(start) - i128::from(here));
                match step {
                    Ok(step) => file.seek_relative(step).map_err(unreadable)?,
                    Err(_far) => {
                        file.seek(SeekFrom::Start(start)).map_err(unreadable)?;
                    }
                }
                let room = usize::try_from(len).unwrap_or(usize::MAX);
                let mut bytes = Vec::new();
                bytes.try_reserve_exact(room).map_err(|_full| too_long(len))?;
                file.take(len).read_to_end(&mut bytes).map_err(unreadable)?;
                Ok(bytes)
            }
            Self::Memory(bytes) => {
                let from = usize::try_from(start).unwrap_or(usize::MAX).min(bytes.len());
                let room = usize::try_from(len).unwrap_or(usize::MAX);
                let to = from.saturating_add(room).min(bytes.len());
                Ok(bytes.get(from..to).unwrap_or_default().to_vec())
            }
        }
    }

    /// The first bytes of a deflated data set that starts at `start`; whether there are more.
    pub(super) fn inflate(&mut self, start: u64, limit: u64) -> Result<(Vec<u8>, bool), Fault> {
        let packed = self.read(start, self.len())?;
        let limit = limit.min(MAX_INFLATED);
        let mut bytes = Vec::new();
        let end = DeflateDecoder::new(packed.as_slice()).take(limit).read_to_end(&mut bytes);
        // a damaged stream keeps what came before the damage
        let more = end.is_ok() && bytes.len() as u64 == limit;
        if more && limit == MAX_INFLATED {
            let mebibytes = MAX_INFLATED >> 20;
            return Err(Fault::Structure(format!("it inflates to more than {mebibytes} MiB")));
        }
        Ok((bytes, more))
    }
}

fn too_long(len: u64) -> Fault {
    Fault::Structure(format!("{} MiB do not fit into memory", len >> 20))
}
