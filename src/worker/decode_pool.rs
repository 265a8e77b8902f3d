//! Several decode workers: one opens studies, and all decode frames, so that the next slices of a
//! series are read beside each other. A file that ends one of them does not disturb the others.

use std::{
    num::NonZero,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use crate::imaging::{Aspect, FrameRef};

use super::{DecodeClient, DecodeEvent, JobId, Wake};

/// More would wait for the disk, or take the memory of each other.
const MOST: usize = 4;
/// How often to look while waiting.
const LOOK_EVERY: Duration = Duration::from_micros(200);

/// Handles to the decode workers; dropping it ends the processes.
pub struct DecodePool {
    /// The first opens studies.
    clients: Vec<DecodeClient>,
    /// Frames under way, by client.
    reading: Mutex<Vec<Vec<JobId>>>,
}

impl DecodePool {
    /// As many as the processor is good for; each begins with the first thing it is asked for.
    #[must_use]
    pub fn start(wake: &Wake) -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let count = cores.clamp(1, MOST);
        let clients: Vec<DecodeClient> =
            (0..count).map(|_| DecodeClient::start(wake.clone())).collect();
        Self { clients, reading: Mutex::new(vec![Vec::new(); count]) }
    }

    /// The one that does what is not done beside each other.
    #[must_use]
    pub fn first(&self) -> &DecodeClient {
        // there is always one
        &self.clients[0]
    }

    /// See [`DecodeClient::open`].
    pub fn open(&self, job: JobId, paths: Vec<PathBuf>) {
        self.first().open(job, paths);
    }

    /// Decode one frame, where the fewest are waiting.
    pub fn read_frame(&self, job: JobId, frame_ref: FrameRef) {
        let mut reading = self.reading();
        let least = (0..self.clients.len())
            .min_by_key(|idx| reading.get(*idx).map_or(usize::MAX, Vec::len));
        let idx = least.unwrap_or(0);
        if let Some(jobs) = reading.get_mut(idx) {
            jobs.push(job);
        }
        drop(reading);
        self.clients[idx].read_frame(job, frame_ref);
    }

    /// See [`DecodeClient::thumbnail`]; by the last, so that opening does not wait for it.
    pub fn thumbnail(&self, job: JobId, frame_ref: FrameRef) {
        if let Some(client) = self.clients.last() {
            client.thumbnail(job, frame_ref);
        }
    }

    /// See [`DecodeClient::read_contents`]; by the last, so that opening does not wait for it.
    pub fn read_contents(&self, job: JobId, path: PathBuf, aspect: Aspect) {
        if let Some(client) = self.clients.last() {
            client.read_contents(job, path, aspect);
        }
    }

    /// See [`DecodeClient::decode_picture`].
    pub fn decode_picture(&self, job: JobId, bytes: Vec<u8>) {
        self.first().decode_picture(job, bytes);
    }

    /// See [`DecodeClient::cancel`].
    pub fn cancel(&self, job: JobId) {
        let reader = self.reading().iter().position(|jobs| jobs.contains(&job));
        match reader {
            Some(idx) => self.clients[idx].cancel(job),
            None => self.clients.iter().for_each(|client| client.cancel(job)),
        }
    }

    /// The next event of any, if one has arrived.
    #[must_use]
    pub fn poll(&self) -> Option<DecodeEvent> {
        let event = self.clients.iter().find_map(DecodeClient::poll)?;
        if let DecodeEvent::Finished { job } | DecodeEvent::Failed { job, .. } = &event {
            self.reading().iter_mut().for_each(|jobs| jobs.retain(|other| other != job));
        }
        Some(event)
    }

    /// The next event, waiting at most `timeout` for it.
    #[must_use]
    pub fn wait(&self, timeout: Duration) -> Option<DecodeEvent> {
        let began = Instant::now();
        loop {
            match self.poll() {
                None if began.elapsed() < timeout => thread::sleep(LOOK_EVERY),
                event => return event,
            }
        }
    }

    /// Process numbers of those that run.
    #[must_use]
    pub fn pids(&self) -> Vec<u32> {
        self.clients.iter().filter_map(DecodeClient::pid).collect()
    }

    fn reading(&self) -> MutexGuard<'_, Vec<Vec<JobId>>> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
