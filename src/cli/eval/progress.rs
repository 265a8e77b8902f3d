//! How far a run is and how long it will take: a status line for a person, lines for a log.

use std::io::{IsTerminal as _, stderr};
use std::time::{Duration, Instant};

use crate::cli::terminal::{StatusLine, one_line};

/// Between two lines in a log.
const LOG_EVERY: Duration = Duration::from_secs(60);

/// Counts the questions of this start; those of an earlier one took time that is not known.
pub(super) struct Counting {
    started: Instant,
    logged: Instant,
    before: usize,
    done: usize,
    all: usize,
}

impl Counting {
    pub(super) fn new(before: usize, all: usize) -> Self {
        let now = Instant::now();
        Self { started: now, logged: now, before, done: 0, all }
    }

    pub(super) fn next(&mut self, status: &mut StatusLine, failed: usize) {
        self.done += 1;
        let text = self.text(failed);
        status.show(&text);
        if !stderr().is_terminal() && self.logged.elapsed() >= LOG_EVERY {
            self.logged = Instant::now();
            eprintln!("{text}");
        }
    }

    fn text(&self, failed: usize) -> String {
        let done = self.before + self.done;
        let per_question = self.started.elapsed().as_secs_f64() / self.done.max(1) as f64;
        let left = per_question * self.all.saturating_sub(done) as f64;
        let failed = if failed > 0 { format!(", {failed} failed") } else { String::new() };
        format!("{done} of {} questions{failed}, {} left", self.all, duration(left))
    }
}

/// What the reader should know, a line on standard error.
pub(super) fn note(text: &str) {
    eprintln!("! {}", one_line(text));
}

/// "40 s", "12 min", "3 h 20 min".
fn duration(seconds: f64) -> String {
    let minutes = (seconds / 60.0).round();
    if seconds < 90.0 {
        format!("{seconds:.0} s")
    } else if minutes < 90.0 {
        format!("{minutes:.0} min")
    } else {
        format!("{:.0} h {:.0} min", (minutes / 60.0).floor(), minutes % 60.0)
    }
}
