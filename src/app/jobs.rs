//! Work under way that the reader can see and stop.

use std::path::PathBuf;

use crate::imaging::FrameRef;
use crate::worker::JobId;

/// What a job is for.
#[derive(Clone, Debug, PartialEq)]
pub enum Purpose {
    /// Opening files.
    Open(Vec<PathBuf>),
    /// Opening a training.
    Training,
    /// Reading evaluations.
    Evaluation,
    /// De-identified copies.
    Copies,
    /// Exported pictures.
    Pictures,
    /// Decoding the slices of a volume.
    Volume,
    /// A small picture of a series.
    Thumbnail(FrameRef),
}

/// One piece of work.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its number.
    pub id: JobId,
    /// What for.
    pub purpose: Purpose,
    /// Done, of how many.
    pub progress: Option<(usize, usize)>,
}

/// All of it, oldest first.
#[derive(Debug, Default)]
pub struct Jobs(Vec<Job>);

impl Jobs {
    pub(crate) fn start(&mut self, id: JobId, purpose: Purpose) {
        self.0.push(Job { id, purpose, progress: None });
    }

    pub(crate) fn end(&mut self, id: JobId) -> Option<Job> {
        let idx = self.0.iter().position(|job| job.id == id)?;
        Some(self.0.remove(idx))
    }

    pub(crate) fn get_mut(&mut self, id: JobId) -> Option<&mut Job> {
        self.0.iter_mut().find(|job| job.id == id)
    }

    pub(crate) fn num_thumbnails(&self) -> usize {
        self.0.iter().filter(|job| matches!(job.purpose, Purpose::Thumbnail(_))).count()
    }

    /// Those worth telling the reader about.
    pub fn visible(&self) -> impl Iterator<Item = &Job> {
        self.0.iter().filter(|job| !matches!(job.purpose, Purpose::Thumbnail(_)))
    }
}

impl Job {
    /// What it does, naming nobody.
    pub fn label(&self) -> String {
        let (what, progress) = match &self.purpose {
            Purpose::Open(_) => ("Opening", self.progress),
            Purpose::Copies => ("De-identifying", self.progress),
            Purpose::Pictures => ("Exporting", self.progress),
            Purpose::Training => ("Opening training", None),
            Purpose::Evaluation => ("Reading evaluation", None),
            Purpose::Volume => ("Building the volume", self.progress),
            Purpose::Thumbnail(_) => ("Making previews", None),
        };
        match progress {
            Some((done, total)) if self.purpose == Purpose::Volume => {
                format!("{what}: {done} of {total} slices")
            }
            Some((done, total)) if self.purpose == Purpose::Pictures => {
                format!("{what} {done} of {total} pictures")
            }
            Some((done, total)) => format!("{what} {done} of {total} files"),
            None => format!("{what}…"),
        }
    }
}
