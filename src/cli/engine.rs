//! Work on one model: in the engine worker, or here for debuggers.

use std::{
    io::{Write as _, stdout},
    ops::ControlFlow,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, bail};

use crate::vlm::{
    Answer, LoadOptions, ModelInfo, ModelSpec, Progress, Question, Reconstruction, Tasks, Trace,
    Vlm, WeightsCache, choose_device, set_threads,
};
use crate::worker::{
    EngineClient, EngineEvent, JobId, LoadRequest, keep_freed_memory, peak_rss_mb,
};

use super::args::MachineArgs;
use super::save::Recorder;
use super::terminal::{StatusLine, loading_text, one_line, warn, working_text};

/// How long to wait for the worker before asking again.
const WAIT: Duration = Duration::from_secs(1);

/// What a model shall do.
pub(super) struct Work {
    pub(super) question: Question,
    /// A picture is drawn; whether nothing but codes may come.
    pub(super) drawing: Option<bool>,
    /// Where the intermediate tensors go.
    pub(super) trace: Option<PathBuf>,
}

impl Work {
    fn tasks(&self) -> Tasks {
        let reconstruction = self.drawing.is_some();
        Tasks { questions: !reconstruction, reconstruction }
    }
}

/// What a model gave.
pub(super) enum Outcome {
    Answer(Box<Answer>),
    Picture(Box<Reconstruction>),
}

/// What it comes with.
pub(super) struct Done {
    pub(super) info: ModelInfo,
    pub(super) outcome: Outcome,
    pub(super) peak_rss_mb: u64,
}

/// A model that was loaded, and stays for further work.
pub(super) struct Session {
    info: ModelInfo,
    engine: Engine,
}

enum Engine {
    Worker(EngineClient),
    Here(Box<Vlm>),
}

/// Where the answer appears while it is written.
pub(super) struct Screen {
    pub(super) status: StatusLine,
    pub(super) is_quiet: bool,
    /// Keeps the answer in the history.
    pub(super) recorder: Option<Recorder>,
}

impl Screen {
    /// What the reader should know of a model, a line each on standard error.
    fn notes(&mut self, notes: &[String]) {
        self.status.clear();
        for note in notes {
            eprintln!("! {}", one_line(note));
        }
    }

    /// Nothing more comes, and why.
    pub(super) fn failed(&mut self, error: &anyhow::Error) {
        self.status.clear();
        if let Some(recorder) = &mut self.recorder {
            recorder.failed(&format!("{error:#}"));
        }
    }

    /// Has the history written.
    pub(super) fn keep(self) -> anyhow::Result<()> {
        self.recorder.map_or(Ok(()), Recorder::finish)
    }

    /// The same after the work failed, which is what is told.
    pub(super) fn keep_failed(self, why: anyhow::Error) -> anyhow::Error {
        if let Err(error) = self.keep() {
            warn(&error.to_string());
        }
        why
    }

    fn text(&mut self, text: &str) -> ControlFlow<()> {
        self.status.clear();
        if let Some(recorder) = &mut self.recorder {
            recorder.text(text);
        }
        let mut out = stdout().lock();
        let written = self.is_quiet || (write!(out, "{text}").is_ok() && out.flush().is_ok());
        // A reader that closed the pipe wants no more.
        if written { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

/// Without an engine worker this thread computes, as one of them all: said before anything else
/// could hand out work. Elsewhere it only waits.
pub(super) fn compute_here(in_process: bool) {
    if in_process {
        set_threads(0);
    }
}

/// One piece of work on a model that is loaded for it.
pub(super) fn run_model(
    spec: &ModelSpec,
    machine: &MachineArgs,
    in_process: bool,
    work: Work,
    screen: &mut Screen,
) -> anyhow::Result<Done> {
    let mut session = Session::load(spec, machine, in_process, work.tasks(), screen)?;
    session.work(work, screen)
}

impl Session {
    /// Loads a model.
    pub(super) fn load(
        spec: &ModelSpec,
        machine: &MachineArgs,
        in_process: bool,
        tasks: Tasks,
        screen: &mut Screen,
    ) -> anyhow::Result<Self> {
        let loaded = if in_process {
            load_here(spec, machine, tasks, screen)
        } else {
            load_in_engine(spec, machine, tasks, screen)
        };
        if let Err(error) = &loaded {
            screen.failed(error);
        }
        let session = loaded?;
        screen.notes(&session.info.notes);
        Ok(session)
    }

    /// Has it work on something.
    pub(super) fn work(&mut self, work: Work, screen: &mut Screen) -> anyhow::Result<Done> {
        if let Some(recorder) = &mut screen.recorder {
            recorder.began(&self.info, &work.question);
        }
        let worked = match &mut self.engine {
            Engine::Worker(engine) => work_in_engine(engine, work, screen),
            Engine::Here(model) => work_here(model, &work, screen),
        };
        if let Err(error) = &worked {
            screen.failed(error);
        }
        let (outcome, peak_rss_mb) = worked?;
        Ok(Done { info: self.info.clone(), outcome, peak_rss_mb })
    }
}

fn load_here(
    spec: &ModelSpec,
    machine: &MachineArgs,
    tasks: Tasks,
    screen: &mut Screen,
) -> anyhow::Result<Session> {
    keep_freed_memory();
    let device = choose_device(machine.device)?;
    let mut show = |progress| {
        screen.status.show(&loading_text(&progress));
        ControlFlow::Continue(())
    };
    let cache = WeightsCache::usual().filter(|_| !machine.no_weights_cache);
    let (tasks, precision) = (Some(tasks), machine.precision);
    let options = LoadOptions { tasks, precision, cache, beside_window: false };
    let model = Box::new(Vlm::load_with(&options, spec, device, &mut show)?);
    Ok(Session { info: model.info().clone(), engine: Engine::Here(model) })
}

fn work_here(model: &mut Vlm, work: &Work, screen: &mut Screen) -> anyhow::Result<(Outcome, u64)> {
    let mut trace = work.trace.as_ref().map(|_| Trace::default());
    let mut emit = |progress: Progress| match progress {
        Progress::Text { text, .. } => screen.text(&text),
        other => {
            screen.status.show(&working_text(&other));
            ControlFlow::Continue(())
        }
    };
    let outcome = match work.drawing {
        None => {
            Outcome::Answer(Box::new(model.answer(&work.question, &mut emit, trace.as_mut())?))
        }
        Some(only_codes) => {
            let made = model.reconstruct(&work.question, only_codes, &mut emit, trace.as_mut())?;
            Outcome::Picture(Box::new(made))
        }
    };
    if let (Some(trace), Some(path)) = (&trace, &work.trace) {
        trace.write(path)?;
    }
    screen.notes(model.finish_keeping().as_slice());
    Ok((outcome, peak_rss_mb()))
}

fn load_in_engine(
    spec: &ModelSpec,
    machine: &MachineArgs,
    tasks: Tasks,
    screen: &mut Screen,
) -> anyhow::Result<Session> {
    let engine = EngineClient::start(Arc::new(|| ()));
    let request = LoadRequest {
        model: spec.path.clone(),
        device: machine.device,
        precision: machine.precision,
        tasks: Some(tasks),
        weights_cache: !machine.no_weights_cache,
    };
    engine.load(JobId::next(), request);
    let mut info = None;
    loop {
        match engine.wait(WAIT) {
            Some(EngineEvent::Loading { progress, .. }) => {
                screen.status.show(&loading_text(&progress));
            }
            Some(EngineEvent::Loaded { info: loaded, .. }) => info = Some(*loaded),
            Some(EngineEvent::Finished { .. }) => break,
            Some(EngineEvent::Failed { message, .. }) => bail!(message),
            _ => {}
        }
    }
    let info = info.context("the engine did not say what it loaded")?;
    Ok(Session { info, engine: Engine::Worker(engine) })
}

fn work_in_engine(
    engine: &EngineClient,
    work: Work,
    screen: &mut Screen,
) -> anyhow::Result<(Outcome, u64)> {
    let job = JobId::next();
    let Work { question, drawing, trace } = work;
    match drawing {
        None => engine.ask_traced(job, question, trace),
        Some(only_codes) => engine.reconstruct(job, question, only_codes, trace),
    }
    let mut outcome = None;
    loop {
        match engine.wait(WAIT) {
            Some(EngineEvent::Working { progress, .. }) => {
                screen.status.show(&working_text(&progress));
            }
            Some(EngineEvent::Text { text, .. }) if screen.text(&text).is_break() => {
                engine.cancel(job);
            }
            Some(EngineEvent::Answered { answer, peak_rss_mb, .. }) => {
                outcome = Some((Outcome::Answer(answer), peak_rss_mb));
            }
            Some(EngineEvent::Reconstructed { reconstruction, peak_rss_mb, .. }) => {
                outcome = Some((Outcome::Picture(reconstruction), peak_rss_mb));
            }
            Some(EngineEvent::Finished { .. }) => break,
            Some(EngineEvent::Failed { message, .. }) => bail!(message),
            Some(
                EngineEvent::Text { .. }
                | EngineEvent::Loading { .. }
                | EngineEvent::Loaded { .. }
                | EngineEvent::TooLong { .. }
                | EngineEvent::Restarted { .. }
                | EngineEvent::Unloaded,
            )
            | None => {}
        }
    }
    outcome.context("the engine gave no answer")
}
