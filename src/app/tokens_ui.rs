//! How sure a model was: words tinted by their probability, what else was likely, and P(yes).

use egui::{Color32, CursorIcon, FontId, Label, Popup, RichText, Sense, Ui, vec2};

use super::command::Command;
use super::fonts;
use super::theme;
use super::view_cx::ViewCx;
use crate::chat::{Token, Tokens};
use crate::vlm::{Likely, YesNo};

/// Below so much of both together, yes and no were not what the model was about to say.
const CLOSED_SHARE: f32 = 0.1;

/// An answer token by token. What is said of it is the model's own and not calibrated.
pub(crate) fn tokens_ui(ui: &mut Ui, cx: &ViewCx<'_>, turn_idx: usize, tokens: &Tokens) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(0.0, 4.0);
        for (token_idx, token) in tokens.written.iter().enumerate() {
            token_ui(ui, cx, (turn_idx, token_idx), token);
        }
    });
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        let palette = theme::palette(ui);
        let small = |text: &str| RichText::new(text).size(11.5).color(palette.dim);
        ui.label(small("How likely each word was to the model: fluency, not truth; uncalibrated"));
        for (text, probability) in [("60–90%", 0.7), ("30–60%", 0.4), ("<30%", 0.1)] {
            ui.label(small(text).background_color(shade(ui, probability)));
        }
    });
}

fn token_ui(ui: &mut Ui, cx: &ViewCx<'_>, (turn_idx, token_idx): (usize, usize), token: &Token) {
    // a line of its own for every line of the text
    for (index, line) in token.text.split('\n').enumerate() {
        if index > 0 {
            ui.end_row();
        }
        if line.is_empty() {
            continue;
        }
        let font = FontId::new(theme::CHAT_SIZE, fonts::reading());
        let color = theme::palette(ui).text;
        let probability = token.log_prob.exp();
        let text =
            RichText::new(line).font(font).color(color).background_color(shade(ui, probability));
        let label = Label::new(text).selectable(false).sense(Sense::click());
        let response = ui.add(label).on_hover_ui(|ui| likely_ui(ui, token));
        let others: Vec<&Likely> = token.likely.iter().filter(|l| l.id != token.id).collect();
        if others.is_empty() || cx.state.engine.must_wait() {
            continue;
        }
        Popup::menu(&response.on_hover_cursor(CursorIcon::PointingHand)).show(|ui| {
            let palette = theme::palette(ui);
            let text = RichText::new("Go on from another word").size(11.5).color(palette.dim);
            ui.label(text);
            for other in others {
                if ui.button(percent_of(&other.text, other.log_prob)).clicked() {
                    cx.send(Command::TurnOff { turn_idx, token_idx, id: other.id });
                }
            }
        });
    }
}

/// Nothing from nine in ten on.
fn shade(ui: &Ui, probability: f32) -> Color32 {
    let palette = theme::palette(ui);
    match probability {
        0.9.. => Color32::TRANSPARENT,
        0.6.. => theme::faded(palette.warn, 0.14),
        0.3.. => theme::faded(palette.warn, 0.34),
        _ => theme::faded(palette.bad, 0.42),
    }
}

/// The word that came, and what could have come in its place.
fn likely_ui(ui: &mut Ui, token: &Token) {
    let palette = theme::palette(ui);
    let line = |ui: &mut Ui, text: &str, log_prob: f32, is_it: bool| {
        let text = percent_of(text, log_prob);
        let color = if is_it { palette.text } else { palette.dim };
        ui.label(RichText::new(text).monospace().size(12.0).color(color));
    };
    if token.likely.iter().all(|likely| likely.id != token.id) {
        line(ui, &token.text, token.log_prob, true);
    }
    for likely in &token.likely {
        line(ui, &likely.text, likely.log_prob, likely.id == token.id);
    }
    if token.likely.is_empty() {
        let text = "What else was likely stayed on the graphics adapter";
        ui.label(RichText::new(text).size(11.5).color(palette.faint));
    }
}

fn percent_of(text: &str, log_prob: f32) -> String {
    format!("{:>5.1} %  {}", f64::from(log_prob).exp() * 100.0, shown(text))
}

/// Blanks can be seen.
fn shown(text: &str) -> String {
    text.replace('\n', "⏎").replace(' ', "␣")
}

/// P(yes), where yes or no was what the model was about to say.
pub(crate) fn yes_share(tokens: &Tokens) -> Option<f32> {
    closed_share(tokens.yes_no)
}

/// The same of what is known of the first word.
pub(crate) fn closed_share(found: Option<YesNo>) -> Option<f32> {
    Some(found.filter(|found| found.yes + found.no >= CLOSED_SHARE)?.share())
}

/// "P(yes) 83 %" of an answer to a closed question.
pub(crate) fn yes_no_text(tokens: &Tokens) -> Option<String> {
    let share = yes_share(tokens)?;
    let YesNo { yes, no } = tokens.yes_no?;
    Some(format!(
        "P(yes) {:.0} % · as first word: yes {:.1} %, no {:.1} % · uncalibrated",
        share * 100.0,
        yes * 100.0,
        no * 100.0
    ))
}
