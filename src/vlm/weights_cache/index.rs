//! What is in a file of kept weights: a head of fixed size, the numbers, and the list of them.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write};

use half::{bf16, f16};
use serde::{Deserialize, Serialize};

use crate::nn::{BlockFormat, HostMatrix};
use crate::vlm::tower::TowerCheck;

/// Raised whenever anything in the file changes its meaning, the order of blocks included.
const VERSION: u32 = 2;
const MAGIC: &[u8; 8] = b"RRWEIGHT";

/// Bytes of the head.
pub(super) const HEAD: u64 = 64;

/// Every piece begins at a multiple of this.
pub(super) const ALIGN: u64 = 64;

/// Bytes under one checksum, which are read at once.
pub(super) const CHUNK: usize = 1 << 20;

/// The longest list that is believed.
const MAX_INDEX: u64 = 256 << 20;

/// The list.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Index {
    /// Of the weight files it was made of.
    pub(super) identity: String,
    /// Of all of them, read whole.
    pub(super) weights_sha256: String,
    /// What was seen of the vision tower, where it was looked at.
    pub(super) tower: Option<TowerCheck>,
    pub(super) pieces: Vec<Piece>,
}

/// Numbers that lie together.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Piece {
    /// Of the tensor.
    pub(super) name: String,
    pub(super) kind: PieceKind,
    /// From the start of the file.
    pub(super) offset: u64,
    pub(super) len: u64,
    /// Of each chunk.
    pub(super) checksums: Vec<u32>,
}

/// What numbers are to the tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum PieceKind {
    /// A matrix in blocks.
    Host { format: BlockFormat, rows: usize, columns: usize },
    /// Some rows of a matrix; those of one name follow each other.
    Dense { number: Number, rows: usize, columns: usize },
    /// A tensor of f32, flattened.
    Vector { len: usize },
    /// A table of the host.
    Table { number: Number, rows: usize, columns: usize },
}

/// How a number is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Number {
    F32,
    F16,
    Bf16,
}

impl Number {
    fn size(self) -> usize {
        match self {
            Self::F32 => size_of::<f32>(),
            Self::F16 => size_of::<f16>(),
            Self::Bf16 => size_of::<bf16>(),
        }
    }
}

impl PieceKind {
    /// Bytes it takes; `None` beyond what a machine can hold.
    pub(super) fn bytes(self) -> Option<usize> {
        let dense = |number: Number, rows: usize, columns: usize| {
            rows.checked_mul(columns)?.checked_mul(number.size())
        };
        match self {
            Self::Host { format, rows, columns } => {
                Some(HostMatrix::bytes_of(format, rows, columns))
            }
            Self::Dense { number, rows, columns } | Self::Table { number, rows, columns } => {
                dense(number, rows, columns)
            }
            Self::Vector { len } => dense(Number::F32, 1, len),
        }
    }
}

impl Piece {
    /// Whether its places and sizes agree with each other and with the file.
    fn is_sound(&self, file_bytes: u64) -> bool {
        let chunks = self.len.div_ceil(CHUNK as u64);
        self.kind.bytes().map(|bytes| bytes as u64) == Some(self.len)
            && self.checksums.len() as u64 == chunks
            && self.offset.checked_add(self.len).is_some_and(|end| end <= file_bytes)
    }
}

impl Index {
    /// Write the list at the end of the file and then its place into the head.
    pub(super) fn write(&self, file: &mut (impl Write + std::io::Seek)) -> std::io::Result<()> {
        let text = serde_json::to_vec(self).map_err(std::io::Error::other)?;
        let offset = file.seek(SeekFrom::End(0))?;
        file.write_all(&text)?;
        let mut head = MAGIC.to_vec();
        head.extend(VERSION.to_le_bytes());
        head.extend(crc32fast::hash(&text).to_le_bytes());
        head.extend(offset.to_le_bytes());
        head.extend((text.len() as u64).to_le_bytes());
        file.rewind()?;
        file.write_all(&head)
    }

    /// The list of a whole file, or what is wrong with it in words.
    pub(super) fn read(file: &mut File) -> Result<Self, &'static str> {
        let io = |_error: std::io::Error| "could not be read";
        let file_bytes = file.metadata().map_err(io)?.len();
        let mut head = [0; HEAD as usize];
        file.read_exact(&mut head).map_err(|_short| "were cut short")?;
        let (magic, rest) = head.split_at(MAGIC.len());
        let (version, rest) = rest.split_at(4);
        if magic != MAGIC {
            return Err("were of another kind");
        }
        if version != VERSION.to_le_bytes() {
            return Err("were made by another version");
        }
        let (checksum, rest) = rest.split_at(4);
        let (offset, len) = (number(rest, 0), number(rest, 8));
        if len > MAX_INDEX || offset.checked_add(len) != Some(file_bytes) {
            return Err("were cut short");
        }
        let mut text = vec![0; usize::try_from(len).unwrap_or_default()];
        file.seek(SeekFrom::Start(offset)).map_err(io)?;
        file.read_exact(&mut text).map_err(io)?;
        let is_same = crc32fast::hash(&text).to_le_bytes() == checksum;
        let index: Option<Self> = serde_json::from_slice(&text).ok().filter(|_| is_same);
        let sound = |index: &Self| index.pieces.iter().all(|piece| piece.is_sound(offset));
        index.filter(sound).ok_or("were damaged")
    }
}

fn number(bytes: &[u8], at: usize) -> u64 {
    let eight = bytes.get(at..at + 8).and_then(|bytes| bytes.try_into().ok());
    u64::from_le_bytes(eight.unwrap_or_default())
}
