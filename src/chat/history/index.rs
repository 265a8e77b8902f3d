//! What full-text search finds a turn by.

use rusqlite::{Connection, params};

use super::error::HistoryError;

/// Every Chinese, Japanese or Korean sign becomes a word of its own, as those texts have no spaces.
pub(super) fn separated(text: &str) -> String {
    let mut words = String::with_capacity(text.len() + text.len() / 4);
    for sign in text.chars() {
        if is_sign(sign) {
            words.extend([' ', sign, ' ']);
        } else {
            words.push(sign);
        }
    }
    words
}

fn is_sign(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}'
        | '\u{AC00}'..='\u{D7AF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3134F}')
}

/// Puts the words of a turn into the index, in place of those it had.
pub(super) fn index_turn(
    connection: &Connection,
    turn_id: i64,
    question: &str,
    answers: &str,
) -> Result<(), HistoryError> {
    forget_turn(connection, turn_id)?;
    let sql = "INSERT INTO words (rowid, question, answers) VALUES (?1, ?2, ?3)";
    let mut insert = connection.prepare_cached(sql)?;
    insert.execute(params![turn_id, separated(question), separated(answers)])?;
    Ok(())
}

/// Takes a turn out of the index.
pub(super) fn forget_turn(connection: &Connection, turn_id: i64) -> Result<(), HistoryError> {
    connection.prepare_cached("DELETE FROM words WHERE rowid = ?1")?.execute([turn_id])?;
    Ok(())
}

/// Builds the index anew.
pub(super) fn index_all(connection: &Connection) -> Result<(), HistoryError> {
    let sql = "SELECT t.id, t.question,
            (SELECT coalesce(group_concat(a.text, char(10)), '')
             FROM answers a WHERE a.turn_id = t.id)
        FROM turns t";
    let mut turns = connection.prepare(sql)?;
    let mut rows = turns.query([])?;
    while let Some(row) = rows.next()? {
        let (question, answers): (String, String) = (row.get(1)?, row.get(2)?);
        index_turn(connection, row.get(0)?, &question, &answers)?;
    }
    Ok(())
}
