//! The thread between a client and its child process: starts it, relays, notices its death.

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};

use super::{
    Wake,
    child::{Generation, Heard, WorkerProcess, describe_exit},
};

/// Events the asker may lag behind by before the worker waits for it.
const EVENT_BACKLOG: usize = 4096;
/// How often a policy with work under way looks at the clock.
const TICK: Duration = Duration::from_millis(200);
/// How long a process whose pipe closed may take to end by itself.
const EXIT_GRACE: Duration = Duration::from_millis(500);

/// What is particular to one kind of worker: what its messages mean and what follows a death.
pub(super) trait Policy: Sized + Send + 'static {
    /// From the client.
    type Order: Send + 'static;
    /// To the child.
    type Request: Serialize + Send + 'static;
    /// From the child.
    type Reply: DeserializeOwned + Send + 'static;
    /// To the client.
    type Event: Send + 'static;
    /// The word after `reading-room worker`.
    const KIND: &'static str;

    /// The client wants something.
    fn order(&mut self, order: Self::Order, link: &mut Link<Self>);
    /// The child said something.
    fn reply(&mut self, reply: Self::Reply, link: &mut Link<Self>);
    /// The child is gone, `how` in words.
    fn died(&mut self, how: &str, link: &mut Link<Self>);
    /// Time passed while [`Policy::is_busy`].
    fn tick(&mut self, link: &mut Link<Self>);
    /// Whether the clock matters now.
    fn is_busy(&self) -> bool;
}

enum Incoming<P: Policy> {
    Order(P::Order),
    Heard(Heard<P::Reply>),
    Stop,
}

/// A policy's way to its child and its client.
pub(super) struct Link<P: Policy> {
    process: Option<WorkerProcess<P::Request>>,
    generation: u64,
    /// Of the running child, 0 without one; shared with the client's handle.
    pid: Arc<AtomicU32>,
    inbox: SyncSender<Incoming<P>>,
    events: SyncSender<P::Event>,
    wake: Wake,
}

impl<P: Policy> Link<P> {
    /// Whether a child runs.
    pub(super) fn is_running(&self) -> bool {
        self.process.is_some()
    }

    /// The child, started when there is none.
    ///
    /// # Errors
    /// When the system will not start it.
    pub(super) fn ensure_started(&mut self) -> io::Result<()> {
        if self.process.is_some() {
            return Ok(());
        }
        self.generation += 1;
        let inbox = self.inbox.clone();
        let hear = move |heard| inbox.send(Incoming::Heard(heard)).is_ok();
        let process = WorkerProcess::start(P::KIND, Generation(self.generation), hear)?;
        self.pid.store(process.pid(), Ordering::Relaxed);
        self.process = Some(process);
        Ok(())
    }

    /// Send to the running child; false when there is none or it no longer listens.
    pub(super) fn send(&self, request: P::Request) -> bool {
        self.process.as_ref().is_some_and(|process| process.send(request))
    }

    /// Tell the client.
    pub(super) fn emit(&self, event: P::Event) {
        if self.events.send(event).is_ok() {
            (self.wake)();
        }
    }

    /// End the child on purpose; nothing is heard from it again.
    pub(super) fn end_process(&mut self) {
        if let Some(process) = self.take_process() {
            process.end(Duration::ZERO);
        }
    }

    fn take_process(&mut self) -> Option<WorkerProcess<P::Request>> {
        self.pid.store(0, Ordering::Relaxed);
        self.process.take()
    }
}

/// A client's handle to its supervisor; dropping it ends the child and joins the thread.
pub(super) struct Supervisor<P: Policy> {
    inbox: SyncSender<Incoming<P>>,
    events: Option<Receiver<P::Event>>,
    refusals: Mutex<Vec<P::Event>>,
    pid: Arc<AtomicU32>,
    thread: Option<JoinHandle<()>>,
}

impl<P: Policy> Supervisor<P> {
    /// Start the thread; the child follows with the first order that needs it.
    pub(super) fn start(mut policy: P, wake: Wake) -> Self {
        let (inbox, incoming) = sync_channel(EVENT_BACKLOG);
        let (events_in, events) = sync_channel(EVENT_BACKLOG);
        let pid = Arc::new(AtomicU32::new(0));
        let mut link = Link {
            process: None,
            generation: 0,
            pid: pid.clone(),
            inbox: inbox.clone(),
            events: events_in,
            wake,
        };
        let thread = thread::Builder::new()
            .name(format!("{}-supervisor", P::KIND))
            .spawn(move || supervise(&mut policy, &mut link, &incoming))
            .ok();
        Self { inbox, events: Some(events), refusals: Mutex::default(), pid, thread }
    }

    /// Queue an order without waiting; `refusal` is the event that answers it when the
    /// supervisor is hopelessly behind, so that every job ends.
    pub(super) fn order(&self, order: P::Order, refusal: Option<P::Event>) {
        let refused = self.inbox.try_send(Incoming::Order(order)).is_err();
        if let (true, Some(event)) = (refused, refusal) {
            self.refusals.lock().unwrap_or_else(PoisonError::into_inner).push(event);
        }
    }

    /// The next event, if one has arrived.
    pub(super) fn poll(&self) -> Option<P::Event> {
        let refusal = self.refusals.lock().unwrap_or_else(PoisonError::into_inner).pop();
        refusal.or_else(|| self.events.as_ref()?.try_recv().ok())
    }

    /// The next event, waiting at most `timeout` for it.
    pub(super) fn wait(&self, timeout: Duration) -> Option<P::Event> {
        self.poll().or_else(|| self.events.as_ref()?.recv_timeout(timeout).ok())
    }
}

impl<P: Policy> Supervisor<P> {
    /// The operating system's number of the child while one runs.
    pub(super) fn pid(&self) -> Option<u32> {
        Some(self.pid.load(Ordering::Relaxed)).filter(|&pid| pid != 0)
    }
}

impl<P: Policy> Drop for Supervisor<P> {
    fn drop(&mut self) {
        // Events first: a supervisor waiting in `emit` then goes on, and the join cannot hang.
        drop(self.events.take());
        self.inbox.send(Incoming::Stop).ok();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

fn supervise<P: Policy>(policy: &mut P, link: &mut Link<P>, incoming: &Receiver<Incoming<P>>) {
    loop {
        let next = if policy.is_busy() {
            incoming.recv_timeout(TICK)
        } else {
            incoming.recv().map_err(|_gone| RecvTimeoutError::Disconnected)
        };
        match next {
            Ok(Incoming::Order(order)) => policy.order(order, link),
            Ok(Incoming::Heard(heard)) => hear(policy, link, heard),
            Err(RecvTimeoutError::Timeout) => {}
            Ok(Incoming::Stop) | Err(RecvTimeoutError::Disconnected) => break,
        }
        if policy.is_busy() {
            policy.tick(link);
        }
    }
    link.end_process();
}

fn hear<P: Policy>(policy: &mut P, link: &mut Link<P>, heard: Heard<P::Reply>) {
    let current = Generation(link.generation);
    match heard {
        Heard::Reply(generation, reply) if generation == current && link.is_running() => {
            policy.reply(reply, link);
        }
        Heard::Closed(generation) if generation == current => {
            if let Some(process) = link.take_process() {
                policy.died(&describe_exit(process.end(EXIT_GRACE)), link);
            }
        }
        Heard::Reply(..) | Heard::Closed(_) => {} // an ended child's last words
    }
}
