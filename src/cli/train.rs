//! `reading-room train`: a configuration, step by step, to a finished model.

use std::io::{IsTerminal as _, Write as _, stderr, stdout};
use std::ops::ControlFlow;

use serde_json::json;

use crate::train::{CodecConfig, CodecMetric, Report, TrainConfig, Trained, train, train_codec};
use crate::vlm::{choose_device, set_threads};
use crate::worker::keep_freed_memory;

use super::{
    args::{MachineArgs, TrainArgs},
    terminal::StatusLine,
};

/// Steps between lines where nobody watches.
const LINE_EVERY: u64 = 50;

pub(super) fn run(args: &TrainArgs, machine: &MachineArgs) -> anyhow::Result<()> {
    let codec = CodecConfig::read(&args.config)?;
    let model = if codec.is_none() { Some(TrainConfig::read(&args.config)?) } else { None };
    keep_freed_memory();
    let _threads = set_threads(args.threads);
    let device = choose_device(machine.device)?;
    writeln!(stderr(), "training on {}", device.label()).ok();
    let (device, mut status) = (device.open(), StatusLine::new());
    let mut trained = None;
    if let Some(config) = model {
        trained = Some(train(&config, &device, args.export, &mut |report| {
            tell(&report, &mut status);
            ControlFlow::Continue(())
        })?);
    }
    if let Some(config) = codec {
        trained = Some(train_codec(&config, &device, args.export, &mut |report| {
            tell_codec(&report, &mut status);
            ControlFlow::Continue(())
        })?);
    }
    status.clear();
    trained.map_or(Ok(()), |trained| finish(&trained, args))
}

fn finish(trained: &Trained, args: &TrainArgs) -> anyhow::Result<()> {
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
    let text = match metric.loss_scale.filter(|_| metric.skipped) {
        Some(scale) => {
            format!("{text}; left out: gradients outgrew f16 with the loss times {scale}")
        }
        None => text,
    };
    let measured = metric.validation_loss.zip(metric.validation_accuracy);
    let measured = measured
        .map(|(loss, share)| format!("; validation loss {loss:.4}, {:.1} % right", 100.0 * share));
    let is_due = metric.step.is_multiple_of(LINE_EVERY) || metric.step == *steps;
    let is_due = is_due || metric.skipped;
    show(status, &text, measured.as_deref(), (*is_saved, is_due));
}

fn tell_codec(report: &Report<CodecMetric>, status: &mut StatusLine) {
    let Report { metric, steps, seconds_left, is_saved } = report;
    let text = format!(
        "{}: step {} of {steps}, loss {:.4}, pictures off by {:.4}, {} codes in use, \
         {:.2} s a step, {} left",
        metric.stage,
        metric.step,
        metric.loss,
        metric.reconstruction,
        metric.codes_used,
        metric.seconds,
        duration(*seconds_left)
    );
    let measured = metric.validation.map(|found| {
        let (psnr, ssim) = (found.psnr_db, found.ssim);
        format!("; validation PSNR {psnr:.2} dB, SSIM {ssim:.4}")
    });
    let is_due = metric.step.is_multiple_of(LINE_EVERY) || metric.step == *steps;
    show(status, &text, measured.as_deref(), (*is_saved, is_due));
}

/// A line that stays where something was measured or saved, or where nobody watches.
fn show(
    status: &mut StatusLine,
    text: &str,
    measured: Option<&str>,
    (is_saved, is_due): (bool, bool),
) {
    status.show(text);
    if measured.is_some() || is_saved || (is_due && !stderr().is_terminal()) {
        status.clear();
        let saved = if is_saved { "; saved" } else { "" };
        writeln!(stderr(), "{text}{}{saved}", measured.unwrap_or_default()).ok();
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
