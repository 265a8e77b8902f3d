//! The window's side of the copying worker: DICOM files written again without what identifies a
//! person. It parses untrusted files and writes, which no other worker may do both.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::imaging::{Deidentified, DeidentifyOptions};

use super::{
    JobId, Wake,
    protocol::PROTOCOL_VERSION,
    supervisor::{Link, Policy, Supervisor},
};

/// To the copying worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum CopiesRequest {
    /// Write these files into a new folder of this one.
    Write { job: JobId, files: Vec<PathBuf>, options: DeidentifyOptions, beside: PathBuf },
    /// Stop; what is written stays.
    Cancel { job: JobId },
}

/// From the copying worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum CopiesReply {
    /// The first message.
    Hello { version: u32 },
    /// How far a `Write` is.
    Writing { job: JobId, files_done: usize, files_total: usize },
    /// Last message of a `Write` that worked.
    Written { job: JobId, folder: PathBuf, done: Box<Deidentified> },
    /// Last message of a job that did not; fit to show.
    Failed { job: JobId, message: String },
}

/// What comes back from the copying worker.
#[derive(Clone, Debug)]
pub enum CopiesEvent {
    /// How far it is.
    Writing {
        /// The job.
        job: JobId,
        /// Files looked at.
        files_done: usize,
        /// Of so many.
        files_total: usize,
    },
    /// All are written, but for those that it lists.
    Written {
        /// The job.
        job: JobId,
        /// The folder made for them.
        folder: PathBuf,
        /// What was written, left out and is to be looked at.
        done: Box<Deidentified>,
    },
    /// The job broke off; the message is fit to show.
    Failed {
        /// The job.
        job: JobId,
        /// One sentence.
        message: String,
    },
}

/// Handle to the copying worker; dropping it ends the process.
pub struct CopiesClient {
    supervisor: Supervisor<CopiesPolicy>,
}

impl CopiesClient {
    /// Never fails: a worker that cannot be started fails the jobs given to it.
    #[must_use]
    pub fn start(wake: Wake) -> Self {
        Self { supervisor: Supervisor::start(CopiesPolicy::default(), wake) }
    }

    /// Write these files into a new folder of this one.
    pub fn write(
        &self,
        job: JobId,
        files: Vec<PathBuf>,
        options: DeidentifyOptions,
        beside: PathBuf,
    ) {
        let message = "another export is under way; try again".to_owned();
        let order = CopiesRequest::Write { job, files, options, beside };
        self.supervisor.order(order, Some(CopiesEvent::Failed { job, message }));
    }

    /// Stop a job between two files; what is written stays.
    pub fn cancel(&self, job: JobId) {
        self.supervisor.order(CopiesRequest::Cancel { job }, None);
    }

    /// The next event, if one has arrived.
    #[must_use]
    pub fn poll(&self) -> Option<CopiesEvent> {
        self.supervisor.poll()
    }
}

#[derive(Default)]
struct CopiesPolicy {
    jobs: Vec<JobId>,
}

impl CopiesPolicy {
    fn fail_all(&mut self, link: &Link<Self>, message: &str) {
        for job in std::mem::take(&mut self.jobs) {
            link.emit(CopiesEvent::Failed { job, message: message.to_owned() });
        }
    }

    /// With nothing left to do its process ends: it holds tables of identifiers.
    fn ended(&mut self, job: JobId, link: &mut Link<Self>) {
        self.jobs.retain(|other| *other != job);
        if self.jobs.is_empty() {
            link.end_process();
        }
    }
}

impl Policy for CopiesPolicy {
    type Order = CopiesRequest;
    type Request = CopiesRequest;
    type Reply = CopiesReply;
    type Event = CopiesEvent;
    const KIND: &'static str = "copies";

    fn order(&mut self, order: CopiesRequest, link: &mut Link<Self>) {
        if let CopiesRequest::Write { job, .. } = &order {
            self.jobs.push(*job);
            if let Err(error) = link.ensure_started() {
                self.fail_all(link, &format!("the export could not be started: {error}"));
                return;
            }
        }
        link.send(order);
    }

    fn reply(&mut self, reply: CopiesReply, link: &mut Link<Self>) {
        match reply {
            CopiesReply::Hello { version } => {
                if version != PROTOCOL_VERSION {
                    link.end_process();
                    self.fail_all(link, "the program was replaced while it runs: restart it");
                }
            }
            CopiesReply::Writing { job, files_done, files_total } => {
                link.emit(CopiesEvent::Writing { job, files_done, files_total });
            }
            CopiesReply::Written { job, folder, done } => {
                link.emit(CopiesEvent::Written { job, folder, done });
                self.ended(job, link);
            }
            CopiesReply::Failed { job, message } => {
                link.emit(CopiesEvent::Failed { job, message });
                self.ended(job, link);
            }
        }
    }

    fn died(&mut self, how: &str, link: &mut Link<Self>) {
        link.end_process();
        self.fail_all(link, &format!("the export stopped ({how}); what was written is kept"));
    }

    fn tick(&mut self, _link: &mut Link<Self>) {}

    fn is_busy(&self) -> bool {
        false
    }
}
