//! From a file of kept weights to tensors: straight into their own memory, on all threads.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::time::SystemTime;

use burn::tensor::TensorData;
use half::{bf16, f16};
use rayon::prelude::*;

use crate::nn::{HostBytes, HostMatrix, Table, TableValues};
use crate::vlm::conversion::{Prepared, PreparedMatrix};
use crate::vlm::storage::Storage;
use crate::vlm::tower::TowerCheck;
use crate::vlm::weights::{Loaded, Plan};
use crate::vlm::weights_cache::CacheEntry;
use crate::vlm::weights_cache::index::{CHUNK, Index, Number, Piece, PieceKind};
use crate::vlm::{LoadProgress, LoadStage, ModelError};

/// Bytes between two looks at whether to go on.
const STEP: usize = 64 << 20;

/// What came of looking for kept weights.
pub(crate) enum Found {
    /// They are loaded.
    All {
        /// Of the files they were made of.
        weights_sha256: String,
        /// What was seen of the vision tower.
        tower: Option<TowerCheck>,
    },
    /// There are none, or, in words, why those there were of no use.
    Nothing(Option<String>),
}

/// Why reading ends early.
enum End {
    Useless(&'static str),
    Model(ModelError),
}

impl CacheEntry {
    /// Load all tensors of the plan; a file that is of no use is removed.
    ///
    /// # Errors
    /// When memory does not suffice or `progress` breaks.
    pub(crate) fn read(
        &self,
        plan: &Plan,
        loaded: &mut Loaded,
        progress: &mut dyn FnMut(LoadProgress) -> ControlFlow<()>,
    ) -> Result<Found, ModelError> {
        let Ok(mut file) = File::open(&self.path) else { return Ok(Found::Nothing(None)) };
        let read = self
            .index(&mut file, plan, loaded)
            .map_err(End::Useless)
            .and_then(|index| read_pieces(&file, index, loaded, progress));
        drop(file);
        match read {
            Ok((weights_sha256, tower)) => {
                self.touch();
                Ok(Found::All { weights_sha256, tower })
            }
            Err(End::Model(error)) => Err(error),
            Err(End::Useless(why)) => {
                std::fs::remove_file(&self.path).ok();
                Ok(Found::Nothing(Some(format!("the kept weights {why} and are made anew"))))
            }
        }
    }

    fn index(
        &self,
        file: &mut File,
        plan: &Plan,
        loaded: &mut Loaded,
    ) -> Result<Index, &'static str> {
        let index = Index::read(file)?;
        if index.identity != self.identity {
            return Err("were of other weight files");
        }
        loaded.expect_rounded_tower(index.tower.is_some_and(|tower| tower.in_eight_bits));
        if !is_whole(&index, plan, loaded) {
            return Err("were incomplete");
        }
        Ok(index)
    }

    /// The file used last is the last to be removed.
    fn touch(&self) {
        let file = File::options().append(true).open(&self.path);
        file.and_then(|file| file.set_modified(SystemTime::now())).ok();
    }
}

/// Whether the list has everything of the plan, stored as it would be now.
fn is_whole(index: &Index, plan: &Plan, loaded: &Loaded) -> bool {
    let mut pieces: BTreeMap<&str, Vec<PieceKind>> = BTreeMap::new();
    for piece in &index.pieces {
        pieces.entry(&piece.name).or_default().push(piece.kind);
    }
    plan.expected.iter().all(|(name, expected)| {
        let kinds = pieces.get(name.as_str()).map(Vec::as_slice).unwrap_or_default();
        let storage = loaded.conversion().storage(name);
        let (mut rows_there, mut has_vector, mut has_table) = (0, false, false);
        for kind in kinds {
            match (*kind, storage) {
                (PieceKind::Host { format, rows, columns }, Storage::Host(wanted))
                    if format == wanted && expected.shape == [rows, columns] =>
                {
                    rows_there += rows;
                }
                (PieceKind::Dense { rows, columns, .. }, Storage::Dense(_))
                    if expected.shape.get(1) == Some(&columns) =>
                {
                    rows_there += rows;
                }
                (PieceKind::Vector { len }, _) => {
                    has_vector = len as u64 == expected.numbers();
                }
                (PieceKind::Table { rows, columns, .. }, _) => {
                    has_table = expected.shape == [rows, columns];
                }
                _ => return false,
            }
        }
        let rows = if expected.is_matrix { expected.shape.first().copied() } else { Some(0) };
        rows == Some(rows_there)
            && has_vector == expected.is_vector
            && has_table == expected.is_table
    })
}

/// Memory of a piece on its way in.
enum Place {
    Host(HostBytes),
    F32(Vec<f32>),
    F16(Vec<f16>),
    Bf16(Vec<bf16>),
}

impl Place {
    fn of(kind: PieceKind, loaded: &Loaded) -> Result<Self, ModelError> {
        let (number, count) = match kind {
            PieceKind::Host { format, .. } => {
                let len = kind.bytes().unwrap_or_default();
                return Ok(Self::Host(loaded.conversion().host_bytes(format, len)?));
            }
            PieceKind::Dense { number, rows, columns }
            | PieceKind::Table { number, rows, columns } => (number, rows * columns),
            PieceKind::Vector { len } => (Number::F32, len),
        };
        Ok(match number {
            Number::F32 => Self::F32(vec![0.0; count]),
            Number::F16 => Self::F16(vec![f16::ZERO; count]),
            Number::Bf16 => Self::Bf16(vec![bf16::ZERO; count]),
        })
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Host(bytes) => bytes,
            Self::F32(values) => bytemuck::cast_slice_mut(values),
            Self::F16(values) => bytemuck::cast_slice_mut(values),
            Self::Bf16(values) => bytemuck::cast_slice_mut(values),
        }
    }
}

/// A part of a piece.
struct Chunk<'a> {
    offset: u64,
    checksum: u32,
    bytes: &'a mut [u8],
}

fn read_pieces(
    file: &File,
    index: Index,
    loaded: &mut Loaded,
    progress: &mut dyn FnMut(LoadProgress) -> ControlFlow<()>,
) -> Result<(String, Option<TowerCheck>), End> {
    let bytes_total = index.pieces.iter().map(|piece| piece.len).sum();
    let mut bytes_done = 0;
    let mut tell = |bytes: u64| {
        bytes_done += bytes;
        let progress =
            progress(LoadProgress { stage: LoadStage::Transfer, bytes_done, bytes_total });
        if progress.is_break() { Err(End::Model(ModelError::Cancelled)) } else { Ok(()) }
    };
    let mut dense: BTreeMap<String, Vec<TensorData>> = BTreeMap::new();
    let mut rest = index.pieces.as_slice();
    while !rest.is_empty() {
        let (batch, after) = rest.split_at(batch_len(rest));
        rest = after;
        let mut places = Vec::new();
        for piece in batch {
            places.push(Place::of(piece.kind, loaded).map_err(End::Model)?);
        }
        read_batch(file, batch, &mut places, &mut tell)?;
        for (piece, place) in batch.iter().zip(places) {
            put(piece, place, loaded, &mut dense);
        }
    }
    for (name, pieces) in dense {
        let matrix = Some(PreparedMatrix::Dense(pieces));
        loaded.place(&name, Prepared { matrix, vector: None, table: None });
    }
    Ok((index.weights_sha256, index.tower))
}

/// Pieces that are read together: at least one.
fn batch_len(pieces: &[Piece]) -> usize {
    let mut bytes = 0;
    let fits = pieces.iter().take_while(|piece| {
        bytes += piece.len;
        bytes <= STEP as u64
    });
    fits.count().max(1)
}

fn read_batch(
    file: &File,
    batch: &[Piece],
    places: &mut [Place],
    tell: &mut impl FnMut(u64) -> Result<(), End>,
) -> Result<(), End> {
    let mut chunks = Vec::new();
    for (piece, place) in batch.iter().zip(places) {
        let parts = place.bytes_mut().chunks_mut(CHUNK).zip(&piece.checksums);
        chunks.extend(parts.enumerate().map(|(at, (bytes, checksum))| Chunk {
            offset: piece.offset + (at * CHUNK) as u64,
            checksum: *checksum,
            bytes,
        }));
    }
    for some in chunks.chunks_mut(STEP / CHUNK) {
        some.par_iter_mut().try_for_each(|chunk| chunk.read(file)).map_err(End::Useless)?;
        tell(some.iter().map(|chunk| chunk.bytes.len() as u64).sum())?;
    }
    Ok(())
}

impl Chunk<'_> {
    fn read(&mut self, file: &File) -> Result<(), &'static str> {
        read_at(file, self.bytes, self.offset).map_err(|_error| "could not be read")?;
        if crc32fast::hash(self.bytes) == self.checksum { Ok(()) } else { Err("were damaged") }
    }
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

#[cfg(windows)]
fn read_at(file: &File, mut bytes: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let read = std::os::windows::fs::FileExt::seek_read(file, bytes, offset)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes = bytes.get_mut(read..).unwrap_or_default();
        offset += read as u64;
    }
    Ok(())
}

fn put(
    piece: &Piece,
    place: Place,
    loaded: &mut Loaded,
    dense: &mut BTreeMap<String, Vec<TensorData>>,
) {
    let mut prepared = Prepared { matrix: None, vector: None, table: None };
    match (piece.kind, place) {
        (PieceKind::Host { format, rows, columns }, Place::Host(bytes)) => {
            let matrix = HostMatrix::from_bytes(format, rows, columns, bytes);
            prepared.matrix = matrix.map(PreparedMatrix::Host);
        }
        (PieceKind::Vector { .. }, Place::F32(values)) => prepared.vector = Some(values),
        (PieceKind::Table { columns, .. }, place) => {
            let values = match place {
                Place::F32(values) => TableValues::F32(values),
                Place::F16(values) => TableValues::F16(values),
                Place::Bf16(values) => TableValues::Bf16(values),
                Place::Host(_) => return,
            };
            prepared.table = Some(Table::new(values, columns));
        }
        (PieceKind::Dense { rows, columns, .. }, place) => {
            let data = match place {
                Place::F32(values) => TensorData::new(values, [rows, columns]),
                Place::F16(values) => TensorData::new::<f16, _>(values, [rows, columns]),
                Place::Bf16(values) => TensorData::new::<bf16, _>(values, [rows, columns]),
                Place::Host(_) => return,
            };
            dense.entry(piece.name.clone()).or_default().push(data);
            return;
        }
        _ => return,
    }
    loaded.place(&piece.name, prepared);
}
