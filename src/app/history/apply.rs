//! What the history says, taken into the state.

use super::super::apply_decode::sentence;
use super::super::command::Command;
use super::super::notices::NoticeLevel;
use super::super::state::AppState;
use super::super::studies::count;
use crate::chat::Conversation;
use crate::chat::history::{HistoryEvent, Opened, Request, Summary};
use crate::chat::transfer::Imported;

/// Chats kept in memory besides the one shown.
const MAX_LOADED: usize = 12;

impl AppState {
    pub(crate) fn apply_history(&mut self, event: HistoryEvent) {
        match event {
            HistoryEvent::Opened(opened) => self.apply_history_opened(*opened),
            HistoryEvent::Listed(chats) => {
                self.history.chats = chats;
                self.note_open_chats();
                self.search_again();
            }
            HistoryEvent::Loaded(chat) => self.apply_chat(*chat),
            HistoryEvent::NotLoaded(id, error) => {
                if self.history.opening.take_if(|opening| opening.id == id).is_some() {
                    let text = format!("The chat could not be read: {error}");
                    self.notices.push(NoticeLevel::Error, text);
                }
            }
            HistoryEvent::Found(ticket, found) => {
                if let Some(search) = &mut self.history.search
                    && search.ticket == ticket
                {
                    search.found = Some(found.map_err(|error| error.to_string()));
                }
            }
            HistoryEvent::Imported(imported) => self.apply_imported(*imported),
            HistoryEvent::NotImported(why) => {
                let text = format!("The chat could not be imported: {why}");
                self.notices.push(NoticeLevel::Error, text);
            }
            HistoryEvent::Numbered(mark, number) => self.apply_numbered(&mark, number),
            HistoryEvent::SetAside(name, taken_over) => {
                let taken_over = count(taken_over, "chat was", "chats were");
                let text = format!(
                    "The history was damaged: it is kept as {name}, and {taken_over} taken over \
                     from it"
                );
                self.notices.push(NoticeLevel::Error, text);
            }
            HistoryEvent::Trouble(error) => {
                let text = format!("Chats are not being saved: {error}");
                self.history.trouble = Some(sentence(&error.to_string()));
                self.notices.push(NoticeLevel::Error, text);
            }
            HistoryEvent::Recovered => {
                self.history.trouble = None;
                self.notices.push(NoticeLevel::Ok, "Chats are being saved again");
            }
        }
    }

    fn apply_history_opened(&mut self, opened: Opened) {
        let history = &mut self.history;
        history.is_open = true;
        history.trouble = None;
        history.chats = opened.chats;
        history.calendar = opened.calendar;
        history.marker = Some(opened.marker.clone());
        let fresh = self.studies.learn(opened.marker, opened.studies);
        self.name_recent();
        self.keep_numbers(fresh);
        self.mark_evidence();
        self.find_all_key_images();
        self.bring_measurements_back();
        self.note_open_chats();
        self.search_again();
    }

    /// Numbers that studies were given here are kept.
    pub(crate) fn keep_numbers(&mut self, fresh: Vec<(String, u32)>) {
        for (mark, number) in fresh {
            self.ask_history(Request::Number(mark, number));
        }
    }

    /// Questions asked before the history was open get their marks.
    fn mark_evidence(&mut self) {
        let Some(marker) = &self.history.marker else { return };
        let chats = self.conversations.iter_mut();
        let turns = chats.flat_map(|chat| chat.turns.iter_mut().chain(&mut chat.aside));
        let mut turns: Vec<_> = turns.collect();
        for slices in turns.iter_mut().filter_map(|turn| turn.slices.as_deref_mut()) {
            if slices.series.is_none() && !slices.series_key.is_empty() {
                slices.series = Some(marker.series(&slices.series_key));
            }
        }
        for evidence in turns.into_iter().flat_map(|turn| &mut turn.evidence) {
            if let (Some(frame_ref), None) = (&evidence.frame_ref, &evidence.marks)
                && let Some(open) = self.studies.get(&evidence.study_key)
                && !open.is_pasted()
            {
                let marks = marker.marks(&evidence.study_key, &evidence.series_key, frame_ref);
                evidence.marks = Some(marks);
                evidence.alias.clone_from(&open.alias);
            }
        }
    }

    /// Another window gave this number to another study.
    fn apply_numbered(&mut self, mark: &str, number: u32) {
        self.studies.renumber(mark, number);
        self.name_recent();
        let alias = crate::imaging::alias(number as usize);
        let turns = self.conversations.iter_mut().flat_map(|chat| &mut chat.turns);
        for evidence in turns.flat_map(|turn| &mut turn.evidence) {
            if evidence.marks.as_ref().is_some_and(|marks| marks.study == mark) {
                evidence.alias.clone_from(&alias);
            }
        }
    }

    /// Chats in memory that the list does not have yet.
    fn note_open_chats(&mut self) {
        let chats = self.conversations.iter().filter(|chat| !chat.turns.is_empty());
        let known = |chat: &&Conversation| self.history.chat(chat.id).is_some();
        let unknown: Vec<Summary> = chats.filter(|c| !known(c)).map(Summary::of).collect();
        unknown.into_iter().for_each(|chat| self.history.note(chat));
    }

    fn apply_chat(&mut self, chat: Conversation) {
        let Some(opening) = self.history.opening.take_if(|opening| opening.id == chat.id) else {
            return;
        };
        self.put_chat(chat);
        self.jump_to_turn(opening.turn_id);
    }

    /// Shows a chat; others that are written make room in memory.
    fn put_chat(&mut self, chat: Conversation) {
        let id = chat.id;
        self.conversations.retain(|other| other.id != id);
        let asking = self.engine.asking.as_ref().map(|asking| asking.slot.conversation_id);
        let waiting = self.engine.waiting.map(|slot| slot.conversation_id);
        if self.history.is_open && self.history.trouble.is_none() {
            let mut room = MAX_LOADED;
            self.conversations.retain(|chat| {
                let is_queued = self.engine.queue.iter().any(|q| q.conversation_id == chat.id);
                let is_sliced = self
                    .strip
                    .as_ref()
                    .is_some_and(|strip| strip.is_under_way() && strip.chat_id() == chat.id);
                let is_needed =
                    is_queued || is_sliced || Some(chat.id) == asking || Some(chat.id) == waiting;
                room = room.saturating_sub(1);
                is_needed || room > 0
            });
        }
        self.conversations.insert(0, chat);
        self.conversation_idx = 0;
    }

    fn apply_imported(&mut self, imported: Imported) {
        let Imported { chat, missing, was_there } = imported;
        let title = chat.title.clone();
        let num_turns = count(chat.turns.len(), "question", "questions");
        self.comparing = None;
        if was_there {
            let text = format!("\u{201C}{title}\u{201D} is in the history already");
            self.notices.push(NoticeLevel::Info, text);
            self.run(Command::OpenChat(chat.id));
            return;
        }
        self.history.note(Summary::of(&chat));
        self.put_chat(chat);
        if missing > 0 {
            let pictures = count(missing, "picture was", "pictures were");
            let text = format!(
                "\u{201C}{title}\u{201D} is imported with {num_turns}, but {pictures} missing in \
                 the file or damaged"
            );
            self.notices.push(NoticeLevel::Warn, text);
        } else {
            let text = format!("\u{201C}{title}\u{201D} is imported: {num_turns}");
            self.notices.push(NoticeLevel::Ok, text);
        }
    }
}
