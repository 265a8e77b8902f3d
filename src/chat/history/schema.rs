//! The tables, version by version: an older database is brought to the newest form when opened.

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::error::HistoryError;
use super::index::index_all;

/// Chats with everything in them.
const TABLES: &str = "
    CREATE TABLE studies (
        mark TEXT PRIMARY KEY,
        number INTEGER NOT NULL UNIQUE
    ) WITHOUT ROWID;
    CREATE TABLE chats (
        id INTEGER PRIMARY KEY,
        title TEXT NOT NULL,
        pinned INTEGER NOT NULL,
        created_ms INTEGER NOT NULL,
        changed_ms INTEGER NOT NULL,
        deleted_ms INTEGER
    );
    CREATE TABLE turns (
        id INTEGER PRIMARY KEY,
        chat_id INTEGER NOT NULL REFERENCES chats (id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        asked_ms INTEGER NOT NULL,
        question TEXT NOT NULL,
        wants_picture INTEGER NOT NULL,
        shown_answer INTEGER
    );
    CREATE INDEX turns_by_chat ON turns (chat_id, position, id);
    CREATE TABLE answers (
        id INTEGER PRIMARY KEY,
        turn_id INTEGER NOT NULL REFERENCES turns (id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        model TEXT,
        text TEXT NOT NULL,
        record TEXT NOT NULL
    );
    CREATE INDEX answers_by_turn ON answers (turn_id, position, id);
    CREATE TABLE pictures (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        png BLOB NOT NULL
    );
    CREATE TABLE evidence (
        turn_id INTEGER NOT NULL REFERENCES turns (id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        modality TEXT NOT NULL,
        study TEXT REFERENCES studies (mark),
        picture TEXT REFERENCES pictures (name),
        record TEXT NOT NULL,
        PRIMARY KEY (turn_id, position)
    ) WITHOUT ROWID;
    CREATE INDEX evidence_by_study ON evidence (study);
    CREATE INDEX evidence_by_picture ON evidence (picture);
    CREATE TABLE drawn (
        answer_id INTEGER NOT NULL REFERENCES answers (id) ON DELETE CASCADE,
        picture TEXT NOT NULL REFERENCES pictures (name),
        PRIMARY KEY (answer_id, picture)
    ) WITHOUT ROWID;
    CREATE INDEX drawn_by_picture ON drawn (picture);
";

/// The words of every turn, under the turn's own number; the text itself is not kept twice.
const WORDS: &str = "
    CREATE VIRTUAL TABLE words USING fts5 (
        question, answers, content = '', contentless_delete = 1,
        tokenize = 'unicode61 remove_diacritics 2'
    );
";

/// Versions of a question; none of a turn's earlier form has another.
const VERSIONS: &str = "
    ALTER TABLE turns ADD COLUMN follows INTEGER;
    ALTER TABLE turns ADD COLUMN aside INTEGER NOT NULL DEFAULT 0;
";

/// P(yes) over slices, as JSON.
const SLICES: &str = "ALTER TABLE turns ADD COLUMN slices TEXT;";

type Step = fn(&Transaction<'_>) -> Result<(), HistoryError>;

/// What leads from each version to the next.
const STEPS: &[Step] = &[
    |transaction| Ok(transaction.execute_batch(TABLES)?),
    |transaction| {
        transaction.execute_batch(WORDS)?;
        index_all(transaction)
    },
    |transaction| Ok(transaction.execute_batch(VERSIONS)?),
    |transaction| Ok(transaction.execute_batch(SLICES)?),
];

/// The newest version.
pub(super) fn newest() -> i64 {
    i64::try_from(STEPS.len()).unwrap_or(i64::MAX)
}

/// The version of a database; 0 is an empty one.
pub(super) fn version(connection: &Connection) -> Result<i64, HistoryError> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

/// Brings a database to the newest version, or leaves it as it is.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), HistoryError> {
    if version(connection)? == newest() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // another program may have been faster
    let found = version(&transaction)?;
    if found > newest() {
        return Err(HistoryError::Newer { found, known: newest() });
    }
    for step in STEPS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        step(&transaction)?;
    }
    transaction.execute_batch(&format!("PRAGMA user_version = {}", newest()))?;
    Ok(transaction.commit()?)
}
