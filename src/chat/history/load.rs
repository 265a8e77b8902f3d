//! A chat is read, with its pictures.

use std::collections::HashMap;
use std::path::Path;

use rusqlite::{OptionalExtension as _, Row, params};

use super::super::record::{AnswerRecord, ChatRecord, EvidenceRecord, TurnRecord};
use super::super::{Conversation, Marker, chat_id_text};
use super::database::{Database, signed, unsigned};
use super::error::HistoryError;
use crate::imaging::{DisplayImage, alias};

impl Database {
    /// Reads a chat.
    ///
    /// # Errors
    /// When there is none of this id, or it cannot be read.
    pub fn load(&self, id: u64) -> Result<Conversation, HistoryError> {
        let sql = "SELECT title, pinned, created_ms, changed_ms FROM chats
            WHERE id = ?1 AND deleted_ms IS NULL";
        let chat = self.connection.prepare_cached(sql)?.query_row([signed(id)], |row| {
            Ok(ChatRecord {
                id,
                title: row.get(0)?,
                pinned: row.get(1)?,
                created_ms: unsigned(row.get(2)?),
                changed_ms: unsigned(row.get(3)?),
                turns: Vec::new(),
            })
        });
        let none = || HistoryError::NoChat(chat_id_text(id));
        let mut chat = chat.optional()?.ok_or_else(none)?;
        chat.turns = self.turns(id)?;
        let mut pictures = HashMap::new();
        let mut failed = None;
        let mut find = |name: &str| {
            let known: &mut Option<DisplayImage> =
                pictures.entry(name.to_owned()).or_insert_with(|| {
                    let read = self.picture(name);
                    read.unwrap_or_else(|error| {
                        failed.get_or_insert(error);
                        None
                    })
                });
            known.clone()
        };
        let conversation = chat.into_conversation(&mut find)?;
        match failed {
            Some(error @ HistoryError::Damaged(_)) => Err(error),
            _ => Ok(conversation),
        }
    }

    fn turns(&self, chat_id: u64) -> Result<Vec<TurnRecord>, HistoryError> {
        let sql = "SELECT id, asked_ms, question, wants_picture, shown_answer, follows, aside,
                slices
            FROM turns WHERE chat_id = ?1 ORDER BY position, id";
        let mut turns = self.connection.prepare_cached(sql)?;
        let mut rows = turns.query([signed(chat_id)])?;
        let mut read = Vec::new();
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            let answers = self.answers(id)?;
            let shown: Option<i64> = row.get(4)?;
            let shown = shown.map(unsigned);
            let slices: Option<String> = row.get(7)?;
            read.push(TurnRecord {
                id: unsigned(id),
                follows: row.get::<_, Option<i64>>(5)?.map(unsigned),
                aside: row.get(6)?,
                asked_ms: unsigned(row.get(1)?),
                question: row.get(2)?,
                wants_picture: row.get(3)?,
                shown: answers.iter().position(|answer| Some(answer.id) == shown).unwrap_or(0),
                evidence: self.evidence(id)?,
                answers,
                slices: slices.as_deref().map(serde_json::from_str).transpose()?,
            });
        }
        Ok(read)
    }

    fn answers(&self, turn_id: i64) -> Result<Vec<AnswerRecord>, HistoryError> {
        let sql = "SELECT record, text FROM answers WHERE turn_id = ?1 ORDER BY position, id";
        let mut answers = self.connection.prepare_cached(sql)?;
        let pair = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, row.get(1)?));
        let mut read = Vec::new();
        for row in answers.query_map([turn_id], pair)? {
            let (record, text) = row?;
            read.push(AnswerRecord { text, ..serde_json::from_str(&record)? });
        }
        Ok(read)
    }

    fn evidence(&self, turn_id: i64) -> Result<Vec<EvidenceRecord>, HistoryError> {
        let sql = "SELECT e.record, s.number FROM evidence e
            LEFT JOIN studies s ON s.mark = e.study WHERE e.turn_id = ?1 ORDER BY e.position";
        let mut evidence = self.connection.prepare_cached(sql)?;
        let pair = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, Option<u32>>(1)?));
        let mut read = Vec::new();
        for row in evidence.query_map([turn_id], pair)? {
            let (record, number) = row?;
            let mut record: EvidenceRecord = serde_json::from_str(&record)?;
            if let Some(number) = number {
                record.alias = alias(number as usize);
            }
            read.push(record);
        }
        Ok(read)
    }

    fn picture(&self, name: &str) -> Result<Option<DisplayImage>, HistoryError> {
        let sql = "SELECT png FROM pictures WHERE name = ?1";
        let mut pictures = self.connection.prepare_cached(sql)?;
        let png: Option<Vec<u8>> =
            pictures.query_row(params![name], |row| row.get(0)).optional()?;
        Ok(png.and_then(|png| DisplayImage::from_png(&png).ok()))
    }

    /// What can still be read of a database that was set aside, and how many chats cannot.
    pub(super) fn rescue(path: &Path, marker: Marker) -> (Vec<Conversation>, usize) {
        let Ok(damaged) = Self::open_damaged(path, marker) else { return (Vec::new(), 0) };
        let mut ids = Vec::new();
        let Ok(mut chats) = damaged.connection.prepare("SELECT id FROM chats") else {
            return (Vec::new(), 0);
        };
        if let Ok(rows) = chats.query_map([], |row| row.get(0)) {
            // the rows after a damaged page are out of reach
            ids.extend(rows.map_while(Result::ok).map(unsigned));
        }
        let read: Vec<Conversation> = ids.iter().filter_map(|id| damaged.load(*id).ok()).collect();
        let lost = ids.len() - read.len();
        (read, lost)
    }
}
