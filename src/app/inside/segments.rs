//! Segmentations over the images they are of: which are shown, and how strongly.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::state::AppState;
use super::state::Found;
use crate::imaging::{SEGMENTATION_STORAGE, Segmentation};

/// Segmentations of one study that are drawn.
const MOST: usize = 16;

/// What is drawn of segmentations.
#[derive(Debug)]
pub struct Segments {
    /// Whether any are.
    pub is_on: bool,
    /// How strongly, in percent.
    pub opacity: u8,
    found: HashMap<PathBuf, Found<Segmentation>>,
    hidden: HashSet<(PathBuf, u16)>,
}

impl Default for Segments {
    fn default() -> Self {
        Self { is_on: false, opacity: 100, found: HashMap::new(), hidden: HashSet::new() }
    }
}

impl Segments {
    /// The segmentation in a file.
    pub fn found(&self, path: &Path) -> Option<&Found<Segmentation>> {
        self.found.get(path)
    }

    /// Whether a segment is drawn while any are.
    pub fn is_shown(&self, path: &Path, number: u16) -> bool {
        // few are hidden: nothing is copied to look for one
        !self.hidden.iter().any(|(other, n)| *n == number && other == path)
    }

    pub(super) fn set(&mut self, path: PathBuf, found: Found<Segmentation>) {
        self.found.insert(path, found);
    }

    pub(super) fn toggle(&mut self, path: PathBuf, number: u16) {
        let key = (path, number);
        if !self.hidden.remove(&key) {
            self.hidden.insert(key);
        }
    }

    pub(super) fn forget(&mut self, paths: &HashSet<PathBuf>) {
        self.found.retain(|path, _| !paths.contains(path));
        self.hidden.retain(|(path, _)| !paths.contains(path));
    }

    pub(super) fn ready(&self, path: &Path) -> Option<&Arc<Segmentation>> {
        match self.found.get(path) {
            Some(Found::Ready(found)) => Some(found),
            _ => None,
        }
    }
}

impl AppState {
    /// Files of an open study that hold segments.
    pub(crate) fn segmentation_files(&self, study_key: &str) -> Vec<&Path> {
        let Some(open) = self.studies.get(study_key) else { return Vec::new() };
        let instances = open.study.series.iter().flat_map(|series| &series.instances);
        let of_kind = instances.filter(|one| one.sop_class_uid == SEGMENTATION_STORAGE);
        of_kind.map(|one| one.path.as_path()).take(MOST).collect()
    }

    /// Whether the study shown has any.
    pub(crate) fn has_segmentations(&self) -> bool {
        let place = self.active_viewport().place.as_ref().filter(|_| self.has_viewports());
        place.is_some_and(|place| !self.segmentation_files(&place.study_key).is_empty())
    }
}
