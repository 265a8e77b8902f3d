//! The chat: what was asked, what was answered, the question box.

use egui::{Align, Frame, Layout, Margin, Popup, RichText, ScrollArea, Ui, vec2};
use egui_commonmark::CommonMarkCache;

use super::command::Command;
use super::composer::{Composer, composer_ui};
use super::engine_state::ModelStatus;
use super::find_ui::{FindBar, find_ui};
use super::fonts;
use super::icons;
use super::model_picker::{loading_text, loading_ui};
use super::params_ui::params_button_ui;
use super::region::Beside;
use super::study_panel::header_ui;
use super::theme;
use super::top_bar::export_menu_ui;
use super::turn_ui::turn_ui;
use super::view_cx::ViewCx;
use super::widgets::{command_icon_ui, icon_button_ui, menu_item_ui};
use crate::chat::{NANO_QUESTIONS, example_questions};
use crate::vlm::NANO;

/// What is half typed or scrolled in the chat.
#[derive(Default)]
pub(crate) struct ChatPanel {
    /// The question box.
    pub(crate) composer: Composer,
    pub(crate) markdown: CommonMarkCache,
    /// Answers of experiments beside those they repeat.
    pub(crate) beside: Beside,
    find: FindBar,
    at_bottom: bool,
    jump: bool,
    /// The turn to be brought into view.
    jump_to: Option<u64>,
}

/// The whole panel.
pub(crate) fn chat_panel_ui(ui: &mut Ui, cx: &ViewCx<'_>, panel: &mut ChatPanel) {
    header_ui(ui, &cx.state.conversation().title, |ui| {
        command_icon_ui(ui, cx, icons::NEW_CHAT, Command::NewChat, false);
        params_button_ui(ui, cx);
        more_ui(ui, cx);
    });
    panel.jump_to = find_ui(ui, cx, &mut panel.find).or(panel.jump_to);
    // the question box first, from the bottom: the conversation has what is left
    let composer = egui::Panel::bottom("composer")
        .frame(Frame::new().inner_margin(Margin { left: 0, right: 0, top: 8, bottom: 10 }))
        .show_separator_line(false)
        .resizable(false);
    composer.show(ui, |ui| composer_ui(ui, cx, &mut panel.composer));
    if cx.state.conversation().turns.is_empty() {
        beginning_ui(ui, cx, &mut panel.composer);
    } else {
        turns_ui(ui, cx, panel);
    }
}

/// What else can be done with a chat.
fn more_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    let response = icon_button_ui(ui, icons::MORE, "More");
    Popup::menu(&response).show(|ui| {
        menu_item_ui(ui, cx, Command::FindInChat, None);
        menu_item_ui(ui, cx, Command::RenameShownChat, None);
        ui.separator();
        export_menu_ui(ui, cx);
        menu_item_ui(ui, cx, Command::ImportChat, None);
    });
}

fn turns_ui(ui: &mut Ui, cx: &ViewCx<'_>, panel: &mut ChatPanel) {
    let area = ui.available_rect_before_wrap();
    let mut scroll = ScrollArea::vertical()
        .id_salt(("turns", cx.state.conversation().id))
        .auto_shrink(false)
        .stick_to_bottom(true);
    if std::mem::take(&mut panel.jump) {
        scroll = scroll.vertical_scroll_offset(f32::MAX);
    }
    let jump_to = panel.jump_to.take().or(cx.state.history.jump_to);
    let found = panel.find.turn_id(cx);
    let output = scroll.show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 10.0;
        let conversation = cx.state.conversation();
        for (turn_idx, turn) in conversation.turns.iter().enumerate() {
            let response = ui.scope(|ui| turn_ui(ui, cx, panel, turn_idx)).response;
            if Some(turn.id) == jump_to {
                response.scroll_to_me(Some(Align::Min));
            }
            if Some(turn.id) == found {
                let at = response.rect.left() - 6.0;
                let stroke = egui::Stroke::new(3.0, theme::palette(ui).accent);
                ui.painter().vline(at, response.rect.y_range(), stroke);
            }
        }
        if let ModelStatus::Loading(loading) = &cx.state.engine.model {
            loading_ui(ui, cx, loading);
        }
        ui.add_space(8.0);
    });
    let hidden = output.content_size.y - output.inner_rect.height();
    panel.at_bottom = output.state.clamped_offset().y >= hidden - 24.0;
    if !panel.at_bottom {
        let at = egui::pos2(area.center().x, area.bottom() - 22.0);
        let rect = egui::Rect::from_center_size(at, vec2(150.0, 30.0));
        let palette = theme::palette(ui);
        let icon = RichText::new(icons::ARROW_DOWN).font(fonts::icon(13.0));
        let button = egui::Button::new((icon, "Jump to latest"))
            .fill(palette.raised)
            .stroke(egui::Stroke::new(1.0, palette.line))
            .corner_radius(15);
        if ui.put(rect, button).accessible_name("Jump to latest").clicked() {
            panel.jump = true;
            ui.ctx().request_repaint();
        }
    }
}

/// An empty chat: what can be done, and questions to start from.
fn beginning_ui(ui: &mut Ui, cx: &ViewCx<'_>, composer: &mut Composer) {
    let palette = theme::palette(ui);
    ui.with_layout(Layout::bottom_up(Align::Min), |ui| {
        ui.spacing_mut().item_spacing.y = 6.0;
        let modality = cx.state.active_viewport().place.as_ref().and_then(|place| {
            cx.state.shown_series(place).map(|(_, series)| series.modality.clone())
        });
        let Some(modality) = modality else {
            hint_ui(ui, "Open a study, then ask about what you see.");
            return;
        };
        ui.add_space(4.0);
        let is_nano = cx.state.engine.info().is_some_and(|info| info.family == NANO);
        let offered: Vec<&str> = if is_nano {
            NANO_QUESTIONS.to_vec()
        } else {
            let examples = example_questions(&modality).iter();
            examples.flat_map(|example| [example.english, example.chinese]).collect()
        };
        for text in offered.into_iter().rev() {
            let button = egui::Button::new(RichText::new(text).size(12.5).color(palette.dim))
                .fill(palette.raised)
                .stroke(egui::Stroke::new(1.0, palette.line))
                .corner_radius(14)
                .min_size(vec2(0.0, 28.0));
            if ui.add(button).clicked() {
                composer.fill(text);
            }
        }
        hint_ui(ui, "Ask about the view on the left, or start from one of these.");
        if is_nano {
            nano_ui(ui, cx);
        }
        if let ModelStatus::Loading(loading) = &cx.state.engine.model {
            ui.label(RichText::new(loading_text(loading, cx.state.now_secs)).color(palette.accent));
        }
    });
}

/// What may be expected of the model that is part of the program, and the way to another.
fn nano_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    let palette = theme::palette(ui);
    let icon = RichText::new(icons::CUBE).font(fonts::icon(14.0)).color(palette.dim);
    let button = egui::Button::new((icon, "Choose a published model…"));
    if ui.add(button).accessible_name("Choose a published model…").clicked() {
        cx.send(Command::ToggleModelPicker);
    }
    let text = "nano is a small demonstration. It names the kind of image, the body part and \
                the plane, often wrongly on files of your own, and declines what it was not \
                trained to answer. For real questions choose a published model.";
    ui.add(egui::Label::new(RichText::new(text).size(12.5).color(palette.dim)).wrap());
}

fn hint_ui(ui: &mut Ui, text: &str) {
    let palette = theme::palette(ui);
    ui.label(RichText::new(text).size(12.5).color(palette.faint));
}
