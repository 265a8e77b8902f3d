//! The list of questions with its filter, and beside it the one that is open.

use egui::{
    Button, ComboBox, CornerRadius, Frame, Id, Label, Margin, Panel, Rect, RichText, ScrollArea,
    Sense, Stroke, TextEdit, Ui, UiBuilder, WidgetInfo, pos2, vec2,
};

use super::super::command::Command;
use super::super::fonts;
use super::super::icons;
use super::super::studies::count;
use super::super::theme;
use super::super::view_cx::ViewCx;
use super::evaluation::{Evaluation, Question};
use super::evaluation_ui::EvaluationPanel;
use super::filter::{Filter, field_title};
use super::question_ui::question_ui;
use super::verdict::Verdict;

const ROW: f32 = 44.0;

/// List and question.
pub(super) fn questions_ui(
    ui: &mut Ui,
    cx: &ViewCx<'_>,
    evaluation: &Evaluation,
    panel: &mut EvaluationPanel,
) {
    let widest = (ui.available_width() * 0.6).max(360.0);
    let margin = Margin { right: 10, ..Margin::ZERO };
    Panel::left("questions")
        .default_size(430.0)
        .size_range(300.0..=widest)
        .frame(Frame::new().inner_margin(margin))
        .show(ui, |ui| {
            filter_ui(ui, evaluation, &mut panel.filter);
            panel.rows.update(evaluation, cx.state.results.evaluation_revision, &panel.filter);
            list_ui(ui, cx, evaluation, panel);
        });
    let open = cx.state.results.question.and_then(|at| evaluation.questions.get(at));
    Frame::new().inner_margin(Margin { left: 12, ..Margin::ZERO }).show(ui, |ui| match open {
        Some(question) => question_ui(ui, cx, evaluation, question, panel),
        None => {
            let palette = theme::palette(ui);
            ui.label(RichText::new("Choose a question on the left").color(palette.dim));
        }
    });
}

/// The search box; named so that others can give it the keyboard.
fn search_id() -> Id {
    Id::unique("question search")
}

fn filter_ui(ui: &mut Ui, evaluation: &Evaluation, filter: &mut Filter) {
    ui.spacing_mut().item_spacing.y = 6.0;
    let hint = "Search questions, references and answers";
    let edit = TextEdit::singleline(&mut filter.text).id(search_id()).hint_text(hint);
    let response = ui.add(edit.desired_width(f32::INFINITY).margin(Margin::symmetric(8, 5)));
    response.accessible_name("Search questions");
    if ui.input_mut(|i| i.consume_key(egui::Modifiers::COMMAND, egui::Key::F)) {
        ui.memory_mut(|memory| memory.request_focus(search_id()));
    }
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(6.0, 4.0);
        toggle_ui(ui, &mut filter.is_wrong, "Wrong only");
        if evaluation.runs.len() > 1 {
            toggle_ui(ui, &mut filter.differs, "Models differ");
        }
        if evaluation.runs.iter().any(|run| run.report.failed > 0) {
            toggle_ui(ui, &mut filter.has_failed, "Failed");
        }
        for (field, values) in evaluation.fields.iter().filter(|(_, values)| values.len() > 1) {
            field_ui(ui, filter, field, values.iter());
        }
        let clear = ui.add_enabled(!filter.is_empty(), Button::new("Clear filter"));
        if clear.clicked() {
            *filter = Filter::default();
        }
    });
}

fn toggle_ui(ui: &mut Ui, is_on: &mut bool, label: &str) {
    if ui.add(Button::new(label).selected(*is_on)).clicked() {
        *is_on = !*is_on;
    }
}

fn field_ui<'a>(
    ui: &mut Ui,
    filter: &mut Filter,
    field: &str,
    values: impl Iterator<Item = &'a String>,
) {
    let chosen = filter.groups.get(field).cloned();
    let title = field_title(field);
    let text = chosen.clone().unwrap_or_else(|| format!("{title}: all"));
    let shown = ComboBox::from_id_salt(("field", field)).selected_text(text).show_ui(ui, |ui| {
        if ui.selectable_label(chosen.is_none(), "All").clicked() {
            filter.groups.remove(field);
        }
        for value in values {
            let is_on = chosen.as_ref() == Some(value);
            if ui.selectable_label(is_on, value).clicked() {
                filter.groups.insert(field.to_owned(), value.clone());
            }
        }
    });
    shown.response.accessible_name(title);
}

fn list_ui(ui: &mut Ui, cx: &ViewCx<'_>, evaluation: &Evaluation, panel: &mut EvaluationPanel) {
    let palette = theme::palette(ui);
    let (n, all) = (panel.rows.places().len(), evaluation.questions.len());
    let text = match (n, panel.filter.is_empty()) {
        (0, false) => "No question passes the filter".to_owned(),
        (_, true) => count(all, "question", "questions"),
        (_, false) => format!("{n} of {}", count(all, "question", "questions")),
    };
    ui.label(RichText::new(text).size(12.0).color(palette.faint));
    let row = cx.state.results.question.and_then(|open| panel.rows.row_of(open));
    let mut scroll = ScrollArea::vertical().auto_shrink(false);
    if row != panel.shown_row
        && let Some(row) = row
    {
        let height = ui.available_height();
        let before = panel.shown_row.map(|shown| shown.abs_diff(row));
        // a step to the next row moves the list only at its edges, which egui does below
        if before.is_none_or(|rows| rows > 1) {
            let offset = (row as f32 * ROW - height / 2.0).max(0.0);
            scroll = scroll.vertical_scroll_offset(offset);
        }
    }
    let moved = row != panel.shown_row;
    panel.shown_row = row;
    ui.spacing_mut().item_spacing.y = 0.0;
    scroll.show_rows(ui, ROW, n, |ui, range| {
        for at in range {
            let Some(place) = panel.rows.places().get(at).copied() else { continue };
            let Some(question) = evaluation.questions.get(place) else { continue };
            let response = row_ui(ui, evaluation, question, row == Some(at));
            if response.clicked() {
                cx.send(Command::ShowQuestion(place));
            }
            if moved && row == Some(at) {
                response.scroll_to_me(None);
            }
        }
    });
}

fn row_ui(
    ui: &mut Ui,
    evaluation: &Evaluation,
    question: &Question,
    is_on: bool,
) -> egui::Response {
    let palette = theme::palette(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::click());
    let asked = evaluation.asked(question);
    let text = asked.map(|record| record.question.as_str()).unwrap_or_default();
    let number = question.index + 1;
    let verdicts = verdicts_said(evaluation, question);
    let said = format!("Question {number}: {text}, {verdicts}");
    response.widget_info(|| WidgetInfo::selected(egui::Role::Button, true, is_on, &said));
    let inside = rect.shrink2(vec2(0.0, 1.0));
    if is_on || response.hovered() {
        let fill = if is_on { palette.selection } else { palette.hover };
        ui.painter().rect_filled(inside, CornerRadius::same(4), fill);
    }
    let marks = 22.0 * question.verdicts.len() as f32;
    for (at, verdict) in question.verdicts.iter().enumerate() {
        let x = rect.right() - marks - 4.0 + 22.0 * (at as f32 + 0.5);
        mark_ui(ui, pos2(x, rect.center().y), *verdict);
    }
    if evaluation.runs.len() > 1 {
        // which sign is whose
        response.clone().on_hover_text(&verdicts);
    }
    let words = Rect::from_min_max(
        rect.min + vec2(8.0, 4.0),
        pos2(rect.right() - marks - 10.0, rect.bottom() - 4.0),
    );
    let mut ui = ui.new_child(UiBuilder::new().max_rect(words));
    ui.spacing_mut().item_spacing.y = 1.0;
    let line = |text: RichText| Label::new(text).selectable(false).truncate();
    ui.add(line(RichText::new(text.replace('\n', " ")).color(palette.text)));
    let groups = asked.map(|record| record.groups.values().cloned().collect::<Vec<_>>());
    let aside = format!("{number} · {}", groups.unwrap_or_default().join(" · "));
    let aside = aside.trim_end_matches(" · ").to_owned();
    ui.add(line(RichText::new(aside).size(11.5).color(palette.faint)));
    response
}

/// "wrong", or "huatuo right, llava-med wrong".
fn verdicts_said(evaluation: &Evaluation, question: &Question) -> String {
    let said = evaluation.runs.iter().zip(&question.verdicts).map(|(run, verdict)| {
        let name = if evaluation.runs.len() > 1 { format!("{} ", run.name) } else { String::new() };
        format!("{name}{}", verdict.as_str())
    });
    said.collect::<Vec<_>>().join(", ")
}

/// A tick, a cross, or what stands for neither.
fn mark_ui(ui: &Ui, at: egui::Pos2, verdict: Verdict) {
    let (icon, color) = verdict_look(ui, verdict);
    let painter = ui.painter();
    if verdict == Verdict::NotAsked {
        painter.circle_stroke(at, 4.0, Stroke::new(1.0, color));
        return;
    }
    painter.text(at, egui::Align2::CENTER_CENTER, icon, fonts::icon(14.0), color);
}

/// Sign and colour of a verdict.
pub(super) fn verdict_look(ui: &Ui, verdict: Verdict) -> (&'static str, egui::Color32) {
    let palette = theme::palette(ui);
    match verdict {
        Verdict::Right => (icons::CHECK, palette.ok),
        Verdict::Wrong => (icons::CLOSE, palette.bad),
        Verdict::Failed => (icons::WARNING, palette.warn),
        Verdict::Unscored => (icons::TEXT, palette.faint),
        Verdict::NotAsked => ("", palette.faint),
    }
}
