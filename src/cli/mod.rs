//! The headless commands: what was typed ([`args`]) → what was decided ([`plan`]) → run.
//!
//! Exit status: 0 done, 1 the work failed (one sentence on standard error), 2 wrong arguments.
#![expect(clippy::print_stderr, reason = "the one place that speaks to the terminal")]

mod apply_delta;
mod args;
mod ask;
mod ask_report;
mod bench;
mod compare;
mod deidentify;
mod engine;
mod eval;
mod history;
mod images;
mod inspect;
mod plan;
mod planes;
mod reconstruct;
mod render;
mod render_all;
mod save;
mod terminal;
mod train;

use std::{io, process::ExitCode};

use clap::Parser as _;

use crate::worker::{run_copying_worker, run_decode_worker, run_engine_worker};

use args::{Args, Command, WorkerKind};

pub use plan::WindowPlan;

/// The text of `--help` for the program and each command, for the test that compares it with the README.
#[must_use]
pub fn help_texts() -> Vec<(String, String)> {
    use clap::CommandFactory as _;
    let mut root = Args::command();
    let mut texts = vec![(root.get_name().to_owned(), root.render_help().to_string())];
    for command in root.get_subcommands_mut().filter(|command| !command.is_hide_set()) {
        texts.push((command.get_name().to_owned(), command.render_help().to_string()));
        for part in command.get_subcommands_mut() {
            texts.push((part.get_name().to_owned(), part.render_help().to_string()));
        }
    }
    texts
}

/// What is left to do after the command line was read.
pub enum Next {
    /// The headless command ran.
    Exit(ExitCode),
    /// No command was given: open the window.
    OpenWindow(Box<WindowPlan>),
}

/// Do what the command line says, up to opening the window.
#[must_use]
pub fn main() -> Next {
    let args = Args::parse();
    let done = match args.command {
        Some(Command::Worker { kind }) => run_worker(kind).map_err(Into::into),
        Some(Command::Ask(ask)) => ask::run(&ask, &args.machine),
        Some(Command::Compare(work)) => compare::run(&work, &args.machine),
        Some(Command::Reconstruct(drawing)) => reconstruct::run(&drawing, &args.machine),
        Some(Command::Bench(work)) => bench::run(&work, &args.machine),
        Some(Command::Eval(work)) => eval::run(&work, &args.machine),
        Some(Command::Render(render)) => render::run(&render, &args.machine),
        Some(Command::Inspect(inspect)) => inspect::run(&inspect, &args.machine),
        Some(Command::Deidentify(export)) => deidentify::run(&export),
        Some(Command::Train(training)) => train::run(&training, &args.machine),
        Some(Command::History(work)) => history::run(&work, &args.machine),
        Some(Command::ApplyDelta(delta)) => apply_delta::run(&delta),
        None => match plan::window(args.window, &args.machine) {
            Ok(plan) => return Next::OpenWindow(Box::new(plan)),
            Err(error) => Err(error),
        },
    };
    Next::Exit(match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&format!("{error:#}")),
    })
}

/// Say in one line on standard error why the work failed.
#[must_use]
pub fn fail(message: &str) -> ExitCode {
    eprintln!("reading-room: {}", terminal::one_line(message));
    ExitCode::FAILURE
}

fn run_worker(kind: WorkerKind) -> io::Result<()> {
    match kind {
        WorkerKind::Decode => run_decode_worker(),
        WorkerKind::Engine => run_engine_worker(),
        WorkerKind::Copies => run_copying_worker(),
    }
}
