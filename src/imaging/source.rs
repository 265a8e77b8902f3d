//! Where the bytes of a file come from: the disk, read piecewise; an entry of an archive, unpacked
//! as far as it is asked for; or inflated memory. Nothing else opens what is to be looked at.

use std::{
    fs::File,
    io::{BufRead, BufReader, Cursor, Read as _, Seek, SeekFrom},
    path::Path,
};

use flate2::read::DeflateDecoder;

use super::{
    archive::{self, Unpacking},
    error::{Fault, OpenError},
};

/// A deflated data set may not grow beyond this.
const MAX_INFLATED: u64 = 384 << 20;

/// Bytes by position, never more than asked for and never more than there are.
pub(super) enum Source {
    /// A file and its length.
    File { file: BufReader<File>, len: u64 },
    /// An entry of an archive.
    Entry(Box<Unpacking>),
    /// Everything at hand.
    Memory(Vec<u8>),
}

/// What decoders of pictures read from.
pub(super) trait BufReadSeek: BufRead + Seek {}

impl<T: BufRead + Seek> BufReadSeek for T {}

impl Source {
    /// A file, or an entry of an archive by its path: `study.zip/DICOM/IM1`.
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) => {
                return match archive::open_entry(path)? {
                    Some(entry) => Ok(Self::Entry(Box::new(entry))),
                    None => Err(OpenError::io(&error, path)),
                };
            }
        };
        let meta = file.metadata().map_err(|error| OpenError::io(&error, path))?;
        if !meta.is_file() {
            return Err(Fault::NotAPicture.at(path));
        }
        Ok(Self::File { file: BufReader::with_capacity(1 << 16, file), len: meta.len() })
    }

    pub(super) fn len(&self) -> u64 {
        match self {
            Self::File { len, .. } => *len,
            Self::Entry(entry) => entry.len(),
            Self::Memory(bytes) => bytes.len() as u64,
        }
    }

    /// Whether it lies in an archive.
    pub(super) fn is_entry(&self) -> bool {
        matches!(self, Self::Entry(_))
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
            Self::Entry(entry) => part_of(entry.up_to(start.saturating_add(len))?, start, len),
            Self::Memory(bytes) => part_of(bytes, start, len),
        }
    }

    /// All of it from the beginning, for a decoder that goes its own way.
    pub(super) fn into_reader(self) -> Result<Box<dyn BufReadSeek>, Fault> {
        match self {
            Self::File { mut file, .. } => {
                file.rewind().map_err(|_error| Fault::Truncated)?;
                Ok(Box::new(file))
            }
            Self::Entry(entry) => Ok(Box::new(Cursor::new(entry.into_bytes()?))),
            Self::Memory(bytes) => Ok(Box::new(Cursor::new(bytes))),
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

fn part_of(bytes: &[u8], start: u64, len: u64) -> Result<Vec<u8>, Fault> {
    let from = usize::try_from(start).unwrap_or(usize::MAX).min(bytes.len());
    let room = usize::try_from(len).unwrap_or(usize::MAX);
    let to = from.saturating_add(room).min(bytes.len());
    let wanted = bytes.get(from..to).unwrap_or_default();
    let mut part = Vec::new();
    part.try_reserve_exact(wanted.len()).map_err(|_full| too_long(len))?;
    part.extend_from_slice(wanted);
    Ok(part)
}

fn too_long(len: u64) -> Fault {
    Fault::Structure(format!("{} MiB do not fit into memory", len >> 20))
}
