//! Progress on standard error when a person watches, one clean line for errors.

use std::io::{IsTerminal as _, Write as _, stderr};

use crate::vlm::{LoadProgress, LoadStage, Progress};

/// A status line that is rewritten in place, and only shown on a terminal.
pub(super) struct StatusLine {
    is_shown: bool,
    has_text: bool,
}

impl StatusLine {
    pub(super) fn new() -> Self {
        Self { is_shown: stderr().is_terminal(), has_text: false }
    }

    pub(super) fn show(&mut self, text: &str) {
        if self.is_shown {
            write!(stderr(), "\r\x1b[K{text}").ok();
            stderr().flush().ok();
            self.has_text = true;
        }
    }

    pub(super) fn clear(&mut self) {
        if std::mem::take(&mut self.has_text) {
            write!(stderr(), "\r\x1b[K").ok();
            stderr().flush().ok();
        }
    }
}

/// "Reading weights 1.2/15.2 GB".
pub(super) fn loading_text(progress: &LoadProgress) -> String {
    let gigabytes = |bytes: u64| bytes as f64 / 1e9;
    let stage = match progress.stage {
        LoadStage::Reading => "Reading weights",
        LoadStage::Transfer => "Moving to the device",
        LoadStage::Warmup => "Warming up",
    };
    let (done, total) = (gigabytes(progress.bytes_done), gigabytes(progress.bytes_total));
    format!("{stage} {done:.2}/{total:.2} GB")
}

/// "Reading image 1 of 2", "Reading the prompt 512/1240".
pub(super) fn working_text(progress: &Progress) -> String {
    match progress {
        Progress::EncodingImage { index, count } => {
            format!("Reading image {} of {count}", index + 1)
        }
        Progress::Prefill { done, total } => format!("Reading the prompt {done}/{total}"),
        Progress::Code { done, .. } | Progress::Glimpse { done, .. } => {
            format!("Drawing, {done} codes")
        }
        Progress::Measuring => "Comparing".to_owned(),
        Progress::Text { .. } => String::new(),
    }
}

/// One line on standard error beside a result that is there but not whole.
pub(super) fn warn(message: &str) {
    eprintln!("reading-room: warning: {}", one_line(message));
}

/// The text on one line without control characters, so that a file cannot drive the terminal.
pub(super) fn one_line(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}
