//! Hands every chat that changed to the history: at once after a turn, every second while an
//! answer grows.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::chat::Conversation;

/// While an answer grows; less than half of what may be lost at worst, as writing takes time too.
const EVERY: Duration = Duration::from_millis(750);

/// What was handed over, and when.
#[derive(Default)]
pub(crate) struct Saver {
    sent: HashMap<u64, (Conversation, Instant)>,
}

impl Saver {
    /// A chat came from the history as it is there.
    pub(crate) fn note(&mut self, chat: &Conversation) {
        self.sent.insert(chat.id, (chat.clone(), Instant::now()));
    }

    /// Whether a chat has to be handed over now; if so it is noted.
    pub(crate) fn is_due(&mut self, chat: &Conversation) -> bool {
        if chat.turns.is_empty() {
            return false;
        }
        if let Some((sent, at)) = self.sent.get(&chat.id)
            && (sent == chat || (only_grows(sent, chat) && at.elapsed() < EVERY))
        {
            return false;
        }
        self.note(chat);
        true
    }

    /// Lets go of chats that are not in memory any more.
    pub(crate) fn keep_only(&mut self, chats: &[Conversation]) {
        if self.sent.len() > chats.len() {
            self.sent.retain(|id, _| chats.iter().any(|chat| chat.id == *id));
        }
    }
}

/// Nothing but the answer under way changed.
fn only_grows(sent: &Conversation, chat: &Conversation) -> bool {
    let same = sent.title == chat.title
        && sent.pinned == chat.pinned
        && sent.turns.len() == chat.turns.len();
    let states = |chat: &Conversation| -> Vec<bool> {
        let answers = chat.turns.iter().flat_map(|turn| &turn.answers);
        answers.map(crate::chat::Answer::is_open).collect()
    };
    same && chat.is_open() && states(sent) == states(chat)
}
