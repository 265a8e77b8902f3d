//! Keeps weights on disk while they are loaded: written by a thread of its own from the memory
//! they stay in, under another name until all is there.

use std::io::{self, BufWriter, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use burn::tensor::{DType, TensorData};
use tempfile::NamedTempFile;

use crate::nn::{Table, TableValues};
use crate::vlm::tower::TowerCheck;
use crate::vlm::weights::{Held, Matrix};
use crate::vlm::weights_cache::index::{ALIGN, CHUNK, HEAD, Index, Number, Piece, PieceKind};
use crate::vlm::weights_cache::{CacheEntry, PARTIAL, space};

/// A file that is being written. Dropped before [`Self::finish`], it leaves nothing behind.
pub(crate) struct Keeping {
    queue: Option<SyncSender<Work>>,
    thread: Option<JoinHandle<io::Result<()>>>,
    is_given_up: Arc<AtomicBool>,
}

enum Work {
    Tensor(String, Box<Held>),
    /// The SHA-256 of all weight files, and what was seen of the tower.
    Finish(String, Option<TowerCheck>),
}

impl CacheEntry {
    /// Begin to write so many tensors, of about so many bytes.
    ///
    /// # Errors
    /// With a sentence, when there is no room or the folder cannot be written to.
    pub(crate) fn keep(&self, tensors: usize, bytes: u64) -> Result<Keeping, String> {
        self.try_keep(tensors, bytes).map_err(|error| not_kept(&error))
    }

    fn try_keep(&self, tensors: usize, bytes: u64) -> io::Result<Keeping> {
        let folder = self.folder();
        let at = |error: io::Error| {
            io::Error::new(error.kind(), format!("{error}: {}", folder.display()))
        };
        std::fs::create_dir_all(folder).map_err(at)?;
        space::sweep(folder);
        space::make_room(folder, bytes, &self.path).map_err(io::Error::other)?;
        let name = tempfile::Builder::new().prefix("new-").suffix(PARTIAL).tempfile_in(folder);
        let file = name.map_err(at)?;
        // tells others that it is being written; ends with this process at the latest
        file.as_file().lock().map_err(at)?;
        // handles of what stays in memory anyway: loading never waits for the disk
        let (queue, work) = sync_channel(tensors + 1);
        let (entry, is_given_up) = (self.clone(), Arc::new(AtomicBool::new(false)));
        let stop = Arc::clone(&is_given_up);
        let thread = std::thread::Builder::new()
            .name("weights cache".to_owned())
            .spawn(move || write(&entry, file, &work, &stop))?;
        Ok(Keeping { queue: Some(queue), thread: Some(thread), is_given_up })
    }
}

fn not_kept(error: &io::Error) -> String {
    format!("the converted weights are not kept for the next start: {error}")
}

impl Keeping {
    /// A tensor that is loaded; its memory is shared, not copied.
    pub(crate) fn add(&self, name: &str, held: Held) {
        if let Some(queue) = &self.queue {
            // a thread that ended says why in the end
            queue.send(Work::Tensor(name.to_owned(), Box::new(held))).ok();
        }
    }

    /// That was all. The file is there once the thread is done, which goes on beside other work;
    /// a sentence when it already failed.
    pub(crate) fn finish(
        &mut self,
        weights_sha256: &str,
        tower: Option<TowerCheck>,
    ) -> Option<String> {
        if let Some(queue) = self.queue.take() {
            queue.send(Work::Finish(weights_sha256.to_owned(), tower)).ok();
        }
        let is_done = self.thread.as_ref().is_some_and(JoinHandle::is_finished);
        if is_done { self.wait() } else { None }
    }

    /// Until the file is there; a sentence when it is not.
    pub(crate) fn wait(&mut self) -> Option<String> {
        let ended = self.thread.take()?.join();
        let ended = ended.unwrap_or_else(|_panic| Err(io::Error::other("its thread broke off")));
        ended.err().map(|error| not_kept(&error))
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        self.is_given_up.store(self.queue.is_some(), Ordering::Relaxed);
    }
}

/// The thread. Whatever ends it early, the unfinished file goes with `file`.
fn write(
    entry: &CacheEntry,
    file: NamedTempFile,
    work: &Receiver<Work>,
    is_given_up: &AtomicBool,
) -> io::Result<()> {
    let mut writer =
        Writer { out: BufWriter::with_capacity(CHUNK, file), at: 0, pieces: Vec::new() };
    writer.put(&[0; HEAD as usize])?;
    for work in work {
        match work {
            _ if is_given_up.load(Ordering::Relaxed) => return Ok(()),
            Work::Tensor(name, held) => writer.tensor(&name, &held)?,
            Work::Finish(weights_sha256, tower) => {
                return writer.finish(entry, weights_sha256, tower);
            }
        }
    }
    Ok(())
}

struct Writer {
    out: BufWriter<NamedTempFile>,
    at: u64,
    pieces: Vec<Piece>,
}

impl Writer {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.at += bytes.len() as u64;
        self.out.write_all(bytes)
    }

    fn tensor(&mut self, name: &str, held: &Held) -> io::Result<()> {
        match &held.matrix {
            Some(Matrix::Host(matrix)) => {
                let (rows, columns) = (matrix.rows(), matrix.columns());
                let kind = PieceKind::Host { format: matrix.format(), rows, columns };
                self.piece(name, kind, matrix.as_bytes())?;
            }
            Some(Matrix::Dense(pieces)) => {
                for piece in pieces {
                    let [rows, columns] = piece.dims();
                    let data = piece.clone().into_data();
                    let number = number_of(&data)?;
                    let kind = PieceKind::Dense { number, rows, columns };
                    self.piece(name, kind, data.as_bytes())?;
                }
            }
            // only what the CPU reads has an entry
            Some(Matrix::Card(_)) => return Err(io::Error::other("a card's blocks are not kept")),
            None => {}
        }
        if let Some(vector) = &held.vector {
            let data = vector.clone().into_data();
            self.piece(name, PieceKind::Vector { len: data.num_elements() }, data.as_bytes())?;
        }
        match &held.table {
            Some(table) => self.table(name, table),
            None => Ok(()),
        }
    }

    fn table(&mut self, name: &str, table: &Table) -> io::Result<()> {
        let (number, bytes) = match table.values() {
            TableValues::F32(values) => (Number::F32, bytemuck::cast_slice(values)),
            TableValues::F16(values) => (Number::F16, bytemuck::cast_slice(values)),
            TableValues::Bf16(values) => (Number::Bf16, bytemuck::cast_slice(values)),
        };
        let (rows, columns) = (table.num_rows(), table.columns());
        self.piece(name, PieceKind::Table { number, rows, columns }, bytes)
    }

    fn piece(&mut self, name: &str, kind: PieceKind, bytes: &[u8]) -> io::Result<()> {
        let gap = self.at.next_multiple_of(ALIGN) - self.at;
        let zeros = [0; ALIGN as usize];
        self.put(zeros.get(..gap as usize).unwrap_or_default())?;
        let (offset, len) = (self.at, bytes.len() as u64);
        let mut checksums = Vec::new();
        for chunk in bytes.chunks(CHUNK) {
            checksums.push(crc32fast::hash(chunk));
            self.put(chunk)?;
        }
        self.pieces.push(Piece { name: name.to_owned(), kind, offset, len, checksums });
        Ok(())
    }

    fn finish(
        self,
        entry: &CacheEntry,
        weights_sha256: String,
        tower: Option<TowerCheck>,
    ) -> io::Result<()> {
        let mut file = self.out.into_inner().map_err(io::IntoInnerError::into_error)?;
        let identity = entry.identity.clone();
        Index { identity, weights_sha256, tower, pieces: self.pieces }.write(&mut file)?;
        file.flush()?;
        file.persist(&entry.path).map_err(|error| error.error)?;
        Ok(())
    }
}

fn number_of(data: &TensorData) -> io::Result<Number> {
    match data.dtype() {
        DType::F32 => Ok(Number::F32),
        DType::F16 => Ok(Number::F16),
        DType::BF16 => Ok(Number::Bf16),
        other => Err(io::Error::other(format!("no weight is stored as {other:?}"))),
    }
}
