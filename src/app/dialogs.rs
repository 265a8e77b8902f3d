//! The system's dialogs: which files to open, and where to write.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rfd::FileDialog;

use super::effect::Effect;
use super::outside::Outside;
use super::pictures::{PictureScope, Pictures};
use super::state::AppEvent;
use crate::chat::transfer::Format;
use crate::chat::{Conversation, chat_id_text};

/// A dialog that is gone this soon was never shown.
const DIALOG_FLASH: Duration = Duration::from_millis(350);

impl Outside {
    /// Asks the reader for files and folders.
    pub(super) fn pick(&self, effect: Effect) {
        match effect {
            Effect::PickFiles => {
                self.ask(titled("Open files", FileDialog::pick_files), AppEvent::PickedStudy);
            }
            Effect::PickFolder => {
                self.ask(titled("Open a folder", FileDialog::pick_folders), AppEvent::PickedStudy);
            }
            Effect::PickTraining => {
                let title = "Open the output folder of a training";
                self.ask(titled(title, FileDialog::pick_folder), AppEvent::PickedTraining);
            }
            Effect::PickEvaluation { adds } => {
                let title = "Open output folders of evaluations";
                let picked = move |folders| AppEvent::PickedEvaluation { folders, adds };
                self.ask(titled(title, FileDialog::pick_folders), picked);
            }
            Effect::PickModelsFolder => {
                let title = "Choose the models folder";
                self.ask(titled(title, FileDialog::pick_folder), AppEvent::PickedModelsFolder);
            }
            Effect::PickPresets => {
                self.ask(titled("Import presets", pick_json), AppEvent::PickedPresets);
            }
            Effect::PickChat => self.ask(titled("Import a chat", pick_json), AppEvent::PickedChat),
            other => self.pick_place(other),
        }
    }

    /// Asks the reader where to write.
    fn pick_place(&self, effect: Effect) {
        match effect {
            Effect::PickPlaceFor(picture, name) => {
                let pick = save("Save as PNG", name.to_owned(), Some(("PNG", &["png"])));
                self.ask(pick, |path| AppEvent::PickedPlaceFor(picture, path));
            }
            Effect::PickPlaceForPictures(pictures) => self.ask_where_pictures(pictures),
            Effect::PickPlaceForCopies(files, options) => {
                let pick = titled("A folder for the copies", FileDialog::pick_folder);
                self.ask(pick, |one| AppEvent::PickedPlaceForCopies(files, options, one));
            }
            Effect::PickPlaceForTable(table) => self.ask_where_table(table, "measurements.csv"),
            Effect::PickPlaceForKeyImages(table) => self.ask_where_table(table, "key-images.csv"),
            Effect::PickPlaceForDocument(from, name) => {
                let pick = save("Export document", name.to_owned(), None);
                self.ask(pick, |to| AppEvent::PickedPlaceForDocument(from, to));
            }
            Effect::PickPlaceForPresets(text) => {
                let name = "presets.json".to_owned();
                let pick = save("Export presets", name, Some(("JSON", &["json"])));
                self.ask(pick, |path| AppEvent::PickedPlaceForPresets(text, path));
            }
            Effect::PickPlaceForChat(chat, format) => self.ask_where_chat(chat, format),
            worker => self.tell_worker(worker),
        }
    }

    fn ask<T: 'static>(
        &self,
        pick: impl FnOnce() -> Option<T> + Send + 'static,
        event: impl FnOnce(T) -> AppEvent + Send + 'static,
    ) {
        self.on_thread("file dialog", move || {
            let asked_at = Instant::now();
            match pick() {
                Some(picked) => Some(event(picked)),
                None => (asked_at.elapsed() < DIALOG_FLASH).then_some(AppEvent::NoDialog),
            }
        });
    }

    fn ask_where_pictures(&self, pictures: Arc<Pictures>) {
        let is_one = pictures.choice.scope == PictureScope::View;
        let pick = move || {
            let dialog = FileDialog::new();
            if is_one {
                let dialog = dialog.set_title("Export view").set_file_name("view.png");
                dialog.add_filter("PNG, JPEG", &["png", "jpg", "jpeg"]).save_file()
            } else {
                dialog.set_title("A folder for the pictures").pick_folder()
            }
        };
        self.ask(pick, |place| AppEvent::PickedPlaceForPictures(pictures, place));
    }

    fn ask_where_table(&self, table: Arc<str>, name: &'static str) {
        let pick = save("Export as CSV", name.to_owned(), Some(("CSV", &["csv"])));
        self.ask(pick, |path| AppEvent::PickedPlaceForTable(table, path));
    }

    fn ask_where_chat(&self, chat: Arc<Conversation>, format: Format) {
        let pick = move |id: String| {
            let (title, extension) = (format!("Export as {}", format.title()), format.extension());
            // the title of a chat is what somebody typed: it is no name for a file
            let name = format!("chat-{id}.{extension}");
            let dialog = FileDialog::new().set_title(title).set_file_name(name);
            dialog.add_filter(format.title(), &[extension]).save_file()
        };
        let id = chat_id_text(chat.id);
        self.ask(move || pick(id), move |path| AppEvent::PickedPlaceForChat(chat, format, path));
    }
}

/// A dialog under this title.
fn titled<T>(
    title: &'static str,
    pick: fn(FileDialog) -> Option<T>,
) -> impl FnOnce() -> Option<T> + Send {
    move || pick(FileDialog::new().set_title(title))
}

/// A dialog for one file, under this name if nobody minds.
fn save(
    title: &'static str,
    name: String,
    kind: Option<(&'static str, &'static [&'static str])>,
) -> impl FnOnce() -> Option<PathBuf> + Send {
    move || {
        let dialog = FileDialog::new().set_title(title).set_file_name(name);
        let dialog = match kind {
            Some((kind, ends)) => dialog.add_filter(kind, ends),
            None => dialog,
        };
        dialog.save_file()
    }
}

fn pick_json(dialog: FileDialog) -> Option<PathBuf> {
    dialog.add_filter("JSON", &["json"]).pick_file()
}
