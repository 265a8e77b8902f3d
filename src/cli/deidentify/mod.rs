//! `reading-room deidentify`: DICOM files written again without what identifies the patient.
//!
//! Files are read here rather than in the decode worker, which may not write: only their structure
//! is walked, by the program's own reader, and no codec touches their pixels.

pub(super) mod args;
mod report;

use std::{
    io::{Write as _, stdout},
    ops::ControlFlow,
};

use anyhow::bail;

use crate::imaging::deidentify;

use super::terminal::{StatusLine, one_line, warn};

use args::DeidentifyArgs;
use report::{NOTE, Report};

pub(super) fn run(args: &DeidentifyArgs) -> anyhow::Result<()> {
    let options = args.options();
    let mut status = StatusLine::new();
    let done = deidentify(&args.paths, &args.out, &options, &mut |progress| {
        status.show(&format!("File {} of {}", progress.files_done + 1, progress.files_total));
        ControlFlow::Continue(())
    });
    status.clear();
    let done = done?;
    let report = Report::new(&args.out, &options, &done);
    let mut out = stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, &report)?;
        writeln!(out)?;
    } else {
        for warning in &done.warnings {
            warn(&format!("{} {}", warning.series, warning.message));
        }
        for refused in &done.refused {
            warn(&refused.message);
        }
        if !done.written.is_empty() {
            writeln!(out, "{} files written to {}", done.written.len(), args.out.display())?;
            writeln!(out, "{NOTE}")?;
        }
    }
    let Some(first) = done.refused.first() else { return Ok(()) };
    let (refused, all) = (done.refused.len(), done.refused.len() + done.written.len());
    bail!("{refused} of {all} files were left out; the first: {}", one_line(&first.message))
}
