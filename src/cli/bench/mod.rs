//! `reading-room bench`: how long a model takes, measured in this process.

mod figures;
mod gpu;
mod report;
mod work;

use std::io::{Write as _, stdout};
use std::ops::ControlFlow;
use std::time::Instant;

use crate::vlm::{ComputeDevice, LoadProgress, Measured, Tasks, Vlm, choose_device, set_threads};
use crate::worker::peak_rss_mb;

use super::args::{BenchArgs, MachineArgs};
use super::plan;
use super::terminal::{StatusLine, loading_text};
use gpu::GpuMeter;
use report::Report;

/// What was measured, on what.
struct Done {
    model: String,
    precision: String,
    load_ms: f64,
    measured: Measured,
}

pub(super) fn run(args: &BenchArgs, machine: &MachineArgs) -> anyhow::Result<()> {
    // before anything else computes
    let threads = set_threads(args.threads.map_or(0, usize::from));
    let mut status = StatusLine::new();
    let started = Instant::now();
    let device = choose_device(machine.device)?;
    let mut meter = GpuMeter::new(&device);
    let done = run_model(args, machine, &device, started, &mut status, &mut meter);
    status.clear();
    let done = done?;
    let report = Report::new(&done, &device, threads, peak_rss_mb(), meter.peak_mb());
    let mut out = stdout().lock();
    if !args.json {
        report.write_table(&mut out)?;
    }
    serde_json::to_writer(&mut out, &report)?;
    writeln!(out)?;
    Ok(())
}

fn run_model(
    args: &BenchArgs,
    machine: &MachineArgs,
    device: &ComputeDevice,
    started: Instant,
    status: &mut StatusLine,
    meter: &mut GpuMeter,
) -> anyhow::Result<Done> {
    let spec = plan::find_model(args.model.as_deref(), machine)?;
    let tasks = Tasks { questions: true, reconstruction: false };
    let mut show = |progress: LoadProgress| {
        status.show(&loading_text(&progress));
        ControlFlow::Continue(())
    };
    let mut model = Vlm::load_for(tasks, &spec, device.clone(), machine.precision, &mut show)?;
    let load_ms = started.elapsed().as_secs_f64() * 1e3;
    let work = work::of_model(args)?;
    let measured = model.measure(&work, &mut teller(args, status, meter))?;
    let info = model.info();
    let (model, precision) = (info.name.clone(), info.precision.clone());
    Ok(Done { model, precision, load_ms, measured })
}

/// Counts the runs.
fn teller(args: &BenchArgs, status: &mut StatusLine, meter: &mut GpuMeter) -> impl FnMut() {
    let (mut done, all) = (0, args.repeat + 1);
    status.show(&format!("Run 1 of {all}"));
    move || {
        done += 1;
        meter.look();
        status.show(&format!("Run {} of {all}", (done + 1).min(all)));
    }
}
