//! `reading-room compare`: the same questions to several models one after the other, and what
//! differs. Each model is loaded once, answers all of them as one chat, and makes room for the next.

mod report;

use std::collections::BTreeSet;
use std::io::{Write as _, stdout};

use anyhow::{bail, ensure};

use crate::imaging::DisplayImage;
use crate::vlm::{ModelSpec, Question, SamplingParams, Tasks, Turn};

use super::args::{CompareArgs, MachineArgs};
use super::ask::{Answered, images_of};
use super::engine::{Outcome, Screen, Session, Work, compute_here};
use super::images::{Decoder, see};
use super::plan;
use super::save::Recorder;
use super::terminal::{StatusLine, warn};

/// A model and what came of a question.
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
    let mut recorder = None;
    if args.save {
        let mut begun = Recorder::start(&plan::data_dir(machine.data_dir.clone()))?;
        let mut pictures = begun.evidence(&decoder, &seen);
        for question in &args.question {
            // the pictures come with the first
            begun.asked(question, std::mem::take(&mut pictures), false);
        }
        begun.hear_themselves();
        recorder = Some(begun);
    }
    let images = images_of(seen);
    drop(decoder); // its memory is the models' now
    let mut screen = Screen { status: StatusLine::new(), is_quiet: args.json, recorder };
    let mut asked: Vec<Vec<Column>> = args.question.iter().map(|_| Vec::new()).collect();
    for spec in specs {
        let columns = ask_all(args, machine, &spec, &images, &mut screen)?;
        for (of_question, column) in asked.iter_mut().zip(columns) {
            if let Err(message) = &column.outcome {
                warn(&format!("{}: {message}", column.spec.title));
            }
            of_question.push(column);
        }
    }
    let mut out = stdout().lock();
    if args.json {
        report::write_json(&mut out, &args.question, &asked)?;
    } else {
        report::write_text(&mut out, &args.question, &asked)?;
    }
    screen.keep()?;
    let columns = asked.iter().flatten();
    let failed = columns.filter(|column| column.outcome.is_err());
    let failed: BTreeSet<&str> = failed.map(|column| column.spec.title.as_str()).collect();
    if !failed.is_empty() {
        bail!("no answer came from {}", failed.into_iter().collect::<Vec<_>>().join(", "));
    }
    Ok(())
}

/// One model: loaded, asked everything, and its memory returned. What fails is the model's own.
fn ask_all(
    args: &CompareArgs,
    machine: &MachineArgs,
    spec: &ModelSpec,
    images: &[DisplayImage],
    screen: &mut Screen,
) -> anyhow::Result<Vec<Column>> {
    let parameters = plan::sampling(&args.sampling, spec)?;
    say(args, &format!("── {} ──\n", spec.title))?;
    let tasks = Tasks { questions: true, reconstruction: false };
    if let Some(recorder) = &mut screen.recorder {
        recorder.ask_another(0);
    }
    let mut session = Session::load(spec, machine, args.in_process, tasks, screen);
    let mut history: Vec<Turn> = Vec::new();
    let mut columns = Vec::new();
    for (idx, text) in args.question.iter().enumerate() {
        if let Some(recorder) = screen.recorder.as_mut().filter(|_| idx > 0) {
            recorder.ask_another(idx);
        }
        let is_first = history.is_empty();
        let images = if is_first { images.to_vec() } else { Vec::new() };
        let (sampling, max_new_tokens) = parameters;
        let question = Question {
            history: history.clone(),
            images: images.clone(),
            sampling,
            max_new_tokens,
            ignore_eos: args.sampling.ignore_eos,
            ..Question::new(text)
        };
        if args.question.len() > 1 {
            say(args, &format!("> {text}\n"))?;
        }
        let outcome = match &mut session {
            Ok(session) => ask(session, question, screen),
            Err(error) => {
                screen.failed(error);
                Err(format!("{error:#}"))
            }
        };
        say(args, "\n\n")?;
        if let Ok(answered) = &outcome {
            let answer = answered.answer.text.clone();
            history.push(Turn { question: text.clone(), answer, images });
        }
        columns.push(Column { spec: spec.clone(), parameters, outcome });
    }
    Ok(columns)
}

fn ask(session: &mut Session, question: Question, screen: &mut Screen) -> Result<Answered, String> {
    let work = Work { question, drawing: None, trace: None };
    let done = session.work(work, screen).map_err(|error| format!("{error:#}"))?;
    screen.status.clear();
    let Outcome::Answer(answer) = done.outcome else {
        return Err("the engine gave a picture".to_owned());
    };
    if let Some(recorder) = &mut screen.recorder {
        recorder.answered(&answer);
    }
    Ok(Answered { info: done.info, answer: *answer, peak_rss_mb: done.peak_rss_mb })
}

/// For people who watch.
fn say(args: &CompareArgs, text: &str) -> anyhow::Result<()> {
    if !args.json {
        write!(stdout().lock(), "{text}")?;
    }
    Ok(())
}
