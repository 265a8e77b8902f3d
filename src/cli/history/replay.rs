//! `history replay`: an answer that was kept is asked for again as it was, and what differs is said.

use std::io::{Write as _, stdout};
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use serde::Serialize;

use crate::chat::history::Database;
use crate::chat::{Answer, Conversation, Provenance, Sameness, Tokens, Turn, short_hash};
use crate::cli::args::MachineArgs;
use crate::cli::engine::{Done, Outcome, Screen, Work, compute_here, run_model};
use crate::cli::plan::find_model;
use crate::cli::terminal::{StatusLine, warn};
use crate::vlm::{ModelSpec, PrecisionChoice};

use super::args::ReplayArgs;

/// What `replay --json` prints.
#[derive(Serialize)]
struct Replayed<'a> {
    identical: bool,
    /// In words.
    outcome: String,
    /// Of the answer before.
    tokens: usize,
    /// The first that is another one, from 1.
    differs_from: Option<usize>,
    model: &'a str,
    weights_sha256: &'a str,
    device_before: &'a str,
    device: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    driver_before: &'a str,
    driver: &'a str,
    precision_before: &'a str,
    precision: &'a str,
}

/// An answer and where it stands.
struct Kept<'a> {
    turn_idx: usize,
    answer: &'a Answer,
    made: &'a Provenance,
}

pub(super) fn run(folder: &Path, args: &ReplayArgs, machine: &MachineArgs) -> anyhow::Result<()> {
    compute_here(args.in_process);
    let database = Database::open(folder)?;
    let chat = database.load(database.find(&args.id)?)?;
    drop(database);
    let kept = find(&chat, args)?;
    let spec = model_of(kept.made, args, machine)?;
    let work = work(&chat, &kept, &spec)?;
    let mut machine = machine.clone();
    if machine.precision == PrecisionChoice::Auto {
        // other numbers give other words
        machine.precision = kept.made.precision.parse().unwrap_or_default();
    }
    let mut screen = Screen { status: StatusLine::new(), is_quiet: true, recorder: None };
    let done = run_model(&spec, &machine, args.in_process, work, &mut screen)?;
    screen.status.clear();
    if done.info.weights_sha256 != kept.made.weights_sha256 {
        bail!(
            "{} has other weights ({}) than the answer was made with ({}): name the right folder \
             with --model",
            spec.title,
            short_hash(&done.info.weights_sha256),
            short_hash(&kept.made.weights_sha256)
        );
    }
    report(&kept, &done, args)
}

fn find<'a>(chat: &'a Conversation, args: &ReplayArgs) -> anyhow::Result<Kept<'a>> {
    let count = chat.turns.len();
    ensure!(count > 0, "this chat has no questions");
    let turn_idx = match args.turn {
        None => count - 1,
        Some(number) if (1..=count).contains(&number) => number - 1,
        Some(number) => bail!("there is no question {number}: the chat has {count}"),
    };
    let turn = chat.turns.get(turn_idx).context("the chat ended early")?;
    let answer = one_of(turn, args.answer)?;
    let made = answer.provenance.as_ref();
    let made = made.context("this answer was never asked for: there is nothing to replay")?;
    Ok(Kept { turn_idx, answer, made })
}

fn one_of(turn: &Turn, number: Option<usize>) -> anyhow::Result<&Answer> {
    let count = turn.answers.len();
    let found = match number {
        None => turn.shown(),
        Some(number) => number.checked_sub(1).and_then(|at| turn.answers.get(at)),
    };
    found.with_context(|| format!("there is no such answer: the question has {count}"))
}

/// The model by the name it had, unless another folder is named.
fn model_of(
    made: &Provenance,
    args: &ReplayArgs,
    machine: &MachineArgs,
) -> anyhow::Result<ModelSpec> {
    let name = args.model.as_deref().unwrap_or(&made.model);
    find_model(Some(name), machine)
        .with_context(|| format!("the answer is from {}: name its folder with --model", made.title))
}

fn work(chat: &Conversation, kept: &Kept<'_>, spec: &ModelSpec) -> anyhow::Result<Work> {
    ensure!(
        chat.has_pictures_of(kept.turn_idx),
        "a picture of this question is missing in the history"
    );
    let max_images = spec.max_images as usize;
    let question = chat.question_again(kept.turn_idx, kept.answer, max_images);
    let question = question.context("this answer was never asked for")?;
    let drawing = kept.answer.drawing.as_ref().map(|drawing| drawing.only_codes);
    Ok(Work { question, drawing, trace: None })
}

/// How the two runs are to each other; an answer of an older version has no tokens kept.
fn compare(kept: &Kept<'_>, done: &Done) -> anyhow::Result<Sameness> {
    match &done.outcome {
        Outcome::Answer(again) => {
            let before = kept.answer.tokens.as_deref();
            let before = before.context("the ids of this answer were not kept")?;
            Ok(Tokens::of(again).compared_with(before))
        }
        Outcome::Picture(made) => {
            let before = kept.answer.drawing.as_ref().map(|drawing| drawing.codes.as_slice());
            Ok(Sameness::of_codes(before.unwrap_or_default(), &made.answer.codes))
        }
    }
}

fn report(kept: &Kept<'_>, done: &Done, args: &ReplayArgs) -> anyhow::Result<()> {
    let sameness = compare(kept, done)?;
    let identical = matches!(sameness, Sameness::Identical { .. });
    let (info, made) = (&done.info, kept.made);
    let mut out = stdout().lock();
    if args.json {
        let (tokens, differs_from) = match &sameness {
            Sameness::Identical { tokens } => (*tokens, None),
            Sameness::Differs { token, of, .. } => (*of, Some(*token)),
            Sameness::OtherPrompt => (0, None),
        };
        let replayed = Replayed {
            identical,
            outcome: sameness.to_string(),
            tokens,
            differs_from,
            model: &info.name,
            weights_sha256: &info.weights_sha256,
            device_before: &made.device,
            device: &info.device,
            driver_before: &made.driver,
            driver: &info.driver,
            precision_before: &made.precision,
            precision: &info.precision,
        };
        serde_json::to_writer(&mut out, &replayed)?;
    } else {
        write!(out, "{sameness}")?;
    }
    writeln!(out)?;
    if !identical && (made.device != info.device || made.precision != info.precision) {
        warn(&format!(
            "the answer was computed on {} in {}, this run on {} in {}",
            made.device, made.precision, info.device, info.precision
        ));
    }
    ensure!(identical, "the answer did not come out the same");
    Ok(())
}
