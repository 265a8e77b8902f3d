//! The engine worker's own loop: loads its one model and answers, one job after another.

use std::{
    collections::HashSet,
    io::{self, Write},
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, sync_channel},
    },
    thread,
    time::Instant,
};

use crate::vlm::{
    LoadOptions, ModelError, Progress, Trace, Vlm, WeightsCache, choose_device, recognise,
};

use super::{
    JobId, LoadRequest, keep_freed_memory,
    limits::{limit_engine_worker, peak_rss_mb},
    manners::leave_room_for_the_window,
    pipe::{read_message, write_message},
    protocol::{EngineReply, EngineRequest, PROTOCOL_VERSION},
};

/// Jobs that may wait for the model.
const BACKLOG: usize = 64;
/// The model's thread; deep layer stacks stay far below it.
const STACK_BYTES: usize = 64 << 20;

/// Run until standard input closes. Called for `reading-room worker engine`.
///
/// # Errors
/// When the model's thread cannot be started.
pub fn run_engine_worker() -> io::Result<()> {
    limit_engine_worker();
    keep_freed_memory();
    let cancelled = Cancelled::default();
    let model_cancelled = cancelled.clone();
    let (jobs, queue) = sync_channel(BACKLOG);
    thread::Builder::new().name("model".to_owned()).stack_size(STACK_BYTES).spawn(move || {
        leave_room_for_the_window();
        let mut out = io::stdout().lock();
        serve(&queue, &model_cancelled, &mut out).ok(); // an error means nobody listens any more
    })?;
    let mut stdin = io::stdin().lock();
    while let Ok(Some(request)) = read_message::<EngineRequest>(&mut stdin) {
        match request {
            EngineRequest::Cancel { job } => cancelled.add(job),
            other => {
                if jobs.send(other).is_err() {
                    break;
                }
            }
        }
    }
    // The window is gone, or the model's thread is: both end this process and free its memory.
    std::process::exit(0)
}

#[derive(Clone, Default)]
struct Cancelled(Arc<Mutex<HashSet<JobId>>>);

impl Cancelled {
    fn add(&self, job: JobId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(job);
    }

    /// Whether to go on with a job.
    fn flow(&self, job: JobId) -> ControlFlow<()> {
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&job) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

fn serve(
    queue: &Receiver<EngineRequest>,
    cancelled: &Cancelled,
    out: &mut impl Write,
) -> io::Result<()> {
    write_message(out, &EngineReply::Hello { version: PROTOCOL_VERSION })?;
    let mut model = None;
    for request in queue {
        let (EngineRequest::Load { job, .. }
        | EngineRequest::Ask { job, .. }
        | EngineRequest::ReadAhead { job, .. }
        | EngineRequest::Reconstruct { job, .. }
        | EngineRequest::Cancel { job }) = &request;
        let job = *job;
        let attempt = AssertUnwindSafe(|| work(request, &mut model, cancelled, out));
        let result = catch_unwind(attempt).unwrap_or_else(|_panic| {
            let message = "the model failed while it worked; the text so far is kept".to_owned();
            Err(Fault { message, is_final: true, too_long: None })
        });
        match result {
            Ok(()) => write_message(out, &EngineReply::Finished { job })?,
            Err(Fault { message, is_final, too_long }) => {
                if let Some((prompt_tokens, context_len)) = too_long {
                    write_message(out, &EngineReply::TooLong { job, prompt_tokens, context_len })?;
                }
                write_message(out, &EngineReply::Failed { job, message })?;
                if is_final {
                    // The next question starts a fresh process and loads the model again.
                    std::process::exit(3);
                }
            }
        }
    }
    Ok(())
}

/// Why a job ends early.
struct Fault {
    message: String,
    /// A lost device stays lost for a process, and half-finished state is not trusted.
    is_final: bool,
    /// Positions that a question takes, and that there are.
    too_long: Option<(usize, usize)>,
}

impl From<ModelError> for Fault {
    fn from(error: ModelError) -> Self {
        let is_final = matches!(error, ModelError::Device { .. });
        let too_long = match &error {
            ModelError::ContextTooLong { prompt_tokens, context_len, .. } => {
                Some((*prompt_tokens, *context_len))
            }
            _ => None,
        };
        Self { message: error.to_string(), is_final, too_long }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self { message: error.to_string(), is_final: false, too_long: None }
    }
}

fn work(
    request: EngineRequest,
    model: &mut Option<Vlm>,
    cancelled: &Cancelled,
    out: &mut impl Write,
) -> Result<(), Fault> {
    match request {
        EngineRequest::Load { job, request } => {
            *model = None;
            let loaded = load(job, &request, cancelled, out)?;
            let info = loaded.info().clone();
            *model = Some(loaded);
            Ok(write_message(out, &EngineReply::Loaded { job, info: Box::new(info) })?)
        }
        EngineRequest::Ask { job, question, trace } => {
            let mut trace_to = trace.as_deref().map(|path| (Trace::default(), path));
            let trace = trace_to.as_mut().map(|(trace, _)| trace);
            let answer =
                loaded(model)?.answer(&question, &mut teller(job, cancelled, out), trace)?;
            write_trace(trace_to)?;
            let (answer, peak_rss_mb) = (Box::new(answer), peak_rss_mb());
            Ok(write_message(out, &EngineReply::Answered { job, answer, peak_rss_mb })?)
        }
        EngineRequest::ReadAhead { job, question } => {
            let mut emit = teller(job, cancelled, out);
            Ok(loaded(model)?.read_ahead(&question, &mut emit)?)
        }
        EngineRequest::Reconstruct { job, question, only_codes, trace } => {
            let mut trace_to = trace.as_deref().map(|path| (Trace::default(), path));
            let trace = trace_to.as_mut().map(|(trace, _)| trace);
            let model = loaded(model)?;
            let mut emit = teller(job, cancelled, out);
            let made = model.reconstruct(&question, only_codes, &mut emit, trace)?;
            drop(emit);
            write_trace(trace_to)?;
            let (reconstruction, peak_rss_mb) = (Box::new(made), peak_rss_mb());
            let reply = EngineReply::Reconstructed { job, reconstruction, peak_rss_mb };
            Ok(write_message(out, &reply)?)
        }
        EngineRequest::Cancel { .. } => Ok(()),
    }
}

fn load(
    job: JobId,
    request: &LoadRequest,
    cancelled: &Cancelled,
    out: &mut impl Write,
) -> Result<Vlm, ModelError> {
    let spec = recognise(&request.model)?;
    let device = choose_device(request.device)?;
    let mut tell = |progress| {
        if write_message(out, &EngineReply::Loading { job, progress }).is_err() {
            return ControlFlow::Break(());
        }
        cancelled.flow(job)
    };
    let cache = WeightsCache::usual().filter(|_| request.weights_cache);
    let (tasks, precision) = (request.tasks, request.precision);
    let options = LoadOptions { tasks, precision, cache, beside_window: true };
    Vlm::load_with(&options, &spec, device, &mut tell)
}

fn loaded(model: &mut Option<Vlm>) -> Result<&mut Vlm, Fault> {
    model.as_mut().ok_or_else(|| {
        let message = "no model is loaded: choose one first".to_owned();
        Fault { message, is_final: false, too_long: None }
    })
}

fn write_trace(trace: Option<(Trace, &Path)>) -> Result<(), Fault> {
    if let Some((trace, path)) = trace {
        trace.write(path)?;
    }
    Ok(())
}

/// Passes progress on, and a cancel back.
fn teller(
    job: JobId,
    cancelled: &Cancelled,
    out: &mut impl Write,
) -> impl FnMut(Progress) -> ControlFlow<()> {
    let asked = Instant::now();
    let mut last_progress = None;
    move |progress: Progress| {
        let reply = match progress {
            Progress::Text { text, tokens } => {
                let elapsed_ms = asked.elapsed().as_secs_f64() * 1e3;
                Some(EngineReply::Text { job, text, tokens, elapsed_ms })
            }
            // Repeated between layers only so that a cancel is noticed there.
            other if last_progress.as_ref() == Some(&other) => None,
            other => {
                last_progress = Some(other.clone());
                Some(EngineReply::Working { job, progress: other })
            }
        };
        if reply.is_some_and(|reply| write_message(out, &reply).is_err()) {
            return ControlFlow::Break(());
        }
        cancelled.flow(job)
    }
}
