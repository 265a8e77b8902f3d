//! The screen: the question, how far the answers agree, a column a model, the ladder.

use egui::{CentralPanel, Frame, Label, Margin, Panel, Popup, RichText, ScrollArea, Ui};
use egui_commonmark::CommonMarkCache;

use super::super::command::Command;
use super::super::fonts;
use super::super::icons;
use super::super::theme;
use super::super::view_cx::ViewCx;
use super::super::widgets::{
    badge_ui, icon_button_ui, icon_toggle_ui, rest_of_row_ui, row_from_right_ui,
};
use super::column_ui::{Scale, column_ui};
use super::compared::Compared;
use super::ladder_ui::ladder_ui;
use super::marks_ui::agreement_ui;
use super::state::MOST;
use crate::chat::Agreement;

/// What this screen remembers between two drawings.
#[derive(Default)]
pub(crate) struct SidesPanel {
    markdown: CommonMarkCache,
    compared: Compared,
}

pub(crate) fn sides_ui(ui: &mut Ui, cx: &ViewCx<'_>, panel: &mut SidesPanel) {
    let palette = theme::palette(ui);
    panel.compared.update(cx.state);
    let agreement = panel.compared.agreement;
    Panel::top("sides header")
        .exact_size(theme::PANEL_HEADER_HEIGHT)
        .frame(Frame::new().fill(palette.panel).inner_margin(Margin::symmetric(12, 0)))
        .resizable(false)
        .show(ui, |ui| ui.centered_and_justified(|ui| header_ui(ui, cx, agreement)));
    CentralPanel::default()
        .frame(Frame::new().fill(palette.app).inner_margin(Margin::same(12)))
        .show(ui, |ui| {
            ScrollArea::vertical().id_salt("sides").auto_shrink(false).show(ui, |ui| {
                columns_ui(ui, cx, panel);
                if panel.compared.rungs.len() > 1 {
                    ui.add_space(10.0);
                    ladder_ui(ui, &panel.compared.rungs);
                }
            });
        });
}

fn header_ui(ui: &mut Ui, cx: &ViewCx<'_>, agreement: Option<Agreement>) {
    row_from_right_ui(ui, theme::PANEL_HEADER_HEIGHT, |ui| {
        if icon_button_ui(ui, icons::CLOSE, "Close side by side").clicked() {
            cx.send(Command::CloseSides);
        }
        let is_on = cx.state.sides.is_marked;
        if icon_toggle_ui(ui, icons::TEXT, "Mark what differs", is_on).clicked() {
            cx.send(Command::ToggleSideMarks);
        }
        let by_model = Command::ToggleSidesByModel;
        let is_on = cx.state.settings.sides_by_model;
        if icon_toggle_ui(ui, icons::LIST_CHECKS, by_model.label(), is_on).clicked() {
            cx.send(by_model);
        }
        add_ui(ui, cx);
        // badges are as high as their words, not as the row
        ui.horizontal(|ui| badges_ui(ui, cx, agreement));
        rest_of_row_ui(ui, |ui| {
            let question = cx.state.sides_turn().map_or("", |turn| turn.question.as_str());
            let font = egui::FontId::new(13.5, fonts::semibold());
            ui.add(Label::new(RichText::new(question).font(font)).truncate());
        });
    });
}

fn badges_ui(ui: &mut Ui, cx: &ViewCx<'_>, agreement: Option<Agreement>) {
    let palette = theme::palette(ui);
    if !cx.state.sides_are_like_for_like() {
        let badge = badge_ui(ui, "not like for like", palette.warn);
        badge.on_hover_text("The models are asked with different parameters");
    }
    if let Some(agreement) = agreement {
        agreement_ui(ui, agreement);
    }
}

/// The list of models that could be asked as well.
fn add_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    let models = cx.state.models_for_sides();
    let can_add = !models.is_empty() && cx.state.sides.columns.len() < MOST;
    let response = ui
        .add_enabled_ui(can_add, |ui| {
            let text = "Ask another model";
            let button =
                egui::Button::new((RichText::new(icons::COLUMNS).font(fonts::icon(15.0)), text));
            ui.add(button).accessible_name(text).on_disabled_hover_text(
                "Three columns are the most, and every model of the models folder is asked once",
            )
        })
        .inner;
    Popup::menu(&response).show(|ui| {
        for spec in models {
            let text = format!("{} · {}", spec.title, crate::vlm::gigabytes(spec.weights_bytes));
            if ui.button(text).accessible_name(format!("Ask {}", spec.title)).clicked() {
                cx.send(Command::AddSide(cx.state.load_request(&spec.path)));
                ui.close();
            }
        }
    });
}

fn columns_ui(ui: &mut Ui, cx: &ViewCx<'_>, panel: &mut SidesPanel) {
    let columns = &cx.state.sides.columns;
    if columns.is_empty() {
        let palette = theme::palette(ui);
        ui.label(RichText::new("No model was asked yet: choose one above.").color(palette.dim));
        return;
    }
    let SidesPanel { markdown, compared } = panel;
    let facts = &compared.facts;
    let marked = compared.marked.as_ref().filter(|_| cx.state.sides.is_marked);
    let scale = Scale {
        parameters: facts.iter().filter_map(|one| one.parameters).max().unwrap_or(1),
        bytes: facts.iter().filter_map(|one| one.bytes).max().unwrap_or(1),
    };
    ui.spacing_mut().item_spacing.x = 10.0;
    ui.columns(columns.len().max(2), |uis| {
        for (at, ((column, facts), ui)) in columns.iter().zip(facts).zip(uis).enumerate() {
            let marked = marked.and_then(|marked| marked.get(at)).map(Vec::as_slice);
            column_ui(ui, cx, markdown, at, (column, facts, scale), marked);
        }
    });
}
