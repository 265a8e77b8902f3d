//! `reading-room ask`: one answer, streamed to standard output.

use std::{
    io::{Write as _, stdout},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};

use crate::imaging::DisplayImage;
use crate::vlm::{Answer, Beginning, ModelInfo, Question, Turn};

use super::{
    args::{AskArgs, MachineArgs},
    ask_report,
    engine::{Outcome, Screen, Work, compute_here, run_model},
    images::{Decoder, Seen, see},
    plan,
    save::Recorder,
    terminal::StatusLine,
};

/// What an answer comes with.
pub(super) struct Answered {
    pub(super) info: ModelInfo,
    pub(super) answer: Answer,
    pub(super) peak_rss_mb: u64,
}

pub(super) fn run(args: &AskArgs, machine: &MachineArgs) -> anyhow::Result<()> {
    compute_here(args.in_process);
    let spec = plan::find_model(args.model.as_deref(), machine)?;
    let (sampling, max_new_tokens) = plan::sampling(&args.sampling, &spec)?;
    let decoder = Decoder::new(args.in_process);
    let seen = see(&decoder, &args.image, &args.image_options)?;
    let (told, seen) = read_history(args, &decoder, seen)?;
    let recorder =
        if args.save { Some(record(args, machine, &decoder, &told, &seen)?) } else { None };
    drop(decoder); // its memory is the model's now
    let history = told.into_iter().map(Told::into_turn).collect();
    let images = images_of(seen);
    let ignore_eos = args.sampling.ignore_eos;
    let (stop, template) = (args.stop.clone(), args.template.clone());
    let question = Question {
        history,
        images,
        sampling,
        max_new_tokens,
        ignore_eos,
        stop,
        template,
        system: args.system.clone(),
        beginning: args.begin_with.clone().map_or(Beginning::Nothing, Beginning::Text),
        ..Question::new(&args.question)
    };

    let mut screen = Screen { status: StatusLine::new(), is_quiet: args.json, recorder };
    let trace = args.trace.as_deref().map(std::path::absolute).transpose()?;
    let work = Work { question, drawing: None, trace };
    let done = match run_model(&spec, machine, args.in_process, work, &mut screen) {
        Ok(done) => done,
        Err(error) => return Err(screen.keep_failed(error)),
    };
    screen.status.clear();
    let Outcome::Answer(answer) = done.outcome else { bail!("the engine gave a picture") };
    if let Some(recorder) = &mut screen.recorder {
        recorder.answered(&answer);
    }
    let answered = Answered { info: done.info, answer: *answer, peak_rss_mb: done.peak_rss_mb };
    let mut out = stdout().lock();
    if args.json {
        ask_report::write(&mut out, &answered, None)?;
    }
    writeln!(out)?;
    screen.keep()
}

/// Begins the chat that `--save` keeps.
fn record(
    args: &AskArgs,
    machine: &MachineArgs,
    decoder: &Decoder,
    told: &[Told],
    seen: &[Seen],
) -> anyhow::Result<Recorder> {
    let mut recorder = Recorder::start(&plan::data_dir(machine.data_dir.clone()))?;
    for turn in told {
        let pictures = recorder.evidence(decoder, &turn.seen);
        recorder.told(&turn.question, &turn.answer, pictures);
    }
    let pictures = recorder.evidence(decoder, seen);
    recorder.asked(&args.question, pictures, false);
    Ok(recorder)
}

/// The pictures alone.
pub(super) fn images_of(seen: Vec<Seen>) -> Vec<DisplayImage> {
    seen.into_iter().map(|seen| seen.image).collect()
}

/// An earlier turn.
struct Told {
    question: String,
    answer: String,
    seen: Vec<Seen>,
}

impl Told {
    fn into_turn(self) -> Turn {
        Turn { question: self.question, answer: self.answer, images: images_of(self.seen) }
    }
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
    mut seen: Vec<Seen>,
) -> anyhow::Result<(Vec<Told>, Vec<Seen>)> {
    let Some(path) = &args.history else { return Ok((Vec::new(), seen)) };
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
                    marked <= seen.len(),
                    "the history marks more pictures with <image> than --image gives"
                );
                let rest = seen.split_off(marked);
                let question = without_markers(&question);
                Told { question, answer, seen: std::mem::replace(&mut seen, rest) }
            }
            PastTurn::WithImages(question, answer, paths) => {
                let paths: Vec<_> = paths.iter().map(|path| beside(folder, path)).collect();
                let seen = see(decoder, &paths, &args.image_options)?;
                Told { question, answer, seen }
            }
        });
    }
    Ok((turns, seen))
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
