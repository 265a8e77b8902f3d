//! One chat of the list, and one place where a search found something.

use egui::{Atom, Button, Key, RichText, TextEdit, Ui, vec2};

use super::super::command::Command;
use super::super::icons;
use super::super::studies::count;
use super::super::theme;
use super::super::view_cx::ViewCx;
use super::super::widgets::{icon_button_ui, icon_toggle_ui, row_from_right_ui};
use super::panel_ui::HistoryPanel;
use crate::chat::history::{Hit, Summary};

/// A chat by its title; the tools come with the pointer or the choice.
pub(super) fn chat_row_ui(
    ui: &mut Ui,
    cx: &ViewCx<'_>,
    panel: &mut HistoryPanel,
    chat: &Summary,
    height: f32,
) {
    if cx.state.history.renaming == Some(chat.id) {
        rename_ui(ui, cx, panel, chat, height);
        return;
    }
    panel.rename.take_if(|(id, _)| *id == chat.id);
    let palette = theme::palette(ui);
    let is_on = cx.state.conversation().id == chat.id;
    let row = egui::Rect::from_min_size(ui.cursor().min, vec2(ui.available_width(), height));
    let has_tools = is_on || ui.rect_contains_pointer(row);
    row_from_right_ui(ui, height, |ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        ui.set_min_height(height);
        if has_tools {
            if icon_button_ui(ui, icons::TRASH, &format!("Delete chat {}", chat.title)).clicked() {
                cx.send(Command::DeleteChat(chat.id));
            }
            if icon_button_ui(ui, icons::EDIT, &format!("Rename chat {}", chat.title)).clicked() {
                cx.send(Command::BeginRename(chat.id));
            }
        }
        if has_tools || chat.pinned {
            let verb = if chat.pinned { "Unpin" } else { "Pin" };
            let name = format!("{verb} chat {}", chat.title);
            if icon_toggle_ui(ui, icons::PIN, &name, chat.pinned).clicked() {
                cx.send(Command::PinChat(chat.id, !chat.pinned));
            }
        }
        let color = if is_on { palette.strong } else { palette.dim };
        let button =
            Button::selectable(is_on, (RichText::new(&chat.title).color(color), Atom::grow()))
                .truncate()
                .min_size(vec2(ui.available_width(), height - 2.0));
        let response = ui.add(button).on_hover_ui(|ui| about_ui(ui, cx, chat));
        if response.clicked() {
            cx.send(Command::OpenChat(chat.id));
        }
        if response.double_clicked() {
            cx.send(Command::BeginRename(chat.id));
        }
    });
}

fn about_ui(ui: &mut Ui, cx: &ViewCx<'_>, chat: &Summary) {
    let palette = theme::palette(ui);
    ui.label(RichText::new(&chat.title).color(palette.text));
    let moment = cx.state.history.calendar.moment(chat.changed_ms);
    let mut parts = vec![count(chat.num_turns, "question", "questions")];
    parts.extend(chat.modality.as_ref().map(|modality| modality.replace("PIC", "Picture")));
    parts.extend(chat.alias.clone());
    parts.push(moment);
    ui.label(RichText::new(parts.join(" · ")).size(11.5).color(palette.faint));
}

fn rename_ui(ui: &mut Ui, cx: &ViewCx<'_>, panel: &mut HistoryPanel, chat: &Summary, height: f32) {
    let begins = panel.rename.as_ref().is_none_or(|(id, _)| *id != chat.id);
    if begins {
        panel.rename = Some((chat.id, chat.title.clone()));
    }
    let Some((_, title)) = &mut panel.rename else { return };
    row_from_right_ui(ui, height, |ui| {
        ui.set_min_height(height);
        let edit = TextEdit::singleline(title).desired_width(f32::INFINITY);
        let response = ui.add(edit).accessible_name("Title of the chat");
        if begins {
            response.request_focus();
        } else if response.lost_focus() {
            let escaped = ui.input(|i| i.key_pressed(Key::Escape));
            cx.send(if escaped {
                Command::CancelRename
            } else {
                Command::RenameChat(chat.id, title.clone())
            });
        }
    });
}

/// Title and the words where they stand.
pub(super) fn hit_row_ui(ui: &mut Ui, cx: &ViewCx<'_>, chat: &Summary, hit: &Hit, height: f32) {
    let palette = theme::palette(ui);
    let is_on = cx.state.conversation().id == chat.id;
    let size = vec2(ui.available_width(), height - 4.0);
    let (rect, response) = ui.allocate_exact_size(vec2(size.x, height), egui::Sense::click());
    let rect = rect.shrink2(vec2(0.0, 2.0));
    let fill = match (is_on, response.hovered()) {
        (true, _) => palette.selection,
        (false, true) => palette.hover,
        (false, false) => palette.panel,
    };
    ui.painter().rect_filled(rect, theme::RADIUS, fill);
    if response.has_focus() {
        let stroke = egui::Stroke::new(1.5, palette.accent);
        ui.painter().rect_stroke(rect, theme::RADIUS, stroke, egui::StrokeKind::Inside);
    }
    let name = format!("{}: {}", chat.title, hit.snippet);
    response.widget_info(|| egui::WidgetInfo::selected(egui::Role::Button, true, is_on, &name));
    if response.clicked() {
        cx.send(Command::OpenHit { id: chat.id, turn_id: hit.turn_id });
    }
    let inner = egui::UiBuilder::new().max_rect(rect.shrink2(vec2(8.0, 4.0)));
    let mut inner = ui.new_child(inner);
    inner.spacing_mut().item_spacing.y = 2.0;
    let line = |text: &str, size: f32, color| {
        let text = RichText::new(text).size(size).color(color);
        egui::Label::new(text).selectable(false).truncate()
    };
    inner.add(line(&chat.title, 13.0, palette.text));
    inner.add(line(&hit.snippet, 11.5, palette.faint));
}
