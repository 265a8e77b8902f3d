//! One loaded model for many questions: in the engine worker, or here for debuggers.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::cli::args::MachineArgs;
use crate::cli::terminal::{StatusLine, loading_text};
use crate::vlm::{
    Answer, LoadOptions, ModelInfo, ModelSpec, Question, Tasks, Vlm, WeightsCache, choose_device,
};
use crate::worker::{EngineClient, EngineEvent, JobId, LoadRequest, keep_freed_memory};

use super::progress::note;

/// How long to wait for the worker before asking again.
const WAIT: Duration = Duration::from_secs(1);

/// Only questions are asked.
const TASKS: Tasks = Tasks { questions: true, reconstruction: false };

/// A loaded model.
pub(super) enum Session {
    Worker(EngineClient),
    Here(Box<Vlm>),
}

impl Session {
    pub(super) fn start(
        spec: &ModelSpec,
        machine: &MachineArgs,
        in_process: bool,
        status: &mut StatusLine,
    ) -> anyhow::Result<(Self, ModelInfo)> {
        let (session, info) = if in_process {
            Self::load_here(spec, machine, status)?
        } else {
            Self::load_in_engine(spec, machine, status)?
        };
        status.clear();
        for text in &info.notes {
            note(text);
        }
        Ok((session, info))
    }

    fn load_here(
        spec: &ModelSpec,
        machine: &MachineArgs,
        status: &mut StatusLine,
    ) -> anyhow::Result<(Self, ModelInfo)> {
        keep_freed_memory();
        let device = choose_device(machine.device)?;
        let cache = WeightsCache::usual().filter(|_| !machine.no_weights_cache);
        let options = LoadOptions {
            tasks: Some(TASKS),
            precision: machine.precision,
            cache,
            beside_window: false,
        };
        let mut show = |progress| {
            status.show(&loading_text(&progress));
            ControlFlow::Continue(())
        };
        let model = Vlm::load_with(&options, spec, device, &mut show)?;
        let info = model.info().clone();
        Ok((Self::Here(Box::new(model)), info))
    }

    fn load_in_engine(
        spec: &ModelSpec,
        machine: &MachineArgs,
        status: &mut StatusLine,
    ) -> anyhow::Result<(Self, ModelInfo)> {
        let engine = EngineClient::start(Arc::new(|| ()));
        let request = LoadRequest {
            model: spec.path.clone(),
            device: machine.device,
            precision: machine.precision,
            tasks: Some(TASKS),
            weights_cache: !machine.no_weights_cache,
        };
        let load = JobId::next();
        engine.load(load, request);
        let mut info = None;
        run_job(&engine, load, |event| match event {
            EngineEvent::Loading { progress, .. } => status.show(&loading_text(&progress)),
            EngineEvent::Loaded { info: loaded, .. } => info = Some(*loaded),
            _ => {}
        })?;
        Ok((Self::Worker(engine), info.context("the engine did not say what it loaded")?))
    }

    /// The whole answer. A worker that died is replaced at the next question.
    pub(super) fn ask(&mut self, question: Question) -> anyhow::Result<Answer> {
        match self {
            Self::Here(model) => {
                let mut go_on = |_| ControlFlow::Continue(());
                Ok(model.answer(&question, &mut go_on, None)?)
            }
            Self::Worker(engine) => {
                let ask = JobId::next();
                engine.ask(ask, question);
                let mut given = None;
                run_job(engine, ask, |event| {
                    if let EngineEvent::Answered { answer, .. } = event {
                        given = Some(*answer);
                    }
                })?;
                given.context("the engine gave no answer")
            }
        }
    }
}

/// Hand events to `take` until the job's last one.
fn run_job(
    engine: &EngineClient,
    job: JobId,
    mut take: impl FnMut(EngineEvent),
) -> anyhow::Result<()> {
    loop {
        match engine.wait(WAIT) {
            Some(EngineEvent::Finished { job: ended }) if ended == job => return Ok(()),
            Some(EngineEvent::Failed { job: ended, message }) if ended == job => bail!(message),
            Some(event) => take(event),
            None => {}
        }
    }
}
