//! The database: opened, listed, changed chat by chat.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};

use super::super::id::{chat_id_text, now_ms};
use super::super::{Conversation, Marker};
use super::calendar::Calendar;
use super::error::HistoryError;
use super::{files, schema};

/// How long to wait for another program that writes.
const BUSY: Duration = Duration::from_secs(5);

/// One history, open.
pub struct Database {
    pub(super) connection: Connection,
    marker: Marker,
    /// Every change is on the disk itself before it counts as written.
    is_waiting_for_disk: bool,
}

/// A chat as the list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Tells chats apart.
    pub id: u64,
    /// What it is called.
    pub title: String,
    /// Kept on top.
    pub pinned: bool,
    /// When it was begun, in milliseconds since 1970.
    pub created_ms: u64,
    /// When something was asked last.
    pub changed_ms: u64,
    /// Questions in it.
    pub num_turns: usize,
    /// Modality of the first picture.
    pub modality: Option<String>,
    /// "Case 07": the study of the first picture.
    pub alias: Option<String>,
}

impl Summary {
    /// Of a chat in memory.
    #[must_use]
    pub fn of(chat: &Conversation) -> Self {
        let first = chat.turns.iter().flat_map(|turn| &turn.evidence).next();
        let alias = first.map(|evidence| evidence.alias.clone()).filter(|alias| !alias.is_empty());
        Self {
            id: chat.id,
            title: chat.title.clone(),
            pinned: chat.pinned,
            created_ms: chat.created_ms,
            changed_ms: chat.changed_ms,
            num_turns: chat.all_turns().count(),
            modality: first.map(|evidence| evidence.modality.clone()),
            alias,
        }
    }
}

impl Database {
    /// Opens the history of a folder, making it where there is none.
    ///
    /// # Errors
    /// When it is newer than this program, damaged, or cannot be written.
    pub fn open(folder: &Path) -> Result<Self, HistoryError> {
        files::make(folder)?;
        let path = files::database_in(folder);
        refuse_newer(&path)?;
        let mut connection = Connection::open(&path)?;
        connection.busy_timeout(BUSY)?;
        log_ahead(&connection)?;
        connection.execute_batch(
            "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;",
        )?;
        let is_waiting_for_disk = true;
        schema::migrate(&mut connection)?;
        Ok(Self { connection, marker: files::marker_in(folder)?, is_waiting_for_disk })
    }

    /// Opens a database that was set aside, to take out of it what can still be read.
    pub(super) fn open_damaged(path: &Path, marker: Marker) -> Result<Self, HistoryError> {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        Ok(Self { connection, marker, is_waiting_for_disk: true })
    }

    /// Whether to wait until a change is on the disk itself, where it outlives a power cut. What the
    /// system has taken outlives the program either way.
    pub(super) fn wait_for_disk(&mut self, waits: bool) -> Result<(), HistoryError> {
        if self.is_waiting_for_disk != waits {
            let level = if waits { "FULL" } else { "NORMAL" };
            self.connection.execute_batch(&format!("PRAGMA synchronous = {level}"))?;
            self.is_waiting_for_disk = waits;
        }
        Ok(())
    }

    /// What makes the marks of studies.
    #[must_use]
    pub fn marker(&self) -> &Marker {
        &self.marker
    }

    /// Days as this computer's clock has them.
    #[must_use]
    pub fn calendar(&self) -> Calendar {
        let sql = "SELECT CAST(strftime('%s', 'now', 'localtime') AS INTEGER)
            - CAST(strftime('%s', 'now') AS INTEGER)";
        let offset_secs = self.connection.query_row(sql, [], |row| row.get(0));
        Calendar { offset_secs: offset_secs.unwrap_or(0) }
    }

    /// All chats: those pinned first, then the latest.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn list(&self) -> Result<Vec<Summary>, HistoryError> {
        let (counts, firsts) = (self.counts()?, self.first_pictures()?);
        let sql = "SELECT id, title, pinned, created_ms, changed_ms FROM chats
            WHERE deleted_ms IS NULL ORDER BY pinned DESC, changed_ms DESC, id";
        let mut chats = self.connection.prepare_cached(sql)?;
        let rows = chats.query_map([], |row| {
            let id: i64 = row.get(0)?;
            let first = firsts.get(&id);
            let number = first.and_then(|(_, number)| *number);
            Ok(Summary {
                id: unsigned(id),
                title: row.get(1)?,
                pinned: row.get(2)?,
                created_ms: unsigned(row.get(3)?),
                changed_ms: unsigned(row.get(4)?),
                num_turns: counts.get(&id).copied().unwrap_or(0),
                modality: first.map(|(modality, _)| modality.clone()),
                alias: number.map(|number| crate::imaging::alias(number as usize)),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Questions of every chat.
    fn counts(&self) -> Result<HashMap<i64, usize>, HistoryError> {
        let sql = "SELECT chat_id, count(*) FROM turns GROUP BY chat_id";
        let mut counts = self.connection.prepare_cached(sql)?;
        let rows = counts.query_map([], |row| {
            Ok((row.get(0)?, usize::try_from(row.get::<_, i64>(1)?).unwrap_or(0)))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Modality and study of every chat's first picture.
    fn first_pictures(&self) -> Result<HashMap<i64, (String, Option<u32>)>, HistoryError> {
        // SQLite takes the other columns from the row with the least
        let sql = "SELECT t.chat_id, e.modality, s.number, min(t.position)
            FROM evidence e JOIN turns t ON t.id = e.turn_id
            LEFT JOIN studies s ON s.mark = e.study
            WHERE e.position = 0 GROUP BY t.chat_id";
        let mut firsts = self.connection.prepare_cached(sql)?;
        let rows = firsts.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The chat whose id begins so.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub fn find(&self, typed: &str) -> Result<u64, HistoryError> {
        let wanted = typed.trim().to_lowercase();
        let none = || HistoryError::NoChat(typed.to_owned());
        if wanted.is_empty() {
            return Err(none());
        }
        let mut ids = self.connection.prepare("SELECT id FROM chats WHERE deleted_ms IS NULL")?;
        let mut found = None;
        for id in ids.query_map([], |row| row.get(0))? {
            let id = unsigned(id?);
            if !chat_id_text(id).starts_with(&wanted) {
                continue;
            }
            if found.replace(id).is_some() {
                return Err(HistoryError::SeveralChats(typed.to_owned()));
            }
        }
        found.ok_or_else(none)
    }

    /// Whether a chat is there.
    pub(super) fn has(&self, id: u64) -> Result<bool, HistoryError> {
        let sql = "SELECT 1 FROM chats WHERE id = ?1";
        Ok(self.connection.query_row(sql, [signed(id)], |_| Ok(())).optional()?.is_some())
    }

    /// Whether a turn of a chat is there, in whichever chat.
    pub(super) fn has_turn_of(&self, chat: &Conversation) -> Result<bool, HistoryError> {
        let mut turns = self.connection.prepare_cached("SELECT 1 FROM turns WHERE id = ?1")?;
        for turn in chat.all_turns() {
            if turns.exists([signed(turn.id)])? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Calls a chat something else.
    ///
    /// # Errors
    /// When the database cannot be written; so with the other changes.
    pub fn rename(&self, id: u64, title: &str) -> Result<(), HistoryError> {
        let sql = "UPDATE chats SET title = ?2 WHERE id = ?1";
        self.connection.execute(sql, params![signed(id), title])?;
        Ok(())
    }

    /// Keeps a chat on top of the list, or no longer.
    ///
    /// # Errors
    /// As [`Self::rename`].
    pub fn pin(&self, id: u64, pinned: bool) -> Result<(), HistoryError> {
        let sql = "UPDATE chats SET pinned = ?2 WHERE id = ?1";
        self.connection.execute(sql, params![signed(id), pinned])?;
        Ok(())
    }

    /// Takes a chat out of the list; [`Self::restore`] brings it back until [`Self::purge`].
    ///
    /// # Errors
    /// As [`Self::rename`].
    pub fn delete(&self, id: u64) -> Result<(), HistoryError> {
        let sql = "UPDATE chats SET deleted_ms = ?2 WHERE id = ?1";
        self.connection.execute(sql, params![signed(id), signed(now_ms())])?;
        Ok(())
    }

    /// Brings a deleted chat back.
    ///
    /// # Errors
    /// As [`Self::rename`].
    pub fn restore(&self, id: u64) -> Result<(), HistoryError> {
        let sql = "UPDATE chats SET deleted_ms = NULL WHERE id = ?1";
        self.connection.execute(sql, [signed(id)])?;
        Ok(())
    }

    /// Studies that were given a number.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn studies(&self) -> Result<Vec<(String, u32)>, HistoryError> {
        let mut studies = self.connection.prepare("SELECT mark, number FROM studies")?;
        let rows = studies.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// A number that changes when another program writes.
    pub(super) fn data_version(&self) -> i64 {
        self.connection.query_row("PRAGMA data_version", [], |row| row.get(0)).unwrap_or(0)
    }

    /// Everything that was written is in the one file.
    pub(super) fn checkpoint(&self) {
        let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
        // what is not in the one file is in the log, and read from there
        self.connection.query_row(sql, [], |_| Ok(())).ok();
    }
}

/// Readers and a writer shall not wait for each other. A folder on a network may refuse that: what
/// SQLite does instead serves too.
fn log_ahead(connection: &Connection) -> Result<(), HistoryError> {
    let mut tries = 0;
    loop {
        let changed = connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()));
        match changed.map_err(HistoryError::from) {
            // two programs make the database at once: SQLite does not wait here by itself
            Err(HistoryError::Busy) if tries < 100 => std::thread::sleep(BUSY / 100),
            other => return other,
        }
        tries += 1;
    }
}

/// Says what is wrong with a database, page by page; takes long for large ones.
pub(super) fn check(folder: &Path) -> Result<(), HistoryError> {
    let path = files::database_in(folder);
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(BUSY)?;
    let said: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    match said.as_str() {
        "ok" => Ok(()),
        said => Err(HistoryError::Damaged(said.to_owned())),
    }
}

/// A newer database is looked at without being touched.
fn refuse_newer(path: &Path) -> Result<(), HistoryError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let Ok(connection) = Connection::open_with_flags(path, flags) else { return Ok(()) };
    connection.busy_timeout(BUSY)?;
    match schema::version(&connection) {
        Ok(found) if found > schema::newest() => {
            Err(HistoryError::Newer { found, known: schema::newest() })
        }
        // what else is wrong shows when it is opened to be written
        _ => Ok(()),
    }
}

pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
