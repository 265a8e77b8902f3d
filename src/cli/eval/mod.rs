//! `reading-room eval`: a model's answers to a data file, scored; resumable and in parts.

pub(super) mod args;

mod data;
mod pictures;
mod progress;
mod run;
mod session;

use std::io::{Write as _, stdout};

use serde::Serialize;

use crate::eval::{Folder, Record, Report, judge_scores, merge, read_answers_of_others};

use super::args::MachineArgs;
use args::{EvalArgs, EvalCommand, JudgeArgs, MergeArgs, ScoreArgs};
use data::Data;

pub(super) fn run(args: &EvalArgs, machine: &MachineArgs) -> anyhow::Result<()> {
    match &args.command {
        None => print_report(&run::run(args, machine)?, args.json),
        Some(EvalCommand::Merge(merge)) => merge_parts(merge),
        Some(EvalCommand::Score(score)) => score_answers(score),
        Some(EvalCommand::JudgeScores(judge)) => print_judge_scores(judge),
    }
}

fn merge_parts(args: &MergeArgs) -> anyhow::Result<()> {
    print_report(&merge(&args.parts, &args.out)?, args.json)
}

fn score_answers(args: &ScoreArgs) -> anyhow::Result<()> {
    let data = Data::read(&args.data)?;
    let settings = data.settings(false, None, None);
    let answers = read_answers_of_others(&data.dataset, &args.answers)?;
    let asked = data.dataset.items.iter().take(settings.questions);
    let record = |(item, text): (_, Option<String>)| match text {
        Some(text) => Record::given(item, &text, data.candidates.as_ref()),
        None => Record::failed(item, Vec::new(), "there is no answer to it".to_owned()),
    };
    let records: Vec<Record> = asked.zip(answers).map(record).collect();
    let mut folder = Folder::start(&data.out, &settings)?;
    folder.keep_settings(&settings)?;
    folder.replace(&records)?;
    print_report(&Report::write(&data.out)?, args.json)
}

fn print_judge_scores(args: &JudgeArgs) -> anyhow::Result<()> {
    let table = judge_scores(&args.scores)?;
    print(&table, &table.markdown(), args.json)
}

fn print_report(report: &Report, json: bool) -> anyhow::Result<()> {
    print(report, &report.markdown(), json)
}

fn print(value: &impl Serialize, text: &str, json: bool) -> anyhow::Result<()> {
    let mut out = stdout().lock();
    if json {
        serde_json::to_writer(&mut out, value)?;
        writeln!(out)?;
    } else {
        out.write_all(text.as_bytes())?;
    }
    Ok(())
}
