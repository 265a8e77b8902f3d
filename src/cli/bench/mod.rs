//! `reading-room bench`: how long a model takes, measured in this process; a history of many chats;
//! or a study.

mod figures;
mod gpu;
mod history;
mod report;
mod study;
mod work;

use std::io::{Write as _, stdout};
use std::ops::ControlFlow;
use std::time::Instant;

use crate::vlm::{
    ComputeDevice, LoadOptions, LoadProgress, Measured, Synthetic, SyntheticModel, Tasks, Vlm,
    WeightsCache, Workload, choose_device, set_threads,
};
use crate::worker::{keep_freed_memory, peak_rss_mb};

use super::args::{BenchArgs, MachineArgs};
use super::plan;
use super::terminal::{StatusLine, loading_text};
use gpu::GpuMeter;
use report::Report;

/// What was measured, on what.
struct Done {
    model: String,
    precision: String,
    /// What the reader should know of the model.
    notes: Vec<String>,
    load_ms: f64,
    measured: Measured,
}

/// A measurement that is under way.
struct Bench<'a> {
    args: &'a BenchArgs,
    machine: &'a MachineArgs,
    device: ComputeDevice,
    /// Before anything of the model or the device was looked at.
    started: Instant,
    status: StatusLine,
    meter: GpuMeter,
}

pub(super) fn run(args: &BenchArgs, machine: &MachineArgs) -> anyhow::Result<()> {
    if let Some(chats) = args.history {
        return history::run(chats, args.json);
    }
    if let Some(path) = &args.study {
        return study::run(path, args, machine);
    }
    keep_freed_memory();
    // before anything else computes
    let threads = set_threads(args.threads.map_or(0, usize::from));
    let work = work::of(args)?;
    let started = Instant::now();
    let device = choose_device(machine.device)?;
    let meter = GpuMeter::new(&device);
    let mut bench = Bench { args, machine, device, started, status: StatusLine::new(), meter };
    let done = match args.synthetic {
        Some(name) => bench.synthetic(name, &work),
        None => bench.model(&work),
    };
    bench.status.clear();
    let report = Report::new(&done?, &bench.device, threads, peak_rss_mb(), bench.meter.peak_mb());
    let mut out = stdout().lock();
    if !args.json {
        report.write_table(&mut out)?;
    }
    serde_json::to_writer(&mut out, &report)?;
    writeln!(out)?;
    Ok(())
}

impl Bench<'_> {
    fn model(&mut self, work: &Workload) -> anyhow::Result<Done> {
        let spec = plan::find_model(self.args.model.as_deref(), self.machine)?;
        let tasks = Some(Tasks { questions: true, reconstruction: false });
        let cache = WeightsCache::usual().filter(|_| !self.machine.no_weights_cache);
        let precision = self.machine.precision;
        let options = LoadOptions { tasks, precision, cache, beside_window: false };
        let device = self.device.clone();
        let mut model = Vlm::load_with(&options, &spec, device, &mut self.loading())?;
        let load_ms = self.loaded();
        let measured = model.measure(work, &mut self.counting())?;
        let info = model.info();
        let (model, precision) = (info.name.clone(), info.precision.clone());
        Ok(Done { model, precision, notes: info.notes.clone(), load_ms, measured })
    }

    fn synthetic(&mut self, name: Synthetic, work: &Workload) -> anyhow::Result<Done> {
        let (device, precision) = (self.device.clone(), self.machine.precision);
        let model = SyntheticModel::make(name, device, precision, &mut self.loading())?;
        let load_ms = self.loaded();
        let measured = model.measure(work, &mut self.counting())?;
        let (name, precision) = (name.as_str().to_owned(), model.precision().as_str().to_owned());
        let notes = model.notes().to_vec();
        Ok(Done { model: name, precision, notes, load_ms, measured })
    }

    fn loading(&mut self) -> impl FnMut(LoadProgress) -> ControlFlow<()> {
        |progress| {
            self.status.show(&loading_text(&progress));
            ControlFlow::Continue(())
        }
    }

    /// Milliseconds that loading took.
    fn loaded(&mut self) -> f64 {
        let load_ms = self.started.elapsed().as_secs_f64() * 1e3;
        self.meter.look();
        load_ms
    }

    /// Called after every run.
    fn counting(&mut self) -> impl FnMut() {
        let (mut done, all) = (0, self.args.repeat + 1);
        self.status.show(&format!("Run 1 of {all}"));
        move || {
            done += 1;
            self.meter.look();
            self.status.show(&format!("Run {} of {all}", (done + 1).min(all)));
        }
    }
}
