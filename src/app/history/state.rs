//! What the window knows of the history.

use crate::chat::history::{Calendar, Hit, Summary};
use crate::chat::{Conversation, Marker};

/// The list of chats and what is being done with it.
#[derive(Debug, Default)]
pub struct HistoryState {
    /// As the list shows them: pinned first, then the latest.
    pub chats: Vec<Summary>,
    /// The history was opened.
    pub is_open: bool,
    /// Why chats are not being written, in one sentence.
    pub trouble: Option<String>,
    /// Days as this computer's clock has them.
    pub calendar: Calendar,
    /// Makes marks of studies; none until the history was opened.
    pub marker: Option<Marker>,
    /// All chats are searched.
    pub search: Option<ChatSearch>,
    /// A chat on its way from the disk.
    pub opening: Option<Opening>,
    /// The chat whose title is being typed.
    pub renaming: Option<u64>,
    /// The shown chat is searched.
    pub is_finding: bool,
    /// The box that searches all chats takes the keyboard next.
    pub focus_search: bool,
    /// The box that searches the shown chat takes the keyboard next.
    pub focus_find: bool,
    /// The turn to be brought into view next.
    pub jump_to: Option<u64>,
    /// Chats that can be brought back.
    pub(super) deleted: Vec<(Summary, Option<Conversation>)>,
    pub(super) next_ticket: u64,
}

/// A search in all chats.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatSearch {
    /// As typed.
    pub typed: String,
    /// Which search the answer is to belong to.
    pub ticket: u64,
    /// What was found; none while it is looked for.
    pub found: Option<Result<Vec<Hit>, String>>,
}

/// A chat on its way from the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The chat.
    pub id: u64,
    /// The turn to be shown.
    pub turn_id: Option<u64>,
}

impl HistoryState {
    /// A chat of the list.
    #[must_use]
    pub fn chat(&self, id: u64) -> Option<&Summary> {
        self.chats.iter().find(|chat| chat.id == id)
    }

    pub(super) fn chat_mut(&mut self, id: u64) -> Option<&mut Summary> {
        self.chats.iter_mut().find(|chat| chat.id == id)
    }

    /// Puts a chat into its place in the list.
    pub(crate) fn note(&mut self, chat: Summary) {
        self.chats.retain(|other| other.id != chat.id);
        self.chats.push(chat);
        self.sort();
    }

    pub(super) fn sort(&mut self) {
        self.chats.sort_by_key(|chat| {
            use std::cmp::Reverse;
            (Reverse(chat.pinned), Reverse(chat.changed_ms), chat.id)
        });
    }
}
