//! What the reader opened: the output of a training, that of an evaluation, or something to look
//! for pictures in.

use std::path::{Path, PathBuf};

use crate::imaging::is_there;

/// Paths by what they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sorted {
    /// Output folders of `train`.
    pub trainings: Vec<PathBuf>,
    /// Output folders of `eval`.
    pub evaluations: Vec<PathBuf>,
    /// Everything else.
    pub studies: Vec<PathBuf>,
    /// What is not there.
    pub missing: Vec<PathBuf>,
}

/// Looks at the disk; a file out of such a folder stands for the folder.
#[must_use]
pub fn sort(paths: Vec<PathBuf>) -> Sorted {
    let mut sorted = Sorted::default();
    for path in paths {
        let folder = folder_of(&path);
        if folder.join("metrics.jsonl").is_file() {
            push_once(&mut sorted.trainings, folder);
        } else if ["settings.json", "answers.jsonl"].iter().all(|name| folder.join(name).is_file())
        {
            push_once(&mut sorted.evaluations, folder);
        } else if !is_there(&path) {
            sorted.missing.push(path);
        } else {
            sorted.studies.push(path);
        }
    }
    sorted
}

fn folder_of(path: &Path) -> PathBuf {
    let known = ["metrics.jsonl", "answers.jsonl", "settings.json", "results.json", "results.md"];
    let is_of_folder =
        path.file_name().is_some_and(|name| known.iter().any(|known| name == *known));
    match path.parent() {
        Some(parent) if is_of_folder => parent.to_owned(),
        _ => path.to_owned(),
    }
}

fn push_once(folders: &mut Vec<PathBuf>, folder: PathBuf) {
    if !folders.contains(&folder) {
        folders.push(folder);
    }
}
