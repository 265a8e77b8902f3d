//! Studies as `inspect` describes them. A study is called by an alias; nothing names a patient.

use std::io::Write;

use serde::Serialize;

use crate::imaging::{Series, Study, alias};

use super::super::terminal::one_line;
use super::text;

/// A study and its series.
#[derive(Serialize)]
pub(super) struct StudyReport {
    study: String,
    date: Option<String>,
    description: Option<String>,
    series: Vec<SeriesReport>,
}

#[derive(Serialize)]
struct SeriesReport {
    number: Option<i32>,
    modality: String,
    description: Option<String>,
    body_part: Option<String>,
    plane: Option<&'static str>,
    instances: usize,
    frames: usize,
    rows: u32,
    columns: u32,
    transfer_syntax: String,
    photometric_interpretation: String,
    bits_stored: u16,
    pixel_spacing_mm: Option<[f64; 2]>,
    slice_spacing_mm: Option<f64>,
    uniform: bool,
    duplicate_positions: bool,
    cannot_show: Option<String>,
    paths: Vec<String>,
}

/// The study at this place of the list.
pub(super) fn study_report(idx: usize, study: &Study) -> StudyReport {
    StudyReport {
        study: alias(idx + 1),
        date: study.study_date.clone(),
        description: study.description.clone(),
        series: study.series.iter().filter_map(series_report).collect(),
    }
}

fn series_report(series: &Series) -> Option<SeriesReport> {
    let first = series.instances.first()?;
    Some(SeriesReport {
        number: series.series_number,
        modality: series.modality.clone(),
        description: series.description.clone(),
        body_part: series.body_part.clone(),
        plane: series.plane.map(|plane| plane.as_str()),
        instances: series.instances.len(),
        frames: series.num_frames(),
        rows: first.rows,
        columns: first.columns,
        transfer_syntax: first.transfer_syntax.clone(),
        photometric_interpretation: first.photometric_interpretation.clone(),
        bits_stored: first.bits_stored,
        pixel_spacing_mm: first.geometry.first().and_then(|geometry| geometry.pixel_spacing_mm),
        slice_spacing_mm: series.slice_spacing_mm,
        uniform: series.uniform,
        duplicate_positions: series.duplicate_positions,
        cannot_show: first.cannot_show.clone(),
        paths: series.instances.iter().map(|instance| text(&instance.path)).collect(),
    })
}

pub(super) fn write_study(out: &mut impl Write, study: &StudyReport) -> anyhow::Result<()> {
    let words = [study.date.as_deref(), study.description.as_deref()];
    let words: Vec<&str> = words.into_iter().flatten().collect();
    writeln!(out, "{} {}", study.study, one_line(&words.join(" · ")))?;
    for series in &study.series {
        let description = one_line(series.description.as_deref().unwrap_or("no description"));
        writeln!(
            out,
            "  {} {description}: {} frames, {} x {}, {}",
            series.modality,
            series.frames,
            series.columns,
            series.rows,
            series.plane.unwrap_or("no plane")
        )?;
        if let Some(reason) = &series.cannot_show {
            writeln!(out, "    {}", one_line(reason))?;
        }
    }
    Ok(())
}
