//! `reading-room render`: the picture the viewer would show, as a PNG.

use std::io::{Write as _, stdout};

use anyhow::Context as _;
use serde::Serialize;

use crate::imaging::{Frame, WindowReport};

use super::{
    args::RenderArgs,
    images::{Decoder, render},
};

/// `render --json`.
#[derive(Serialize)]
struct Report<'a> {
    rows: u32,
    columns: u32,
    frames: u32,
    modality: &'a str,
    photometric_interpretation: &'a str,
    transfer_syntax: &'a str,
    bits_stored: u16,
    window: Option<WindowReport>,
    plane: Option<&'a str>,
    pixel_spacing_mm: Option<[f64; 2]>,
    incomplete: Option<&'a str>,
    out: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    values: Vec<(u32, u32, Option<f64>)>,
}

pub(super) fn run(args: &RenderArgs) -> anyhow::Result<()> {
    let frame = Decoder::new(args.in_process).read_frame(&args.path)?;
    let picture = render(&frame, &args.image_options)?;
    picture
        .write_png(&args.out)
        .with_context(|| format!("the picture could not be written: {}", args.out.display()))?;
    let report = report(args, &frame);
    let mut out = stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, &report)?;
        writeln!(out)?;
        return Ok(());
    }
    writeln!(out, "{} x {} pixels, {}", picture.width, picture.height, report.out)?;
    for (x, y, value) in &report.values {
        match value {
            Some(value) => writeln!(out, "{x},{y}: {value} {}", frame.unit())?,
            None => writeln!(out, "{x},{y}: outside the picture")?,
        }
    }
    Ok(())
}

fn report<'a>(args: &RenderArgs, frame: &'a Frame) -> Report<'a> {
    let info = frame.info();
    Report {
        rows: frame.rows(),
        columns: frame.columns(),
        frames: info.num_frames,
        modality: frame.modality(),
        photometric_interpretation: &info.photometric_interpretation,
        transfer_syntax: &info.transfer_syntax,
        bits_stored: info.bits_stored,
        window: args.image_options.window.report(frame),
        plane: info.plane().map(|plane| plane.as_str()),
        pixel_spacing_mm: info.pixel_spacing_mm(),
        incomplete: frame.incomplete(),
        out: args.out.display().to_string(),
        values: args.value.iter().map(|&[x, y]| (x, y, frame.modality_value(x, y))).collect(),
    }
}
