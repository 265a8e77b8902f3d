//! Scrolls through a study by itself and writes down how the window kept up, with and without an
//! answer being written. `bench --study` starts a window for this.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use egui::{Context, ViewportCommand};
use serde::Serialize;

use super::command::Command;
use super::frames::FrameState;
use super::state::AppState;
use crate::worker::peak_rss_mb;

/// A pass takes so long.
const PASS: Duration = Duration::from_secs(4);
/// The study and the model are there by then, or never.
const PATIENCE: Duration = Duration::from_secs(120);
/// A drawing later than this is seen as a jerk.
const LATE_MS: f64 = 34.0;
const QUESTION: &str = "What modality is this?";

/// What is written.
#[derive(Default, Serialize)]
struct Measured {
    /// Nothing else going on.
    quiet: Option<Pass>,
    /// While a model answers question after question.
    generating: Option<Pass>,
    /// What decoded slices take at the end.
    slices_mb: usize,
    /// Most memory of the window's process.
    peak_rss_mb: u64,
}

/// One scroll through the study, a slice a drawing.
#[derive(Clone, Debug, Serialize)]
struct Pass {
    /// Drawings.
    frames: usize,
    median_ms: f64,
    p95_ms: f64,
    longest_ms: f64,
    /// Drawings more than 34 ms after the one before.
    late: usize,
    /// Drawings for which the next slice was not read yet.
    waited: usize,
    slices_per_s: f64,
    /// Tokens written meanwhile.
    tokens: usize,
}

/// Where the measurement stands.
#[derive(Default)]
enum Phase {
    #[default]
    Waiting,
    Quiet,
    Generating,
}

/// Drives the window when it was started for this.
#[derive(Default)]
pub(crate) struct MeasureScroll {
    to: Option<PathBuf>,
    phase: Phase,
    since: Option<Instant>,
    last: Option<Instant>,
    intervals_ms: Vec<f64>,
    slices: usize,
    waited: usize,
    tokens_before: usize,
    measured: Measured,
}

impl MeasureScroll {
    pub(crate) fn new(to: Option<PathBuf>) -> Self {
        Self { to, ..Self::default() }
    }

    /// Called once a drawing.
    pub(crate) fn run(&mut self, ctx: &Context, state: &mut AppState) {
        let Some(to) = self.to.clone() else { return };
        ctx.request_repaint();
        let now = Instant::now();
        let since = *self.since.get_or_insert(now);
        let last = self.last.replace(now);
        if matches!(self.phase, Phase::Waiting) {
            if is_settled(state) {
                self.begin(Phase::Quiet, state);
            } else if since.elapsed() > PATIENCE {
                self.end(ctx, state, &to);
            }
            return;
        }
        self.intervals_ms.extend(last.map(|last| (now - last).as_secs_f64() * 1e3));
        self.scroll(state);
        let is_quiet = matches!(self.phase, Phase::Quiet);
        if !is_quiet && !state.engine.must_wait() {
            let question = QUESTION.to_owned();
            state.run(Command::Ask { question, with_view: true, again_of: None });
        }
        if since.elapsed() < PASS {
            return;
        }
        let pass = Some(self.pass(since.elapsed(), state));
        if is_quiet {
            self.measured.quiet = pass;
        } else {
            self.measured.generating = pass;
        }
        if is_quiet && state.engine.can_answer() {
            self.begin(Phase::Generating, state);
        } else {
            self.end(ctx, state, &to);
        }
    }

    fn begin(&mut self, phase: Phase, state: &AppState) {
        self.phase = phase;
        (self.since, self.last) = (None, None);
        (self.slices, self.waited) = (0, 0);
        self.intervals_ms.clear();
        self.tokens_before = tokens(state);
    }

    /// The next slice, once the one shown is there; after the last comes the first.
    fn scroll(&mut self, state: &mut AppState) {
        let viewport = state.active_viewport();
        if !matches!(state.frame_state(viewport), FrameState::Ready(_)) {
            self.waited += 1;
            return;
        }
        let place = viewport.place.as_ref();
        let count = place.and_then(|place| Some(state.shown_series(place)?.1.num_frames()));
        let is_last = place.map(|place| place.frame_idx + 1) >= count;
        self.slices += 1;
        state.run(if is_last { Command::FirstFrame } else { Command::StepFrame(1) });
    }

    fn pass(&self, took: Duration, state: &AppState) -> Pass {
        let mut sorted = self.intervals_ms.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let index = (share * sorted.len().saturating_sub(1) as f64).round() as usize;
            sorted.get(index).map_or(0.0, |ms| (ms * 100.0).round() / 100.0)
        };
        Pass {
            frames: sorted.len(),
            median_ms: at(0.5),
            p95_ms: at(0.95),
            longest_ms: at(1.0),
            late: sorted.iter().filter(|ms| **ms > LATE_MS).count(),
            waited: self.waited,
            slices_per_s: (self.slices as f64 / took.as_secs_f64() * 10.0).round() / 10.0,
            tokens: tokens(state) - self.tokens_before,
        }
    }

    fn end(&mut self, ctx: &Context, state: &AppState, to: &Path) {
        self.to = None;
        self.measured.peak_rss_mb = peak_rss_mb();
        self.measured.slices_mb = state.frames.bytes() >> 20;
        if let Ok(text) = serde_json::to_string(&self.measured) {
            // who started this window says that nothing came
            std::fs::write(to, text).ok();
        }
        ctx.send_viewport_cmd(ViewportCommand::Close);
    }
}

/// The first slice is shown and the model, if one was asked for, is in memory.
fn is_settled(state: &AppState) -> bool {
    let is_shown = matches!(state.frame_state(state.active_viewport()), FrameState::Ready(_));
    let may_come = state.scanning_models || state.engine.is_loading();
    is_shown && !may_come && state.jobs.visible().next().is_none()
}

fn tokens(state: &AppState) -> usize {
    let turns = state.conversation().turns.iter();
    turns.flat_map(|turn| &turn.answers).map(|answer| answer.meter.tokens).sum()
}
