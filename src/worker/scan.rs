//! Looks for model folders without making the window wait.

use std::{
    path::PathBuf,
    sync::mpsc::{Receiver, sync_channel},
    thread,
};

use crate::vlm::{ModelSpec, models_in, nano};

use super::Wake;

/// Describe nano and every model found in `folders`, on a thread of its own; one message, then closed.
#[must_use]
pub fn scan_models(folders: Vec<PathBuf>, wake: Wake) -> Receiver<Vec<ModelSpec>> {
    let (found, models) = sync_channel(1);
    let scan = move || {
        let own = nano().ok();
        let found_there = folders.iter().flat_map(|folder| models_in(folder));
        let mut specs: Vec<ModelSpec> = own.into_iter().chain(found_there).collect();
        specs.dedup_by(|a, b| a.path == b.path);
        found.send(specs).ok();
        wake();
    };
    thread::Builder::new().name("model-scan".to_owned()).spawn(scan).ok();
    models
}
