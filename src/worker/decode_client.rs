//! The window's side of the decode worker.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::imaging::{Aspect, Contents, Cut, DisplayImage, Frame, FrameRef, Opened, Stack};

use super::{
    JobId, Wake,
    protocol::{DecodeReply, DecodeRequest, PROTOCOL_VERSION},
    supervisor::{Link, Policy, Supervisor},
};

/// A job that says nothing for this long has met a file made to waste time.
const SILENCE_LIMIT: Duration = Duration::from_secs(30);
/// Children that may end in a row without beginning a job before their jobs are given up.
const MAX_IDLE_DEATHS: u32 = 3;

/// What comes back from the decode worker.
#[derive(Clone, Debug)]
pub enum DecodeEvent {
    /// How far an [`DecodeClient::open`] or a [`DecodeClient::build_volume`] is.
    Opening {
        /// The job.
        job: JobId,
        /// Files looked at.
        files_done: usize,
        /// Files found so far, or slices of the volume.
        files_total: usize,
    },
    /// What was found.
    Opened {
        /// The job.
        job: JobId,
        /// Studies, warnings and the count of files skipped.
        opened: Opened,
    },
    /// The volume asked for is at hand.
    VolumeBuilt {
        /// The job.
        job: JobId,
    },
    /// A decoded frame.
    Frame {
        /// The job.
        job: JobId,
        /// Which frame; none for a pasted picture.
        frame_ref: Option<FrameRef>,
        /// Its stored values.
        frame: Arc<Frame>,
    },
    /// What else is in a file.
    Contents {
        /// The job.
        job: JobId,
        /// What was asked for.
        contents: Contents,
    },
    /// A small picture of a frame at its own window.
    Thumbnail {
        /// The job.
        job: JobId,
        /// Which frame.
        frame_ref: FrameRef,
        /// At most 128 pixels a side.
        image: DisplayImage,
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
    /// The worker ended and was replaced; what it had begun is tried once more.
    Restarted {
        /// One sentence.
        message: String,
    },
}

/// Handle to the decode worker; dropping it ends the process.
pub struct DecodeClient {
    supervisor: Supervisor<DecodePolicy>,
}

impl DecodeClient {
    /// Never fails: a worker that cannot be started fails the jobs given to it.
    #[must_use]
    pub fn start(wake: Wake) -> Self {
        let policy = DecodePolicy { pending: BTreeMap::new(), idle_deaths: 0 };
        Self { supervisor: Supervisor::start(policy, wake) }
    }

    /// Look through files and folders for studies.
    pub fn open(&self, job: JobId, paths: Vec<PathBuf>) {
        self.submit(job, DecodeRequest::Open { job, paths });
    }

    /// Decode one frame.
    pub fn read_frame(&self, job: JobId, frame_ref: FrameRef) {
        self.submit(job, DecodeRequest::ReadFrame { job, frame_ref });
    }

    /// Decode one frame and make it small.
    pub fn thumbnail(&self, job: JobId, frame_ref: FrameRef) {
        self.submit(job, DecodeRequest::Thumbnail { job, frame_ref });
    }

    /// Decode a picture that is not a file.
    pub fn decode_picture(&self, job: JobId, bytes: Vec<u8>) {
        self.submit(job, DecodeRequest::DecodePicture { job, bytes });
    }

    /// Decode the slices of a stack, and keep them.
    pub fn build_volume(&self, job: JobId, stack: Stack) {
        self.submit(job, DecodeRequest::BuildVolume { job, stack: Box::new(stack) });
    }

    /// Cut a plane; the event names it as `frame_ref`.
    pub fn read_plane(&self, job: JobId, frame_ref: FrameRef, stack: Stack, cut: Cut) {
        let stack = Box::new(stack);
        self.submit(job, DecodeRequest::ReadPlane { job, frame_ref, stack, cut });
    }

    /// Read what else is in a file.
    pub fn read_contents(&self, job: JobId, path: PathBuf, aspect: Aspect) {
        self.submit(job, DecodeRequest::ReadContents { job, path, aspect });
    }

    /// Let go of the volume, if one is kept.
    pub fn forget_volume(&self) {
        self.supervisor.order(DecodeRequest::ForgetVolume, None);
    }

    fn submit(&self, job: JobId, request: DecodeRequest) {
        let message = "the image decoder is too far behind; try again".to_owned();
        self.supervisor.order(request, Some(DecodeEvent::Failed { job, message }));
    }

    /// Stop a job; it ends with [`DecodeEvent::Failed`] unless it was already done.
    pub fn cancel(&self, job: JobId) {
        self.supervisor.order(DecodeRequest::Cancel { job }, None);
    }

    /// The next event, if one has arrived.
    #[must_use]
    pub fn poll(&self) -> Option<DecodeEvent> {
        self.supervisor.poll()
    }

    /// The next event, waiting at most `timeout` for it.
    #[must_use]
    pub fn wait(&self, timeout: Duration) -> Option<DecodeEvent> {
        self.supervisor.wait(timeout)
    }

    /// The worker's process number while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.supervisor.pid()
    }
}

struct Pending {
    request: DecodeRequest,
    heard: Option<Instant>,
    deaths: u32,
}

struct DecodePolicy {
    pending: BTreeMap<JobId, Pending>,
    idle_deaths: u32,
}

impl DecodePolicy {
    fn start_and_send(&mut self, link: &mut Link<Self>, jobs: &[JobId]) {
        if let Err(error) = link.ensure_started() {
            self.fail_all(link, &format!("the image decoder could not be started: {error}"));
            return;
        }
        for job in jobs {
            if let Some(pending) = self.pending.get(job) {
                link.send(pending.request.clone());
            }
        }
    }

    fn fail_all(&mut self, link: &Link<Self>, message: &str) {
        for (job, _) in std::mem::take(&mut self.pending) {
            link.emit(DecodeEvent::Failed { job, message: message.to_owned() });
        }
    }

    /// Give up jobs that have met the end of `max_deaths` children; true for those kept.
    fn drop_deadly_jobs(&mut self, link: &Link<Self>, how: &str, max_deaths: u32) {
        let mut deadly = Vec::new();
        for (job, pending) in &mut self.pending {
            if pending.heard.take().is_some() {
                pending.deaths += 1;
                if pending.deaths >= max_deaths {
                    deadly.push(*job);
                }
            }
        }
        for job in deadly {
            let message = match self.pending.remove(&job).map(|pending| pending.request) {
                Some(DecodeRequest::ReadFrame { frame_ref, .. }) => {
                    format!(
                        "the image decoder stopped on this file ({how}): {}",
                        frame_ref.path.display()
                    )
                }
                Some(DecodeRequest::BuildVolume { .. } | DecodeRequest::ReadPlane { .. }) => {
                    format!("the image decoder stopped ({how}) while building the volume")
                }
                Some(DecodeRequest::ReadContents { path, .. }) => {
                    format!("the image decoder stopped on this file ({how}): {}", path.display())
                }
                _ => {
                    format!("the image decoder stopped ({how}) while opening; nothing else is lost")
                }
            };
            link.emit(DecodeEvent::Failed { job, message });
        }
    }

    fn restart(&mut self, how: &str, link: &mut Link<Self>, max_deaths: u32) {
        let was_working = self.pending.values().any(|pending| pending.heard.is_some());
        self.idle_deaths = if was_working { 0 } else { self.idle_deaths + 1 };
        self.drop_deadly_jobs(link, how, max_deaths);
        let message = format!("The image decoder stopped ({how}) and was started again");
        link.emit(DecodeEvent::Restarted { message });
        if self.idle_deaths >= MAX_IDLE_DEATHS {
            self.fail_all(link, &format!("the image decoder does not start ({how})"));
            self.idle_deaths = 0;
        } else if !self.pending.is_empty() {
            let jobs: Vec<JobId> = self.pending.keys().copied().collect();
            self.start_and_send(link, &jobs);
        }
    }

    fn heard_of(&mut self, job: JobId) {
        if let Some(pending) = self.pending.get_mut(&job) {
            pending.heard = Some(Instant::now());
        }
    }
}

impl Policy for DecodePolicy {
    type Order = DecodeRequest;
    type Request = DecodeRequest;
    type Reply = DecodeReply;
    type Event = DecodeEvent;
    const KIND: &'static str = "decode";

    fn order(&mut self, order: DecodeRequest, link: &mut Link<Self>) {
        let job = match &order {
            DecodeRequest::Cancel { .. } | DecodeRequest::ForgetVolume => {
                link.send(order);
                return;
            }
            DecodeRequest::Open { job, .. }
            | DecodeRequest::ReadFrame { job, .. }
            | DecodeRequest::Thumbnail { job, .. }
            | DecodeRequest::BuildVolume { job, .. }
            | DecodeRequest::ReadPlane { job, .. }
            | DecodeRequest::ReadContents { job, .. }
            | DecodeRequest::DecodePicture { job, .. } => *job,
        };
        self.pending.insert(job, Pending { request: order, heard: None, deaths: 0 });
        self.start_and_send(link, &[job]);
    }

    fn reply(&mut self, reply: DecodeReply, link: &mut Link<Self>) {
        match reply {
            DecodeReply::Hello { version } => {
                if version != PROTOCOL_VERSION {
                    link.end_process();
                    self.fail_all(link, "the program was replaced while it runs: restart it");
                }
            }
            DecodeReply::Started { job } => self.heard_of(job),
            DecodeReply::Opening { job, files_done, files_total } => {
                self.heard_of(job);
                link.emit(DecodeEvent::Opening { job, files_done, files_total });
            }
            DecodeReply::Opened { job, opened } => {
                link.emit(DecodeEvent::Opened { job, opened });
            }
            DecodeReply::VolumeBuilt { job } => link.emit(DecodeEvent::VolumeBuilt { job }),
            DecodeReply::Frame { job, frame_ref, frame } => {
                link.emit(DecodeEvent::Frame { job, frame_ref, frame: Arc::from(frame) });
            }
            DecodeReply::Contents { job, contents } => {
                link.emit(DecodeEvent::Contents { job, contents });
            }
            DecodeReply::Thumbnail { job, frame_ref, image } => {
                link.emit(DecodeEvent::Thumbnail { job, frame_ref, image });
            }
            DecodeReply::Finished { job } => {
                self.idle_deaths = 0;
                self.pending.remove(&job);
                link.emit(DecodeEvent::Finished { job });
            }
            DecodeReply::Failed { job, message } => {
                self.pending.remove(&job);
                link.emit(DecodeEvent::Failed { job, message });
            }
        }
    }

    fn died(&mut self, how: &str, link: &mut Link<Self>) {
        self.restart(how, link, 2);
    }

    fn tick(&mut self, link: &mut Link<Self>) {
        let stuck =
            |pending: &Pending| pending.heard.is_some_and(|at| at.elapsed() > SILENCE_LIMIT);
        if self.pending.values().any(stuck) {
            link.end_process();
            self.restart("it took too long", link, 1);
        }
    }

    fn is_busy(&self) -> bool {
        self.pending.values().any(|pending| pending.heard.is_some())
    }
}
