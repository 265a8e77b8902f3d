//! The table of scores: a row for all questions and one for each group, a column for each score,
//! or for each run when there are several.

use egui::text::LayoutJob;
use egui::{
    ComboBox, CornerRadius, FontId, Label, Rect, RichText, ScrollArea, Sense, Stroke, TextFormat,
    Ui, UiBuilder, WidgetInfo, pos2, vec2,
};

use super::super::fonts;
use super::super::theme;
use super::evaluation::Evaluation;
use super::evaluation_ui::{EvaluationPanel, Tab};
use super::filter::field_title;
use crate::eval::Figure;

const ROW: f32 = 34.0;
const NAME: f32 = 280.0;
const NUMBER: f32 = 108.0;
const SCORE: f32 = 168.0;

/// One column: a score of a run.
struct Column<'a> {
    run: usize,
    score: &'static str,
    title: &'a str,
}

/// Everything below the heading.
pub(super) fn scores_ui(ui: &mut Ui, evaluation: &Evaluation, panel: &mut EvaluationPanel) {
    let palette = theme::palette(ui);
    if evaluation.scores.is_empty() {
        let text = "No answer is scored yet: these questions have no reference, or none was asked.";
        ui.label(RichText::new(text).color(palette.dim));
        return;
    }
    let several = evaluation.runs.len() > 1;
    let chosen = panel.score.filter(|score| evaluation.scores.iter().any(|(s, _)| s == score));
    let chosen = chosen.or(evaluation.scores.first().map(|(score, _)| *score)).unwrap_or_default();
    ui.horizontal(|ui| {
        if several {
            choice_ui(ui, evaluation, chosen, &mut panel.score);
        }
        let hint = "In %, with 95 % intervals. Most frequent (upright mark): how often always \
                    giving the most frequent right answer would be right. A click on a row lists its questions.";
        ui.add(Label::new(RichText::new(hint).size(12.0).color(palette.faint)).truncate());
    });
    let columns: Vec<Column<'_>> = if several {
        let runs = evaluation.runs.iter().enumerate();
        runs.map(|(run, one)| Column { run, score: chosen, title: &one.name }).collect()
    } else {
        let scores = evaluation.scores.iter();
        scores.map(|(score, title)| Column { run: 0, score, title }).collect()
    };
    table_ui(ui, evaluation, panel, &columns);
}

fn choice_ui(
    ui: &mut Ui,
    evaluation: &Evaluation,
    chosen: &'static str,
    score: &mut Option<&'static str>,
) {
    let title = |score: &str| {
        let found = evaluation.scores.iter().find(|(name, _)| *name == score);
        found.map_or("", |(_, title)| *title)
    };
    ui.label("Score");
    let shown = ComboBox::from_id_salt("score").width(170.0).selected_text(title(chosen));
    let response = shown.show_ui(ui, |ui| {
        for (name, title) in &evaluation.scores {
            if ui.selectable_label(*name == chosen, *title).clicked() {
                *score = Some(name);
            }
        }
    });
    response.response.accessible_name("Score");
}

fn table_ui(
    ui: &mut Ui,
    evaluation: &Evaluation,
    panel: &mut EvaluationPanel,
    columns: &[Column<'_>],
) {
    let width = NAME + 2.0 * NUMBER + SCORE * columns.len() as f32;
    ScrollArea::horizontal().id_salt("score columns").auto_shrink(false).show(ui, |ui| {
        ui.set_min_width(width.min(8000.0));
        ui.spacing_mut().item_spacing.y = 0.0;
        header_ui(ui, columns, width);
        let rows = evaluation.groups.len() + 1;
        let scroll = ScrollArea::vertical().id_salt("score rows").auto_shrink(false);
        scroll.show_rows(ui, ROW, rows, |ui, range| {
            for at in range {
                let row = at.checked_sub(1).and_then(|at| evaluation.groups.get(at));
                row_ui(ui, evaluation, panel, (row, columns, width));
            }
        });
    });
}

fn header_ui(ui: &mut Ui, columns: &[Column<'_>], width: f32) {
    let palette = theme::palette(ui);
    let (rect, _) = ui.allocate_exact_size(vec2(width, 28.0), Sense::hover());
    let mut ui = ui.new_child(UiBuilder::new().max_rect(rect));
    let mut left = rect.left();
    let mut title = |text: &str, width: f32| {
        let cell = Rect::from_min_size(pos2(left, rect.top()), vec2(width - 8.0, rect.height()));
        left += width;
        let font = FontId::new(12.0, fonts::semibold());
        let text = RichText::new(text).font(font).color(palette.dim);
        let mut cell = ui.new_child(UiBuilder::new().max_rect(cell).layout(row_layout()));
        cell.add(Label::new(text).truncate());
    };
    title("Group", NAME);
    title("Count", NUMBER);
    title("Most frequent", NUMBER);
    columns.iter().for_each(|column| title(column.title, SCORE));
    ui.painter().hline(rect.x_range(), rect.bottom() - 1.0, Stroke::new(1.0, palette.line));
}

fn row_layout() -> egui::Layout {
    egui::Layout::left_to_right(egui::Align::Center)
}

type RowOf<'a> = (Option<&'a (String, String)>, &'a [Column<'a>], f32);

fn row_ui(
    ui: &mut Ui,
    evaluation: &Evaluation,
    panel: &mut EvaluationPanel,
    (row, columns, width): RowOf<'_>,
) {
    let palette = theme::palette(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(width, ROW), Sense::click());
    let name = match row {
        Some((by, name)) => format!("{by}: {name}"),
        None => "All questions".to_owned(),
    };
    let said = format!("Questions of {name}");
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, true, &said));
    if response.hovered() {
        ui.painter().rect_filled(rect, CornerRadius::same(4), palette.hover);
    }
    if response.clicked() {
        panel.filter.groups = row.cloned().into_iter().collect();
        panel.tab = Tab::Questions;
    }
    let mut left = rect.left();
    let mut cell = |ui: &mut Ui, width: f32| {
        let cell = Rect::from_min_size(pos2(left, rect.top()), vec2(width - 8.0, rect.height()));
        left += width;
        ui.new_child(UiBuilder::new().max_rect(cell).layout(row_layout()))
    };
    let mut place = cell(ui, NAME);
    place.add(Label::new(name_job(row, palette)).selectable(false).truncate());
    let groups: Vec<_> = evaluation.runs.iter().map(|run| run.group(row)).collect();
    let counts = groups.iter().flatten().map(|group| group.questions);
    let mut place = cell(ui, NUMBER);
    number_ui(&mut place, &counts.max().unwrap_or_default().to_string());
    let majority = groups.iter().flatten().find_map(|group| group.majority);
    let mut place = cell(ui, NUMBER);
    number_ui(&mut place, &majority.map_or("–".to_owned(), percent));
    for column in columns {
        let group = groups.get(column.run).copied().flatten();
        let figure = group.and_then(|group| group.figures.get(column.score));
        let is_share_of_right = column.score.contains("accuracy");
        let mut place = cell(ui, SCORE);
        figure_ui(&mut place, figure, majority.filter(|_| is_share_of_right));
    }
}

fn name_job(row: Option<&(String, String)>, palette: &theme::Palette) -> LayoutJob {
    let mut job = LayoutJob::default();
    let format = |color, family| TextFormat {
        font_id: FontId::new(13.0, family),
        color,
        ..TextFormat::default()
    };
    match row {
        Some((by, name)) => {
            let quiet = format(palette.faint, egui::FontFamily::Proportional);
            job.append(&format!("{}  ", field_title(by)), 0.0, quiet);
            job.append(name, 0.0, format(palette.text, egui::FontFamily::Proportional));
        }
        None => job.append("All questions", 0.0, format(palette.strong, fonts::semibold())),
    }
    job
}

fn number_ui(ui: &mut Ui, text: &str) {
    let palette = theme::palette(ui);
    let text = RichText::new(text).monospace().color(palette.dim);
    ui.add(Label::new(text).selectable(false));
}

/// As `results.md` has it.
fn percent(share: f64) -> String {
    format!("{:.1}", share * 100.0)
}

/// A figure with its interval, and both on a line from 0 to 100 %.
fn figure_ui(ui: &mut Ui, figure: Option<&Figure>, majority: Option<f64>) {
    let palette = theme::palette(ui);
    let rect = ui.max_rect();
    let Some(figure) = figure else {
        number_ui(ui, "–");
        return;
    };
    let mut job = LayoutJob::default();
    let format = |size, color| TextFormat {
        font_id: FontId::new(size, egui::FontFamily::Monospace),
        color,
        ..TextFormat::default()
    };
    job.append(&percent(figure.value), 0.0, format(13.0, palette.text));
    let interval = format!(" ({}–{})", percent(figure.low), percent(figure.high));
    job.append(&interval, 0.0, format(11.0, palette.faint));
    ui.add(Label::new(job).selectable(false).extend());
    let (left, right) = (rect.left(), rect.right() - 12.0);
    let y = rect.bottom() - 4.0;
    let x = |share: f64| left + share.clamp(0.0, 1.0) as f32 * (right - left);
    let painter = ui.painter();
    painter.hline(left..=right, y, Stroke::new(2.0, palette.line));
    let wash = theme::faded(palette.accent, 0.55);
    painter.hline(x(figure.low)..=x(figure.high), y, Stroke::new(3.0, wash));
    painter.circle_filled(pos2(x(figure.value), y), 3.0, palette.accent);
    if let Some(majority) = majority {
        painter.vline(x(majority), y - 4.0..=y + 3.0, Stroke::new(1.5, palette.warn));
    }
}
