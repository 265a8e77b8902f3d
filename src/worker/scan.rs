//! Looks for model folders without making the window wait.

use std::{
    path::PathBuf,
    sync::mpsc::{Receiver, sync_channel},
    thread,
};

use crate::vlm::{ModelSpec, models_in};

use super::Wake;

/// Describe every model found in `folders`, on a thread of its own; one message, then closed.
#[must_use]
pub fn scan_models(folders: Vec<PathBuf>, wake: Wake) -> Receiver<Vec<ModelSpec>> {
    let (found, models) = sync_channel(1);
    let scan = move || {
        let mut specs: Vec<ModelSpec> =
            folders.iter().flat_map(|folder| models_in(folder)).collect();
        specs.dedup_by(|a, b| a.path == b.path);
        found.send(specs).ok();
        wake();
    };
    thread::Builder::new().name("model-scan".to_owned()).spawn(scan).ok();
    models
}
