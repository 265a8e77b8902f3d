//! The window's side of the engine worker: one loaded model on one device.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use crate::vlm::{Answer, LoadProgress, ModelInfo, Progress, Question, Reconstruction};

use super::{
    JobId, LoadRequest, Wake,
    protocol::{EngineReply, EngineRequest, PROTOCOL_VERSION},
    supervisor::{Link, Policy, Supervisor},
};

/// A model that has not stopped this long after it was told to is ended with its process.
const CANCEL_GRACE: Duration = Duration::from_secs(10);

/// What comes back from the engine worker.
#[derive(Clone, Debug)]
pub enum EngineEvent {
    /// How far a load is; under a question's job when the model has to be loaded again for it.
    Loading {
        /// The job.
        job: JobId,
        /// Stage and bytes.
        progress: LoadProgress,
    },
    /// The model is ready.
    Loaded {
        /// The job.
        job: JobId,
        /// What runs, where, how precise.
        info: Box<ModelInfo>,
    },
    /// Work before the first token: images encoded, prompt read.
    Working {
        /// The job.
        job: JobId,
        /// How far.
        progress: Progress,
    },
    /// More of the answer.
    Text {
        /// The job.
        job: JobId,
        /// Never half a character.
        text: String,
        /// Tokens so far.
        tokens: usize,
        /// Milliseconds since the question reached the engine.
        elapsed_ms: f64,
    },
    /// The whole answer with its evidence.
    Answered {
        /// The job.
        job: JobId,
        /// Ids, text, timings.
        answer: Box<Answer>,
        /// Most host memory the engine ever held, in MiB.
        peak_rss_mb: u64,
    },
    /// The whole picture.
    Reconstructed {
        /// The job.
        job: JobId,
        /// Codes, pictures and figures.
        reconstruction: Box<Reconstruction>,
        /// Of the engine so far, in megabytes.
        peak_rss_mb: u64,
    },
    /// The question does not fit the model's context; the job's failure follows.
    TooLong {
        /// The job.
        job: JobId,
        /// Positions it takes.
        prompt_tokens: usize,
        /// Positions there are, one of them for the answer.
        context_len: usize,
    },
    /// The job is done.
    Finished {
        /// The job.
        job: JobId,
    },
    /// The job broke off; the message is fit to show.
    Failed {
        /// The job.
        job: JobId,
        /// One sentence.
        message: String,
    },
    /// The model was unloaded: its process has ended and its memory is returned.
    Unloaded,
    /// The engine died; the next question loads the model again.
    Restarted {
        /// One sentence.
        message: String,
    },
}

/// Handle to the engine worker; dropping it ends the process.
pub struct EngineClient {
    supervisor: Supervisor<EnginePolicy>,
}

impl EngineClient {
    /// Never fails: an engine that cannot be started fails the jobs given to it.
    #[must_use]
    pub fn start(wake: Wake) -> Self {
        Self { supervisor: Supervisor::start(EnginePolicy::default(), wake) }
    }

    /// Load a model in a fresh process, ending the one before it.
    pub fn load(&self, job: JobId, request: LoadRequest) {
        self.submit(job, Order::Load { job, request });
    }

    /// Ask the loaded model; it is loaded again first when its engine died.
    pub fn ask(&self, job: JobId, question: Question) {
        self.ask_traced(job, question, None);
    }

    /// As [`Self::ask`], also writing the intermediate tensors to a safetensors file.
    pub fn ask_traced(&self, job: JobId, question: Question, trace: Option<PathBuf>) {
        let question = Box::new(question);
        self.submit(job, Order::Ask(EngineRequest::Ask { job, question, trace }));
    }

    /// Read the pictures of a question that is still being typed, so that its answer begins
    /// sooner. Without a running model this does nothing; it never loads one.
    pub fn read_ahead(&self, job: JobId, question: Question) {
        let question = Box::new(question);
        self.submit(job, Order::ReadAhead(EngineRequest::ReadAhead { job, question }));
    }

    /// Draw the model's own picture; see [`Vlm::reconstruct`](crate::vlm::Vlm::reconstruct).
    pub fn reconstruct(
        &self,
        job: JobId,
        question: Question,
        only_codes: bool,
        trace: Option<PathBuf>,
    ) {
        let question = Box::new(question);
        let request = EngineRequest::Reconstruct { job, question, only_codes, trace };
        self.submit(job, Order::Ask(request));
    }

    /// Stop a job between tokens. An answer ends with what it has; a load is given up.
    pub fn cancel(&self, job: JobId) {
        self.supervisor.order(Order::Cancel(job), None);
    }

    /// End the engine's process, so that all its memory returns.
    pub fn unload(&self) {
        self.supervisor.order(Order::Unload, None);
    }

    /// The next event, if one has arrived.
    #[must_use]
    pub fn poll(&self) -> Option<EngineEvent> {
        self.supervisor.poll()
    }

    /// The next event, waiting at most `timeout` for it.
    #[must_use]
    pub fn wait(&self, timeout: Duration) -> Option<EngineEvent> {
        self.supervisor.wait(timeout)
    }

    /// The engine's process number while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.supervisor.pid()
    }

    fn submit(&self, job: JobId, order: Order) {
        let message = "the engine is too far behind; try again".to_owned();
        self.supervisor.order(order, Some(EngineEvent::Failed { job, message }));
    }
}

enum Order {
    Load { job: JobId, request: LoadRequest },
    Ask(EngineRequest),
    ReadAhead(EngineRequest),
    Cancel(JobId),
    Unload,
}

#[derive(Default)]
struct EnginePolicy {
    /// What a dead engine's successor loads.
    model: Option<LoadRequest>,
    /// The running child has been given `model`.
    is_given: bool,
    /// A load nobody asked for by name, and the question it is for.
    reload: Option<(JobId, JobId)>,
    pending: BTreeMap<JobId, Option<Instant>>,
}

impl EnginePolicy {
    fn load(&mut self, job: JobId, request: LoadRequest, link: &mut Link<Self>) {
        self.end(link, "another model is being loaded");
        self.model = Some(request);
        self.pending.insert(job, None);
        self.give_model(job, link);
    }

    /// Start a child and hand it the model.
    fn give_model(&mut self, job: JobId, link: &mut Link<Self>) {
        let Some(request) = self.model.clone() else {
            self.fail_all(link, "no model is loaded: choose one first");
            return;
        };
        match link.ensure_started() {
            Ok(()) => {
                self.is_given = link.send(EngineRequest::Load { job, request });
            }
            Err(error) => {
                self.fail_all(link, &format!("the model's engine could not be started: {error}"));
            }
        }
    }

    fn ask(&mut self, request: EngineRequest, link: &mut Link<Self>) {
        let (EngineRequest::Ask { job, .. } | EngineRequest::Reconstruct { job, .. }) = request
        else {
            return;
        };
        self.pending.insert(job, None);
        if !(link.is_running() && self.is_given) {
            let reload = JobId::next();
            self.reload = Some((reload, job));
            self.give_model(reload, link);
        }
        if self.pending.contains_key(&job) {
            link.send(request);
        }
    }

    fn read_ahead(&mut self, request: EngineRequest, link: &Link<Self>) {
        let EngineRequest::ReadAhead { job, .. } = request else { return };
        if link.is_running() && self.is_given {
            self.pending.insert(job, None);
            link.send(request);
        } else {
            link.emit(EngineEvent::Finished { job });
        }
    }

    fn cancel(&mut self, job: JobId, link: &Link<Self>) {
        if let Some(since) = self.pending.get_mut(&job) {
            since.get_or_insert_with(Instant::now);
            link.send(EngineRequest::Cancel { job });
            if let Some((reload, _)) = self.reload.filter(|(_, asked)| *asked == job) {
                link.send(EngineRequest::Cancel { job: reload });
            }
        }
    }

    fn end(&mut self, link: &mut Link<Self>, why: &str) {
        link.end_process();
        self.is_given = false;
        self.reload = None;
        self.fail_all(link, why);
    }

    fn fail_all(&mut self, link: &Link<Self>, message: &str) {
        for (job, _) in std::mem::take(&mut self.pending) {
            link.emit(EngineEvent::Failed { job, message: message.to_owned() });
        }
    }

    /// The question a load is for, when nobody asked for the load by name.
    fn asked_for(&self, job: JobId) -> Option<JobId> {
        self.reload.filter(|(reload, _)| *reload == job).map(|(_, asked)| asked)
    }

    fn finished(&mut self, job: JobId, link: &Link<Self>) {
        if self.asked_for(job).is_some() {
            self.reload = None;
        } else if self.pending.remove(&job).is_some() {
            link.emit(EngineEvent::Finished { job });
        }
    }

    fn failed(&mut self, job: JobId, message: String, link: &mut Link<Self>) {
        let reloaded_for = self.asked_for(job);
        if let Some(asked) = reloaded_for {
            self.end(link, &message);
            self.pending.remove(&asked);
        } else if self.pending.remove(&job).is_some() {
            link.emit(EngineEvent::Failed { job, message });
        }
    }

    fn gone(&mut self, how: &str, link: &mut Link<Self>) {
        let message = format!(
            "the engine stopped unexpectedly ({how}); the text so far is kept and the next question loads the model again"
        );
        self.end(link, &message);
        let message = format!("The model's engine stopped ({how})");
        link.emit(EngineEvent::Restarted { message });
    }
}

impl Policy for EnginePolicy {
    type Order = Order;
    type Request = EngineRequest;
    type Reply = EngineReply;
    type Event = EngineEvent;
    const KIND: &'static str = "engine";

    fn order(&mut self, order: Order, link: &mut Link<Self>) {
        match order {
            Order::Load { job, request } => self.load(job, request, link),
            Order::Ask(request) => self.ask(request, link),
            Order::ReadAhead(request) => self.read_ahead(request, link),
            Order::Cancel(job) => self.cancel(job, link),
            Order::Unload => {
                self.end(link, "the model was unloaded");
                self.model = None;
                link.emit(EngineEvent::Unloaded);
            }
        }
    }

    fn reply(&mut self, reply: EngineReply, link: &mut Link<Self>) {
        match reply {
            EngineReply::Hello { version } => {
                if version != PROTOCOL_VERSION {
                    self.end(link, "the program was replaced while it runs: restart it");
                }
            }
            EngineReply::Loading { job, progress } => {
                let job = self.asked_for(job).unwrap_or(job);
                link.emit(EngineEvent::Loading { job, progress });
            }
            EngineReply::Loaded { job, info } => {
                let job = self.asked_for(job).unwrap_or(job);
                link.emit(EngineEvent::Loaded { job, info });
            }
            EngineReply::Working { job, progress } => {
                link.emit(EngineEvent::Working { job, progress });
            }
            EngineReply::Text { job, text, tokens, elapsed_ms } => {
                link.emit(EngineEvent::Text { job, text, tokens, elapsed_ms });
            }
            EngineReply::Answered { job, answer, peak_rss_mb } => {
                link.emit(EngineEvent::Answered { job, answer, peak_rss_mb });
            }
            EngineReply::Reconstructed { job, reconstruction, peak_rss_mb } => {
                link.emit(EngineEvent::Reconstructed { job, reconstruction, peak_rss_mb });
            }
            EngineReply::TooLong { job, prompt_tokens, context_len } => {
                link.emit(EngineEvent::TooLong { job, prompt_tokens, context_len });
            }
            EngineReply::Finished { job } => self.finished(job, link),
            EngineReply::Failed { job, message } => self.failed(job, message, link),
        }
    }

    fn died(&mut self, how: &str, link: &mut Link<Self>) {
        self.gone(how, link);
    }

    fn tick(&mut self, link: &mut Link<Self>) {
        let stuck = |since: &Option<Instant>| since.is_some_and(|at| at.elapsed() > CANCEL_GRACE);
        if self.pending.values().any(stuck) {
            self.gone("it did not stop when told to", link);
        }
    }

    fn is_busy(&self) -> bool {
        self.pending.values().any(Option::is_some)
    }
}
