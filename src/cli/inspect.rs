//! `reading-room inspect`: studies and model folders, recognised and described.

use std::{
    io::{Write, stdout},
    path::Path,
};

use serde::Serialize;

use crate::imaging::{OpenWarning, Opened, Series, Study, alias};
use crate::vlm::{GpuInfo, ModelError, ModelSpec, Part, detect_gpus, recognise};

use super::{args::InspectArgs, images::Decoder, terminal::one_line};

/// `inspect --json`. A study is called by an alias; nothing in here names a patient.
#[derive(Default, Serialize)]
struct Report {
    models: Vec<ModelReport>,
    studies: Vec<StudyReport>,
    warnings: Vec<WarningReport>,
    skipped_files: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    gpus: Option<Vec<GpuReport>>,
}

#[derive(Serialize)]
struct GpuReport {
    name: String,
    backend: String,
    software: bool,
}

#[derive(Serialize)]
struct ModelReport {
    path: String,
    name: String,
    title: String,
    family: String,
    parts: Vec<PartReport>,
    missing: Vec<String>,
    parameters: u64,
    weights_bytes: u64,
    context_len: u32,
    image_tokens: u32,
    max_images: u32,
    languages: Vec<String>,
    licence: Option<String>,
}

#[derive(Serialize)]
struct PartReport {
    name: String,
    path: String,
    bytes: u64,
}

#[derive(Serialize)]
struct StudyReport {
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

#[derive(Serialize)]
struct WarningReport {
    path: String,
    message: String,
}

pub(super) fn run(args: &InspectArgs) -> anyhow::Result<()> {
    let gpus = args.gpus.then(|| detect_gpus().into_iter().map(gpu_report).collect());
    let mut report = Report { gpus, ..Report::default() };
    let mut paths = Vec::new();
    for path in &args.paths {
        match recognise(path) {
            Ok(spec) => report.models.push(model_report(&spec)),
            Err(ModelError::NotAModel { .. }) => paths.push(path.clone()),
            Err(error) => return Err(error.into()),
        }
    }
    if !paths.is_empty() {
        add_studies(&mut report, Decoder::new(false).open(paths)?);
    }
    let mut out = stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, &report)?;
        writeln!(out)?;
        return Ok(());
    }
    for model in &report.models {
        write_model(&mut out, model)?;
    }
    for study in &report.studies {
        write_study(&mut out, study)?;
    }
    for gpu in report.gpus.iter().flatten() {
        let kind = if gpu.software { ", a software rasteriser" } else { "" };
        writeln!(out, "GPU {} ({}{kind})", one_line(&gpu.name), gpu.backend)?;
    }
    for warning in &report.warnings {
        writeln!(out, "! {}", one_line(&warning.message))?;
    }
    if report.skipped_files > 0 {
        writeln!(out, "{} files are not pictures and were skipped", report.skipped_files)?;
    }
    Ok(())
}

fn gpu_report(gpu: GpuInfo) -> GpuReport {
    GpuReport { name: gpu.name, backend: gpu.backend, software: gpu.is_software }
}

fn model_report(spec: &ModelSpec) -> ModelReport {
    let part = |part: &Part| PartReport {
        name: part.name.clone(),
        path: text(&part.path),
        bytes: part.bytes,
    };
    ModelReport {
        path: text(&spec.path),
        name: spec.name.clone(),
        title: spec.title.clone(),
        family: spec.family.as_str().to_owned(),
        parts: spec.parts.iter().map(part).collect(),
        missing: spec.missing.clone(),
        parameters: spec.parameters,
        weights_bytes: spec.weights_bytes,
        context_len: spec.context_len,
        image_tokens: spec.image_tokens,
        max_images: spec.max_images,
        languages: spec.languages.clone(),
        licence: spec.licence.clone(),
    }
}

fn add_studies(report: &mut Report, opened: Opened) {
    let Opened { studies, warnings, skipped } = opened;
    report.skipped_files = skipped;
    report.studies =
        studies.iter().enumerate().map(|(idx, study)| study_report(idx, study)).collect();
    let warning = |warning: OpenWarning| WarningReport {
        path: text(&warning.path),
        message: warning.message,
    };
    report.warnings = warnings.into_iter().map(warning).collect();
}

fn study_report(idx: usize, study: &Study) -> StudyReport {
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

fn write_model(out: &mut impl Write, model: &ModelReport) -> anyhow::Result<()> {
    let gigabytes = model.weights_bytes as f64 / 1e9;
    writeln!(out, "{} · {} ({})", one_line(&model.name), model.title, model.family)?;
    writeln!(out, "  {:.2} billion parameters, {gigabytes:.2} GB", model.parameters as f64 / 1e9)?;
    writeln!(
        out,
        "  {} tokens of context, {} for an image, at most {} images",
        model.context_len, model.image_tokens, model.max_images
    )?;
    for part in &model.parts {
        writeln!(out, "  has {}: {}", part.name, one_line(&part.path))?;
    }
    for missing in &model.missing {
        writeln!(out, "  missing {}", one_line(missing))?;
    }
    Ok(())
}

fn write_study(out: &mut impl Write, study: &StudyReport) -> anyhow::Result<()> {
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

fn text(path: &Path) -> String {
    path.display().to_string()
}
