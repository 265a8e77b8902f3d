//! The question box with the picture that goes with the question.

use egui::text::{CCursor, CCursorRange};
use egui::text_edit::TextEditState;
use egui::{CornerRadius, Frame, Id, Key, Margin, RichText, Stroke, TextEdit, Ui, vec2};

use super::command::Command;
use super::engine_state::ModelStatus;
use super::fonts;
use super::icons;
use super::textures::Look;
use super::theme;
use super::view_cx::ViewCx;
use super::widgets::{
    evidence_chip_ui, icon_button_ui, primary_button_ui, rest_of_row_ui, row_from_right_ui,
};
use crate::chat::Evidence;

/// A question being typed.
#[derive(Debug, Default)]
pub struct Composer {
    /// The text.
    pub text: String,
    /// The reader took the view off, or put it back; none leaves it to the app.
    pub with_view: Option<bool>,
    /// The turn whose pictures go along, when an earlier question is being edited.
    pub again_of: Option<usize>,
    takes_focus: bool,
}

impl Composer {
    /// Replaces the text and takes the keyboard.
    pub(crate) fn fill(&mut self, text: &str) {
        text.clone_into(&mut self.text);
        self.takes_focus = true;
    }

    pub(crate) fn edit(&mut self, turn_idx: usize, question: &str) {
        self.fill(question);
        self.again_of = Some(turn_idx);
    }
}

/// The box that takes the keyboard; named so that others can give it.
pub(crate) fn question_id() -> Id {
    Id::unique("question box")
}

/// Chip, box, buttons, and the line under them.
pub(crate) fn composer_ui(ui: &mut Ui, cx: &ViewCx<'_>, composer: &mut Composer) {
    let palette = theme::palette(ui);
    let has_focus = ui.memory(|memory| memory.has_focus(question_id()));
    let line = if has_focus { palette.accent } else { palette.line };
    Frame::new()
        .fill(palette.raised)
        .stroke(Stroke::new(1.0, line))
        .corner_radius(CornerRadius::same(10))
        .inner_margin(Margin::same(8))
        .show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 4.0;
            queue_ui(ui, cx, composer);
            attachment_ui(ui, cx, composer);
            text_ui(ui, cx, composer);
            row_from_right_ui(ui, 30.0, |ui| {
                send_ui(ui, cx, composer);
                reconstruct_ui(ui, cx, composer);
                rest_of_row_ui(ui, |ui| context_ui(ui, cx));
            });
        });
    ui.add_space(-2.0);
    let text = "Model output — unverified. Check against the images and a qualified reader.";
    ui.vertical_centered(|ui| ui.label(RichText::new(text).size(11.0).color(palette.faint)));
}

/// Questions of this chat that wait for the model.
fn queue_ui(ui: &mut Ui, cx: &ViewCx<'_>, composer: &mut Composer) {
    let palette = theme::palette(ui);
    let here = cx.state.conversation().id;
    for (place, queued) in cx.state.engine.queue.iter().enumerate() {
        if queued.conversation_id != here {
            continue;
        }
        row_from_right_ui(ui, 24.0, |ui| {
            if icon_button_ui(ui, icons::CLOSE, "Take out of the queue").clicked() {
                cx.send(Command::Unqueue(place));
                if composer.text.trim().is_empty() {
                    composer.fill(&queued.question);
                }
            }
            rest_of_row_ui(ui, |ui| {
                let text = RichText::new(format!("Next: {}", queued.question));
                ui.add(egui::Label::new(text.size(12.5).color(palette.dim)).truncate());
            });
        });
    }
}

/// Whether the picture of the active viewport goes with the question.
fn goes_with_view(cx: &ViewCx<'_>, composer: &Composer) -> bool {
    // a follow-up about the same view needs no second copy of the picture
    composer.with_view.unwrap_or_else(|| !cx.state.view_was_sent())
}

fn attachment_ui(ui: &mut Ui, cx: &ViewCx<'_>, composer: &mut Composer) {
    let palette = theme::palette(ui);
    if let Some(turn_idx) = composer.again_of {
        ui.horizontal(|ui| {
            let text = format!("Editing question {}; its first version is kept", turn_idx + 1);
            ui.label(RichText::new(text).size(11.5).color(palette.dim));
            if icon_button_ui(ui, icons::CLOSE, "Stop editing").clicked() {
                composer.again_of = None;
            }
        });
        return;
    }
    if let Some(attached) = &cx.state.attached {
        attached_ui(ui, cx, attached);
        return;
    }
    let Some(label) = cx.state.view_label() else { return };
    if !goes_with_view(cx, composer) {
        let icon = RichText::new(icons::ATTACH).font(fonts::icon(13.0)).color(palette.faint);
        let text = RichText::new("Attach this view").size(11.5).color(palette.dim);
        let button = egui::Button::new((icon, text)).frame_when_inactive(false);
        if ui.add(button).accessible_name("Attach this view").clicked() {
            composer.with_view = Some(true);
        }
        return;
    }
    let texture = view_texture(ui, cx);
    row_from_right_ui(ui, 50.0, |ui| {
        if icon_button_ui(ui, icons::CLOSE, "Do not attach this view").clicked() {
            composer.with_view = Some(false);
        }
        rest_of_row_ui(ui, |ui| evidence_chip_ui(ui, texture.as_ref(), &label, "Attached view"));
    });
}

/// A region in place of the view.
fn attached_ui(ui: &mut Ui, cx: &ViewCx<'_>, attached: &Evidence) {
    let texture = attached.thumbnail.as_ref().map(|small| cx.textures.picture(ui.ctx(), small));
    row_from_right_ui(ui, 50.0, |ui| {
        if icon_button_ui(ui, icons::CLOSE, "Do not attach this region").clicked() {
            cx.send(Command::Detach);
        }
        rest_of_row_ui(ui, |ui| {
            let chip = evidence_chip_ui(ui, texture.as_ref(), &attached.label, "Attached region");
            chip.on_hover_text(&attached.label);
        });
    });
}

/// The picture of the active viewport, as it is drawn there.
fn view_texture(ui: &Ui, cx: &ViewCx<'_>) -> Option<egui::TextureHandle> {
    let viewport = cx.state.active_viewport();
    let frame_ref = cx.state.frame_ref(viewport.place.as_ref()?)?;
    let loaded = cx.state.frames.loaded(&frame_ref)?;
    let grayscale = viewport.view.grayscale(&loaded);
    let squares = viewport.draws_squares(cx.state.settings.nearest);
    Some(cx.textures.frame(ui.ctx(), &frame_ref, &Look::grey(grayscale), squares, &loaded))
}

fn text_ui(ui: &mut Ui, cx: &ViewCx<'_>, composer: &mut Composer) {
    // Enter is taken before the box sees it; while an input method composes, Enter is its own
    let composes = ui.input(|i| i.events.iter().any(|event| matches!(event, egui::Event::Ime(_))));
    let has_focus = ui.memory(|memory| memory.has_focus(question_id()));
    let enter = has_focus
        && !composes
        && ui.input_mut(|i| {
            let shifted = i.modifiers.shift;
            !shifted && i.consume_key(egui::Modifiers::NONE, Key::Enter)
        });
    let hint = if cx.state.attached.is_some() {
        "Ask about this region…"
    } else if cx.state.active_viewport().place.is_some() {
        "Ask about this view…"
    } else {
        "Ask a question…"
    };
    let rows = composer.text.lines().count().clamp(2, 8);
    let output = egui::ScrollArea::vertical().max_height(170.0).show(ui, |ui| {
        ui.add(
            TextEdit::multiline(&mut composer.text)
                .id(question_id())
                .hint_text(hint)
                .font(egui::FontId::new(theme::CHAT_SIZE - 0.5, fonts::reading()))
                .frame(Frame::NONE)
                .background_color(egui::Color32::TRANSPARENT)
                .desired_width(f32::INFINITY)
                .desired_rows(rows)
                .margin(Margin::symmetric(4, 2)),
        )
        .accessible_name("Question")
    });
    if std::mem::take(&mut composer.takes_focus) {
        output.inner.request_focus();
        put_cursor_last(ui, &composer.text);
    } else if cx.state.focus_question {
        output.inner.request_focus();
    }
    if enter {
        send(cx, composer);
    }
    let up = |i: &mut egui::InputState| i.consume_key(egui::Modifiers::NONE, Key::ArrowUp);
    if has_focus && composer.text.is_empty() && ui.input_mut(up) {
        let turns = &cx.state.conversation().turns;
        if let Some(last) = turns.last().filter(|_| !cx.state.engine.must_wait()) {
            composer.edit(turns.len() - 1, &last.question);
        }
    }
}

/// Typing goes on behind the text that was put there.
fn put_cursor_last(ui: &Ui, text: &str) {
    let mut state = TextEditState::load(ui.ctx(), question_id()).unwrap_or_default();
    let last = CCursorRange::one(CCursor::new(text.chars().count()));
    state.cursor.set_char_range(Some(last));
    state.store(ui.ctx(), question_id());
}

fn send_ui(ui: &mut Ui, cx: &ViewCx<'_>, composer: &mut Composer) {
    let is_empty = composer.text.trim().is_empty();
    if let Some(asking) = &cx.state.engine.asking {
        stop_ui(ui, cx, asking.stopping);
        if is_empty {
            return;
        }
    }
    let engine = &cx.state.engine;
    let loads = matches!(engine.model, ModelStatus::Unloaded | ModelStatus::Failed(_));
    let label = match &engine.model {
        _ if engine.must_wait() => "Queue",
        ModelStatus::Ready(_) | ModelStatus::Lost(_) => "Send",
        ModelStatus::Loading(_) => "Send after loading",
        ModelStatus::Unloaded | ModelStatus::Failed(_) => "Load a model…",
    };
    ui.add_enabled_ui(!is_empty || loads, |ui| {
        let icon = if loads { icons::CUBE } else { icons::SEND };
        if primary_button_ui(ui, icon, label).clicked() {
            if is_empty {
                cx.send(Command::ToggleModelPicker);
            } else {
                send(cx, composer);
            }
        }
    });
}

fn stop_ui(ui: &mut Ui, cx: &ViewCx<'_>, stopping: bool) {
    let label = if stopping { "Stopping…" } else { "Stop" };
    ui.add_enabled_ui(!stopping, |ui| {
        let icon = RichText::new(icons::STOP).font(fonts::icon(15.0));
        let button = egui::Button::new((icon, label)).min_size(vec2(0.0, 30.0));
        let response = ui.add(button).accessible_name(label);
        if response.on_hover_text("Esc").clicked() {
            cx.send(Command::StopAnswer);
        }
    });
}

/// Asks for the model's own picture of the one shown; when that cannot be, the hover text says why.
fn reconstruct_ui(ui: &mut Ui, cx: &ViewCx<'_>, composer: &mut Composer) {
    let obstacle = cx.state.cannot_reconstruct();
    let palette = theme::palette(ui);
    let response = ui
        .add_enabled_ui(obstacle.is_none(), |ui| {
            let icon = RichText::new(icons::PAINT_BRUSH).font(fonts::icon(15.0)).color(palette.ai);
            ui.add(egui::Button::new((icon, "Reconstruct")).min_size(vec2(0.0, 30.0)))
        })
        .inner
        .accessible_name("Reconstruct");
    let response = response.on_hover_text(
        "The model draws its own picture of the one shown, from codes. The text above goes along.",
    );
    if response.on_disabled_hover_text(obstacle.unwrap_or_default()).clicked() {
        reconstruct(cx, composer);
    }
}

fn reconstruct(cx: &ViewCx<'_>, composer: &mut Composer) {
    if cx.state.cannot_reconstruct().is_some() {
        return;
    }
    cx.send(Command::Reconstruct {
        request: std::mem::take(&mut composer.text),
        again_of: composer.again_of.take(),
    });
    composer.with_view = None;
}

fn send(cx: &ViewCx<'_>, composer: &mut Composer) {
    let again_of = composer.again_of.and_then(|idx| cx.state.conversation().turns.get(idx));
    if again_of.is_some_and(|turn| turn.wants_picture) {
        reconstruct(cx, composer);
        return;
    }
    if !composer.text.trim().is_empty() {
        cx.send(Command::Ask {
            with_view: goes_with_view(cx, composer),
            question: std::mem::take(&mut composer.text),
            again_of: composer.again_of.take(),
        });
        composer.with_view = None;
    }
}

/// How much of the model's context this chat takes.
fn context_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    let Some(info) = cx.state.engine.info() else { return };
    let palette = theme::palette(ui);
    // a drawing stands outside of the conversation in words
    let turns = cx.state.conversation().turns.iter().rev().filter(|turn| !turn.wants_picture);
    let shown = turns.filter_map(|turn| turn.shown());
    let last = shown.into_iter().find(|answer| answer.meter.prompt_tokens > 0);
    let used = last.map_or(0, |answer| {
        answer.meter.prompt_tokens + u32::try_from(answer.meter.tokens).unwrap_or(0)
    });
    let share = f64::from(used) / f64::from(info.context_len.max(1));
    let color = match share {
        share if share >= 0.95 => palette.bad,
        share if share >= 0.8 => palette.warn,
        _ => palette.faint,
    };
    let text = if used == 0 {
        format!("{} tokens per image", info.image_tokens)
    } else {
        format!("{used} / {} tokens", info.context_len)
    };
    let text = RichText::new(text).monospace().size(11.0).color(color);
    let label = egui::Label::new(text).truncate();
    ui.add(label).on_hover_text("Context of the model taken by this chat");
}
