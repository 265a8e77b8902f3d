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
use super::facts::Facts;
use super::ladder_ui::{ladder_ui, rungs};
use super::state::MOST;
use crate::chat::{Agreement, Marked, agreement, differences};

/// What is scrolled here.
#[derive(Default)]
pub(crate) struct SidesPanel {
    pub(super) markdown: CommonMarkCache,
}

pub(crate) fn sides_ui(ui: &mut Ui, cx: &ViewCx<'_>, panel: &mut SidesPanel) {
    let palette = theme::palette(ui);
    let texts = texts(cx);
    let is_whole = texts.len() > 1 && cx.state.sides.columns.len() == texts.len();
    let marked = (is_whole && cx.state.sides.is_marked).then(|| differences(&texts));
    Panel::top("sides header")
        .exact_size(theme::PANEL_HEADER_HEIGHT)
        .frame(Frame::new().fill(palette.panel).inner_margin(Margin::symmetric(12, 0)))
        .resizable(false)
        .show(ui, |ui| ui.centered_and_justified(|ui| header_ui(ui, cx, &texts)));
    CentralPanel::default()
        .frame(Frame::new().fill(palette.app).inner_margin(Margin::same(12)))
        .show(ui, |ui| {
            ScrollArea::vertical().id_salt("sides").auto_shrink(false).show(ui, |ui| {
                columns_ui(ui, cx, panel, marked.as_deref());
                let rungs = rungs(cx.state);
                if rungs.len() > 1 {
                    ui.add_space(10.0);
                    ladder_ui(ui, &rungs);
                }
            });
        });
}

/// Texts of the answers that are whole.
fn texts<'a>(cx: &ViewCx<'a>) -> Vec<&'a str> {
    let columns = cx.state.sides.columns.iter();
    let answers = columns.filter_map(|column| cx.state.side_answer(column));
    let whole = answers.filter(|answer| !answer.is_open() && !answer.text.trim().is_empty());
    whole.map(|answer| answer.text.as_str()).collect()
}

fn header_ui(ui: &mut Ui, cx: &ViewCx<'_>, texts: &[&str]) {
    row_from_right_ui(ui, theme::PANEL_HEADER_HEIGHT, |ui| {
        if icon_button_ui(ui, icons::CLOSE, "Close side by side").clicked() {
            cx.send(Command::CloseSides);
        }
        let is_on = cx.state.sides.is_marked;
        if icon_toggle_ui(ui, icons::TEXT, "Mark what differs", is_on).clicked() {
            cx.send(Command::ToggleSideMarks);
        }
        add_ui(ui, cx);
        // badges are as high as their words, not as the row
        ui.horizontal(|ui| badges_ui(ui, cx, texts));
        rest_of_row_ui(ui, |ui| {
            let question = cx.state.sides_turn().map_or("", |turn| turn.question.as_str());
            let font = egui::FontId::new(13.5, fonts::semibold());
            ui.add(Label::new(RichText::new(question).font(font)).truncate());
        });
    });
}

fn badges_ui(ui: &mut Ui, cx: &ViewCx<'_>, texts: &[&str]) {
    let palette = theme::palette(ui);
    if !cx.state.sides_are_like_for_like() {
        let badge = badge_ui(ui, "not like for like", palette.warn);
        badge.on_hover_text("The models were asked with different parameters");
    }
    if let Some(agreement) = agreement(texts) {
        let color = match agreement {
            Agreement::Agree => palette.ok,
            Agreement::Differ => palette.warn,
            Agreement::Contradict => palette.bad,
        };
        badge_ui(ui, agreement.title(), color);
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

fn columns_ui(
    ui: &mut Ui,
    cx: &ViewCx<'_>,
    panel: &mut SidesPanel,
    marked: Option<&[Vec<Marked>]>,
) {
    let columns = &cx.state.sides.columns;
    if columns.is_empty() {
        let palette = theme::palette(ui);
        ui.label(RichText::new("No model was asked yet: choose one above.").color(palette.dim));
        return;
    }
    let facts: Vec<Facts> = columns.iter().map(|column| Facts::of(cx.state, column)).collect();
    let scale = Scale {
        parameters: facts.iter().filter_map(|one| one.parameters).max().unwrap_or(1),
        bytes: facts.iter().filter_map(|one| one.bytes).max().unwrap_or(1),
    };
    ui.spacing_mut().item_spacing.x = 10.0;
    ui.columns(columns.len().max(2), |uis| {
        for (at, (column, ui)) in columns.iter().zip(uis).enumerate() {
            let marked = marked.and_then(|marked| marked.get(at)).map(Vec::as_slice);
            column_ui(ui, cx, panel, at, (column, scale), marked);
        }
    });
}
