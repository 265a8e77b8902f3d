//! One child process: started, written to, read from, and told apart from its predecessors.

use std::{
    io::{self, BufReader},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        OnceLock,
        mpsc::{SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use serde::{Serialize, de::DeserializeOwned};

use super::pipe::{read_message, write_message};

/// Requests that may wait for the child; beyond it the child is taken for dead.
const REQUEST_BACKLOG: usize = 1024;

static EXECUTABLE: OnceLock<PathBuf> = OnceLock::new();

/// Start workers from this executable instead of the running one (for tests, which are another).
pub fn use_executable(path: PathBuf) {
    EXECUTABLE.get_or_init(|| path);
}

/// Which of a supervisor's children spoke; a dead one's last words are not its successor's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Generation(pub(super) u64);

/// What a child's reader thread reports.
pub(super) enum Heard<Reply> {
    /// A message.
    Reply(Generation, Reply),
    /// The pipe closed: the process ended or is about to.
    Closed(Generation),
}

/// A running worker process.
pub(super) struct WorkerProcess<Request> {
    process: Child,
    requests: SyncSender<Request>,
}

impl<Request: Serialize + Send + 'static> WorkerProcess<Request> {
    /// Start `reading-room worker KIND`; what it says goes to `hear`.
    pub(super) fn start<Reply, Hear>(
        kind: &str,
        generation: Generation,
        mut hear: Hear,
    ) -> io::Result<Self>
    where
        Reply: DeserializeOwned + Send + 'static,
        Hear: FnMut(Heard<Reply>) -> bool + Send + 'static,
    {
        let executable = match EXECUTABLE.get() {
            Some(path) => path.clone(),
            None => std::env::current_exe()?,
        };
        let stderr = match std::env::var_os("READING_ROOM_WORKER_STDERR") {
            Some(_) => Stdio::inherit(),
            None => Stdio::null(),
        };
        let mut process = Command::new(executable)
            .args(["worker", kind])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()?;
        let (Some(mut stdin), Some(stdout)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(io::Error::other("the worker has no pipes"));
        };
        let (requests, queue) = sync_channel::<Request>(REQUEST_BACKLOG);
        thread::Builder::new().name(format!("{kind}-writer")).spawn(move || {
            for request in queue {
                if write_message(&mut stdin, &request).is_err() {
                    return;
                }
            }
        })?;
        thread::Builder::new().name(format!("{kind}-reader")).spawn(move || {
            let mut stdout = BufReader::new(stdout);
            while let Ok(Some(reply)) = read_message(&mut stdout) {
                if !hear(Heard::Reply(generation, reply)) {
                    return;
                }
            }
            hear(Heard::Closed(generation));
        })?;
        Ok(Self { process, requests })
    }

    /// Queue a request; false when the child no longer takes any.
    pub(super) fn send(&self, request: Request) -> bool {
        match self.requests.try_send(request) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
        }
    }

    /// The operating system's number for it.
    pub(super) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// End it, after waiting for `grace` whether it ends by itself, and say how it ended.
    pub(super) fn end(mut self, grace: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + grace;
        loop {
            if let Ok(Some(status)) = self.process.try_wait() {
                return Some(status);
            }
            if Instant::now() >= deadline {
                break;
            }
            thread::sleep(Duration::from_millis(5));
        }
        self.process.kill().ok();
        self.process.wait().ok()
    }
}

/// How a process ended, in words.
pub(super) fn describe_exit(status: Option<ExitStatus>) -> String {
    let Some(status) = status else { return "it did not say how".to_owned() };
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return match signal {
            6 => "it aborted".to_owned(),
            9 => "it was killed".to_owned(),
            11 | 7 => "it made a memory fault".to_owned(),
            other => format!("signal {other}"),
        };
    }
    match status.code() {
        Some(code) => format!("exit status {code}"),
        None => "it did not say how".to_owned(),
    }
}
