//! One question and its answer.

use egui::{Align, CornerRadius, Frame, Label, Layout, Margin, RichText, Stroke, Ui, vec2};
use egui_commonmark::CommonMarkViewer;

use super::chat_panel::ChatPanel;
use super::command::Command;
use super::drawing_ui::drawing_ui;
use super::fonts;
use super::icons;
use super::region::{beside_ui, reliance_ui};
use super::run_reconstruct::Compared;
use super::strip::slices_line_ui;
use super::theme;
use super::tokens_ui::{tokens_ui, yes_no_text};
use super::view_cx::ViewCx;
use super::widgets::{
    evidence_chip_ui, icon_button_ui, icon_toggle_ui, inert_markdown, rest_of_row_ui,
    row_from_right_ui,
};
use crate::chat::{Answer, AnswerState, Finish, Turn, capsule, short_hash};

/// Height of a picture's chip.
const CHIP: f32 = 50.0;
const EYE_NAME: &str = "Model's eye of this picture";
const EVIDENCE_HINT: &str = "Question, pictures by hash, window, model, weights, device, sampling, \
    and every token with what else was likely";
const REPLAY_HINT: &str = "Ask once more exactly as this answer was asked, and see whether it \
    comes out the same";
const BLIND_HINT: &str = "Ask the same on a blank picture and on noise: does the answer mind the \
    picture?";
const CONTINUE_HINT: &str = "Let the model write on where this answer broke off, as it would have";

/// Draws turn `turn_idx` of the chat shown.
pub(crate) fn turn_ui(ui: &mut Ui, cx: &ViewCx<'_>, panel: &mut ChatPanel, turn_idx: usize) {
    let conversation = cx.state.conversation();
    let Some(turn) = conversation.turns.get(turn_idx) else { return };
    ui.scope(|ui| {
        if turn_idx < cx.state.left_out_of(&conversation.turns) {
            ui.multiply_opacity(0.55);
            let text = "Not sent any more: the chat is longer than the model's context";
            ui.label(RichText::new(text).size(11.5));
        }
        question_ui(ui, cx, panel, turn_idx, turn);
        if let Some(answer) = turn.shown() {
            answer_ui(ui, cx, panel, turn_idx, answer);
            beside_ui(ui, cx, &mut panel.beside, turn_idx);
            reliance_ui(ui, conversation, turn_idx);
            slices_line_ui(ui, cx, turn_idx, turn);
            if !answer.is_open() {
                actions_ui(ui, cx, turn_idx, turn);
            }
        }
    });
}

fn question_ui(ui: &mut Ui, cx: &ViewCx<'_>, panel: &mut ChatPanel, turn_idx: usize, turn: &Turn) {
    let palette = theme::palette(ui);
    Frame::new()
        .fill(palette.you)
        .corner_radius(CornerRadius::same(10))
        .inner_margin(Margin::symmetric(12, 9))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            for (evidence_idx, evidence) in turn.evidence.iter().enumerate() {
                let small = evidence.thumbnail.as_ref();
                let texture = small.map(|small| cx.textures.picture(ui.ctx(), small));
                let label = match &texture {
                    Some(_) => evidence.label.clone(),
                    None => format!("{} · picture missing", evidence.label),
                };
                row_from_right_ui(ui, CHIP, |ui| {
                    ui.add_enabled_ui(evidence.image.is_some(), |ui| {
                        if icon_button_ui(ui, icons::EYE, EYE_NAME).clicked() {
                            cx.send(Command::LookAtEvidence { turn_idx, evidence_idx });
                        }
                    });
                    rest_of_row_ui(ui, |ui| {
                        let chip = evidence_chip_ui(ui, texture.as_ref(), &label, "Go to evidence");
                        if chip.on_hover_text("Show this slice and window again").clicked() {
                            cx.send(Command::GoToEvidence { turn_idx, evidence_idx });
                        }
                    });
                });
            }
            ui.with_layout(Layout::right_to_left(Align::Min), |ui| {
                ui.add_enabled_ui(cx.state.engine.asking.is_none(), |ui| {
                    if icon_button_ui(ui, icons::EDIT, "Edit and ask again").clicked() {
                        panel.composer.edit(turn_idx, &turn.question);
                    }
                });
                versions_ui(ui, cx, turn_idx);
                ui.with_layout(Layout::top_down(Align::Min), |ui| {
                    let font = egui::FontId::new(theme::CHAT_SIZE, fonts::reading());
                    let text = RichText::new(&turn.question).font(font).color(palette.text);
                    ui.add(Label::new(text).wrap());
                });
            });
        });
}

/// "‹ 2 / 3 ›" beside a question that was edited; from right to left.
fn versions_ui(ui: &mut Ui, cx: &ViewCx<'_>, turn_idx: usize) {
    let (place, of) = cx.state.conversation().version(turn_idx);
    if of < 2 {
        return;
    }
    let palette = theme::palette(ui);
    ui.spacing_mut().item_spacing.x = 0.0;
    let step_ui = |ui: &mut Ui, icon, label, step: isize, is_there: bool| {
        ui.add_enabled_ui(is_there && cx.state.may_change_path(), |ui| {
            if icon_button_ui(ui, icon, label).clicked() {
                cx.send(Command::StepVersion { turn_idx, step });
            }
        });
    };
    step_ui(ui, icons::CARET_RIGHT, "Next version", 1, place + 1 < of);
    let text = format!("{} / {of}", place + 1);
    ui.label(RichText::new(text).monospace().size(11.0).color(palette.dim));
    step_ui(ui, icons::CARET_LEFT, "Previous version", -1, place > 0);
}

fn answer_ui(
    ui: &mut Ui,
    cx: &ViewCx<'_>,
    panel: &mut ChatPanel,
    turn_idx: usize,
    answer: &Answer,
) {
    let palette = theme::palette(ui);
    ui.add_space(2.0);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        ui.label(RichText::new(icons::SPARKLE).font(fonts::icon(14.0)).color(palette.ai));
        let title = answer.provenance.as_ref().map_or("Model", |p| p.title.as_str());
        let font = egui::FontId::new(12.5, fonts::semibold());
        ui.label(RichText::new(title).font(font).color(palette.ai));
    });
    match &answer.state {
        AnswerState::Waiting => {
            status_ui(ui, "Kept until a model is loaded, then sent");
        }
        AnswerState::Reading(doing) => {
            let secs = cx.state.asked_secs().map_or(String::new(), |s| format!(" · {s:.1} s"));
            status_ui(ui, &format!("{doing}…{secs}"));
        }
        AnswerState::Streaming
        | AnswerState::Done(_)
        | AnswerState::Stopped
        | AnswerState::Interrupted(_)
        | AnswerState::Failed(_) => {}
    }
    if let Some(drawing) = &answer.drawing
        && let Some(turn) = cx.state.conversation().turns.get(turn_idx)
    {
        drawing_ui(ui, cx, &Compared { turn_idx, turn, answer, drawing });
    }
    match &answer.tokens {
        Some(tokens) if cx.state.has_tint && !answer.is_open() => {
            tokens_ui(ui, cx, turn_idx, tokens);
        }
        _ if answer.text.trim().is_empty() => {}
        _ => text_ui(ui, panel, answer),
    }
    if let Some(text) = answer.tokens.as_deref().and_then(yes_no_text) {
        ui.label(RichText::new(text).monospace().size(11.0).color(palette.dim));
    }
    match &answer.state {
        AnswerState::Failed(message) => {
            let title = if answer.drawing.is_some() { "No picture" } else { "No answer" };
            error_card_ui(ui, cx, turn_idx, title, message);
        }
        AnswerState::Interrupted(message) => {
            let title = if answer.drawing.is_some() {
                "Interrupted — the codes so far are kept"
            } else {
                "Interrupted — the text so far is kept"
            };
            error_card_ui(ui, cx, turn_idx, title, message);
        }
        _ => meter_ui(ui, answer),
    }
}

fn text_ui(ui: &mut Ui, panel: &mut ChatPanel, answer: &Answer) {
    let palette = theme::palette(ui);
    let mut text = inert_markdown(&answer.text);
    if answer.state == AnswerState::Streaming {
        text.push_str(" ▌");
    }
    ui.scope(|ui| {
        let style = ui.style_mut();
        let font = egui::FontId::new(theme::CHAT_SIZE, fonts::reading());
        style.text_styles.insert(egui::TextStyle::Body, font);
        style.visuals.override_text_color = None;
        style.visuals.widgets.noninteractive.fg_stroke = Stroke::new(1.0, palette.text);
        style.spacing.extra_text_line_spacing = 2.0;
        style.spacing.item_spacing.y = 8.0;
        CommonMarkViewer::new().show(ui, &mut panel.markdown, &text);
    });
}

/// What is being done, while nothing else can be seen of it.
pub(crate) fn status_ui(ui: &mut Ui, text: &str) {
    let palette = theme::palette(ui);
    ui.horizontal(|ui| {
        ui.add(egui::Spinner::new().size(13.0).color(palette.ai));
        ui.label(RichText::new(text).color(palette.dim));
    });
}

/// "prefill 0.42 s · 31.6 tok/s · 118 tok · first token 0.6 s · stopped at 87 tokens".
pub(crate) fn meter_text(answer: &Answer) -> String {
    let meter = &answer.meter;
    if answer.state == AnswerState::Stopped && !answer.has_content() {
        return "stopped before the first word".to_owned();
    }
    let mut parts = Vec::new();
    if meter.prefill_ms > 0.0 {
        parts.push(format!("prefill {:.2} s", (meter.image_encode_ms + meter.prefill_ms) / 1e3));
    }
    if let Some(rate) = meter.tokens_per_sec() {
        parts.push(format!("{rate:.1} tok/s"));
    }
    parts.push(format!("{} tok", meter.tokens));
    if let Some(first) = meter.first_token_ms {
        parts.push(format!("first token {:.1} s", first / 1e3));
    }
    match answer.state {
        AnswerState::Done(finish) => {
            parts.push(format!("total {:.1} s", meter.elapsed_ms / 1e3));
            parts.push(match finish {
                Finish::Stop => "ended".to_owned(),
                Finish::Length => "token limit reached".to_owned(),
            });
        }
        AnswerState::Stopped => parts.push(format!("stopped at {} tokens", meter.tokens)),
        _ => {}
    }
    parts.join(" · ")
}

fn meter_ui(ui: &mut Ui, answer: &Answer) {
    if matches!(answer.state, AnswerState::Waiting | AnswerState::Reading(_)) {
        return;
    }
    let palette = theme::palette(ui);
    let text = RichText::new(meter_text(answer)).monospace().size(11.0).color(palette.faint);
    ui.add(Label::new(text).wrap());
}

/// What happened, what was kept, what can be done.
fn error_card_ui(ui: &mut Ui, cx: &ViewCx<'_>, turn_idx: usize, title: &str, message: &str) {
    let palette = theme::palette(ui);
    Frame::new()
        .fill(theme::wash(ui, palette.bad, 0.08))
        .stroke(Stroke::new(1.0, theme::faded(palette.bad, 0.4)))
        .corner_radius(CornerRadius::same(8))
        .inner_margin(Margin::same(12))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = 6.0;
                ui.label(RichText::new(icons::ERROR).font(fonts::icon(15.0)).color(palette.bad));
                ui.label(RichText::new(title).font(egui::FontId::new(13.0, fonts::semibold())));
            });
            ui.add(Label::new(RichText::new(message).color(palette.dim)).wrap());
            ui.horizontal_wrapped(|ui| {
                ui.add_enabled_ui(cx.state.engine.asking.is_none(), |ui| {
                    if ui.button("Try again").clicked() {
                        cx.send(Command::Regenerate(turn_idx));
                    }
                });
                if cx.state.is_too_long(turn_idx) {
                    too_long_ui(ui, cx, turn_idx);
                }
                if ui.button("Choose model…").clicked() {
                    cx.send(Command::ToggleModelPicker);
                }
                if ui.button("Copy details").clicked() {
                    cx.send(Command::CopyText(format!("{title}: {message}")));
                }
            });
        });
}

/// A chat that is too long is not cut without being asked.
fn too_long_ui(ui: &mut Ui, cx: &ViewCx<'_>, turn_idx: usize) {
    let told = cx.state.left_out_of(&cx.state.conversation().turns);
    ui.add_enabled_ui(told < turn_idx, |ui| {
        let response = ui.button("Leave out oldest questions");
        let hint = "They stay in the chat and are not sent; the picture is";
        if response.on_hover_text(hint).clicked() {
            cx.send(Command::LeaveOutOldest(turn_idx));
        }
    });
    if ui.button("Ask in a new chat").on_hover_text("With the same picture").clicked() {
        cx.send(Command::AskInNewChat(turn_idx));
    }
}

fn actions_ui(ui: &mut Ui, cx: &ViewCx<'_>, turn_idx: usize, turn: &Turn) {
    let Some(answer) = turn.shown() else { return };
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        if !answer.text.is_empty() {
            if icon_button_ui(ui, icons::COPY, "Copy").clicked() {
                cx.send(Command::CopyText(answer.text.clone()));
            }
            if icon_button_ui(ui, icons::PROVENANCE, "Copy with provenance").clicked() {
                cx.send(Command::CopyText(with_provenance(turn, answer)));
            }
        }
        if answer.tokens.is_some() {
            let evidence = icon_button_ui(ui, icons::EVIDENCE, "Copy evidence");
            if evidence.on_hover_text(EVIDENCE_HINT).clicked()
                && let Ok(text) = capsule(turn, answer)
            {
                cx.send(Command::CopyText(text));
            }
            let name = "Confidence tint";
            if icon_toggle_ui(ui, icons::TINT, name, cx.state.has_tint).clicked() {
                cx.send(Command::ToggleTint);
            }
        }
        ui.add_enabled_ui(cx.state.engine.asking.is_none(), |ui| {
            if answer.can_go_on() {
                let go_on = icon_button_ui(ui, icons::CONTINUE, "Continue");
                if go_on.on_hover_text(CONTINUE_HINT).clicked() {
                    cx.send(Command::Continue(turn_idx));
                }
            }
            if icon_button_ui(ui, icons::REGENERATE, "Answer again").clicked() {
                cx.send(Command::Regenerate(turn_idx));
            }
            if answer.provenance.is_some() {
                let replay = icon_button_ui(ui, icons::REPLAY, "Replay");
                if replay.on_hover_text(REPLAY_HINT).clicked() {
                    cx.send(Command::Replay(turn_idx));
                }
            }
        });
        if !turn.wants_picture
            && icon_button_ui(ui, icons::COLUMNS, "Compare with other models").clicked()
        {
            cx.send(Command::OpenSides(turn_idx));
        }
        if cx.state.can_test_blindly(turn_idx) {
            let blind = icon_button_ui(ui, icons::EYE_CLOSED, "Blind test");
            if blind.on_hover_text(BLIND_HINT).clicked() {
                cx.send(Command::BlindTest(turn_idx));
            }
        }
        let fork = icon_button_ui(ui, icons::FORK, "Fork chat");
        if fork.on_hover_text("A chat of its own with all up to here").clicked() {
            cx.send(Command::ForkChat(turn_idx));
        }
        let of = turn.answers.len();
        if of > 1 {
            alternatives_ui(ui, cx, turn_idx, turn.shown_idx, of);
        }
    });
    if let Some(text) = same_as_before(turn) {
        let palette = theme::palette(ui);
        ui.add(Label::new(RichText::new(text).size(11.5).color(palette.dim)).wrap());
    }
    ui.add_space(6.0);
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 1.0), egui::Sense::hover());
    let palette = theme::palette(ui);
    ui.painter().hline(rect.x_range(), rect.center().y, Stroke::new(1.0, palette.line));
}

fn alternatives_ui(ui: &mut Ui, cx: &ViewCx<'_>, turn_idx: usize, idx: usize, of: usize) {
    let palette = theme::palette(ui);
    ui.add_enabled_ui(idx > 0, |ui| {
        if icon_button_ui(ui, icons::CARET_LEFT, "Previous answer").clicked() {
            cx.send(Command::StepAnswer { turn_idx, step: -1 });
        }
    });
    let text = format!("{} / {of}", idx + 1);
    ui.label(RichText::new(text).monospace().size(11.0).color(palette.dim));
    ui.add_enabled_ui(idx + 1 < of, |ui| {
        if icon_button_ui(ui, icons::CARET_RIGHT, "Next answer").clicked() {
            cx.send(Command::StepAnswer { turn_idx, step: 1 });
        }
    });
}

/// What became of asking the same again; saying so saves a puzzle.
fn same_as_before(turn: &Turn) -> Option<String> {
    let shown = turn.shown().filter(|answer| !answer.is_open())?;
    let made = shown.provenance.as_ref()?;
    let asked_same =
        |other: &&Answer| other.provenance.as_ref().is_some_and(|before| before.asks_same(made));
    let earlier = turn.answers.get(..turn.shown_idx)?;
    let before = earlier.iter().rev().find(asked_same)?;
    let elsewhere = match &before.provenance {
        Some(before) if before.device != made.device || before.precision != made.precision => {
            ", on another device or in other numbers"
        }
        Some(before) if before.program_version != made.program_version => {
            ", by another version of the program"
        }
        _ => "",
    };
    let same = match (&before.tokens, &shown.tokens, &before.drawing, &shown.drawing) {
        (Some(before), Some(shown), ..) => shown.compared_with(before).to_string(),
        (_, _, Some(before), Some(shown)) => {
            let same = before.codes == shown.codes && !shown.codes.is_empty();
            same.then_some("Same picture: same seed and parameters")?.to_owned()
        }
        _ => {
            (before.text == shown.text).then_some("Same text: same seed and parameters")?.to_owned()
        }
    };
    Some(same + elsewhere)
}

fn with_provenance(turn: &Turn, answer: &Answer) -> String {
    let mut text = format!("Q: {}\n\nA: {}\n", turn.question, answer.text);
    for evidence in &turn.evidence {
        let hash = short_hash(&evidence.image_sha256);
        text.push_str(&format!("\nImage: {} · SHA-256 {hash}", evidence.label));
    }
    if let Some(provenance) = &answer.provenance {
        text.push_str(&format!("\nModel: {}", provenance.line()));
    }
    text.push_str("\nModel output — unverified. Research use only.\n");
    text
}
