//! One piece of work on one model: in the engine worker, or here for debuggers.

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

    fn began(&mut self, info: &ModelInfo, question: &Question) {
        self.notes(&info.notes);
        if let Some(recorder) = &mut self.recorder {
            recorder.began(info, question);
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

pub(super) fn run_model(
    spec: &ModelSpec,
    machine: &MachineArgs,
    in_process: bool,
    work: Work,
    screen: &mut Screen,
) -> anyhow::Result<Done> {
    let done = if in_process {
        run_here(spec, machine, &work, screen)
    } else {
        run_in_engine(spec, machine, work, screen)
    };
    if let Err(error) = &done {
        screen.status.clear();
        if let Some(recorder) = &mut screen.recorder {
            recorder.failed(&format!("{error:#}"));
        }
    }
    done
}

fn run_here(
    spec: &ModelSpec,
    machine: &MachineArgs,
    work: &Work,
    screen: &mut Screen,
) -> anyhow::Result<Done> {
    keep_freed_memory();
    let device = choose_device(machine.device)?;
    let mut show = |progress| {
        screen.status.show(&loading_text(&progress));
        ControlFlow::Continue(())
    };
    let cache = WeightsCache::usual().filter(|_| !machine.no_weights_cache);
    let (tasks, precision) = (Some(work.tasks()), machine.precision);
    let options = LoadOptions { tasks, precision, cache, beside_window: false };
    let mut model = Vlm::load_with(&options, spec, device, &mut show)?;
    screen.began(model.info(), &work.question);
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
    Ok(Done { info: model.info().clone(), outcome, peak_rss_mb: peak_rss_mb() })
}

fn run_in_engine(
    spec: &ModelSpec,
    machine: &MachineArgs,
    work: Work,
    screen: &mut Screen,
) -> anyhow::Result<Done> {
    let engine = EngineClient::start(Arc::new(|| ()));
    let request = LoadRequest {
        model: spec.path.clone(),
        device: machine.device,
        precision: machine.precision,
        tasks: Some(work.tasks()),
        weights_cache: !machine.no_weights_cache,
    };
    let (load, ask) = (JobId::next(), JobId::next());
    engine.load(load, request);
    let (mut info, mut outcome, mut work) = (None, None, Some(work));
    loop {
        match engine.wait(WAIT) {
            Some(EngineEvent::Loading { progress, .. }) => {
                screen.status.show(&loading_text(&progress));
            }
            Some(EngineEvent::Loaded { info: loaded, .. }) => {
                if let Some(work) = &work {
                    screen.began(&loaded, &work.question);
                }
                info = Some(*loaded);
            }
            Some(EngineEvent::Working { progress, .. }) => {
                screen.status.show(&working_text(&progress));
            }
            Some(EngineEvent::Text { text, .. }) => {
                if screen.text(&text).is_break() {
                    engine.cancel(ask);
                }
            }
            Some(EngineEvent::Answered { answer, peak_rss_mb, .. }) => {
                outcome = Some((Outcome::Answer(answer), peak_rss_mb));
            }
            Some(EngineEvent::Reconstructed { reconstruction, peak_rss_mb, .. }) => {
                outcome = Some((Outcome::Picture(reconstruction), peak_rss_mb));
            }
            Some(EngineEvent::Finished { job }) if job == load => {
                let Work { question, drawing, trace } =
                    work.take().context("the model was loaded twice")?;
                match drawing {
                    None => engine.ask_traced(ask, question, trace),
                    Some(only_codes) => engine.reconstruct(ask, question, only_codes, trace),
                }
            }
            Some(EngineEvent::Finished { .. }) => break,
            Some(EngineEvent::Failed { message, .. }) => {
                screen.status.clear();
                bail!(message)
            }
            Some(
                EngineEvent::TooLong { .. } | EngineEvent::Restarted { .. } | EngineEvent::Unloaded,
            )
            | None => {}
        }
    }
    let (Some(info), Some((outcome, peak_rss_mb))) = (info, outcome) else {
        bail!("the engine gave no answer")
    };
    Ok(Done { info, outcome, peak_rss_mb })
}
