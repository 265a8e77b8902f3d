//! Numbers that tell chats, turns and answers apart, also from those of other programs.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::time::{SystemTime, UNIX_EPOCH};

use super::Conversation;

/// Bits of a chat's number: few enough to be typed, too many to meet twice.
const CHAT_BITS: u32 = 48;
/// Bits of the others; they stay positive in SQLite's signed integers.
const BITS: u32 = 62;
/// Bits of a turn's number that are drawn; those above are its time.
const TURN_BITS: u32 = 20;

pub(crate) fn fresh_chat_id() -> u64 {
    random(CHAT_BITS)
}

pub(crate) fn fresh_id() -> u64 {
    random(BITS)
}

/// Numbers of turns grow with time, so that the latest are found first.
pub(crate) fn fresh_turn_id(asked_ms: u64) -> u64 {
    ((asked_ms << TURN_BITS) & ((1 << BITS) - 1)) | random(TURN_BITS)
}

/// Milliseconds since 1970.
#[must_use]
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// `3fa81c20b7d4`: the number of a chat as it is shown and typed.
#[must_use]
pub fn chat_id_text(id: u64) -> String {
    format!("{id:012x}")
}

fn random(bits: u32) -> u64 {
    // a system without random numbers still seeds its hash tables
    let number = getrandom::u64().unwrap_or_else(|_| RandomState::new().hash_one(now_ms()));
    (number >> (64 - bits)).max(1)
}

/// Gives a chat and everything in it new numbers: a copy beside one that is there.
pub(crate) fn renew(chat: &mut Conversation) {
    chat.id = fresh_chat_id();
    let mut renewed = HashMap::new();
    for turn in chat.turns.iter_mut().chain(&mut chat.aside) {
        let before = std::mem::replace(&mut turn.id, fresh_turn_id(turn.asked_ms));
        renewed.insert(before, turn.id);
        turn.answers.iter_mut().for_each(|answer| answer.id = fresh_id());
    }
    for turn in chat.turns.iter_mut().chain(&mut chat.aside) {
        turn.follows = turn.follows.and_then(|before| renewed.get(&before).copied());
    }
}
