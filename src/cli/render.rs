//! `reading-room render`: the picture the viewer would show, or what a model is given of it, as a
//! PNG.

use std::io::{Write as _, stdout};

use anyhow::Context as _;
use serde::Serialize;

use crate::imaging::{
    DisplayImage, Frame, LaidOver, PictureNotes, Turned, ViewLoss, WindowReport, window_words,
};
use crate::vlm::{Eye, EyeReport, ModelSpec, Sight};

use super::{
    args::{MachineArgs, RenderArgs},
    images::{Decoder, grayscale, render},
    plan::find_model,
    planes::{PlaneReport, read_plane},
    render_all::render_all,
    terminal,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    reformatted: Option<PlaneReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    as_seen_by: Option<EyeReport<'a>>,
}

/// What a model is given.
struct Seen {
    spec: ModelSpec,
    sight: Sight,
    lost: ViewLoss,
}

impl Seen {
    fn report(&self) -> EyeReport<'_> {
        let model = [self.spec.name.as_str(), self.spec.family.as_str()];
        EyeReport::new(model, None, &self.sight, Some(&self.lost))
    }
}

pub(super) fn run(args: &RenderArgs, machine: &MachineArgs) -> anyhow::Result<()> {
    if args.all {
        return render_all(args);
    }
    // a model that is not there is said before anything is read
    let eye = args.as_seen_by.as_deref().map(|typed| eye_of(typed, machine)).transpose()?;
    let decoder = Decoder::new(args.in_process);
    let (frame, reformatted) = match read_plane(&decoder, args)? {
        Some((frame, report)) => (frame, Some(report)),
        None => (decoder.read_frame(&args.path)?, None),
    };
    let shown = picture_of(&frame, args)?;
    let seen = eye.map(|(spec, eye)| see(args, &frame, &shown, spec, &eye)).transpose()?;
    let picture = seen.as_ref().map_or(&shown, |seen| &seen.sight.picture);
    picture
        .write_file(&args.out, &notes_of(&frame, args))
        .with_context(|| format!("the picture could not be written: {}", args.out.display()))?;
    let report = report(args, &frame, reformatted, seen.as_ref());
    if let Some(warning) = frame.info().text_in_pixels.warning().filter(|_| args.overlays) {
        terminal::warn(warning);
    }
    let mut out = stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, &report)?;
        writeln!(out)?;
        return Ok(());
    }
    writeln!(out, "{} x {} pixels, {}", picture.width, picture.height, report.out)?;
    if let Some(plane) = &report.reformatted {
        writeln!(out, "{plane}")?;
    }
    if let Some(seen) = &report.as_seen_by {
        seen.lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
        writeln!(
            out,
            "tensor {:?}, SHA-256 {}",
            seen.facts.tensor_shape, seen.facts.tensor_sha256
        )?;
    }
    for (x, y, value) in &report.values {
        match value {
            Some(value) => writeln!(out, "{x},{y}: {value} {}", frame.unit())?,
            None => writeln!(out, "{x},{y}: outside the picture")?,
        }
    }
    Ok(())
}

/// As the viewer would show it, with what was asked to be laid over it.
pub(super) fn picture_of(frame: &Frame, args: &RenderArgs) -> anyhow::Result<DisplayImage> {
    if !args.overlays {
        return render(frame, &args.image_options);
    }
    let over = LaidOver { color_map: args.colors, ..LaidOver::default() };
    let grayscale = grayscale(frame, &args.image_options);
    let drawn = over.draw(frame, &grayscale, Turned::default(), args.times);
    drawn.with_context(|| format!("--times {}: the picture would be too large", args.times))
}

/// What its file says of it.
pub(super) fn notes_of(frame: &Frame, args: &RenderArgs) -> PictureNotes {
    let window = if frame.is_monochrome() {
        window_words(&grayscale(frame, &args.image_options))
    } else {
        String::new()
    };
    PictureNotes::new().with("Window", window)
}

fn eye_of(typed: &str, machine: &MachineArgs) -> anyhow::Result<(ModelSpec, Eye)> {
    let spec = find_model(Some(typed), machine)?;
    let eye = Eye::of(&spec)?;
    Ok((spec, eye))
}

fn see(
    args: &RenderArgs,
    frame: &Frame,
    shown: &DisplayImage,
    spec: ModelSpec,
    eye: &Eye,
) -> anyhow::Result<Seen> {
    let options = &args.image_options;
    let lost = grayscale(frame, options).loss(frame, options.crop);
    Ok(Seen { sight: eye.look(shown)?, spec, lost })
}

fn report<'a>(
    args: &RenderArgs,
    frame: &'a Frame,
    reformatted: Option<PlaneReport>,
    seen: Option<&'a Seen>,
) -> Report<'a> {
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
        reformatted,
        as_seen_by: seen.map(Seen::report),
    }
}
