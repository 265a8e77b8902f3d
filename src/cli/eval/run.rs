//! A run: every question that has no answer yet is asked, one after the other.

use std::path::PathBuf;

use anyhow::bail;

use crate::cli::args::MachineArgs;
use crate::cli::images::Decoder;
use crate::cli::plan;
use crate::cli::terminal::StatusLine;
use crate::eval::{Asked, Folder, Format, Item, Record, Report, Settings};
use crate::imaging::DisplayImage;
use crate::vlm::{ModelInfo, ModelSpec, Question, Turn};

use super::args::EvalArgs;
use super::data::Data;
use super::pictures::Pictures;
use super::progress::{Counting, note};
use super::session::Session;

/// Questions in a row that a model may fail on before the run ends.
const MAX_FAILURES: usize = 5;

pub(super) fn run(args: &EvalArgs, machine: &MachineArgs) -> anyhow::Result<Report> {
    let data = Data::read(&args.data)?;
    let spec = plan::find_model(args.model.as_deref(), machine)?;
    let mut settings = data.settings(args.blind, args.shard, Some(asked(args, &spec, &data)?));
    say_what_is_dropped(&settings);
    let mut folder = Folder::start(&data.out, &settings)?;
    let left: Vec<&Item> = data
        .dataset
        .items
        .iter()
        .filter(|item| settings.asks(item.index) && !folder.has(item.index))
        .collect();
    if left.is_empty() {
        folder.keep_settings(&settings)?;
        return Ok(Report::write(&data.out)?);
    }
    let mut status = StatusLine::new();
    let (session, info) = Session::start(&spec, machine, args.in_process, &mut status)?;
    if let Some(asked) = &mut settings.asked {
        asked.weights_sha256 = Some(info.weights_sha256.clone());
        asked.precision = Some(info.precision.clone());
    }
    folder.keep_settings(&settings)?;
    let decoder = Decoder::new(args.in_process);
    let pictures = Pictures::new(decoder, args.images.as_deref(), &data.path, args.blind);
    let run = Run { data: &data, settings: &settings, info: &info, session, pictures };
    let asked = run.ask_all(&left, &mut folder, &mut status);
    status.clear();
    let report = Report::write(&data.out)?;
    asked?;
    if let (0, Some(first)) = (report.answered, report.failures.first()) {
        bail!("no question could be asked; the first: {}", first.reason);
    }
    Ok(report)
}

fn asked(args: &EvalArgs, spec: &ModelSpec, data: &Data) -> anyhow::Result<Asked> {
    let (sampling, usual) = plan::sampling(&args.sampling, spec)?;
    let is_said = args.sampling.max_new_tokens.is_some() || args.sampling.author_defaults;
    let name = spec.path.canonicalize().unwrap_or_else(|_| spec.path.clone());
    Ok(Asked {
        model: name.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        family: spec.family.as_str().to_owned(),
        weights_sha256: None,
        precision: None,
        sampling,
        max_new_tokens: if is_said { usual } else { authors_budget(data.dataset.format, usual) },
        ignore_eos: args.sampling.ignore_eos,
        stop: args.stop.clone(),
        template: args.template.clone(),
    })
}

/// Tokens of an answer in the authors' evaluation scripts.
fn authors_budget(format: Format, usual: u32) -> u32 {
    match format {
        Format::Huatuo => 256,
        Format::LlavaMedVqa | Format::LlavaMedChat => 1024,
        Format::Conversations => usual,
    }
}

fn say_what_is_dropped(settings: &Settings) {
    let dropped = settings.dropped;
    let all = [
        (dropped.open, "are open questions, which this benchmark does not score"),
        (dropped.repeated, "repeat the id of an earlier one"),
        (dropped.unanswered, "have no question with an answer"),
    ];
    for (count, why) in all.into_iter().filter(|(count, _)| *count > 0) {
        note(&format!("records that are not asked because they {why}: {count}"));
    }
}

/// What questions are asked with.
struct Run<'a> {
    data: &'a Data,
    settings: &'a Settings,
    info: &'a ModelInfo,
    session: Session,
    pictures: Pictures,
}

impl Run<'_> {
    fn ask_all(
        mut self,
        items: &[&Item],
        folder: &mut Folder,
        status: &mut StatusLine,
    ) -> anyhow::Result<()> {
        let mut counting = Counting::new(folder.done(), folder.done() + items.len());
        let mut in_a_row = 0;
        for item in items {
            let (record, is_models_fault) = self.ask(item);
            folder.append(&record)?;
            counting.next(status, record.failure.is_some());
            in_a_row = if is_models_fault { in_a_row + 1 } else { 0 };
            if in_a_row == MAX_FAILURES {
                let reason = record.failure.unwrap_or_default();
                bail!("the model failed on {MAX_FAILURES} questions in a row: {reason}");
            }
        }
        Ok(())
    }

    /// The record of a question, and whether the model could not answer it.
    fn ask(&mut self, item: &Item) -> (Record, bool) {
        let turns = item.history.iter().map(|turn| &turn.images).chain([&item.images]);
        let paths: Vec<Vec<PathBuf>> = turns
            .map(|names| names.iter().map(|name| self.pictures.path(name)).collect())
            .collect();
        let files: Vec<String> = paths.iter().flatten().map(|p| p.display().to_string()).collect();
        let pictures = match self.pictures.read(&paths.concat()) {
            Ok(pictures) => pictures,
            Err(error) => return (Record::failed(item, files, format!("{error:#}")), false),
        };
        let question = self.question(item, pictures);
        match question.map(|question| self.session.ask(question)) {
            None => (Record::failed(item, files, "it has no settings".to_owned()), true),
            Some(Err(error)) => (Record::failed(item, files, format!("{error:#}")), true),
            Some(Ok(answer)) => {
                let (device, candidates) = (&self.info.device, self.data.candidates.as_ref());
                (Record::answered(item, files, &answer, device, candidates), false)
            }
        }
    }

    fn question(&self, item: &Item, pictures: Vec<DisplayImage>) -> Option<Question> {
        let asked = self.settings.asked.as_ref()?;
        let mut pictures = pictures.into_iter();
        let history = item
            .history
            .iter()
            .map(|turn| Turn {
                question: turn.question.clone(),
                answer: turn.answer.clone(),
                images: pictures.by_ref().take(turn.images.len()).collect(),
            })
            .collect();
        Some(Question {
            history,
            images: pictures.collect(),
            sampling: asked.sampling,
            max_new_tokens: asked.max_new_tokens,
            ignore_eos: asked.ignore_eos,
            stop: asked.stop.clone(),
            template: asked.template.clone(),
            ..Question::new(&item.question)
        })
    }
}
