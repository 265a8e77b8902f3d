//! All chats are searched: by their words, their titles and what they are about.

use rusqlite::params;

use super::database::{Database, Summary, signed, unsigned};
use super::error::HistoryError;
use super::query::Query;
use super::save::number_in;

/// Turns looked at, the latest first; more than anybody reads.
const MAX_TURNS: i64 = 5000;
/// Letters around the place where something was found.
const AROUND: usize = 48;

/// A chat in which something was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The chat.
    pub id: u64,
    /// The latest turn with the words; none when they are in the title, or only filters were given.
    pub turn_id: Option<u64>,
    /// The words where they stand.
    pub snippet: String,
}

impl Database {
    /// Finds chats, those with the latest matching turn first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn search(&self, query: &Query) -> Result<Vec<Hit>, HistoryError> {
        let chats = self.list()?;
        let mut hits = match query.for_index() {
            Some(words) => self.with_words(query, &words)?,
            None => Vec::new(),
        };
        // without words every chat that is about the right thing is one
        for chat in chats.iter().filter(|chat| query.words.is_empty() || query.is_in(&chat.title)) {
            if hits.iter().all(|hit| hit.id != chat.id) && self.passes(query, chat)? {
                hits.push(Hit { id: chat.id, turn_id: None, snippet: String::new() });
            }
        }
        Ok(hits)
    }

    fn with_words(&self, query: &Query, words: &str) -> Result<Vec<Hit>, HistoryError> {
        let sql = "SELECT t.id, t.chat_id, t.question,
                (SELECT group_concat(a.text, char(10)) FROM answers a WHERE a.turn_id = t.id)
            FROM words w JOIN turns t ON t.id = w.rowid JOIN chats c ON c.id = t.chat_id
            WHERE words MATCH ?1 AND c.deleted_ms IS NULL
                AND (?2 IS NULL OR EXISTS (SELECT 1 FROM answers a
                    WHERE a.turn_id = t.id AND a.model LIKE '%' || ?2 || '%'))
                AND (?3 IS NULL OR EXISTS (SELECT 1 FROM turns o JOIN evidence e
                    ON e.turn_id = o.id WHERE o.chat_id = c.id AND e.modality LIKE ?3))
                AND (?4 IS NULL OR EXISTS (SELECT 1 FROM turns o JOIN evidence e
                    ON e.turn_id = o.id JOIN studies s ON s.mark = e.study
                    WHERE o.chat_id = c.id AND (s.number = ?5 OR s.mark LIKE ?4 || '%')))
            ORDER BY w.rowid DESC LIMIT ?6";
        let mut turns = self.connection.prepare_cached(sql)?;
        let number = query.study.as_deref().and_then(number_in);
        let mut rows = turns.query(params![
            words,
            query.model,
            query.modality,
            query.study,
            number,
            MAX_TURNS
        ])?;
        let mut hits: Vec<Hit> = Vec::new();
        while let Some(row) = rows.next()? {
            let chat_id = unsigned(row.get(1)?);
            if hits.iter().any(|hit| hit.id == chat_id) {
                continue;
            }
            let (question, answers): (String, Option<String>) = (row.get(2)?, row.get(3)?);
            hits.push(Hit {
                id: chat_id,
                turn_id: Some(unsigned(row.get(0)?)),
                snippet: snippet(&query.words, &[question, answers.unwrap_or_default()]),
            });
        }
        Ok(hits)
    }

    /// Whether a chat is about what the filters say.
    fn passes(&self, query: &Query, chat: &Summary) -> Result<bool, HistoryError> {
        let has = |sql: &str, wanted: &str, number: Option<u32>| {
            let mut rows = self.connection.prepare_cached(sql)?;
            Ok::<bool, HistoryError>(rows.exists(params![signed(chat.id), wanted, number])?)
        };
        if let Some(model) = &query.model {
            let sql = "SELECT 1 FROM turns t JOIN answers a ON a.turn_id = t.id
                WHERE t.chat_id = ?1 AND a.model LIKE '%' || ?2 || '%' AND ?3 IS NULL";
            if !has(sql, model, None)? {
                return Ok(false);
            }
        }
        if let Some(modality) = &query.modality {
            let sql = "SELECT 1 FROM turns t JOIN evidence e ON e.turn_id = t.id
                WHERE t.chat_id = ?1 AND e.modality LIKE ?2 AND ?3 IS NULL";
            if !has(sql, modality, None)? {
                return Ok(false);
            }
        }
        if let Some(study) = &query.study {
            let sql = "SELECT 1 FROM turns t JOIN evidence e ON e.turn_id = t.id
                JOIN studies s ON s.mark = e.study
                WHERE t.chat_id = ?1 AND (s.number = ?3 OR s.mark LIKE ?2 || '%')";
            return has(sql, study, number_in(study));
        }
        Ok(true)
    }
}

/// The first place where one of the words stands, on one line.
fn snippet(words: &[String], texts: &[String]) -> String {
    let whole: Vec<char> = texts.join("\n").chars().collect();
    let lower: Vec<char> = whole.iter().flat_map(|c| c.to_lowercase().take(1)).collect();
    let found = words.iter().filter_map(|word| {
        let word: Vec<char> = word.to_lowercase().chars().collect();
        lower.windows(word.len().max(1)).position(|part| part == word.as_slice())
    });
    let at = found.min().unwrap_or(0);
    let (mut from, to) = (at.saturating_sub(AROUND / 2), (at + AROUND).min(whole.len()));
    if from > 0 {
        // words begin whole where they have spaces between them
        let before = whole.get(from..at).unwrap_or_default();
        from += before.iter().position(|c| c.is_whitespace()).map_or(0, |space| space + 1);
    }
    let part: String = whole.get(from..to).unwrap_or_default().iter().collect();
    let part = part.split_whitespace().collect::<Vec<_>>().join(" ");
    let before = if from > 0 { "…" } else { "" };
    let after = if to < whole.len() { "…" } else { "" };
    format!("{before}{part}{after}")
}
