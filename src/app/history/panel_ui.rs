//! Left panel: the chats, with the box that searches all of them.

use egui::{Frame, Id, Margin, RichText, Stroke, TextEdit, Ui};

use super::super::command::Command;
use super::super::fonts;
use super::super::icons;
use super::super::study_panel::header_ui;
use super::super::theme;
use super::super::view_cx::ViewCx;
use super::super::widgets::{command_icon_ui, icon_button_ui, rest_of_row_ui, row_from_right_ui};
use super::list_ui::{found_ui, list_ui};
use crate::chat::transfer::Format;

/// What is half typed in the list of chats.
#[derive(Default)]
pub(crate) struct HistoryPanel {
    /// The words looked for.
    pub(super) search: String,
    /// The chat whose title is being typed, and the title.
    pub(super) rename: Option<(u64, String)>,
}

/// The box that searches all chats.
fn search_id() -> Id {
    Id::unique("search all chats")
}

/// The whole panel.
pub(crate) fn history_panel_ui(ui: &mut Ui, cx: &ViewCx<'_>, panel: &mut HistoryPanel) {
    header_ui(ui, "Chats", |ui| {
        command_icon_ui(ui, cx, icons::NEW_CHAT, Command::NewChat, false);
        command_icon_ui(ui, cx, icons::IMPORT, Command::ImportChat, false);
    });
    search_ui(ui, cx, panel);
    ui.add_space(4.0);
    if let Some(why) = &cx.state.history.trouble {
        trouble_ui(ui, cx, why);
    }
    match &cx.state.history.search {
        Some(search) if !search.typed.is_empty() => found_ui(ui, cx, panel, search),
        _ => list_ui(ui, cx, panel),
    }
}

fn search_ui(ui: &mut Ui, cx: &ViewCx<'_>, panel: &mut HistoryPanel) {
    let palette = theme::palette(ui);
    let has_focus = ui.memory(|memory| memory.has_focus(search_id()));
    let line = if has_focus { palette.accent } else { palette.line };
    let mut changed = false;
    if cx.state.history.search.is_none() && !has_focus {
        panel.search.clear();
    }
    Frame::new()
        .fill(palette.raised)
        .stroke(Stroke::new(1.0, line))
        .corner_radius(theme::RADIUS)
        .inner_margin(Margin::symmetric(6, 0))
        .show(ui, |ui| {
            row_from_right_ui(ui, 28.0, |ui| {
                ui.spacing_mut().item_spacing.x = 4.0;
                if !panel.search.is_empty()
                    && icon_button_ui(ui, icons::CLOSE, "End search").clicked()
                {
                    panel.search.clear();
                    changed = true;
                }
                rest_of_row_ui(ui, |ui| {
                    let icon = RichText::new(icons::SEARCH).font(fonts::icon(14.0));
                    ui.label(icon.color(palette.faint));
                    let edit = TextEdit::singleline(&mut panel.search)
                        .id(search_id())
                        .hint_text("Search all chats")
                        .align(egui::Align2::LEFT_CENTER)
                        .frame(Frame::NONE)
                        .background_color(egui::Color32::TRANSPARENT)
                        .desired_width(f32::INFINITY);
                    let response = ui.add(edit);
                    changed |= response.changed();
                    let response = response.on_hover_text(
                        "Words in questions and answers; model:name, modality:CT and study:7 \
                         narrow it down",
                    );
                    let response = response.accessible_name("Search all chats");
                    if cx.state.history.focus_search {
                        response.request_focus();
                    }
                });
            });
        });
    if changed {
        cx.send(Command::SearchChats(panel.search.clone()));
    }
    if has_focus && panel.search.is_empty() {
        let text = RichText::new("model:  modality:  study:").monospace().size(11.0);
        ui.label(text.color(palette.faint));
    }
}

/// Why nothing is saved, and the way to save it elsewhere.
fn trouble_ui(ui: &mut Ui, cx: &ViewCx<'_>, why: &str) {
    let palette = theme::palette(ui);
    Frame::new()
        .fill(theme::wash(ui, palette.warn, 0.1))
        .stroke(Stroke::new(1.0, theme::faded(palette.warn, 0.45)))
        .corner_radius(theme::RADIUS)
        .inner_margin(Margin::same(8))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.label(RichText::new("Chats are not being saved").color(palette.warn));
            let text = RichText::new(why).size(12.0).color(palette.dim);
            ui.add(egui::Label::new(text).wrap());
            let command = Command::ExportChat(Format::Json);
            ui.add_enabled_ui(cx.is_enabled(&command), |ui| {
                if ui.button("Save this chat elsewhere…").clicked() {
                    cx.send(command);
                }
            });
        });
    ui.add_space(6.0);
}
