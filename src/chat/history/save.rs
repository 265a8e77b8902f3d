//! A chat is written: only what differs from what was written before.

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::super::exact::to_exact;
use super::super::record::{AnswerRecord, EvidenceRecord, picture_name};
use super::super::{Answer, Conversation, Evidence, Turn};
use super::database::{Database, signed};
use super::error::HistoryError;
use super::index::{forget_turn, index_turn};
use crate::imaging::DisplayImage;

impl Database {
    /// Writes what of a chat differs from `before`, all of it or nothing.
    ///
    /// Rows that another program wrote since are left alone unless they were changed here too.
    /// Gives the numbers of the chat's studies.
    ///
    /// # Errors
    /// When the database cannot be written; it is then as it was.
    pub fn save(
        &mut self,
        chat: &Conversation,
        before: Option<&Conversation>,
    ) -> Result<Vec<(String, u32)>, HistoryError> {
        // a disk may take a second where others write: a growing answer does not wait for it
        self.wait_for_disk(!chat.is_open())?;
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let numbers = write_chat(&transaction, chat, before)?;
        transaction.commit()?;
        Ok(numbers)
    }

    /// The same for many chats at once.
    ///
    /// # Errors
    /// As [`Self::save`].
    pub fn save_all(
        &mut self,
        chats: impl Iterator<Item = Conversation>,
    ) -> Result<(), HistoryError> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for chat in chats {
            write_chat(&transaction, &chat, None)?;
        }
        Ok(transaction.commit()?)
    }

    /// The number of a study: the one it had, or else the wanted one, or else the next.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn number(&mut self, mark: &str, wanted: u32) -> Result<u32, HistoryError> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let number = number_study(&transaction, mark, Some(wanted))?;
        transaction.commit()?;
        Ok(number)
    }

    /// Removes a chat for good, with the pictures that no other chat has.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn purge(&mut self, id: u64) -> Result<(), HistoryError> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let id = signed(id);
        let pictures = column::<String>(
            &transaction,
            "SELECT e.picture FROM evidence e JOIN turns t ON t.id = e.turn_id
             WHERE t.chat_id = ?1 AND e.picture IS NOT NULL
             UNION SELECT d.picture FROM drawn d JOIN answers a ON a.id = d.answer_id
             JOIN turns t ON t.id = a.turn_id WHERE t.chat_id = ?1",
            id,
        )?;
        for turn_id in column::<i64>(&transaction, "SELECT id FROM turns WHERE chat_id = ?1", id)? {
            forget_turn(&transaction, turn_id)?;
        }
        transaction.execute("DELETE FROM chats WHERE id = ?1", [id])?;
        let sql = "DELETE FROM pictures WHERE name = ?1
            AND NOT EXISTS (SELECT 1 FROM evidence WHERE picture = ?1)
            AND NOT EXISTS (SELECT 1 FROM drawn WHERE picture = ?1)";
        for name in pictures {
            transaction.execute(sql, [name])?;
        }
        Ok(transaction.commit()?)
    }

    /// Removes every chat that was deleted before a moment.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub(super) fn purge_deleted_before(&mut self, ms: u64) -> Result<(), HistoryError> {
        let sql = "SELECT id FROM chats WHERE deleted_ms < ?1";
        for id in column::<i64>(&self.connection, sql, signed(ms))? {
            self.purge(super::database::unsigned(id))?;
        }
        Ok(())
    }
}

fn column<T: rusqlite::types::FromSql>(
    connection: &Connection,
    sql: &str,
    id: i64,
) -> Result<Vec<T>, HistoryError> {
    let mut rows = connection.prepare_cached(sql)?;
    let rows = rows.query_map([id], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn write_chat(
    transaction: &Transaction<'_>,
    chat: &Conversation,
    before: Option<&Conversation>,
) -> Result<Vec<(String, u32)>, HistoryError> {
    let sql = "INSERT INTO chats (id, title, pinned, created_ms, changed_ms)
        VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT (id) DO UPDATE SET title = ?2, pinned = ?3,
            changed_ms = max(changed_ms, ?5)";
    transaction.prepare_cached(sql)?.execute(params![
        signed(chat.id),
        chat.title,
        chat.pinned,
        signed(chat.created_ms),
        signed(chat.changed_ms)
    ])?;
    let mut numbers = Vec::new();
    let of = |turn: &Turn| before.and_then(|chat| chat.all_turns().find(|t| t.id == turn.id));
    for (position, turn) in chat.turns.iter().enumerate() {
        let old = of(turn);
        if old != Some(turn) {
            write_turn(transaction, chat.id, (position, turn), old, &mut numbers)?;
        }
    }
    for turn in &chat.aside {
        let old = of(turn);
        if old != Some(turn) {
            write_turn(transaction, chat.id, (depth(chat, turn), turn), old, &mut numbers)?;
        }
    }
    write_aside(transaction, chat, before)?;
    Ok(numbers)
}

/// Turns before this one on its own path.
fn depth(chat: &Conversation, turn: &Turn) -> usize {
    let mut depth = 0;
    let mut follows = turn.follows;
    // what leads in a circle ends at some time
    while let Some(id) = follows.filter(|_| depth < chat.all_turns().count()) {
        depth += 1;
        follows = chat.all_turns().find(|other| other.id == id).and_then(|other| other.follows);
    }
    depth
}

/// Which turns are shown, where that has changed.
fn write_aside(
    transaction: &Transaction<'_>,
    chat: &Conversation,
    before: Option<&Conversation>,
) -> Result<(), HistoryError> {
    let was_aside = |id: u64| before.is_some_and(|chat| chat.aside.iter().any(|t| t.id == id));
    let shown = chat.turns.iter().map(|turn| (turn.id, false));
    let aside = chat.aside.iter().map(|turn| (turn.id, true));
    for (id, is_aside) in shown.chain(aside) {
        if was_aside(id) != is_aside {
            let mut set =
                transaction.prepare_cached("UPDATE turns SET aside = ?2 WHERE id = ?1")?;
            set.execute(params![signed(id), is_aside])?;
        }
    }
    Ok(())
}

fn write_turn(
    transaction: &Transaction<'_>,
    chat_id: u64,
    (position, turn): (usize, &Turn),
    before: Option<&Turn>,
    numbers: &mut Vec<(String, u32)>,
) -> Result<(), HistoryError> {
    let sql = "INSERT INTO turns
            (id, chat_id, position, asked_ms, question, wants_picture, shown_answer, follows,
             slices)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
        ON CONFLICT (id) DO UPDATE SET shown_answer = ?7, slices = coalesce(?9, slices)";
    // those of another program stay, unless others were asked here
    let slices = turn.slices.as_deref();
    let slices = slices.filter(|_| before.is_none_or(|before| before.slices != turn.slices));
    let slices = slices.map(to_exact).transpose()?;
    transaction.prepare_cached(sql)?.execute(params![
        signed(turn.id),
        signed(chat_id),
        place(position),
        signed(turn.asked_ms),
        turn.question,
        turn.wants_picture,
        turn.shown().map(|answer| signed(answer.id)),
        turn.follows.map(signed),
        slices.map(|json| json.to_string()),
    ])?;
    if before.is_none_or(|before| before.evidence != turn.evidence) {
        for (position, evidence) in turn.evidence.iter().enumerate() {
            numbers.extend(write_evidence(transaction, turn.id, position, evidence)?);
        }
    }
    for (position, answer) in turn.answers.iter().enumerate() {
        let same_id = |other: &&Answer| other.id == answer.id;
        let old = before.and_then(|turn| turn.answers.iter().find(same_id));
        if old != Some(answer) {
            write_answer(transaction, turn.id, position, answer)?;
        }
    }
    let sql = "SELECT text FROM answers WHERE turn_id = ?1 ORDER BY position, id";
    // those of another program are found as well
    let answers = column::<String>(transaction, sql, signed(turn.id))?.join("\n");
    index_turn(transaction, signed(turn.id), &turn.question, &answers)
}

fn write_evidence(
    transaction: &Transaction<'_>,
    turn_id: u64,
    position: usize,
    evidence: &Evidence,
) -> Result<Option<(String, u32)>, HistoryError> {
    let mut keep = |picture: &DisplayImage| keep_picture(transaction, picture);
    let record = EvidenceRecord::new(evidence, &mut keep)?;
    let number = match &record.marks {
        Some(marks) => {
            let wanted = number_in(&record.alias);
            Some((marks.study.clone(), number_study(transaction, &marks.study, wanted)?))
        }
        None => None,
    };
    let sql = "INSERT INTO evidence (turn_id, position, modality, study, picture, record)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)
        ON CONFLICT (turn_id, position) DO UPDATE SET study = ?4, record = ?6";
    transaction.prepare_cached(sql)?.execute(params![
        signed(turn_id),
        place(position),
        record.modality,
        record.marks.as_ref().map(|marks| &marks.study),
        record.picture,
        serde_json::to_string(&record)?,
    ])?;
    Ok(number)
}

fn write_answer(
    transaction: &Transaction<'_>,
    turn_id: u64,
    position: usize,
    answer: &Answer,
) -> Result<(), HistoryError> {
    let mut keep = |picture: &DisplayImage| keep_picture(transaction, picture);
    let mut record = AnswerRecord::new(answer, &mut keep)?;
    let text = std::mem::take(&mut record.text);
    let model = record.provenance.as_ref().map(|made| format!("{} {}", made.title, made.model));
    let sql = "INSERT INTO answers (id, turn_id, position, model, text, record)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)
        ON CONFLICT (id) DO UPDATE SET model = ?4, text = ?5, record = ?6";
    transaction.prepare_cached(sql)?.execute(params![
        signed(answer.id),
        signed(turn_id),
        place(position),
        model,
        text,
        serde_json::to_string(&record)?,
    ])?;
    let sql = "INSERT OR IGNORE INTO drawn (answer_id, picture) VALUES (?1, ?2)";
    for name in record.drawing.iter().flat_map(|drawing| drawing.pictures()) {
        transaction.prepare_cached(sql)?.execute(params![signed(answer.id), name])?;
    }
    Ok(())
}

/// A picture is kept once, whoever asks about it; gives its name.
fn keep_picture(connection: &Connection, picture: &DisplayImage) -> Result<String, HistoryError> {
    let name = picture_name(picture);
    let mut known = connection.prepare_cached("SELECT 1 FROM pictures WHERE name = ?1")?;
    if !known.exists([&name])? {
        let png = picture.to_png();
        let png = png.map_err(|error| HistoryError::NotUnderstood(error.to_string()))?;
        let sql = "INSERT INTO pictures (name, png) VALUES (?1, ?2)";
        connection.prepare_cached(sql)?.execute(params![name, png])?;
    }
    Ok(name)
}

fn number_study(
    connection: &Connection,
    mark: &str,
    wanted: Option<u32>,
) -> Result<u32, HistoryError> {
    let mut known = connection.prepare_cached("SELECT number FROM studies WHERE mark = ?1")?;
    if let Some(number) = known.query_row([mark], |row| row.get(0)).optional()? {
        return Ok(number);
    }
    let mut taken = connection.prepare_cached("SELECT 1 FROM studies WHERE number = ?1")?;
    let number = match wanted {
        Some(wanted) if !taken.exists([wanted])? => wanted,
        _ => {
            let sql = "SELECT coalesce(max(number), 0) + 1 FROM studies";
            connection.query_row(sql, [], |row| row.get(0))?
        }
    };
    let sql = "INSERT INTO studies (mark, number) VALUES (?1, ?2)";
    connection.prepare_cached(sql)?.execute(params![mark, number])?;
    Ok(number)
}

/// 7 of "Case 07".
pub(super) fn number_in(alias: &str) -> Option<u32> {
    alias.rsplit(' ').next()?.parse().ok()
}

fn place(position: usize) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}
