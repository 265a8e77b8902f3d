//! Reads `metrics.jsonl` while a training writes it: only what was added since the last look.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::line::metric_of;
use super::plan::Plan;
use crate::train::Metric;
use crate::worker::JobId;

/// Bytes read at one look; the rest comes with the next.
const MOST_AT_ONCE: u64 = 4 << 20;
/// Bytes before the place reached that have to be the same at the next look.
const TAIL: usize = 256;

/// What one look gave.
#[derive(Clone, Debug)]
pub struct News {
    /// Which training.
    pub id: JobId,
    /// There is no file yet.
    pub is_missing: bool,
    /// What was read before no longer counts: the file was written anew.
    pub is_anew: bool,
    /// Steps that were added.
    pub metrics: Vec<Metric>,
    /// They are those of a codec.
    pub is_codec: bool,
    /// Lines among them that are none of a training.
    pub damaged: usize,
    /// The last line has no end yet.
    pub is_cut_off: bool,
    /// Seconds since the file was written to.
    pub quiet_secs: f64,
    /// The finished model lies beside the file and is newer.
    pub has_model: bool,
    /// How many steps there will be, if that was found.
    pub plan: Option<Plan>,
    /// Why the folder cannot be read; the last thing heard of it.
    pub trouble: Option<String>,
}

/// The place reached in a file that grows.
#[derive(Debug)]
pub struct Follower {
    id: JobId,
    folder: PathBuf,
    path: PathBuf,
    offset: u64,
    /// What stands just before the place reached.
    tail: Vec<u8>,
    seen: Option<Seen>,
    plan: Option<Plan>,
}

/// What a look found without reading.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Seen {
    length: Option<u64>,
    modified: Option<SystemTime>,
    has_model: bool,
    is_read: bool,
}

impl Follower {
    /// At the beginning of a training's file.
    #[must_use]
    pub fn new(id: JobId, folder: PathBuf) -> Self {
        let path = folder.join("metrics.jsonl");
        Self { id, folder, path, offset: 0, tail: Vec::new(), seen: None, plan: None }
    }

    /// Looks once; nothing when nothing changed.
    pub fn look(&mut self) -> Option<News> {
        let mut seen = self.glance();
        if self.seen == Some(seen) && !self.has_more() {
            return None;
        }
        let mut news = News {
            id: self.id,
            is_missing: seen.length.is_none(),
            is_anew: false,
            metrics: Vec::new(),
            is_codec: false,
            damaged: 0,
            is_cut_off: false,
            quiet_secs: seen.quiet_secs(),
            has_model: seen.has_model,
            plan: None,
            trouble: None,
        };
        if seen.length.is_none() {
            news.trouble = self.trouble_of_folder();
            news.is_anew = std::mem::take(&mut self.offset) > 0;
            self.tail.clear();
        } else {
            match self.read(&mut news) {
                Ok(is_read) => seen.is_read = is_read,
                Err(error) => {
                    let path = self.path.display();
                    news.trouble =
                        Some(format!("metrics.jsonl could not be read ({error}): {path}"));
                }
            }
        }
        if self.offset == 0 && news.damaged > 0 && news.metrics.is_empty() {
            news.is_anew = true;
            news.trouble.get_or_insert_with(|| self.not_of_a_training());
        }
        if self.plan.is_none() || news.is_anew {
            self.plan = Plan::find(&self.folder);
        }
        news.plan.clone_from(&self.plan);
        self.seen = Some(seen);
        Some(news)
    }

    /// Whether the next look need not wait.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.seen.is_some_and(|seen| !seen.is_read)
    }

    fn glance(&self) -> Seen {
        let meta = self.path.metadata().ok().filter(std::fs::Metadata::is_file);
        let modified = meta.as_ref().and_then(|meta| meta.modified().ok());
        let model = self.folder.join("model").metadata().and_then(|meta| meta.modified()).ok();
        let has_model = model.zip(modified).is_some_and(|(model, file)| model >= file);
        let length = meta.map(|meta| meta.len());
        Seen { length, modified, has_model, is_read: true }
    }

    fn trouble_of_folder(&self) -> Option<String> {
        let folder = self.folder.display();
        match self.folder.metadata() {
            Ok(meta) if meta.is_dir() => None,
            Ok(_) => Some(format!("This is no folder: {folder}")),
            Err(error) => Some(format!("The folder cannot be opened ({error}): {folder}")),
        }
    }

    fn not_of_a_training(&self) -> String {
        format!("This metrics.jsonl was not written by a training: {}", self.path.display())
    }

    /// Takes whole lines from the place reached on; true when the end was reached.
    fn read(&mut self, news: &mut News) -> io::Result<bool> {
        let mut file = File::open(&self.path)?;
        if self.offset > 0 && !self.is_continued(&mut file)? {
            (self.offset, news.is_anew) = (0, true);
            self.tail.clear();
        }
        file.seek(SeekFrom::Start(self.offset))?;
        let mut bytes = Vec::new();
        file.take(MOST_AT_ONCE).read_to_end(&mut bytes)?;
        let is_full = bytes.len() as u64 == MOST_AT_ONCE;
        let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let (whole, rest) = bytes.split_at(end);
        for line in whole.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            match metric_of(line) {
                Some((metric, is_codec)) => {
                    news.is_codec |= is_codec;
                    news.metrics.push(metric);
                }
                None => news.damaged += 1,
            }
        }
        if whole.is_empty() && is_full {
            return Err(io::Error::other(self.not_of_a_training()));
        }
        let is_readable = !news.metrics.is_empty() || self.offset > 0;
        if is_readable || news.damaged == 0 {
            self.offset += whole.len() as u64;
            let kept = self.tail.iter().chain(whole).copied().collect::<Vec<u8>>();
            self.tail = kept.get(kept.len().saturating_sub(TAIL)..).unwrap_or_default().to_vec();
        }
        news.is_cut_off = !is_full && !rest.is_empty();
        Ok(!is_full)
    }

    /// Whether the file still holds what was read last, at the same place.
    fn is_continued(&self, file: &mut File) -> io::Result<bool> {
        let Some(start) = self.offset.checked_sub(self.tail.len() as u64) else { return Ok(false) };
        file.seek(SeekFrom::Start(start))?;
        let mut there = vec![0; self.tail.len()];
        match file.read_exact(&mut there) {
            Ok(()) => Ok(there == self.tail),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Seen {
    fn quiet_secs(&self) -> f64 {
        let now = SystemTime::now();
        let quiet = self.modified.and_then(|modified| now.duration_since(modified).ok());
        quiet.unwrap_or_default().as_secs_f64()
    }
}
