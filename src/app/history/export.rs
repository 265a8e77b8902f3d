//! The shown chat leaves as a file, and a file becomes a chat.

use std::path::PathBuf;
use std::sync::Arc;

use super::super::effect::Effect;
use super::super::notices::NoticeLevel;
use super::super::state::AppState;
use crate::chat::Conversation;
use crate::chat::transfer::Format;

impl AppState {
    /// Asks where to write the shown chat.
    pub(super) fn export_chat(&mut self, format: Format) {
        let chat = self.conversation();
        if !chat.turns.is_empty() {
            self.effects.push(Effect::PickPlaceForChat(Arc::new(chat.clone()), format));
        }
    }

    /// The reader chose where.
    pub(crate) fn write_chat(&mut self, chat: Arc<Conversation>, format: Format, path: PathBuf) {
        let path =
            if path.extension().is_some() { path } else { path.with_extension(format.extension()) };
        self.effects.push(Effect::WriteChat(chat, format, self.history.calendar, path));
    }

    pub(crate) fn apply_chat_written(&mut self, written: Result<(), String>) {
        match written {
            Ok(()) => self.notices.push(NoticeLevel::Ok, "The chat is exported"),
            Err(why) => {
                let text = format!("The chat could not be exported: {why}");
                self.notices.push(NoticeLevel::Error, text)
            }
        };
    }
}
