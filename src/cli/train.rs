//! `reading-room train`: a configuration, step by step, to a finished model.

use std::io::{IsTerminal as _, Write as _, stderr, stdout};
use std::ops::ControlFlow;

use serde_json::json;

use crate::train::{Report, TrainConfig, train};
use crate::vlm::{choose_device, set_threads};
use crate::worker::keep_freed_memory;

use super::{
    args::{MachineArgs, TrainArgs},
    terminal::StatusLine,
};

/// Steps between lines where nobody watches.
const LINE_EVERY: u64 = 50;

pub(super) fn run(args: &TrainArgs, machine: &MachineArgs) -> anyhow::Result<()> {
    let config = TrainConfig::read(&args.config)?;
    keep_freed_memory();
    let _threads = set_threads(args.threads);
    let device = choose_device(machine.device)?;
    writeln!(stderr(), "training on {}", device.label()).ok();
    let mut status = StatusLine::new();
    let trained = train(&config, &device.open(), args.export, &mut |report| {
        tell(&report, &mut status);
        ControlFlow::Continue(())
    })?;
    status.clear();
    if let Some(step) = trained.resumed {
        writeln!(stderr(), "it went on from step {step}").ok();
    }
    let mut out = stdout().lock();
    if args.json {
        let model = trained.model.display().to_string();
        writeln!(
            out,
            "{}",
            json!({"model": model, "steps": trained.steps, "resumed": trained.resumed})
        )?;
    } else {
        writeln!(out, "{}", trained.model.display())?;
    }
    Ok(())
}

fn tell(report: &Report, status: &mut StatusLine) {
    let Report { metric, steps, seconds_left, is_saved } = report;
    let text = format!(
        "{}: step {} of {steps}, loss {:.4}, {:.1} % of ids right, {:.2} s a step, {} left",
        metric.stage,
        metric.step,
        metric.loss,
        100.0 * metric.accuracy,
        metric.seconds,
        duration(*seconds_left)
    );
    status.show(&text);
    let measured = metric.validation_loss.zip(metric.validation_accuracy);
    let is_due = metric.step.is_multiple_of(LINE_EVERY) || metric.step == *steps;
    let is_watched = stderr().is_terminal();
    if measured.is_some() || *is_saved || (is_due && !is_watched) {
        status.clear();
        let measured = measured.map_or_else(String::new, |(loss, share)| {
            format!("; validation loss {loss:.4}, {:.1} % right", 100.0 * share)
        });
        let saved = if *is_saved { "; saved" } else { "" };
        writeln!(stderr(), "{text}{measured}{saved}").ok();
    }
}

/// "1 h 05 min", "3 min 20 s".
fn duration(seconds: f64) -> String {
    let seconds = seconds.max(0.0).round() as u64;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    match hours {
        0 => format!("{minutes} min {:02} s", seconds % 60),
        hours => format!("{hours} h {minutes:02} min"),
    }
}
