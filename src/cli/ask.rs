//! `reading-room ask`: one answer, streamed to standard output.

use std::{
    io::{Write as _, stdout},
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};

use crate::imaging::DisplayImage;
use crate::vlm::{
    Answer, ModelInfo, ModelSpec, Progress, Question, Trace, Turn, Vlm, choose_device,
};
use crate::worker::{EngineClient, EngineEvent, JobId, LoadRequest, peak_rss_mb};

use super::{
    args::{AskArgs, ImageArgs, MachineArgs},
    ask_report,
    images::{Decoder, render},
    plan,
    terminal::{StatusLine, loading_text, working_text},
};

/// How long to wait for the worker before asking again.
const WAIT: Duration = Duration::from_secs(1);

/// What an answer comes with.
pub(super) struct Answered {
    pub(super) info: ModelInfo,
    pub(super) answer: Answer,
    pub(super) peak_rss_mb: u64,
}

pub(super) fn run(args: &AskArgs, machine: &MachineArgs) -> anyhow::Result<()> {
    let spec = plan::find_model(args.model.as_deref(), machine)?;
    let (sampling, max_new_tokens) = plan::sampling(&args.sampling, &spec)?;
    let decoder = Decoder::new(args.in_process);
    let images = read_images(&decoder, &args.image, &args.image_options)?;
    let (history, images) = read_history(args, &decoder, images)?;
    drop(decoder); // its memory is the model's now
    let ignore_eos = args.sampling.ignore_eos;
    let text = args.question.clone();
    let (stop, template) = (args.stop.clone(), args.template.clone());
    let question =
        Question { history, text, images, sampling, max_new_tokens, ignore_eos, stop, template };

    let mut screen = Screen { status: StatusLine::new(), is_quiet: args.json };
    let answered = if args.in_process {
        answer_here(args, machine, &spec, &question, &mut screen)?
    } else {
        answer_in_engine(args, machine, &spec, question, &mut screen)?
    };
    screen.status.clear();
    let mut out = stdout().lock();
    if args.json {
        ask_report::write(&mut out, &answered)?;
    }
    writeln!(out)?;
    Ok(())
}

/// Where the answer appears while it is written.
struct Screen {
    status: StatusLine,
    is_quiet: bool,
}

impl Screen {
    fn text(&mut self, text: &str) -> ControlFlow<()> {
        self.status.clear();
        let mut out = stdout().lock();
        let written = self.is_quiet || (write!(out, "{text}").is_ok() && out.flush().is_ok());
        // A reader that closed the pipe wants no more.
        if written { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

fn answer_here(
    args: &AskArgs,
    machine: &MachineArgs,
    spec: &ModelSpec,
    question: &Question,
    screen: &mut Screen,
) -> anyhow::Result<Answered> {
    let device = choose_device(machine.device)?;
    let mut model = Vlm::load(spec, device, machine.precision, &mut |progress| {
        screen.status.show(&loading_text(&progress));
        ControlFlow::Continue(())
    })?;
    let mut trace = args.trace.as_ref().map(|_| Trace::default());
    let mut emit = |progress: Progress| match progress {
        Progress::Text { text, .. } => screen.text(&text),
        other => {
            screen.status.show(&working_text(&other));
            ControlFlow::Continue(())
        }
    };
    let answer = model.answer(question, &mut emit, trace.as_mut())?;
    if let (Some(trace), Some(path)) = (&trace, &args.trace) {
        trace.write(path)?;
    }
    Ok(Answered { info: model.info().clone(), answer, peak_rss_mb: peak_rss_mb() })
}

fn answer_in_engine(
    args: &AskArgs,
    machine: &MachineArgs,
    spec: &ModelSpec,
    question: Question,
    screen: &mut Screen,
) -> anyhow::Result<Answered> {
    let engine = EngineClient::start(Arc::new(|| ()));
    let request = LoadRequest {
        model: spec.path.clone(),
        device: machine.device,
        precision: machine.precision,
    };
    let started = Instant::now();
    let (load, ask) = (JobId::next(), JobId::next());
    engine.load(load, request);
    let (mut info, mut answered) = (None, None);
    let trace = args.trace.as_deref().map(std::path::absolute).transpose()?;
    let mut question = Some(question);
    loop {
        match engine.wait(WAIT) {
            Some(EngineEvent::Loading { progress, .. }) => {
                screen.status.show(&loading_text(&progress));
            }
            Some(EngineEvent::Loaded { info: loaded, .. }) => info = Some(loaded),
            Some(EngineEvent::Working { progress, .. }) => {
                screen.status.show(&working_text(&progress));
            }
            Some(EngineEvent::Text { text, .. }) => {
                if screen.text(&text).is_break() {
                    engine.cancel(ask);
                }
            }
            Some(EngineEvent::Answered { answer, peak_rss_mb, .. }) => {
                answered = Some((answer, peak_rss_mb));
            }
            Some(EngineEvent::Finished { job }) if job == load => {
                let question = question.take().context("the model was loaded twice")?;
                engine.ask_traced(ask, question, trace.clone());
            }
            Some(EngineEvent::Finished { .. }) => break,
            Some(EngineEvent::Failed { message, .. }) => {
                screen.status.clear();
                bail!(message)
            }
            Some(EngineEvent::Restarted { .. } | EngineEvent::Unloaded) | None => {}
        }
    }
    let (Some(info), Some((answer, peak_rss_mb))) = (info, answered) else {
        bail!("the engine gave no answer after {:.1} s", started.elapsed().as_secs_f64())
    };
    Ok(Answered { info, answer: *answer, peak_rss_mb })
}

fn read_images(
    decoder: &Decoder,
    paths: &[PathBuf],
    options: &ImageArgs,
) -> anyhow::Result<Vec<DisplayImage>> {
    paths.iter().map(|path| render(&*decoder.read_frame(path)?, options)).collect()
}

/// One entry of `--history`.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum PastTurn {
    Text(String, String),
    WithImages(String, String, Vec<PathBuf>),
}

/// The earlier turns with their pictures, and the pictures left for the question itself.
///
/// A turn names its pictures, or marks them with `<image>` as the authors' code stores them; marked
/// ones are taken from the front of `--image`.
fn read_history(
    args: &AskArgs,
    decoder: &Decoder,
    mut images: Vec<DisplayImage>,
) -> anyhow::Result<(Vec<Turn>, Vec<DisplayImage>)> {
    let Some(path) = &args.history else { return Ok((Vec::new(), images)) };
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("the history could not be read: {}", path.display()))?;
    let past: Vec<PastTurn> = serde_json::from_str(&text).with_context(|| {
        format!("the history is not a list of [question, answer] pairs: {}", path.display())
    })?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut turns = Vec::new();
    for turn in past {
        turns.push(match turn {
            PastTurn::Text(question, answer) => {
                let marked = question.matches("<image>").count();
                ensure!(
                    marked <= images.len(),
                    "the history marks more pictures with <image> than --image gives"
                );
                let rest = images.split_off(marked);
                let question = without_markers(&question);
                Turn { question, answer, images: std::mem::replace(&mut images, rest) }
            }
            PastTurn::WithImages(question, answer, paths) => {
                let paths: Vec<_> = paths.iter().map(|path| beside(folder, path)).collect();
                let images = read_images(decoder, &paths, &args.image_options)?;
                Turn { question, answer, images }
            }
        });
    }
    Ok((turns, images))
}

/// A question as typed; markers stand before it on lines of their own, or after it.
fn without_markers(question: &str) -> String {
    question.replace("<image>\n", "").replace("\n<image>", "").replace("<image>", "")
}

/// A path as written when it exists, else relative to the history file.
fn beside(folder: &Path, path: &Path) -> PathBuf {
    let relative = folder.join(path);
    if !path.exists() && relative.exists() { relative } else { path.to_owned() }
}
