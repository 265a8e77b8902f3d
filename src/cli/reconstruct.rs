//! `reading-room reconstruct`: the model's own picture of a picture, written as a PNG.

use std::io::{Write as _, stdout};

use anyhow::{Context as _, bail, ensure};

use crate::vlm::{Question, Reconstruction, Task};

use super::args::{MachineArgs, ReconstructArgs};
use super::ask::{Answered, images_of};
use super::engine::{Outcome, Screen, Work, compute_here, run_model};
use super::images::{Decoder, see};
use super::save::Recorder;
use super::terminal::{StatusLine, warn};
use super::{ask_report, plan};

pub(super) fn run(args: &ReconstructArgs, machine: &MachineArgs) -> anyhow::Result<()> {
    compute_here(args.in_process);
    let spec = plan::find_model(args.model.as_deref(), machine)?;
    ensure!(
        spec.draws(),
        "{} does not draw pictures; HealthGPT M3 with its generation weights does",
        spec.title
    );
    let (sampling, _) = plan::sampling(&args.sampling, &spec)?;
    let decoder = Decoder::new(args.in_process);
    let seen = see(&decoder, args.image.as_slice(), &args.image_options)?;
    let mut recorder = None;
    if args.save {
        let mut begun = Recorder::start(&plan::data_dir(machine.data_dir.clone()))?;
        let pictures = begun.evidence(&decoder, &seen);
        begun.asked(&args.question, pictures, true);
        recorder = Some(begun);
    }
    drop(decoder); // its memory is the model's now
    let question = Question {
        images: images_of(seen),
        sampling,
        // as many as the picture takes
        max_new_tokens: args.sampling.max_new_tokens.unwrap_or(0),
        ignore_eos: args.sampling.ignore_eos,
        task: Task::Reconstruction,
        ..Question::new(&args.question)
    };
    let trace = args.trace.as_deref().map(std::path::absolute).transpose()?;
    let work = Work { question, drawing: Some(args.only_codes), trace };
    let mut screen = Screen { status: StatusLine::new(), is_quiet: true, recorder };
    let done = match run_model(&spec, machine, args.in_process, work, &mut screen) {
        Ok(done) => done,
        Err(error) => return Err(screen.keep_failed(error)),
    };
    screen.status.clear();
    let Outcome::Picture(made) = done.outcome else { bail!("the engine gave no picture") };
    if let Some(recorder) = &mut screen.recorder {
        recorder.drawn(&made, args.only_codes);
    }
    made.picture
        .write_png(&args.out)
        .with_context(|| format!("the picture could not be written: {}", args.out.display()))?;
    let (came, wanted) = (made.answer.codes.len(), made.grid.iter().product::<usize>());
    if came > wanted {
        warn(&format!("{came} codes came where a picture has {wanted}: the first are shown"));
    } else if let Some(shortfall) = made.shortfall() {
        warn(&format!("the picture is not whole: {shortfall}"));
    }
    let Reconstruction { answer, grid, complete, similarity, .. } = *made;
    let mut out = stdout().lock();
    if args.json {
        let extra = ask_report::Drawn { grid, complete, out: &args.out, metrics: similarity };
        let answered = Answered { info: done.info, answer, peak_rss_mb: done.peak_rss_mb };
        ask_report::write(&mut out, &answered, Some(extra))?;
    } else {
        write!(out, "{}", args.out.display())?;
    }
    writeln!(out)?;
    screen.keep()
}
