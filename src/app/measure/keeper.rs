//! The thread that reads and writes the file of measurements, one after the other.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};

use super::super::state::AppEvent;
use super::kept_file::{KeptStudies, read, write};
use crate::worker::Wake;

/// Changes that may wait for the disk.
const QUEUE: usize = 16;

/// Ends when it is let go of, once everything is written.
pub(crate) struct Keeper {
    to_thread: Option<SyncSender<KeptStudies>>,
    /// What the thread had no room for; it goes with the next change, at the latest at the end.
    pending: KeptStudies,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    pub(crate) fn start(folder: PathBuf, to_inbox: SyncSender<AppEvent>, wake: Wake) -> Self {
        let (to_thread, changed) = sync_channel(QUEUE);
        let run = move || serve(folder, &changed, &to_inbox, &wake);
        let thread = thread::Builder::new().name("measurements".to_owned()).spawn(run).ok();
        Self { to_thread: Some(to_thread), pending: KeptStudies::new(), thread }
    }

    /// Writes these studies.
    pub(crate) fn write(&mut self, changed: KeptStudies) {
        let Some(to_thread) = &self.to_thread else { return };
        self.pending.extend(changed);
        let sent = to_thread.try_send(std::mem::take(&mut self.pending));
        if let Err(TrySendError::Full(pending)) = sent {
            self.pending = pending;
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Some(to_thread) = self.to_thread.take().filter(|_| !self.pending.is_empty()) {
            to_thread.send(std::mem::take(&mut self.pending)).ok();
        }
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

fn serve(
    folder: PathBuf,
    changed: &Receiver<KeptStudies>,
    to_inbox: &SyncSender<AppEvent>,
    wake: &Wake,
) {
    // a closed inbox means the window is gone
    to_inbox.send(AppEvent::MeasurementsRead(read(&folder))).ok();
    wake();
    let mut told = None;
    while let Ok(mut studies) = changed.recv() {
        studies.extend(changed.try_iter().flatten());
        let trouble = write(&folder, studies).err();
        if trouble != told
            && let Some(text) = trouble.clone()
        {
            to_inbox.try_send(AppEvent::Trouble(text)).ok();
            wake();
        }
        told = trouble;
    }
}
