//! `bench --study PATH`: how a study opens, decodes and scrolls.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::io::{Write as _, stdout};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde::Serialize;
use serde_json::Value;

use crate::cli::args::{BenchArgs, MachineArgs};
use crate::imaging::{FrameRef, Opened, Series, WindowChoice, read_frame};
use crate::vlm::DeviceChoice;
use crate::worker::{DecodeEvent, DecodePool, JobId, Wake, peak_rss_mb_of, run_window};

/// Frames of a transfer syntax that are decoded, at most.
const MOST: usize = 1000;
/// Frames that are decoded here, on one thread.
const ON_ONE_THREAD: usize = 60;
/// Reads under way at once, as in the window.
const AT_ONCE: usize = 4;
const WAIT: Duration = Duration::from_secs(1);
/// A window that measures itself is done by then.
const PATIENCE: Duration = Duration::from_secs(240);

/// What is printed; times in milliseconds.
#[derive(Serialize)]
struct Figures {
    files: usize,
    frames: usize,
    /// From the start of the decoders' processes to the list of all series.
    open_ms: f64,
    /// To the middle slice of the first series, as grey levels to be drawn.
    first_image_ms: f64,
    decoding: Vec<Decoding>,
    decoders: usize,
    /// Of all of them.
    decoder_peak_rss_mb: Option<u64>,
    /// Of a window that scrolls, with and without a model that answers.
    window: Option<Value>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    no_window: Option<String>,
}

/// Of one transfer syntax.
#[derive(Serialize)]
struct Decoding {
    transfer_syntax: String,
    frames: usize,
    columns: u32,
    rows: u32,
    /// Read, decoded and handed over by the decoders' processes.
    slices_per_s: f64,
    /// Read and decoded on one thread, the median.
    one_thread_ms: f64,
}

/// Frames of one transfer syntax, and how large the first is.
struct Kind {
    frames: Vec<FrameRef>,
    columns: u32,
    rows: u32,
}

pub(super) fn run(path: &Path, args: &BenchArgs, machine: &MachineArgs) -> anyhow::Result<()> {
    let path = std::path::absolute(path)?;
    let mut figures = decoded(&path)?;
    match window(&path, args, machine) {
        Ok(measured) => figures.window = Some(measured),
        Err(error) => figures.no_window = Some(format!("{error:#}")),
    }
    let mut out = stdout().lock();
    if !args.json {
        write_table(&mut out, &figures)?;
    }
    serde_json::to_writer(&mut out, &figures)?;
    writeln!(out)?;
    Ok(())
}

fn ms(began: Instant) -> f64 {
    (began.elapsed().as_secs_f64() * 1e4).round() / 10.0
}

fn decoded(path: &Path) -> anyhow::Result<Figures> {
    let began = Instant::now();
    let wake: Wake = Arc::new(|| ());
    let client = DecodePool::start(&wake);
    let opened = open(&client, path)?;
    let open_ms = ms(began);
    let series = || opened.studies.iter().flat_map(|study| &study.series);
    let first = series().find_map(|one| one.frame_ref(one.num_frames() / 2));
    let first = first.with_context(|| format!("there are no pictures in {}", path.display()))?;
    let mut shown = false;
    read_all(&client, &[first], |frame| {
        let picture = WindowChoice::File.resolve(&frame).render(&frame);
        shown = picture.width > 0;
    })?;
    ensure!(shown, "the first picture could not be read");
    let first_image_ms = ms(began);
    let mut decoding = Vec::new();
    for (transfer_syntax, kind) in kinds(series()) {
        let began = Instant::now();
        let frames = read_all(&client, &kind.frames, |_| ())?;
        let slices_per_s = (frames as f64 / began.elapsed().as_secs_f64() * 10.0).round() / 10.0;
        let one_thread_ms = one_thread(&kind.frames);
        let Kind { columns, rows, .. } = kind;
        decoding.push(Decoding {
            transfer_syntax,
            frames,
            columns,
            rows,
            slices_per_s,
            one_thread_ms,
        });
    }
    let instances = series().map(|one| one.instances.len()).sum();
    Ok(Figures {
        files: instances,
        frames: series().map(Series::num_frames).sum(),
        open_ms,
        first_image_ms,
        decoding,
        decoders: client.pids().len(),
        decoder_peak_rss_mb: client.pids().into_iter().map(peak_rss_mb_of).sum(),
        window: None,
        no_window: None,
    })
}

fn open(client: &DecodePool, path: &Path) -> anyhow::Result<Opened> {
    let job = JobId::next();
    client.open(job, vec![path.to_owned()]);
    let mut found = None;
    loop {
        match client.wait(WAIT) {
            Some(DecodeEvent::Opened { opened, .. }) => found = Some(opened),
            Some(DecodeEvent::Finished { job: ended }) if ended == job => break,
            Some(DecodeEvent::Failed { job: ended, message }) if ended == job => bail!(message),
            _ => {}
        }
    }
    found.context("the image decoder gave no studies")
}

/// By transfer syntax; files that cannot be shown are left out.
fn kinds<'a>(series: impl Iterator<Item = &'a Series>) -> BTreeMap<String, Kind> {
    let mut kinds: BTreeMap<String, Kind> = BTreeMap::new();
    for one in series {
        for idx in 0..one.num_frames() {
            let Some((instance, _)) = one.instance_of(idx) else { continue };
            let (columns, rows) = (instance.columns, instance.rows);
            let kind = kinds.entry(instance.transfer_syntax.clone()).or_insert_with(|| Kind {
                frames: Vec::new(),
                columns,
                rows,
            });
            if kind.frames.len() < MOST && instance.cannot_show.is_none() {
                kind.frames.extend(one.frame_ref(idx));
            }
        }
    }
    kinds
}

/// How many could be read.
fn read_all(
    client: &DecodePool,
    frames: &[FrameRef],
    mut take: impl FnMut(Arc<crate::imaging::Frame>),
) -> anyhow::Result<usize> {
    let (mut under_way, mut next, mut read) = (VecDeque::new(), frames.iter(), 0);
    loop {
        while under_way.len() < AT_ONCE {
            let Some(frame_ref) = next.next() else { break };
            let job = JobId::next();
            client.read_frame(job, frame_ref.clone());
            under_way.push_back(job);
        }
        if under_way.is_empty() {
            return Ok(read);
        }
        match client.wait(WAIT) {
            Some(DecodeEvent::Frame { frame, .. }) => {
                read += 1;
                take(frame);
            }
            Some(DecodeEvent::Finished { job } | DecodeEvent::Failed { job, .. }) => {
                under_way.retain(|other| *other != job);
            }
            _ => {}
        }
    }
}

fn one_thread(frames: &[FrameRef]) -> f64 {
    let step = frames.len().div_ceil(ON_ONE_THREAD).max(1);
    let timed = frames.iter().step_by(step).filter_map(|frame_ref| {
        let began = Instant::now();
        read_frame(frame_ref).ok().map(|_| began.elapsed().as_secs_f64() * 1e3)
    });
    let mut timed: Vec<f64> = timed.collect();
    timed.sort_by(f64::total_cmp);
    timed.get(timed.len() / 2).map_or(0.0, |ms| (ms * 100.0).round() / 100.0)
}

/// A window of its own scrolls through the study and writes down how it kept up.
fn window(path: &Path, args: &BenchArgs, machine: &MachineArgs) -> anyhow::Result<Value> {
    let folder = tempfile::tempdir().context("no folder for the window could be made")?;
    let settings = format!("acknowledged = \"{}\"\n", env!("CARGO_PKG_VERSION"));
    std::fs::write(folder.path().join("settings.toml"), settings)?;
    let written = folder.path().join("scroll.json");
    let device = match machine.device {
        DeviceChoice::Auto => "auto",
        DeviceChoice::Gpu => "gpu",
        DeviceChoice::Cpu => "cpu",
    };
    let mut typed: Vec<OsString> = vec![path.into(), "--measure-scroll".into(), (&written).into()];
    typed.extend(["--data-dir".into(), folder.path().into(), "--device".into(), device.into()]);
    if let Some(model) = &args.model {
        typed.extend(["--model".into(), model.into()]);
    }
    if let Some(models_dir) = &machine.models_dir {
        typed.extend(["--models-dir".into(), models_dir.into()]);
    }
    let said = run_window(&typed, PATIENCE)?;
    let said = said.lines().last().unwrap_or_default().trim_start_matches("reading-room: ");
    ensure!(written.exists(), "the window measured nothing: {said}");
    Ok(serde_json::from_str(&std::fs::read_to_string(&written)?)?)
}

fn write_table(out: &mut impl std::io::Write, figures: &Figures) -> anyhow::Result<()> {
    let Figures { files, frames, open_ms, first_image_ms, .. } = figures;
    writeln!(out, "{files} files, {frames} frames: listed in {open_ms} ms")?;
    writeln!(out, "first image after {first_image_ms} ms, from the start of the decoders on")?;
    for one in &figures.decoding {
        writeln!(
            out,
            "{}: {} frames of {} x {}, {} slices/s; {} ms a slice on one thread",
            one.transfer_syntax,
            one.frames,
            one.columns,
            one.rows,
            one.slices_per_s,
            one.one_thread_ms
        )?;
    }
    if let Some(peak) = figures.decoder_peak_rss_mb {
        writeln!(out, "{} decoders: {peak} MiB at most", figures.decoders)?;
    }
    let Some(window) = &figures.window else {
        let why = figures.no_window.as_deref().unwrap_or_default();
        writeln!(out, "scrolling was not measured: {why}")?;
        return Ok(());
    };
    for (key, name) in [("quiet", "scrolling"), ("generating", "scrolling while a model answers")] {
        let Some(pass) = window.get(key).filter(|pass| !pass.is_null()) else { continue };
        writeln!(
            out,
            "{name}: a drawing every {} ms (95 %: {}, longest {}), {} slices/s, {} of {} drawings \
             late, {} tokens written",
            pass["median_ms"],
            pass["p95_ms"],
            pass["longest_ms"],
            pass["slices_per_s"],
            pass["late"],
            pass["frames"],
            pass["tokens"]
        )?;
    }
    writeln!(out, "window: {} MiB at most", window["peak_rss_mb"])?;
    Ok(())
}
