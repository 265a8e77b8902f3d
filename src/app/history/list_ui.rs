//! The rows of the list: chats under the day they were, or what a search found. Only the rows in
//! view are drawn, however many there are.

use egui::{RichText, ScrollArea, Ui};

use super::super::fonts;
use super::super::studies::count;
use super::super::theme;
use super::super::view_cx::ViewCx;
use super::panel_ui::HistoryPanel;
use super::row_ui::{chat_row_ui, hit_row_ui};
use super::state::ChatSearch;
use crate::chat::history::{Summary, now_ms};

const ROW_HEIGHT: f32 = 30.0;
const HIT_HEIGHT: f32 = 50.0;

/// A row of the list.
enum Row<'a> {
    Heading(String),
    Chat(&'a Summary),
}

/// All chats, by day.
pub(super) fn list_ui(ui: &mut Ui, cx: &ViewCx<'_>, panel: &mut HistoryPanel) {
    let rows = rows(cx);
    if rows.is_empty() {
        let text = if cx.state.history.is_open {
            "Questions you ask are kept here."
        } else {
            "Questions you ask are listed here."
        };
        empty_ui(ui, "No chats yet", text);
        return;
    }
    ui.spacing_mut().item_spacing.y = 0.0;
    let mut area = ScrollArea::vertical().id_salt("chats").auto_shrink(false);
    if let Some(above) = rename_begins(cx, panel, &rows) {
        area = area.vertical_scroll_offset(above as f32 * ROW_HEIGHT);
    }
    area.show_rows(ui, ROW_HEIGHT, rows.len(), |ui, range| {
        for row in rows.get(range).unwrap_or_default() {
            match row {
                Row::Heading(text) => heading_ui(ui, text),
                Row::Chat(chat) => chat_row_ui(ui, cx, panel, chat, ROW_HEIGHT),
            }
        }
    });
}

/// How many rows come before a chat whose title begins to be typed, less a few to be seen as well.
fn rename_begins(cx: &ViewCx<'_>, panel: &HistoryPanel, rows: &[Row<'_>]) -> Option<usize> {
    let id = cx.state.history.renaming?;
    if panel.rename.as_ref().is_some_and(|(other, _)| *other == id) {
        return None;
    }
    let is_it = |row: &Row<'_>| matches!(row, Row::Chat(chat) if chat.id == id);
    rows.iter().position(is_it).map(|above| above.saturating_sub(4))
}

fn rows<'a>(cx: &ViewCx<'a>) -> Vec<Row<'a>> {
    let history = &cx.state.history;
    let now = now_ms();
    let mut rows = Vec::with_capacity(history.chats.len() + 16);
    let mut under = String::new();
    let mut last_date = None;
    for chat in &history.chats {
        let date = (!chat.pinned).then(|| history.calendar.date(chat.changed_ms));
        // most chats are of the same day as the one above
        if rows.is_empty() || date != last_date {
            let group = match date {
                None => "Pinned".to_owned(),
                Some(_) => history.calendar.group(chat.changed_ms, now),
            };
            if group != under {
                rows.push(Row::Heading(group.clone()));
                under = group;
            }
            last_date = date;
        }
        rows.push(Row::Chat(chat));
    }
    rows
}

fn heading_ui(ui: &mut Ui, text: &str) {
    let palette = theme::palette(ui);
    let size = egui::vec2(ui.available_width(), ROW_HEIGHT);
    ui.allocate_ui_with_layout(size, egui::Layout::left_to_right(egui::Align::Max), |ui| {
        ui.set_min_size(size);
        let font = egui::FontId::new(11.5, fonts::semibold());
        ui.add_space(2.0);
        ui.label(RichText::new(text).font(font).color(palette.faint));
    });
}

/// What a search found.
pub(super) fn found_ui(
    ui: &mut Ui,
    cx: &ViewCx<'_>,
    panel: &mut HistoryPanel,
    search: &ChatSearch,
) {
    let palette = theme::palette(ui);
    let hits = match &search.found {
        None => return empty_ui(ui, "Searching…", ""),
        Some(Err(why)) => return empty_ui(ui, "The chats could not be searched", why),
        Some(Ok(hits)) if hits.is_empty() => {
            return empty_ui(ui, "Nothing found", "Words are looked for in questions and answers.");
        }
        Some(Ok(hits)) => hits,
    };
    let text = count(hits.len(), "chat", "chats");
    ui.label(RichText::new(text).size(11.5).color(palette.faint));
    ui.spacing_mut().item_spacing.y = 0.0;
    let area = ScrollArea::vertical().id_salt("found").auto_shrink(false);
    area.show_rows(ui, HIT_HEIGHT, hits.len(), |ui, range| {
        for hit in hits.get(range).unwrap_or_default() {
            match cx.state.history.chat(hit.id) {
                Some(chat) if hit.snippet.is_empty() => {
                    chat_row_ui(ui, cx, panel, chat, HIT_HEIGHT);
                }
                Some(chat) => hit_row_ui(ui, cx, chat, hit, HIT_HEIGHT),
                // it was deleted while it was looked for
                None => ui.add_space(HIT_HEIGHT),
            }
        }
    });
}

fn empty_ui(ui: &mut Ui, title: &str, text: &str) {
    let palette = theme::palette(ui);
    ui.add_space(16.0);
    ui.label(RichText::new(title).color(palette.dim));
    ui.add(egui::Label::new(RichText::new(text).size(12.0).color(palette.faint)).wrap());
}
