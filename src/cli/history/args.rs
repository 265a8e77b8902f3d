//! What was typed after `history`.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use crate::chat::transfer::Format;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct HistoryArgs {
    #[command(subcommand)]
    pub(super) command: HistoryCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum HistoryCommand {
    /// All chats, newest first
    List(ListArgs),
    /// One chat with all its answers
    Show(ShowArgs),
    /// Write one chat to a file
    Export(ExportArgs),
    /// Ask for an answer again as it was asked for, and say whether it comes out the same
    Replay(ReplayArgs),
    /// Take in a chat that was exported as JSON
    Import(ImportArgs),
}

#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    /// Only chats with these words; model:NAME, modality:CT and study:7 narrow it down
    #[arg(long, value_name = "TEXT")]
    pub(super) search: Option<String>,
    /// Print one JSON list
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct ShowArgs {
    /// The chat's id as `list` shows it, or the beginning of it
    pub(super) id: String,
    /// Print one JSON object, without the pictures
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct ExportArgs {
    /// The chat's id as `list` shows it, or the beginning of it
    pub(super) id: String,
    /// Form of the file; JSON has everything and can be imported
    #[arg(long, value_enum, default_value = "markdown")]
    pub(super) format: FormatArg,
    /// The file to write; standard output when it is not given
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(super) struct ReplayArgs {
    /// The chat's id as `list` shows it, or the beginning of it
    pub(super) id: String,
    /// Which question, from 1; the last when it is not given
    #[arg(long, value_name = "N")]
    pub(super) turn: Option<usize>,
    /// Which of its answers, from 1; the one shown when it is not given
    #[arg(long, value_name = "N")]
    pub(super) answer: Option<usize>,
    /// The model's folder or name, where it is no longer the one it was
    #[arg(long, value_name = "DIR|NAME")]
    pub(super) model: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
    /// Run without the engine's process (for debuggers)
    #[arg(long)]
    pub(super) in_process: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct ImportArgs {
    /// What `export --format json` wrote
    #[arg(value_name = "FILE.json")]
    pub(super) file: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum FormatArg {
    Markdown,
    Json,
    Html,
}

impl From<FormatArg> for Format {
    fn from(typed: FormatArg) -> Self {
        match typed {
            FormatArg::Markdown => Self::Markdown,
            FormatArg::Json => Self::Json,
            FormatArg::Html => Self::Html,
        }
    }
}
