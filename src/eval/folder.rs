//! The output folder of a run: its settings, and one line for every question asked so far.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, TryLockError};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use crate::eval::error::Place;
use crate::eval::{EvalError, Record, Settings};

const SETTINGS: &str = "settings.json";
const ANSWERS: &str = "answers.jsonl";
/// A file of its own, because on Windows a locked file cannot be read through another handle.
const LOCK: &str = ".lock";

/// A folder that answers are written to; only one process at a time.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    answers: File,
    /// By question, those that have an answer.
    done: BTreeSet<usize>,
    /// Held as long as this is.
    _lock: File,
}

impl Folder {
    /// Make the folder, or go on in one that a run with the same settings left: a last line that
    /// was cut off is removed, and questions that failed are asked again. The run that is there
    /// may have asked fewer questions.
    ///
    /// # Errors
    /// When it holds a run with other settings, is in use, or cannot be read or written.
    pub fn start(path: &Path, settings: &Settings) -> Result<Self, EvalError> {
        let unwritable = |e: &std::io::Error| EvalError::unwritable("the output folder", e, path);
        std::fs::create_dir_all(path).map_err(|e| unwritable(&e))?;
        let lock = File::create(path.join(LOCK)).map_err(|e| unwritable(&e))?;
        // file systems without locks are used without one
        if let Err(TryLockError::WouldBlock) = lock.try_lock() {
            return Err(EvalError::Busy { path: path.to_owned() });
        }
        let mut open = File::options();
        let open = open.read(true).write(true).create(true).truncate(false);
        let answers = open.open(path.join(ANSWERS)).map_err(|e| unwritable(&e))?;
        let is_empty = answers.metadata().map_err(|e| unwritable(&e))?.len() == 0;
        let differences = if path.join(SETTINGS).exists() {
            settings.obstacles(&read_settings(path)?)
        } else if is_empty {
            Vec::new()
        } else {
            vec!["its settings.json is missing".to_owned()]
        };
        if !differences.is_empty() {
            return Err(EvalError::OtherSettings { differences, path: path.to_owned() });
        }
        let mut folder =
            Self { path: path.to_owned(), answers, done: BTreeSet::new(), _lock: lock };
        folder.keep_whole_answers()?;
        Ok(folder)
    }

    /// Only the half line at the end goes. A question that failed keeps its line; one that comes
    /// later counts in its place.
    fn keep_whole_answers(&mut self) -> Result<(), EvalError> {
        let file = self.path.join(ANSWERS);
        let bytes = std::fs::read(&file).map_err(|e| self.unwritable(&e))?;
        let whole = whole_lines(&bytes);
        for (_, record) in parse_lines(whole, &file)? {
            if record.failure.is_none() {
                self.done.insert(record.index);
            }
        }
        if whole.len() < bytes.len() {
            self.answers.set_len(whole.len() as u64).map_err(|e| self.unwritable(&e))?;
        }
        self.answers.seek(SeekFrom::End(0)).map_err(|e| self.unwritable(&e))?;
        Ok(())
    }

    fn unwritable(&self, error: &std::io::Error) -> EvalError {
        EvalError::unwritable("the answers", error, &self.path)
    }

    /// Write down what the answers depend on, once the model is known.
    ///
    /// # Errors
    /// When it differs from what the folder has, or cannot be written.
    pub fn keep_settings(&self, settings: &Settings) -> Result<(), EvalError> {
        if self.path.join(SETTINGS).exists() {
            let differences = settings.obstacles(&read_settings(&self.path)?);
            if !differences.is_empty() {
                return Err(EvalError::OtherSettings { differences, path: self.path.clone() });
            }
        }
        let path = self.path.join(SETTINGS);
        if settings.is_known() || !path.exists() {
            write_json(&path, settings)?;
        }
        Ok(())
    }

    /// Whether a question has its answer.
    #[must_use]
    pub fn has(&self, index: usize) -> bool {
        self.done.contains(&index)
    }

    /// Questions that have an answer.
    #[must_use]
    pub fn done(&self) -> usize {
        self.done.len()
    }

    /// Append a record; it is in the system's hands when this returns.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn append(&mut self, record: &Record) -> Result<(), EvalError> {
        let mut line = serde_json::to_vec(record)
            .map_err(|error| EvalError::not_json("an answer", &error, &self.path))?;
        line.push(b'\n');
        self.answers.write_all(&line).map_err(|e| self.unwritable(&e))?;
        self.answers.flush().map_err(|e| self.unwritable(&e))?;
        self.done.insert(record.index);
        Ok(())
    }

    /// Put these records in the place of all that are there.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn replace(&mut self, records: &[Record]) -> Result<(), EvalError> {
        let mut lines = BTreeMap::new();
        for record in records {
            let line = serde_json::to_vec(record)
                .map_err(|error| EvalError::not_json("an answer", &error, &self.path))?;
            lines.insert(record.index, line);
        }
        self.fill(&lines)
    }

    /// Put lines of other runs into an empty folder, in the order of their questions.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(super) fn fill(&mut self, lines: &BTreeMap<usize, Vec<u8>>) -> Result<(), EvalError> {
        let text = lines.values().flat_map(|line| line.iter().chain(b"\n")).copied();
        let text: Vec<u8> = text.collect();
        let write = |file: &mut File| -> std::io::Result<()> {
            file.set_len(0)?;
            file.rewind()?;
            file.write_all(&text)
        };
        write(&mut self.answers).map_err(|e| self.unwritable(&e))
    }
}

/// The settings of a run.
pub(super) fn read_settings(folder: &Path) -> Result<Settings, EvalError> {
    let path = folder.join(SETTINGS);
    let what = "the settings of the run";
    let bytes = std::fs::read(&path).map_err(|e| EvalError::unreadable(what, &e, &path))?;
    serde_json::from_slice(&bytes).map_err(|error| EvalError::not_json(what, &error, &path))
}

/// The records of a run in the order of their questions, and their lines as written. A last line
/// that was cut off is passed over.
pub(super) fn read_answers(folder: &Path) -> Result<BTreeMap<usize, (Vec<u8>, Record)>, EvalError> {
    let path = folder.join(ANSWERS);
    let bytes =
        std::fs::read(&path).map_err(|e| EvalError::unreadable("the answers", &e, &path))?;
    let records = parse_lines(whole_lines(&bytes), &path)?;
    Ok(records.into_iter().map(|(line, record)| (record.index, (line.to_vec(), record))).collect())
}

/// Up to the last line break.
fn whole_lines(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    bytes.get(..end).unwrap_or_default()
}

fn parse_lines<'a>(text: &'a [u8], path: &Path) -> Result<Vec<(&'a [u8], Record)>, EvalError> {
    let lines = text.split(|byte| *byte == b'\n').enumerate();
    let lines = lines.filter(|(_, line)| !line.trim_ascii().is_empty());
    lines
        .map(|(at, line)| match serde_json::from_slice(line) {
            Ok(record) => Ok((line, record)),
            Err(error) => Err(EvalError::Record {
                place: Place::Line(at + 1),
                fault: format!("is not an answer of this program ({error})"),
                path: path.to_owned(),
            }),
        })
        .collect()
}

/// Written beside first, so that it is whole or not there.
pub(super) fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<(), EvalError> {
    let mut text = serde_json::to_vec_pretty(value)
        .map_err(|error| EvalError::not_json("a result", &error, path))?;
    text.push(b'\n');
    write_whole(path, &text)
}

pub(super) fn write_whole(path: &Path, text: &[u8]) -> Result<(), EvalError> {
    let unwritable = |e: std::io::Error| EvalError::unwritable("a result", &e, path);
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    std::fs::write(&name, text).map_err(unwritable)?;
    std::fs::rename(&name, path).map_err(unwritable)
}
