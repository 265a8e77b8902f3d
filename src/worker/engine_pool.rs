//! Engines of several models at once: the one that is asked, and those that stay in memory beside
//! it because they are asked again soon.

use crate::vlm::Question;

use super::{EngineClient, EngineEvent, JobId, LoadRequest, Wake};

/// One engine is asked; others wait with their models in memory.
pub struct EnginePool {
    wake: Wake,
    active: EngineClient,
    /// What the engine that is asked was given.
    request: Option<LoadRequest>,
    kept: Vec<(LoadRequest, EngineClient)>,
}

impl EnginePool {
    /// Never fails: an engine that cannot be started fails the jobs given to it.
    #[must_use]
    pub fn start(wake: Wake) -> Self {
        let active = EngineClient::start(wake.clone());
        Self { wake, active, request: None, kept: Vec::new() }
    }

    /// Load a model in a fresh process; all others end.
    pub fn load(&mut self, job: JobId, request: LoadRequest) {
        self.release();
        self.request = Some(request.clone());
        self.active.load(job, request);
    }

    /// Load a model in a process of its own; the one before stays in memory.
    pub fn load_beside(&mut self, job: JobId, request: LoadRequest) {
        let fresh = EngineClient::start(self.wake.clone());
        self.replace(fresh, request.clone());
        self.active.load(job, request);
    }

    /// The kept engine of this model is asked from now on; false when there is none.
    pub fn bring_forward(&mut self, request: &LoadRequest) -> bool {
        let found = self.kept.iter().position(|(kept, _)| kept == request);
        let Some(found) = found else { return false };
        let (request, engine) = self.kept.swap_remove(found);
        self.replace(engine, request);
        true
    }

    /// End all engines that are not asked.
    pub fn release(&mut self) {
        for (_, engine) in self.kept.drain(..) {
            end(engine);
        }
    }

    /// End every engine, so that all memory returns.
    pub fn unload(&mut self) {
        self.release();
        self.request = None;
        self.active.unload();
    }

    /// See [`EngineClient::ask`].
    pub fn ask(&self, job: JobId, question: Question) {
        self.active.ask(job, question);
    }

    /// See [`EngineClient::read_ahead`].
    pub fn read_ahead(&self, job: JobId, question: Question) {
        self.active.read_ahead(job, question);
    }

    /// See [`EngineClient::reconstruct`].
    pub fn reconstruct(&self, job: JobId, question: Question, only_codes: bool) {
        self.active.reconstruct(job, question, only_codes, None);
    }

    /// See [`EngineClient::cancel`].
    pub fn cancel(&self, job: JobId) {
        self.active.cancel(job);
    }

    /// The next event of the engine that is asked, if one has arrived.
    #[must_use]
    pub fn poll(&self) -> Option<EngineEvent> {
        for (_, engine) in &self.kept {
            // nothing was asked of it; if it died, the next question to it loads its model again
            while engine.poll().is_some() {}
        }
        self.active.poll()
    }

    /// The process number of the engine that is asked, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.active.pid()
    }

    fn replace(&mut self, engine: EngineClient, request: LoadRequest) {
        let before = std::mem::replace(&mut self.active, engine);
        match self.request.replace(request) {
            Some(request) => self.kept.push((request, before)),
            None => end(before),
        }
    }
}

/// The end of a process with much memory takes a while, which nobody waits for.
fn end(engine: EngineClient) {
    let ended = std::thread::Builder::new().name("engine end".to_owned());
    // without a thread it ends here
    drop(ended.spawn(move || drop(engine)));
}
