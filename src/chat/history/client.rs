//! The near end of the history: requests in, events out, never waiting.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::error::HistoryError;
use super::store::{HistoryEvent, Request, Store};

/// Called when there is an event to take.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// Requests under way before further ones wait here.
const QUEUE: usize = 16;
const EVENTS: usize = 64;

/// The history as the window and the commands have it.
pub struct History {
    requests: Option<SyncSender<Request>>,
    /// What the queue has no room for.
    waiting: VecDeque<Request>,
    events: Receiver<HistoryEvent>,
    /// What is said before anything else.
    first: Option<HistoryEvent>,
}

impl History {
    /// Opens the history of a folder; the first event says how that went.
    #[must_use]
    pub fn start(folder: &Path, wake: Wake) -> Self {
        let (requests, to_do) = sync_channel(QUEUE);
        let (to_window, events) = sync_channel(EVENTS);
        let folder = folder.to_owned();
        let run = move || Store::new(folder, to_window, wake).run(&to_do);
        let started = thread::Builder::new().name("history".to_owned()).spawn(run);
        let first = started.err().map(|error| {
            let error = HistoryError::Other(format!("no thread could be started: {error}"));
            HistoryEvent::Trouble(error)
        });
        Self { requests: Some(requests), waiting: VecDeque::new(), events, first }
    }

    /// Asks for something; never waits.
    pub fn send(&mut self, request: Request) {
        if let Request::Save(chat) = &request {
            // a later state of the same chat has everything of the earlier one
            self.waiting.retain(|other| !matches!(other, Request::Save(c) if c.id == chat.id));
        }
        self.waiting.push_back(request);
        self.pump();
    }

    /// Hands over what waits, as far as there is room.
    fn pump(&mut self) {
        let Some(requests) = &self.requests else { return };
        while let Some(request) = self.waiting.pop_front() {
            if let Err(TrySendError::Full(request)) = requests.try_send(request) {
                self.waiting.push_front(request);
                return;
            }
        }
    }

    /// Whether something waits for room.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The next event, if there is one.
    pub fn poll(&mut self) -> Option<HistoryEvent> {
        self.pump();
        self.first.take().or_else(|| self.events.try_recv().ok())
    }

    /// The next event, waited for.
    pub fn wait(&mut self, within: Duration) -> Option<HistoryEvent> {
        self.pump();
        self.first.take().or_else(|| self.events.recv_timeout(within).ok())
    }

    /// Has everything written, and says what was not.
    ///
    /// # Errors
    /// When something could not be written, or not in time.
    pub fn close(mut self, within: Duration) -> Result<(), HistoryError> {
        let until = Instant::now() + within;
        let mut trouble = None;
        loop {
            self.pump();
            if self.waiting.is_empty() {
                // nothing more comes: the thread writes what it has and ends
                self.requests = None;
            }
            let left = until.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left.min(Duration::from_millis(20))) {
                Ok(HistoryEvent::Trouble(error)) => trouble = Some(error),
                Ok(HistoryEvent::Recovered) => trouble = None,
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) if left.is_zero() => {
                    trouble.get_or_insert(HistoryError::Busy);
                    break;
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        trouble.map_or(Ok(()), Err)
    }
}
