//! All weight files of a model as one list of tensors, read in the order they lie in.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::checkpoint::header::{Entry, read_header};
use crate::checkpoint::pickle::{PickleTensor, open_pickle};
use crate::checkpoint::{
    CheckpointError, FileDtype, OwnedTensor, RawTensor, WeightFiles, canonical_name,
};

/// Bytes hashed at once where nothing else is done with them.
const HASH_BLOCK: usize = 8 << 20;

/// Tensors up to this size are read while the one before is converted.
const AHEAD: u64 = 256 << 20;

/// What is known of a tensor before it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// How it is stored.
    pub dtype: FileDtype,
    /// Outermost first.
    pub shape: Vec<usize>,
}

/// Weight files whose headers have been read and checked.
pub struct Checkpoint {
    folder: PathBuf,
    /// Put before every name.
    prefix: &'static str,
    files: Vec<WeightFile>,
    tensors: BTreeMap<String, TensorInfo>,
    ignored_objects: Vec<String>,
    bytes: u64,
}

struct WeightFile {
    path: PathBuf,
    bytes: u64,
    tensors: FileTensors,
}

enum FileTensors {
    Safe(Vec<Entry>),
    Pickle(Vec<PickleTensor>),
}

/// What a reader does next, or why it ends.
pub enum ReadEnd<E> {
    /// A file is at fault.
    Checkpoint(CheckpointError),
    /// The caller is.
    Caller(E),
    /// The reader gave up.
    Cancelled,
}

impl Checkpoint {
    /// Read the headers of these files; names become those of the published files.
    ///
    /// # Errors
    /// When a file is not there, damaged, or two tensors have one name.
    pub fn open(folder: &Path, files: &WeightFiles) -> Result<Self, CheckpointError> {
        Self::open_as("", folder, files)
    }

    /// The same with `prefix` put before every name, so that files with the names of others can be
    /// read beside them.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_as(
        prefix: &'static str,
        folder: &Path,
        files: &WeightFiles,
    ) -> Result<Self, CheckpointError> {
        if !files.missing.is_empty() {
            let files = files.missing.clone();
            return Err(CheckpointError::MissingShards { files, path: folder.to_owned() });
        }
        let mut checkpoint = Self {
            folder: folder.to_owned(),
            prefix,
            files: Vec::new(),
            tensors: BTreeMap::new(),
            ignored_objects: Vec::new(),
            bytes: 0,
        };
        for path in &files.present {
            checkpoint.open_file(path)?;
        }
        Ok(checkpoint)
    }

    fn open_file(&mut self, path: &Path) -> Result<(), CheckpointError> {
        let io = |source| CheckpointError::Io { source, path: path.to_owned() };
        let bytes = std::fs::metadata(path).map_err(io)?.len();
        let is_safe = path.extension().is_some_and(|extension| extension == "safetensors");
        let tensors = if is_safe {
            let entries = read_header(path)?;
            for entry in &entries {
                self.add(path, &entry.name, entry.dtype, &entry.shape)?;
            }
            FileTensors::Safe(entries)
        } else {
            let pickle = open_pickle(path)?;
            for tensor in &pickle.tensors {
                self.add(path, &tensor.name, tensor.dtype, &tensor.shape)?;
            }
            self.ignored_objects.extend(pickle.ignored);
            FileTensors::Pickle(pickle.tensors)
        };
        self.bytes += bytes;
        self.files.push(WeightFile { path: path.to_owned(), bytes, tensors });
        Ok(())
    }

    fn add(
        &mut self,
        path: &Path,
        name: &str,
        dtype: FileDtype,
        shape: &[usize],
    ) -> Result<(), CheckpointError> {
        let info = TensorInfo { dtype, shape: shape.to_vec() };
        match self.tensors.insert(self.name_of(name), info) {
            None => Ok(()),
            Some(_) => Err(CheckpointError::Damaged {
                reason: format!("tensor {name} is there twice"),
                path: path.to_owned(),
            }),
        }
    }

    fn name_of(&self, name: &str) -> String {
        format!("{}{}", self.prefix, canonical_name(name))
    }

    /// Where the files lie.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// All tensors by name.
    #[must_use]
    pub fn tensors(&self) -> &BTreeMap<String, TensorInfo> {
        &self.tensors
    }

    /// Of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Numbers in all tensors.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        let count =
            |info: &TensorInfo| info.shape.iter().map(|extent| *extent as u64).product::<u64>();
        self.tensors
            .values()
            .filter(|info| !matches!(info.dtype, FileDtype::Other { .. }))
            .map(count)
            .sum()
    }

    /// Types of objects in pickles that are not tensors and were left unread.
    #[must_use]
    pub fn ignored_objects(&self) -> &[String] {
        &self.ignored_objects
    }

    /// One tensor by itself; `None` when there is none of that name.
    ///
    /// # Errors
    /// When its file is damaged.
    pub fn read_tensor(&self, name: &str) -> Result<Option<OwnedTensor>, CheckpointError> {
        for file in &self.files {
            let found = match &file.tensors {
                FileTensors::Safe(entries) => entries
                    .iter()
                    .find(|entry| self.name_of(&entry.name) == name)
                    .map(|entry| read_entry(&file.path, entry)),
                FileTensors::Pickle(tensors) => tensors
                    .iter()
                    .find(|tensor| self.name_of(&tensor.name) == name)
                    .map(|tensor| read_pickled(&file.path, tensor)),
            };
            if let Some(tensor) = found {
                return tensor.map(Some);
            }
        }
        Ok(None)
    }

    /// Read everything once, front to back, and give the SHA-256 of it.
    ///
    /// Safetensors are hashed from the same bytes that are loaded, beside the conversion, so the
    /// hash costs no second pass and no pause of its own; a pickle is read at its own pace by
    /// another reader and is hashed first, with progress. One file gives its own hash; several
    /// give the hash of the list `hash  name` that `sha256sum` prints for them by name.
    ///
    /// `prepare` runs on worker threads for every tensor `wanted` accepts, `place` follows on
    /// this thread. One tensor is held, and the next unless it is large. `progress` gets the bytes
    /// done.
    ///
    /// # Errors
    /// When a file is damaged, `prepare` or `place` fails, or `progress` breaks.
    pub fn read_all<P: Send, E: Send>(
        &self,
        wanted: &(dyn Fn(&str) -> bool + Sync),
        prepare: &(dyn Fn(&str, RawTensor<'_>) -> Result<P, E> + Sync),
        place: &mut dyn FnMut(&str, P) -> Result<(), E>,
        progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<String, ReadEnd<E>> {
        let mut hashes = Vec::new();
        let mut done = 0;
        for file in &self.files {
            let mut steps = Steps {
                path: &file.path,
                prefix: self.prefix,
                wanted,
                prepare,
                place,
                progress,
                done: &mut done,
            };
            let hash = match &file.tensors {
                FileTensors::Safe(entries) => steps.read_safe(entries)?,
                FileTensors::Pickle(tensors) => steps.read_pickle(tensors, file.bytes)?,
            };
            hashes.push((file.path.clone(), hash));
        }
        Ok(combined_hash(&hashes))
    }
}

fn read_entry(path: &Path, entry: &Entry) -> Result<OwnedTensor, CheckpointError> {
    let io = |source| CheckpointError::Io { source, path: path.to_owned() };
    let mut file = File::open(path).map_err(io)?;
    file.seek(SeekFrom::Start(entry.offset)).map_err(io)?;
    let mut bytes = vec![0; usize::try_from(entry.len).unwrap_or(usize::MAX)];
    file.read_exact(&mut bytes).map_err(io)?;
    Ok(OwnedTensor { dtype: entry.dtype, shape: entry.shape.clone(), bytes })
}

fn read_pickled(path: &Path, tensor: &PickleTensor) -> Result<OwnedTensor, CheckpointError> {
    let bytes = tensor.read().map_err(|error| CheckpointError::Damaged {
        reason: error.to_string(),
        path: path.to_owned(),
    })?;
    Ok(OwnedTensor { dtype: tensor.dtype, shape: tensor.shape.clone(), bytes })
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One hash as it is; several as the hash of the list `hash  name` that `sha256sum` prints.
#[must_use]
pub fn combined_hash(hashes: &[(PathBuf, String)]) -> String {
    if let [(_, only)] = hashes {
        return only.clone();
    }
    let mut list = Sha256::new();
    for (path, hash) in hashes {
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        list.update(format!("{hash}  {name}\n"));
    }
    hex(list)
}

/// Read the next `len` bytes into the front of the buffer, which only grows.
fn fill(
    path: &Path,
    file: &mut File,
    buffer: &mut Vec<u8>,
    len: u64,
) -> Result<(), CheckpointError> {
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    if buffer.len() < len {
        buffer.resize(len, 0);
    }
    let place = buffer.get_mut(..len).unwrap_or_default();
    match file.read_exact(place) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(CheckpointError::Damaged {
            reason: "it was cut short while it was read".to_owned(),
            path: path.to_owned(),
        }),
        Err(source) => Err(CheckpointError::Io { source, path: path.to_owned() }),
    }
}

fn front(buffer: &[u8], len: u64) -> &[u8] {
    buffer.get(..usize::try_from(len).unwrap_or(usize::MAX)).unwrap_or_default()
}

/// The steps of reading one file.
struct Steps<'a, P, E> {
    path: &'a Path,
    prefix: &'static str,
    wanted: &'a (dyn Fn(&str) -> bool + Sync),
    prepare: &'a (dyn Fn(&str, RawTensor<'_>) -> Result<P, E> + Sync),
    place: &'a mut dyn FnMut(&str, P) -> Result<(), E>,
    progress: &'a mut dyn FnMut(u64) -> ControlFlow<()>,
    done: &'a mut u64,
}

impl<P: Send, E: Send> Steps<'_, P, E> {
    fn io(&self, source: std::io::Error) -> ReadEnd<E> {
        ReadEnd::Checkpoint(CheckpointError::Io { source, path: self.path.to_owned() })
    }

    fn advance(&mut self, bytes: u64) -> Result<(), ReadEnd<E>> {
        *self.done += bytes;
        match (self.progress)(*self.done) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(ReadEnd::Cancelled),
        }
    }

    fn read_safe(&mut self, entries: &[Entry]) -> Result<String, ReadEnd<E>> {
        let mut file = File::open(self.path).map_err(|error| self.io(error))?;
        let mut hash = Sha256::new();
        let start = match entries.first() {
            Some(first) => first.offset,
            None => file.metadata().map_err(|error| self.io(error))?.len(),
        };
        let (path, mut buffer, mut ahead) = (self.path, Vec::new(), Vec::new());
        fill(path, &mut file, &mut buffer, start).map_err(ReadEnd::Checkpoint)?;
        hash.update(front(&buffer, start));
        self.advance(start)?;
        let mut entries = entries.iter().peekable();
        let mut is_read = false;
        while let Some(entry) = entries.next() {
            if !is_read {
                fill(path, &mut file, &mut buffer, entry.len).map_err(ReadEnd::Checkpoint)?;
            }
            let bytes = front(&buffer, entry.len);
            let name = format!("{}{}", self.prefix, canonical_name(&entry.name));
            let is_wanted = (self.wanted)(&name);
            let (prepare, next) = (self.prepare, entries.peek().filter(|next| next.len <= AHEAD));
            let work = || {
                let raw = RawTensor { dtype: entry.dtype, shape: &entry.shape, bytes };
                let prepare = || is_wanted.then(|| prepare(&name, raw)).transpose();
                rayon::join(|| hash.update(bytes), prepare).1
            };
            let read = || match next {
                Some(next) => fill(path, &mut file, &mut ahead, next.len).map(|()| true),
                None => Ok(false),
            };
            let (prepared, read) = rayon::join(work, read);
            if let Some(prepared) = prepared.map_err(ReadEnd::Caller)? {
                (self.place)(&name, prepared).map_err(ReadEnd::Caller)?;
            }
            self.advance(entry.len)?;
            is_read = read.map_err(ReadEnd::Checkpoint)?;
            if is_read {
                std::mem::swap(&mut buffer, &mut ahead);
            }
        }
        Ok(hex(hash))
    }

    /// The first half of the progress is the hash, the second the tensors.
    fn read_pickle(
        &mut self,
        tensors: &[PickleTensor],
        file_bytes: u64,
    ) -> Result<String, ReadEnd<E>> {
        let mut file = File::open(self.path).map_err(|error| self.io(error))?;
        let mut hash = Sha256::new();
        let mut buffer = vec![0; HASH_BLOCK];
        let before = *self.done;
        loop {
            let read = file.read(&mut buffer).map_err(|error| self.io(error))?;
            if read == 0 {
                break;
            }
            hash.update(buffer.get(..read).unwrap_or_default());
            self.advance(read as u64 / 2)?;
        }
        drop(buffer);
        for tensor in tensors {
            let name = format!("{}{}", self.prefix, canonical_name(&tensor.name));
            if (self.wanted)(&name) {
                let read = read_pickled(self.path, tensor).map_err(ReadEnd::Checkpoint)?;
                let prepared = (self.prepare)(&name, read.raw()).map_err(ReadEnd::Caller)?;
                (self.place)(&name, prepared).map_err(ReadEnd::Caller)?;
            }
            let room = (before + file_bytes).saturating_sub(*self.done);
            self.advance((tensor.byte_len() as u64 / 2).min(room))?;
        }
        *self.done = before + file_bytes;
        Ok(hex(hash))
    }
}
