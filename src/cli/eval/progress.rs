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
    failed: usize,
    all: usize,
}

impl Counting {
    pub(super) fn new(before: usize, all: usize) -> Self {
        let now = Instant::now();
        Self { started: now, logged: now, before, done: 0, failed: 0, all }
    }

    pub(super) fn next(&mut self, status: &mut StatusLine, has_failed: bool) {
        self.done += 1;
        self.failed += usize::from(has_failed);
        let text = self.text();
        status.show(&text);
        if !stderr().is_terminal() && self.logged.elapsed() >= LOG_EVERY {
            self.logged = Instant::now();
            eprintln!("{text}");
        }
    }

    /// Only answers take time that the next ones will take, too.
    fn text(&self) -> String {
        let done = self.before + self.done;
        let mut text = format!("{done} of {} questions", self.all);
        if self.failed > 0 {
            text += &format!(", {} failed", self.failed);
        }
        let answered = self.done - self.failed;
        if answered > 0 {
            let each = self.started.elapsed().as_secs_f64() / answered as f64;
            text += &format!(", {} left", duration(each * self.all.saturating_sub(done) as f64));
        }
        text
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
