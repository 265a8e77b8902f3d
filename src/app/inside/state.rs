//! What was read of files besides pictures, and what is being read.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::segments::Segments;
use crate::imaging::{Document, ElementFilter, FileElements};
use crate::worker::JobId;

/// Where something that is read stands.
#[derive(Clone, Debug)]
pub enum Found<T> {
    /// Being read.
    Pending,
    /// Here.
    Ready(Arc<T>),
    /// Cannot be read, and why.
    Failed(String),
}

/// What a job reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All elements of this file.
    Elements(PathBuf),
    /// The text of this file.
    Document(PathBuf),
    /// The file inside a file, to be written here.
    Embedded(PathBuf),
    /// The segments of this file.
    Segmentation(PathBuf),
}

/// The elements of one file, as they are looked through.
#[derive(Debug, Default)]
pub struct TagBrowser {
    /// The file.
    pub path: Option<PathBuf>,
    /// Its elements; none before anything was asked for.
    pub found: Option<Found<FileElements>>,
    /// What is looked for.
    pub search: String,
    /// Private elements are listed.
    pub private: bool,
    shown: Vec<usize>,
    shown_for: ElementFilter,
}

/// All of it.
#[derive(Debug, Default)]
pub struct Inside {
    /// The elements of the file shown.
    pub tags: TagBrowser,
    /// Segments over pictures.
    pub segments: Segments,
    /// The presentation state that is applied; its annotations are drawn.
    pub presented: Option<PathBuf>,
    /// One that is to be applied once it is read.
    pub(super) to_apply: Option<PathBuf>,
    documents: HashMap<PathBuf, Found<Document>>,
    pending: Vec<(JobId, Wanted)>,
}

impl TagBrowser {
    /// Rows that are shown, by their places.
    pub fn shown(&self) -> &[usize] {
        &self.shown
    }

    /// The elements, when they are here.
    pub fn elements(&self) -> Option<&Arc<FileElements>> {
        match &self.found {
            Some(Found::Ready(elements)) => Some(elements),
            _ => None,
        }
    }

    pub(super) fn begin(&mut self, path: PathBuf) {
        self.path = Some(path);
        self.take(Found::Pending);
    }

    pub(super) fn take(&mut self, found: Found<FileElements>) {
        self.found = Some(found);
        self.shown.clear();
        self.list();
    }

    /// Looks anew where something was chosen that changes what is shown.
    pub(super) fn refresh(&mut self, privacy: bool) {
        let (search, private) = (self.search.clone(), self.private);
        let filter = ElementFilter { search, private, privacy };
        if filter != self.shown_for {
            self.shown_for = filter;
            self.list();
        }
    }

    fn list(&mut self) {
        if let Some(elements) = self.elements() {
            self.shown = elements.shown(&self.shown_for);
        }
    }
}

impl Inside {
    /// The document in a file.
    pub fn document(&self, path: &Path) -> Option<&Found<Document>> {
        self.documents.get(path)
    }

    /// Reads under way.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    pub(super) fn set_document(&mut self, path: PathBuf, found: Found<Document>) {
        self.documents.insert(path, found);
    }

    pub(super) fn started(&mut self, job: JobId, wanted: Wanted) {
        self.pending.push((job, wanted));
    }

    pub(super) fn ended(&mut self, job: JobId) -> Option<Wanted> {
        let idx = self.pending.iter().position(|(other, _)| *other == job)?;
        Some(self.pending.remove(idx).1)
    }

    /// Lets go of what was read of these files.
    pub(crate) fn forget(&mut self, paths: &HashSet<PathBuf>) {
        self.segments.forget(paths);
        self.presented.take_if(|path| paths.contains(path));
        self.to_apply.take_if(|path| paths.contains(path));
        self.documents.retain(|path, _| !paths.contains(path));
        if self.tags.path.as_ref().is_some_and(|path| paths.contains(path)) {
            self.tags = TagBrowser::default();
        }
    }
}
