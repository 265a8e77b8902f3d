//! The bar above a chat that finds words in it.

use egui::{Frame, Key, Margin, Modifiers, RichText, TextEdit, Ui};

use super::command::Command;
use super::icons;
use super::theme;
use super::view_cx::ViewCx;
use super::widgets::{icon_button_ui, rest_of_row_ui, row_from_right_ui};
use crate::chat::{Conversation, Turn};

/// What is looked for in the shown chat.
#[derive(Debug, Default)]
pub(crate) struct FindBar {
    text: String,
    /// Which of the turns found.
    at: usize,
}

impl FindBar {
    /// The turn found, while there is one.
    pub(crate) fn turn_id(&self, cx: &ViewCx<'_>) -> Option<u64> {
        if !cx.state.history.is_finding {
            return None;
        }
        let found = found(cx.state.conversation(), &self.text);
        found.get(self.at.min(found.len().saturating_sub(1))).copied()
    }
}

/// Draws the bar while it is asked for; gives the turn to be brought into view.
pub(crate) fn find_ui(ui: &mut Ui, cx: &ViewCx<'_>, bar: &mut FindBar) -> Option<u64> {
    if !cx.state.history.is_finding || cx.state.conversation().turns.is_empty() {
        return None;
    }
    let palette = theme::palette(ui);
    let found_before = found(cx.state.conversation(), &bar.text);
    bar.at = bar.at.min(found_before.len().saturating_sub(1));
    let mut step = None;
    let mut changed = false;
    Frame::new()
        .fill(palette.raised)
        .stroke(egui::Stroke::new(1.0, palette.line))
        .corner_radius(theme::RADIUS)
        .inner_margin(Margin::symmetric(6, 0))
        .show(ui, |ui| {
            row_from_right_ui(ui, 30.0, |ui| {
                ui.spacing_mut().item_spacing.x = 2.0;
                if icon_button_ui(ui, icons::CLOSE, "Close find").clicked() {
                    cx.send(Command::CloseFind);
                }
                ui.add_enabled_ui(!found_before.is_empty(), |ui| {
                    if icon_button_ui(ui, icons::CARET_DOWN, "Next place").clicked() {
                        step = Some(1);
                    }
                    if icon_button_ui(ui, icons::CARET_UP, "Previous place").clicked() {
                        step = Some(-1);
                    }
                });
                if !bar.text.is_empty() {
                    let text = if found_before.is_empty() {
                        "Nothing found".to_owned()
                    } else {
                        format!("{} / {}", bar.at + 1, found_before.len())
                    };
                    ui.label(RichText::new(text).size(11.5).color(palette.dim));
                }
                rest_of_row_ui(ui, |ui| {
                    let edit = TextEdit::singleline(&mut bar.text)
                        .hint_text("Find in this chat")
                        .align(egui::Align2::LEFT_CENTER)
                        .frame(Frame::NONE)
                        .background_color(egui::Color32::TRANSPARENT)
                        .desired_width(f32::INFINITY);
                    let response = ui.add(edit).accessible_name("Find in this chat");
                    changed = response.changed();
                    if cx.state.history.focus_find {
                        response.request_focus();
                    } else if response.lost_focus() {
                        step = step.or_else(|| entered(ui));
                        if step.is_some() {
                            response.request_focus();
                        }
                    }
                });
            });
        });
    ui.add_space(4.0);
    let found = found(cx.state.conversation(), &bar.text);
    if changed {
        // the latest is what is looked for most often
        bar.at = found.len().saturating_sub(1);
    } else {
        let len = found.len().max(1);
        bar.at = match step? {
            1 => (bar.at + 1) % len,
            _ => (bar.at + len - 1) % len,
        };
    }
    found.get(bar.at).copied()
}

/// Enter goes on, with Shift back.
fn entered(ui: &Ui) -> Option<isize> {
    ui.input(|i| {
        let back = i.modifiers.matches_logically(Modifiers::SHIFT);
        i.key_pressed(Key::Enter).then_some(if back { -1 } else { 1 })
    })
}

/// Turns whose question or shown answer has the words.
fn found(chat: &Conversation, words: &str) -> Vec<u64> {
    let words = words.trim().to_lowercase();
    if words.is_empty() {
        return Vec::new();
    }
    let has = |text: &str| text.to_lowercase().contains(&words);
    let is_found =
        |turn: &&Turn| has(&turn.question) || turn.shown().is_some_and(|answer| has(&answer.text));
    chat.turns.iter().filter(is_found).map(|turn| turn.id).collect()
}
