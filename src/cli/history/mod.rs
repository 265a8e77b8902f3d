//! `reading-room history`: the chats that were kept, listed, shown, taken out and in.

pub(super) mod args;
mod replay;

use std::io::{Write as _, stdout};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Serialize;

use crate::chat::chat_id_text;
use crate::chat::history::{Calendar, Database, History, HistoryEvent, Query, Request, Summary};
use crate::chat::transfer::{self, Format, Imported};

use super::args::MachineArgs;
use super::plan::data_dir;
use super::terminal::{one_line, warn};
use args::{ExportArgs, HistoryArgs, HistoryCommand, ImportArgs, ListArgs, ShowArgs};

/// How long an import may take.
const IMPORTING: Duration = Duration::from_secs(600);
/// How long the end of it may take.
const CLOSING: Duration = Duration::from_secs(60);

pub(super) fn run(args: &HistoryArgs, machine: &MachineArgs) -> anyhow::Result<()> {
    let folder = data_dir(machine.data_dir.clone());
    match &args.command {
        HistoryCommand::List(list) => list_chats(&folder, list),
        HistoryCommand::Show(show) => show_chat(&folder, show),
        HistoryCommand::Export(export) => export_chat(&folder, export),
        HistoryCommand::Replay(again) => replay::run(&folder, again, machine),
        HistoryCommand::Import(import) => import_chat(&folder, import),
    }
}

/// A chat in `list --json`.
#[derive(Serialize)]
struct Row<'a> {
    id: String,
    title: &'a str,
    pinned: bool,
    created_ms: u64,
    changed_ms: u64,
    changed: String,
    questions: usize,
    modality: Option<&'a str>,
    study: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<String>,
}

impl<'a> Row<'a> {
    fn new(chat: &'a Summary, calendar: Calendar, found: Option<String>) -> Self {
        Self {
            id: chat_id_text(chat.id),
            title: &chat.title,
            pinned: chat.pinned,
            created_ms: chat.created_ms,
            changed_ms: chat.changed_ms,
            changed: calendar.moment(chat.changed_ms),
            questions: chat.num_turns,
            modality: chat.modality.as_deref(),
            study: chat.alias.as_deref(),
            found,
        }
    }

    fn text(&self) -> String {
        let questions = match self.questions {
            1 => "1 question".to_owned(),
            n => format!("{n} questions"),
        };
        let about = [self.modality, self.study].into_iter().flatten().collect::<Vec<_>>();
        let about =
            if about.is_empty() { String::new() } else { format!(" · {}", about.join(" · ")) };
        let found = self.found.as_ref().filter(|found| !found.is_empty());
        let found = found.map_or(String::new(), |found| format!("\n    {}", one_line(found)));
        let (id, changed, title) = (&self.id, &self.changed, one_line(self.title));
        format!("{id}  {changed}  {title} ({questions}{about}){found}")
    }
}

fn list_chats(folder: &Path, args: &ListArgs) -> anyhow::Result<()> {
    let database = Database::open(folder)?;
    let mut chats = database.list()?;
    chats.sort_by_key(|chat| std::cmp::Reverse(chat.changed_ms));
    let calendar = database.calendar();
    let rows: Vec<Row<'_>> = match &args.search {
        None => chats.iter().map(|chat| Row::new(chat, calendar, None)).collect(),
        Some(typed) => {
            let hits = database.search(&Query::parse(typed))?;
            let rows = chats.iter().filter_map(|chat| {
                let hit = hits.iter().find(|hit| hit.id == chat.id)?;
                Some(Row::new(chat, calendar, Some(hit.snippet.clone())))
            });
            rows.collect()
        }
    };
    let mut out = stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, &rows)?;
        writeln!(out)?;
    } else {
        rows.iter().try_for_each(|row| writeln!(out, "{}", row.text()))?;
    }
    Ok(())
}

fn show_chat(folder: &Path, args: &ShowArgs) -> anyhow::Result<()> {
    let database = Database::open(folder)?;
    let chat = database.load(database.find(&args.id)?)?;
    let mut out = stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, &transfer::described(&chat)?)?;
        writeln!(out)?;
    } else {
        let text = transfer::write(&chat, Format::Markdown, database.calendar())?;
        out.write_all(printable(&text).as_bytes())?;
    }
    Ok(())
}

/// Without signs that would drive the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { ' ' } else { c }).collect()
}

fn export_chat(folder: &Path, args: &ExportArgs) -> anyhow::Result<()> {
    let database = Database::open(folder)?;
    let chat = database.load(database.find(&args.id)?)?;
    let (format, calendar) = (Format::from(args.format), database.calendar());
    match &args.out {
        Some(path) => transfer::write_file(&chat, format, calendar, path)
            .with_context(|| path.display().to_string())?,
        None => stdout().lock().write_all(transfer::write(&chat, format, calendar)?.as_bytes())?,
    }
    Ok(())
}

/// What `import --json` prints.
#[derive(Serialize)]
struct Import {
    id: String,
    questions: usize,
    pictures_missing: usize,
    was_there: bool,
}

fn import_chat(folder: &Path, args: &ImportArgs) -> anyhow::Result<()> {
    // refused here in one sentence, before anything is kept in memory only
    drop(Database::open(folder)?);
    let mut history = History::start(folder, std::sync::Arc::new(|| ()));
    history.send(Request::Import(args.file.clone()));
    let imported = wait_for_import(&mut history)?;
    history.close(CLOSING)?;
    let Imported { chat, missing, was_there } = imported;
    let done = Import {
        id: chat_id_text(chat.id),
        questions: chat.turns.len(),
        pictures_missing: missing,
        was_there,
    };
    if missing > 0 {
        let them = if missing == 1 { "1 picture" } else { &format!("{missing} pictures") };
        warn(&format!("{them} missing in the file or damaged; everything else is imported"));
    }
    let mut out = stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, &done)?;
    } else {
        write!(out, "{}", done.id)?;
    }
    writeln!(out)?;
    Ok(())
}

fn wait_for_import(history: &mut History) -> anyhow::Result<Imported> {
    loop {
        match history.wait(IMPORTING) {
            Some(HistoryEvent::Imported(imported)) => return Ok(*imported),
            Some(HistoryEvent::NotImported(why)) => bail!(why),
            Some(HistoryEvent::Trouble(error)) => bail!(error),
            Some(_) => {}
            None => bail!("the history gave no answer"),
        }
    }
}
