//! `render --all`: every slice of a series, as numbered PNGs.

use std::{
    fs,
    io::{self, Write as _, stdout},
    path::Path,
};

use anyhow::{Context as _, bail, ensure};
use serde::Serialize;

use crate::imaging::{PictureFormat, Series, TextInPixels, is_there};

use super::{
    args::RenderArgs,
    images::Decoder,
    render::{notes_of, picture_of},
    terminal::{StatusLine, one_line, warn},
};

/// Digits of a number at least.
const DIGITS: usize = 4;

/// `render --all --json`.
#[derive(Serialize)]
struct Report<'a> {
    out: String,
    modality: &'a str,
    pictures: usize,
    left_out: &'a [String],
}

pub(super) fn render_all(args: &RenderArgs) -> anyhow::Result<()> {
    ensure!(is_there(&args.path), "there is no such file or folder: {}", args.path.display());
    let decoder = Decoder::new(args.in_process);
    let series = series_of(&decoder, args)?;
    let folder = args.out.as_path();
    let is_new = !folder.exists();
    make_folder(folder)?;
    let (mut written, mut left_out) = (0, Vec::new());
    let mut warned = TextInPixels::Unknown;
    let total = series.num_frames();
    let digits = total.to_string().len().max(DIGITS);
    let mut status = StatusLine::new();
    for idx in 0..total {
        status.show(&format!("Picture {} of {total}", idx + 1));
        let target = folder.join(format!("{:0digits$}.png", idx + 1));
        match write_one(&decoder, args, &series, idx, &target) {
            Ok(text) => {
                written += 1;
                if text.warning().is_some() {
                    warned = text;
                }
            }
            // a disk that is full is full for the next one too
            Err(error) if error.downcast_ref::<Unwritten>().is_some() => return Err(error),
            Err(error) => {
                left_out.push(format!("slice {}: {}", idx + 1, one_line(&error.to_string())));
            }
        }
    }
    status.clear();
    if is_new && written == 0 {
        fs::remove_dir(folder).ok();
    }
    if let Some(warning) = warned.warning() {
        warn(warning);
    }
    left_out.iter().for_each(|why| warn(why));
    let out = folder.display().to_string();
    if args.json {
        let modality = series.modality.as_str();
        let report = Report { out, modality, pictures: written, left_out: &left_out };
        let mut stdout = stdout().lock();
        serde_json::to_writer(&mut stdout, &report)?;
        writeln!(stdout)?;
    } else if written > 0 {
        writeln!(stdout().lock(), "{written} pictures written to {out}")?;
    }
    let Some(first) = left_out.first() else { return Ok(()) };
    bail!("{} of {total} pictures were left out; the first: {first}", left_out.len())
}

/// A picture that could be made and not be written.
#[derive(Debug, thiserror::Error)]
#[error("the picture could not be written: {0}")]
struct Unwritten(String);

fn write_one(
    decoder: &Decoder,
    args: &RenderArgs,
    series: &Series,
    idx: usize,
    target: &Path,
) -> anyhow::Result<TextInPixels> {
    if let Some((instance, _)) = series.instance_of(idx)
        && let Some(why) = &instance.cannot_show
    {
        bail!("{why}");
    }
    let frame_ref = series.frame_ref(idx).context("there is no such slice")?;
    let frame = decoder.read_ref(&frame_ref)?;
    let picture = picture_of(&frame, args)?;
    let bytes = picture.to_file(PictureFormat::Png, &notes_of(&frame, args))?;
    fs::write(target, bytes)
        .map_err(|error| Unwritten(format!("{error}: {}", target.display())))?;
    Ok(frame.info().text_in_pixels)
}

/// The series asked for, or the one with the most slices.
fn series_of(decoder: &Decoder, args: &RenderArgs) -> anyhow::Result<Series> {
    let opened = decoder.open(vec![args.path.clone()])?;
    let all = opened.studies.into_iter().flat_map(|study| study.series);
    let number = args.planes.series;
    let asked = all.filter(|series| number.is_none_or(|n| series.series_number == Some(n)));
    // of several with as many slices the first
    let most = asked
        .filter(|series| series.num_frames() > 0)
        .reduce(|best, series| if series.num_frames() > best.num_frames() { series } else { best });
    match number {
        Some(number) => most.with_context(|| format!("there is no series {number} here")),
        None => most.context("there are no pictures here"),
    }
}

/// Only a new or an empty folder is written to.
fn make_folder(folder: &Path) -> anyhow::Result<()> {
    match fs::read_dir(folder) {
        Ok(mut entries) => ensure!(
            entries.next().is_none(),
            "the folder is not empty; name a new one: {}",
            folder.display()
        ),
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::create_dir_all(folder)
            .with_context(|| format!("the folder can't be made: {}", folder.display()))?,
        Err(error) => bail!("the folder can't be written to ({error}): {}", folder.display()),
    }
    Ok(())
}
