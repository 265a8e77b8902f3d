//! The screen of evaluations: scores, or the questions one by one.

use egui::{Frame, Key, Label, Margin, RichText, Ui};

use super::super::command::Command;
use super::super::icons;
use super::super::theme;
use super::super::view_cx::ViewCx;
use super::super::widgets::icon_button_ui;
use super::ResultsScreen;
use super::evaluation::Evaluation;
use super::filter::{Filter, Rows};
use super::heading_ui::{heading_ui, tag_ui};
use super::questions_ui::questions_ui;
use super::scores_ui::scores_ui;

/// Rows that a page key goes on.
const PAGE: isize = 10;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tab {
    #[default]
    Scores,
    Questions,
}

/// What is chosen and typed.
#[derive(Debug, Default)]
pub(super) struct EvaluationPanel {
    /// The data file that all of this is about.
    of: Option<String>,
    pub(super) tab: Tab,
    /// The score whose columns are shown when there are several runs.
    pub(super) score: Option<&'static str>,
    pub(super) filter: Filter,
    pub(super) rows: Rows,
    /// The row shown last, so that a step by keys scrolls to the next.
    pub(super) shown_row: Option<usize>,
    /// The prompt and the scores are unfolded.
    pub(super) with_evidence: bool,
}

impl EvaluationPanel {
    /// Other questions begin unfiltered.
    fn turn_to(&mut self, evaluation: &Evaluation) {
        let of = evaluation.runs.first().map(|run| run.report.settings.dataset_sha256.clone());
        if self.of != of {
            *self = Self { of, with_evidence: self.with_evidence, ..Self::default() };
        }
    }
}

/// The whole area.
pub(super) fn evaluation_ui(
    ui: &mut Ui,
    cx: &ViewCx<'_>,
    evaluation: &Evaluation,
    panel: &mut EvaluationPanel,
) {
    let palette = theme::palette(ui);
    panel.turn_to(evaluation);
    panel.rows.update(evaluation, cx.state.results.evaluation_revision, &panel.filter);
    let right = |ui: &mut Ui| {
        if ui.button("Open evaluation…").clicked() {
            cx.send(Command::OpenEvaluation);
        }
        let compare = ui.button("Compare with…");
        let hint = "Put another model's answers to the same questions beside these";
        if compare.on_hover_text(hint).clicked() {
            cx.send(Command::AddEvaluation);
        }
        if icon_button_ui(ui, icons::RESET, "Read again").clicked() {
            cx.send(Command::ReadEvaluationAgain);
        }
    };
    let tab = &mut panel.tab;
    heading_ui(ui, cx, ResultsScreen::Evaluation, right, |ui| {
        tabs_ui(ui, tab);
        title_ui(ui, evaluation);
    });
    keys(ui, cx, panel);
    let frame = Frame::new().fill(palette.panel);
    frame.inner_margin(Margin::symmetric(theme::PADDING, 8)).show(ui, |ui| {
        ui.set_min_size(ui.available_size());
        match panel.tab {
            Tab::Scores => scores_ui(ui, evaluation, panel),
            Tab::Questions => questions_ui(ui, cx, evaluation, panel),
        }
    });
}

fn tabs_ui(ui: &mut Ui, chosen: &mut Tab) {
    ui.spacing_mut().item_spacing.x = 2.0;
    for (tab, label) in [(Tab::Scores, "Scores"), (Tab::Questions, "Questions")] {
        if ui.selectable_label(*chosen == tab, label).clicked() {
            *chosen = tab;
        }
    }
    ui.spacing_mut().item_spacing.x = 8.0;
    ui.add_space(8.0);
}

fn title_ui(ui: &mut Ui, evaluation: &Evaluation) {
    let palette = theme::palette(ui);
    let Some(first) = evaluation.runs.first() else { return };
    let settings = &first.report.settings;
    let (has, all) = (evaluation.questions.len(), settings.questions);
    let count = if has < all { format!("{has} of {all}") } else { all.to_string() };
    let text = format!("{} · {} · {count} questions", settings.dataset, settings.format.title());
    for run in &evaluation.runs {
        let (text, color) = match (run.report.unanswered, run.report.failed) {
            (0, 0) => continue,
            (0, failed) => (format!("{}: {failed} failed", run.name), palette.warn),
            (left, _) => (format!("{}: {left} not asked yet", run.name), palette.accent),
        };
        tag_ui(ui, &text, color);
    }
    ui.add(Label::new(RichText::new(text).color(palette.dim)).truncate());
}

/// Up and down go through the list, as far as nothing else takes the keys.
fn keys(ui: &Ui, cx: &ViewCx<'_>, panel: &EvaluationPanel) {
    let is_free = panel.tab == Tab::Questions
        && cx.state.sheet.is_none()
        && ui.memory(|memory| memory.focused().is_none())
        && !egui::Popup::is_any_open(ui.ctx());
    if !is_free {
        return;
    }
    let steps = [
        (Key::ArrowUp, -1),
        (Key::ArrowDown, 1),
        (Key::PageUp, -PAGE),
        (Key::PageDown, PAGE),
        (Key::Home, isize::MIN),
        (Key::End, isize::MAX),
    ];
    let here = cx.state.results.question;
    for (key, rows) in steps {
        if ui.input(|i| i.key_pressed(key))
            && let Some(next) = panel.rows.further(here, rows)
        {
            cx.send(Command::ShowQuestion(next));
        }
    }
}
