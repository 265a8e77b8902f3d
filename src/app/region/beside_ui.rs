//! An experiment's answer beside the one it repeats: the words that differ, and P(yes) of both.

use std::collections::HashMap;

use egui::{CornerRadius, Frame, Label, Margin, RichText, Stroke, Ui};

use super::super::fonts;
use super::super::sides::{agreement_ui, marks_ui};
use super::super::theme;
use super::super::tokens_ui::yes_share;
use super::super::view_cx::ViewCx;
use super::super::widgets::badge_ui;
use crate::chat::{Agreement, Answer, Conversation, Marked, Reliance, agreement, differences};
use crate::imaging::Alteration;

const RULE: &str = "None: on a blank picture and on noise the answer says the same as on the \
    picture. Low: on one of the two it does. High: on neither. The same means the same words, or \
    yes and yes, or no and no. Two tests of one answer: a hint, no measurement";

/// Answers that were compared, by those of experiments.
#[derive(Debug, Default)]
pub(crate) struct Beside(HashMap<u64, Pair>);

#[derive(Debug)]
struct Pair {
    texts: [String; 2],
    marked: Vec<Vec<Marked>>,
    agreement: Option<Agreement>,
}

impl Beside {
    /// Worked out when an answer changed, not for every drawing.
    fn pair(&mut self, before: &Answer, now: &Answer) -> &Pair {
        let texts = [before.text.as_str(), now.text.as_str()];
        let is_known = self.0.get(&now.id).is_some_and(|pair| pair.texts == texts);
        if !is_known {
            self.0.remove(&now.id);
        }
        self.0.entry(now.id).or_insert_with(|| Pair {
            texts: texts.map(str::to_owned),
            marked: differences(&texts),
            agreement: agreement(&texts),
        })
    }
}

/// Under the answer of an experiment, once it is whole.
pub(crate) fn beside_ui(ui: &mut Ui, cx: &ViewCx<'_>, memo: &mut Beside, turn_idx: usize) {
    let chat = cx.state.conversation();
    let Some(turn) = chat.turns.get(turn_idx).filter(|turn| turn.is_experiment()) else { return };
    let palette = theme::palette(ui);
    let small = |text: String| RichText::new(text).size(11.5).color(palette.dim);
    let Some(before_idx) = chat.repeated_by(turn_idx) else {
        ui.label(small("The question that this repeats is not in the chat any more".to_owned()));
        return;
    };
    let text = format!(
        "Question {} again, as it was asked then; later questions do not build on this",
        before_idx + 1
    );
    ui.add(Label::new(small(text)).wrap());
    let shown = chat.turns.get(before_idx).and_then(|before| before.shown());
    let (Some(before), Some(now)) = (shown, turn.shown()) else { return };
    let is_whole = |answer: &Answer| !answer.is_open() && !answer.text.trim().is_empty();
    if !is_whole(before) || !is_whole(now) {
        return;
    }
    let name = turn.experiment().map_or("Again", |altered| name_of(&altered.how));
    let pair = memo.pair(before, now);
    Frame::new()
        .fill(palette.raised)
        .stroke(Stroke::new(1.0, palette.line))
        .corner_radius(CornerRadius::same(8))
        .inner_margin(Margin::same(10))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            heading_ui(ui, pair.agreement, change_text(before, now));
            ui.columns(2, |uis| {
                let names = ["With the picture", name];
                for ((ui, name), marked) in uis.iter_mut().zip(names).zip(&pair.marked) {
                    let font = egui::FontId::new(12.0, fonts::semibold());
                    ui.label(RichText::new(name).font(font).color(palette.ai));
                    marks_ui(ui, marked);
                }
            });
        });
}

fn name_of(how: &Alteration) -> &'static str {
    match how {
        Alteration::Erase(_) => "Region erased",
        Alteration::Blank => "Blank picture",
        Alteration::Noise(_) => "Noise",
        Alteration::Crop(_) | Alteration::Mark(_) => "Altered",
    }
}

fn heading_ui(ui: &mut Ui, agreement: Option<Agreement>, change: Option<String>) {
    let palette = theme::palette(ui);
    ui.horizontal_wrapped(|ui| {
        if let Some(agreement) = agreement {
            agreement_ui(ui, agreement);
        }
        if let Some(change) = change {
            ui.label(RichText::new(change).monospace().size(11.0).color(palette.dim));
        }
    });
}

/// "P(yes) 83 % → 41 % · ΔP(yes) −42 points", of two answers to a closed question.
fn change_text(before: &Answer, now: &Answer) -> Option<String> {
    let share = |answer: &Answer| answer.tokens.as_deref().and_then(yes_share);
    let (before, now) = (share(before)? * 100.0, share(now)? * 100.0);
    let change = now.round() - before.round();
    let sign = match change {
        change if change < 0.0 => "−",
        change if change > 0.0 => "+",
        _ => "±",
    };
    let size = change.abs();
    Some(format!(
        "P(yes) {before:.0} % → {now:.0} % · ΔP(yes) {sign}{size:.0} points · uncalibrated"
    ))
}

/// What the blind test of an answer says, under it and under the test's last answer.
pub(crate) fn reliance_ui(ui: &mut Ui, chat: &Conversation, turn_idx: usize) {
    let experiment = chat.turns.get(turn_idx).and_then(|turn| turn.experiment());
    let is_last = experiment.is_some_and(|altered| matches!(altered.how, Alteration::Noise(_)));
    let tested = chat.repeated_by(turn_idx).filter(|_| is_last).unwrap_or(turn_idx);
    let Some(reliance) = chat.reliance(tested) else { return };
    let palette = theme::palette(ui);
    let color = match reliance {
        Reliance::High => palette.ok,
        Reliance::Low => palette.warn,
        Reliance::None => palette.bad,
    };
    ui.horizontal_wrapped(|ui| {
        badge_ui(ui, reliance.title(), color).on_hover_text(RULE);
        let text = RichText::new(reliance.why()).size(11.5).color(palette.dim);
        ui.add(Label::new(text).wrap()).on_hover_text(RULE);
    });
}
