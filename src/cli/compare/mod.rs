//! `reading-room compare`: one question, several models one after the other, and what differs.

mod report;

use std::io::{Write as _, stdout};

use anyhow::{bail, ensure};

use crate::imaging::DisplayImage;
use crate::vlm::{ModelSpec, Question, SamplingParams};

use super::args::{CompareArgs, MachineArgs};
use super::ask::{Answered, images_of};
use super::engine::{Outcome, Screen, Work, compute_here, run_model};
use super::images::{Decoder, see};
use super::plan;
use super::save::Recorder;
use super::terminal::{StatusLine, warn};

/// A model and what came of the question.
struct Column {
    spec: ModelSpec,
    /// How its tokens are chosen, and how many at most.
    parameters: (SamplingParams, u32),
    /// The answer, or why there is none.
    outcome: Result<Answered, String>,
}

pub(super) fn run(args: &CompareArgs, machine: &MachineArgs) -> anyhow::Result<()> {
    compute_here(args.in_process);
    ensure!(args.model.len() > 1, "name at least two models with --model, or use ask for one");
    // every name is looked up before the first model is loaded
    let find = |name: &String| plan::find_model(Some(name), machine);
    let specs: Vec<ModelSpec> = args.model.iter().map(find).collect::<Result<_, _>>()?;
    let decoder = Decoder::new(args.in_process);
    let seen = see(&decoder, &args.image, &args.image_options)?;
    let recorder = if args.save {
        let mut recorder = Recorder::start(&plan::data_dir(machine.data_dir.clone()))?;
        let pictures = recorder.evidence(&decoder, &seen);
        recorder.asked(&args.question, pictures, false);
        Some(recorder)
    } else {
        None
    };
    let images = images_of(seen);
    drop(decoder); // its memory is the models' now
    let mut screen = Screen { status: StatusLine::new(), is_quiet: args.json, recorder };
    let mut columns: Vec<Column> = Vec::new();
    for spec in specs {
        if let Some(recorder) = screen.recorder.as_mut().filter(|_| !columns.is_empty()) {
            recorder.asked_another();
        }
        let column = ask(args, machine, spec, &images, &mut screen)?;
        if let Err(message) = &column.outcome {
            warn(&format!("{}: {message}", column.spec.title));
        }
        columns.push(column);
    }
    let mut out = stdout().lock();
    if args.json {
        report::write_json(&mut out, &args.question, &columns)?;
    } else {
        report::write_text(&mut out, &columns)?;
    }
    screen.keep()?;
    let failed = columns.iter().filter(|column| column.outcome.is_err());
    let failed: Vec<&str> = failed.map(|column| column.spec.title.as_str()).collect();
    if !failed.is_empty() {
        bail!("no answer came from {}", failed.join(", "));
    }
    Ok(())
}

/// One model: loaded, asked, and its memory returned. What fails is the model's own.
fn ask(
    args: &CompareArgs,
    machine: &MachineArgs,
    spec: ModelSpec,
    images: &[DisplayImage],
    screen: &mut Screen,
) -> anyhow::Result<Column> {
    let (sampling, max_new_tokens) = plan::sampling(&args.sampling, &spec)?;
    let question = Question {
        images: images.to_vec(),
        sampling,
        max_new_tokens,
        ignore_eos: args.sampling.ignore_eos,
        ..Question::new(&args.question)
    };
    if !args.json {
        let mut out = stdout().lock();
        writeln!(out, "── {} ──", spec.title)?;
    }
    let work = Work { question, drawing: None, trace: None };
    let done = run_model(&spec, machine, args.in_process, work, screen);
    screen.status.clear();
    let outcome = done.map_err(|error| format!("{error:#}")).and_then(|done| match done.outcome {
        Outcome::Answer(answer) => {
            if let Some(recorder) = &mut screen.recorder {
                recorder.answered(&answer);
            }
            Ok(Answered { info: done.info, answer: *answer, peak_rss_mb: done.peak_rss_mb })
        }
        Outcome::Picture(_) => Err("the engine gave a picture".to_owned()),
    });
    if !args.json {
        writeln!(stdout().lock(), "\n")?;
    }
    Ok(Column { spec, parameters: (sampling, max_new_tokens), outcome })
}
