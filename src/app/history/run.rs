//! What commands about the list of chats do to the state.

use super::super::command::Command;
use super::super::effect::Effect;
use super::super::notices::NoticeLevel;
use super::super::state::{AppState, LeftTab};
use super::state::{ChatSearch, Opening};
use crate::chat::Conversation;
use crate::chat::history::{Hit, Request, Summary};

/// Deleted chats that can be brought back.
const MAX_DELETED: usize = 8;
/// Longest title, in letters.
const MAX_TITLE: usize = 120;

impl AppState {
    pub(crate) fn ask_history(&mut self, request: Request) {
        self.effects.push(Effect::History(request));
    }

    pub(crate) fn run_history(&mut self, command: Command) -> Option<Command> {
        match command {
            Command::OpenChat(id) => self.open_chat(id, None),
            Command::OpenHit { id, turn_id } => self.open_chat(id, turn_id),
            Command::DeleteChat(id) => self.delete_chat(id),
            Command::RestoreChat(id) => self.restore_chat(id),
            Command::PinChat(id, pinned) => self.pin_chat(id, pinned),
            Command::RenameShownChat => {
                let id = self.conversation().id;
                self.show_chats();
                self.history.search = None;
                self.history.renaming = Some(id);
            }
            Command::BeginRename(id) => self.history.renaming = Some(id),
            Command::CancelRename => self.history.renaming = None,
            Command::RenameChat(id, title) => self.rename_chat(id, &title),
            Command::SearchAllChats => {
                self.show_chats();
                self.history.search.get_or_insert_default();
                self.history.focus_search = true;
            }
            Command::SearchChats(typed) => self.search_chats(typed),
            Command::FindInChat => {
                self.settings.right_open = true;
                self.history.is_finding = true;
                self.history.focus_find = true;
            }
            Command::CloseFind => self.history.is_finding = false,
            Command::ExportChat(format) => self.export_chat(format),
            Command::ImportChat => self.effects.push(Effect::PickChat),
            other => return Some(other),
        }
        None
    }

    /// Wishes about the keyboard and the scroll position hold for one drawing.
    pub(crate) fn forget_focus(&mut self) {
        self.history.focus_search = false;
        self.history.focus_find = false;
        self.history.jump_to = None;
    }

    fn show_chats(&mut self) {
        self.settings.left_open = true;
        self.left_tab = LeftTab::Chats;
    }

    fn open_chat(&mut self, id: u64, turn_id: Option<u64>) {
        // what is kept with a chat is shown with it
        self.closed_slices.clear();
        if let Some(idx) = self.conversations.iter().position(|chat| chat.id == id) {
            self.conversation_idx = idx;
            self.history.opening = None;
            self.jump_to_turn(turn_id);
            return;
        }
        self.history.opening = Some(Opening { id, turn_id });
        self.ask_history(Request::Load(id));
    }

    /// Brings a turn of the chat shown into view, whichever version it is of.
    pub(super) fn jump_to_turn(&mut self, turn_id: Option<u64>) {
        self.history.jump_to = turn_id;
        let turn_id = turn_id.filter(|_| self.may_change_path());
        if turn_id.is_some_and(|turn_id| self.conversation_mut().show_turn(turn_id)) {
            self.path_changed();
        }
    }

    fn delete_chat(&mut self, id: u64) {
        if self.engine.asking.as_ref().is_some_and(|asking| asking.slot.conversation_id == id) {
            self.stop_answer();
        }
        self.engine.waiting.take_if(|slot| slot.conversation_id == id);
        self.engine.queue.retain(|queued| queued.conversation_id != id);
        let shown_id = self.conversation().id;
        let in_memory = self.conversations.iter().position(|chat| chat.id == id);
        let chat = in_memory.map(|idx| self.conversations.remove(idx));
        if self.conversations.is_empty() {
            self.conversations.push(Conversation::begin());
        }
        let still = self.conversations.iter().position(|chat| chat.id == shown_id);
        self.conversation_idx = still.unwrap_or_else(|| self.empty_chat());
        let listed = self.history.chats.iter().position(|chat| chat.id == id);
        let summary = listed.map(|idx| self.history.chats.remove(idx));
        let Some(summary) = summary.or_else(|| chat.as_ref().map(Summary::of)) else { return };
        let text = format!("\u{201C}{}\u{201D} is deleted", summary.title);
        self.notices.push(NoticeLevel::Info, text).with_action("Undo", Command::RestoreChat(id));
        self.history.deleted.push((summary, chat));
        if self.history.deleted.len() > MAX_DELETED {
            self.history.deleted.remove(0);
        }
        self.forget_hit(id);
        self.ask_history(Request::Delete(id));
    }

    /// Where the empty chat is; begun if there is none.
    pub(crate) fn empty_chat(&mut self) -> usize {
        let empty = self.conversations.iter().position(|chat| chat.turns.is_empty());
        empty.unwrap_or_else(|| {
            self.conversations.insert(0, Conversation::begin());
            0
        })
    }

    fn forget_hit(&mut self, id: u64) {
        if let Some(ChatSearch { found: Some(Ok(hits)), .. }) = &mut self.history.search {
            hits.retain(|hit| hit.id != id);
        }
    }

    fn restore_chat(&mut self, id: u64) {
        let place = self.history.deleted.iter().position(|(summary, _)| summary.id == id);
        let Some((summary, chat)) = place.map(|idx| self.history.deleted.remove(idx)) else {
            return;
        };
        self.history.note(summary);
        self.ask_history(Request::Restore(id));
        if let Some(chat) = chat {
            self.conversations.insert(0, chat);
            self.conversation_idx = 0;
        }
        self.search_again();
    }

    fn pin_chat(&mut self, id: u64, pinned: bool) {
        if let Some(chat) = self.conversations.iter_mut().find(|chat| chat.id == id) {
            chat.pinned = pinned;
        }
        if let Some(chat) = self.history.chat_mut(id) {
            chat.pinned = pinned;
        }
        self.history.sort();
        self.ask_history(Request::Pin(id, pinned));
    }

    fn rename_chat(&mut self, id: u64, title: &str) {
        self.history.renaming = None;
        let title: String = title.split_whitespace().collect::<Vec<_>>().join(" ");
        let title: String = title.chars().take(MAX_TITLE).collect();
        if title.is_empty() {
            return;
        }
        if let Some(chat) = self.conversations.iter_mut().find(|chat| chat.id == id) {
            chat.title.clone_from(&title);
        }
        if let Some(chat) = self.history.chat_mut(id) {
            chat.title.clone_from(&title);
        }
        self.ask_history(Request::Rename(id, title));
    }

    fn search_chats(&mut self, typed: String) {
        let history = &mut self.history;
        if typed.trim().is_empty() {
            history.search = None;
            return;
        }
        history.next_ticket += 1;
        let ticket = history.next_ticket;
        let found = history.search.take().and_then(|search| search.found);
        // what was found before stays until the new answer is there
        history.search = Some(ChatSearch { typed: typed.clone(), ticket, found });
        if history.is_open {
            self.ask_history(Request::Search(ticket, typed));
        } else {
            let hits = in_memory(&self.conversations, &typed);
            if let Some(search) = &mut self.history.search {
                search.found = Some(Ok(hits));
            }
        }
    }

    /// The same words are looked for again, as the chats changed.
    pub(super) fn search_again(&mut self) {
        if let Some(search) = self.history.search.clone()
            && !search.typed.is_empty()
        {
            self.search_chats(search.typed);
        }
    }
}

/// Without a history: words in the chats of this run.
fn in_memory(chats: &[Conversation], typed: &str) -> Vec<Hit> {
    let wanted = typed.to_lowercase();
    let mut hits = Vec::new();
    for chat in chats {
        let turn = chat.turns.iter().find(|turn| {
            let answers = turn.answers.iter().any(|a| a.text.to_lowercase().contains(&wanted));
            answers || turn.question.to_lowercase().contains(&wanted)
        });
        if let Some(turn) = turn {
            let snippet = turn.question.clone();
            hits.push(Hit { id: chat.id, turn_id: Some(turn.id), snippet });
        }
    }
    hits
}
