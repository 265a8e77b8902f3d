//! What every model answered, side by side, with the evidence to check it.

use egui::{Label, RichText, Ui, vec2};

use super::super::fonts;
use super::super::theme;
use super::chart_scale::mark;
use super::evaluation::{Evaluation, Question, Run};
use super::evaluation_ui::EvaluationPanel;
use super::heading_ui::tag_ui;
use super::question_ui::card;
use super::questions_ui::verdict_look;
use super::verdict::Verdict;
use crate::eval::Record;

const GAP: f32 = 10.0;
/// A card is not narrower while there is room below.
const NARROWEST: f32 = 240.0;

/// A card for each run.
pub(super) fn answers_ui(
    ui: &mut Ui,
    evaluation: &Evaluation,
    question: &Question,
    panel: &mut EvaluationPanel,
) {
    let n = evaluation.runs.len();
    // the scroll bar floats over the right end
    let room = ui.available_width() - 8.0;
    let columns = ((room / NARROWEST) as usize).clamp(1, n.max(1));
    let width = (room - GAP * (columns - 1) as f32) / columns as f32;
    let runs: Vec<usize> = (0..n).collect();
    for row in runs.chunks(columns) {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = GAP;
            for at in row.iter().copied() {
                let Some(run) = evaluation.runs.get(at) else { continue };
                let record = evaluation.record(question, at);
                answer_ui(ui, run, record, panel.with_evidence, width);
            }
        });
    }
    ui.checkbox(&mut panel.with_evidence, "Prompt, scores and times");
}

fn answer_ui(ui: &mut Ui, run: &Run, record: Option<&Record>, with_evidence: bool, width: f32) {
    let palette = theme::palette(ui);
    let verdict = Verdict::of(record);
    card(ui).show(ui, |ui| {
        ui.vertical(|ui| {
            ui.set_width(width - 22.0);
            ui.spacing_mut().item_spacing = vec2(6.0, 6.0);
            ui.horizontal_wrapped(|ui| {
                let font = egui::FontId::new(12.5, fonts::semibold());
                ui.label(RichText::new(&run.name).font(font).color(palette.ai));
                let (_, color) = verdict_look(ui, verdict);
                tag_ui(ui, verdict.as_str(), color);
            });
            let Some(record) = record else {
                let text = RichText::new("Not asked by this run").color(palette.faint);
                ui.label(text);
                return;
            };
            if let Some(failure) = &record.failure {
                ui.add(Label::new(RichText::new(failure).color(palette.warn)).wrap());
                return;
            }
            let text = if record.text.is_empty() { "(an empty answer)" } else { &record.text };
            let font = egui::FontId::new(theme::CHAT_SIZE, fonts::reading());
            ui.add(Label::new(RichText::new(text).font(font).color(palette.text)).wrap());
            evidence_ui(ui, run, record, with_evidence);
        });
    });
}

fn evidence_ui(ui: &mut Ui, run: &Run, record: &Record, unfolded: bool) {
    let palette = theme::palette(ui);
    let small = |text: String| RichText::new(text).size(12.0).color(palette.dim);
    let line = |ui: &mut Ui, text: String| ui.add(Label::new(small(text)).wrap());
    if let (Some(predicted), Some(class)) = (&record.predicted, &record.class) {
        line(ui, format!("taken for “{predicted}”, right is “{class}”"));
    }
    if run.report.settings.blind {
        line(ui, "Blind: the model saw a mid-grey picture of this size".to_owned());
    }
    if !unfolded {
        return;
    }
    ui.separator();
    let scores = record.scores.iter().map(|(name, value)| format!("{name} {}", mark(*value)));
    let scores: Vec<String> = scores.collect();
    if !scores.is_empty() {
        line(ui, scores.join(" · "));
    }
    let mut facts = Vec::new();
    if !record.output_ids.is_empty() {
        facts.push(format!(
            "{} tokens, ended by {}",
            record.output_ids.len(),
            record.finish_reason
        ));
    }
    if let Some(times) = record.timings {
        let whole = times.first_token_ms + times.decode_ms;
        facts.push(format!("first token {:.0} ms, answer {whole:.0} ms", times.first_token_ms));
    }
    if !record.device.is_empty() {
        facts.push(record.device.clone());
    }
    line(ui, facts.join(" · "));
    if !record.prompt.is_empty() {
        let prompt = RichText::new(&record.prompt).monospace().size(11.5).color(palette.dim);
        ui.add(Label::new(prompt).wrap());
    }
}
