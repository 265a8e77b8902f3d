//! `reading-room apply-delta`: LLaVA-Med 1.0 from LLaMA-7B and the published differences.

use std::io::{Write as _, stdout};
use std::ops::ControlFlow;

use crate::vlm::{apply_delta, recognise};

use super::args::ApplyDeltaArgs;
use super::terminal::{StatusLine, warn};

pub(super) fn run(args: &ApplyDeltaArgs) -> anyhow::Result<()> {
    let mut status = StatusLine::new();
    let result = apply_delta(&args.base, &args.delta, &args.out, &mut |done, total| {
        status.show(&format!("Writing {:.2}/{:.2} GB", done as f64 / 1e9, total as f64 / 1e9));
        ControlFlow::Continue(())
    });
    status.clear();
    result?;
    match recognise(&args.out) {
        Ok(spec) if spec.missing.is_empty() => {}
        Ok(spec) => warn(&format!("the new model still needs {}", spec.missing.join(", "))),
        Err(error) => warn(&error.to_string()),
    }
    writeln!(stdout(), "{}", args.out.display())?;
    Ok(())
}
