//! What was typed after `eval`.

use std::path::PathBuf;

use clap::{ArgAction, Subcommand};

use crate::cli::args::SamplingArgs;
use crate::eval::{Shard, Turns};

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(in crate::cli) struct EvalArgs {
    #[command(subcommand)]
    pub(super) command: Option<EvalCommand>,
    /// The model: a folder, or a name in the models folder
    #[arg(long, value_name = "DIR|NAME")]
    pub(super) model: Option<String>,
    #[command(flatten)]
    pub(super) data: DataArgs,
    /// Where the data file's pictures are; beside the data file when nothing is said
    #[arg(long, value_name = "DIR")]
    pub(super) images: Option<PathBuf>,
    /// Ask only every Nth question, the Ith of each N: one part of a run on several machines
    #[arg(long, value_name = "I/N")]
    pub(super) shard: Option<Shard>,
    /// Make every picture mid-grey, to see how much of the result is due to the pictures
    #[arg(long)]
    pub(super) blind: bool,
    #[command(flatten)]
    pub(super) sampling: SamplingArgs,
    /// End answers where this text comes
    #[arg(long, value_name = "TEXT", action = ArgAction::Append)]
    pub(super) stop: Vec<String>,
    /// Form of the prompt, for models whose authors use more than one; the README names them
    #[arg(long, value_name = "NAME")]
    pub(super) template: Option<String>,
    /// Print only the object of results.json
    #[arg(long)]
    pub(super) json: bool,
    /// Run without the two worker processes (for debuggers)
    #[arg(long)]
    pub(super) in_process: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum EvalCommand {
    /// Put the parts of a run, asked with --shard, together
    Merge(MergeArgs),
    /// Score answers that another program gave
    Score(ScoreArgs),
    /// The table of scores that a judge gave to chat answers
    JudgeScores(JudgeArgs),
}

/// The questions, and where results go.
#[derive(Debug, clap::Args)]
pub(super) struct DataArgs {
    /// The questions: HuatuoGPT-Vision's benchmark, LLaVA-Med's VQA or chat files, or
    /// conversations in LLaVA's form
    #[arg(long, value_name = "FILE.json", required = true)]
    pub(super) dataset: Option<PathBuf>,
    /// The folder for answers and results; a run that was broken off goes on there
    #[arg(long, value_name = "DIR", required = true)]
    pub(super) out: Option<PathBuf>,
    /// Only the first N questions
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) limit: Option<u32>,
    /// Turns of conversations that are asked: first, last, all
    #[arg(long, default_value = "first")]
    pub(super) turns: Turns,
    /// LLaVA-Med's file of candidate answers, for its open accuracy
    #[arg(long, value_name = "FILE.json")]
    pub(super) candidates: Option<PathBuf>,
    /// References of question lines that have none: LLaVA-Med's file in the same order
    #[arg(long, value_name = "FILE.json")]
    pub(super) ground_truth: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(super) struct MergeArgs {
    /// Output folders of the parts
    #[arg(required = true)]
    pub(super) parts: Vec<PathBuf>,
    /// The folder for the whole
    #[arg(long, value_name = "DIR")]
    pub(super) out: PathBuf,
    /// Print only the object of results.json
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct ScoreArgs {
    #[command(flatten)]
    pub(super) data: DataArgs,
    /// The answers: LLaVA-Med's lines, or the list that HuatuoGPT-Vision's script writes
    #[arg(long, value_name = "FILE")]
    pub(super) answers: PathBuf,
    /// Print only the object of results.json
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct JudgeArgs {
    /// The judge's lines: questions with its verdicts
    pub(super) scores: PathBuf,
    /// Print only a JSON object
    #[arg(long)]
    pub(super) json: bool,
}
