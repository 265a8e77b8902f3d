//! `reading-room inspect`: studies and model folders, recognised and described.

mod devices;
mod documents;
mod elements;
mod extract;
mod model_text;
mod models;
mod studies;

use std::{
    io::{Write, stdout},
    path::Path,
};

use serde::Serialize;

use crate::imaging::{OpenWarning, Opened};
use crate::vlm::{DeviceInfo, ModelError, ModelSpec, choose_device, detect_gpus, recognise};

use super::{
    args::{InspectArgs, MachineArgs},
    images::Decoder,
    terminal::one_line,
};

use devices::{DeviceReport, GpuReport, write_gpu};
use documents::{DocumentReport, document_reports, write_document};
use elements::list_elements;
use extract::extract;
use model_text::write_model;
use models::ModelReport;
use studies::{StudyReport, study_report, write_study};

/// `inspect --json`. Nothing in here names a patient.
#[derive(Default, Serialize)]
struct Report {
    models: Vec<ModelReport>,
    /// What the models would run on; only looked for when there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<DeviceReport>,
    studies: Vec<StudyReport>,
    /// Reports and other documents among the files that were named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    documents: Vec<DocumentReport>,
    warnings: Vec<WarningReport>,
    skipped_files: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    gpus: Option<Vec<GpuReport>>,
}

#[derive(Serialize)]
struct WarningReport {
    path: String,
    message: String,
}

pub(super) fn run(args: &InspectArgs, machine: &MachineArgs) -> anyhow::Result<()> {
    if let Some(to) = &args.extract {
        return extract(&args.paths, to, args.json);
    }
    if args.tags {
        return list_elements(args);
    }
    let gpus = args.gpus.then(|| detect_gpus().into_iter().map(GpuReport::from).collect());
    let mut report = Report { gpus, ..Report::default() };
    let (mut models, mut paths) = (Vec::new(), Vec::new());
    for path in &args.paths {
        match recognise(path) {
            Ok(spec) => models.push(spec),
            Err(ModelError::NotAModel { .. }) => paths.push(path.clone()),
            Err(error) => return Err(error.into()),
        }
    }
    let mut described = Vec::new();
    if !models.is_empty() {
        let device = choose_device(machine.device)?.info();
        report.device = Some(DeviceReport::from(&device));
        described = models.into_iter().map(|spec| Described::new(spec, args, &device)).collect();
    }
    if !paths.is_empty() {
        let decoder = Decoder::new(false);
        let opened = decoder.open(paths.clone())?;
        report.documents = document_reports(&decoder, &opened, &paths, !args.full_text);
        add_studies(&mut report, opened);
    }
    let mut out = stdout().lock();
    if args.json {
        report.models = described.iter().map(ModelReport::from).collect();
        serde_json::to_writer(&mut out, &report)?;
        writeln!(out)?;
        return Ok(());
    }
    for model in &described {
        write_model(&mut out, model)?;
    }
    write_rest(&mut out, &report)
}

/// A model, and what its memory is reckoned for.
struct Described {
    spec: ModelSpec,
    device: DeviceInfo,
    /// Positions of a conversation.
    context: u32,
}

impl Described {
    fn new(spec: ModelSpec, args: &InspectArgs, device: &DeviceInfo) -> Self {
        let usual = spec.usual_context();
        let context = args.context.map_or(usual, |context| context.min(spec.context_len));
        Self { spec, device: device.clone(), context }
    }
}

fn write_rest(out: &mut impl Write, report: &Report) -> anyhow::Result<()> {
    for study in &report.studies {
        write_study(out, study)?;
    }
    for document in &report.documents {
        write_document(out, document)?;
    }
    for gpu in report.gpus.iter().flatten() {
        write_gpu(out, gpu)?;
    }
    for warning in &report.warnings {
        writeln!(out, "! {}", one_line(&warning.message))?;
    }
    if report.skipped_files > 0 {
        writeln!(out, "{} files are not pictures and were skipped", report.skipped_files)?;
    }
    Ok(())
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

fn text(path: &Path) -> String {
    path.display().to_string()
}
