//! The line at the bottom: what is under the cursor, what is under way, what computes.

use egui::{Align, Frame, Layout, Margin, Popup, PopupCloseBehavior, RichText, Ui};

use super::command::Command;
use super::engine_state::ModelStatus;
use super::fonts;
use super::icons;
use super::model_picker::loading_text;
use super::overlays::Hover;
use super::theme;
use super::turn_ui::meter_text;
use super::view_cx::ViewCx;
use super::widgets::{icon_button_ui, rest_of_row_ui, row_from_right_ui};

/// The whole bar.
pub(crate) fn status_bar_ui(ui: &mut Ui, cx: &ViewCx<'_>, hover: Option<&Hover>) {
    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = 14.0;
        picture_ui(ui, cx, hover);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            privacy_ui(ui, cx);
            jobs_ui(ui, cx);
        });
    });
}

fn picture_ui(ui: &mut Ui, cx: &ViewCx<'_>, hover: Option<&Hover>) {
    if let Some(screen) = cx.state.results.shown.filter(|_| cx.state.is_showing_results()) {
        quiet_ui(ui, Command::ToggleResults(screen).label());
        return;
    }
    if cx.state.is_comparing() {
        quiet_ui(ui, "AI-generated picture · not acquired data");
        return;
    }
    let viewport = cx.state.active_viewport();
    let Some(place) = &viewport.place else {
        quiet_ui(ui, "No study open");
        return;
    };
    let Some((_, series)) = cx.state.shown_series(place) else { return };
    quiet_ui(ui, &series.modality);
    if let Some((instance, _)) = series.instance_of(place.frame_idx) {
        quiet_ui(ui, &format!("{} × {}", instance.columns, instance.rows));
        quiet_ui(ui, &format!("{} bit", instance.bits_stored));
    }
    if series.num_frames() > 1 {
        quiet_ui(ui, &format!("{} / {}", place.frame_idx + 1, series.num_frames()));
    }
    if let Some(hover) = hover {
        let palette = theme::palette(ui);
        ui.label(RichText::new(hover.label()).monospace().size(11.5).color(palette.text));
        if let Some(note) = &hover.note {
            quiet_ui(ui, note);
        }
    }
}

fn quiet_ui(ui: &mut Ui, text: &str) {
    let palette = theme::palette(ui);
    ui.label(RichText::new(text).monospace().size(11.5).color(palette.faint));
}

fn privacy_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    let palette = theme::palette(ui);
    let (icon, text, color) = if cx.state.settings.privacy {
        (icons::EYE_CLOSED, "Privacy on", palette.faint)
    } else {
        (icons::EYE, "Patient data shown", palette.warn)
    };
    let icon = RichText::new(icon).font(fonts::icon(13.0)).color(color);
    let label = RichText::new(text).size(11.5).color(color);
    let button = egui::Button::new((icon, label)).frame_when_inactive(false).small();
    if ui.add(button).accessible_name(text).on_hover_text("Ctrl+Shift+H").clicked() {
        cx.send(Command::TogglePrivacy);
    }
}

/// What is under way; a click lists it with ways to stop it.
fn jobs_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    let palette = theme::palette(ui);
    let Some(text) = busiest(cx) else { return };
    let label = RichText::new(text.clone()).size(11.5).color(palette.dim);
    ui.spacing_mut().item_spacing.x = 6.0;
    let button = egui::Button::new(label).frame_when_inactive(false).small();
    let response = ui.add(button).accessible_name(format!("Jobs: {text}"));
    ui.add(egui::Spinner::new().size(11.0).color(palette.accent));
    Popup::from_toggle_button_response(&response)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .accessible_name("Jobs")
        .frame(Frame::popup(ui.style()).inner_margin(Margin::same(12)))
        .show(|ui| list_ui(ui, cx));
}

fn busiest(cx: &ViewCx<'_>) -> Option<String> {
    let engine = &cx.state.engine;
    if let ModelStatus::Loading(loading) = &engine.model {
        return Some(loading_text(loading, cx.state.now_secs));
    }
    if let Some(asking) = &engine.asking {
        let answer = cx.state.conversations.iter().find_map(|conversation| {
            let turn = conversation.turns.get(asking.slot.turn_idx)?;
            (conversation.id == asking.slot.conversation_id)
                .then(|| turn.answers.get(asking.slot.answer_idx))?
        });
        return answer.map(|answer| format!("Answering · {}", meter_text(answer)));
    }
    cx.state.jobs.visible().next().map(super::jobs::Job::label)
}

fn list_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    ui.set_min_width(300.0);
    if cx.state.engine.is_loading() {
        row_ui(ui, cx, "Loading model", Command::CancelLoad);
    }
    if cx.state.engine.asking.is_some() {
        row_ui(ui, cx, "Answering", Command::StopAnswer);
    }
    for job in cx.state.jobs.visible() {
        row_ui(ui, cx, &job.label(), Command::CancelJob(job.id));
    }
}

fn row_ui(ui: &mut Ui, cx: &ViewCx<'_>, label: &str, stop: Command) {
    row_from_right_ui(ui, 28.0, |ui| {
        if icon_button_ui(ui, icons::CLOSE, &format!("Stop: {label}")).clicked() {
            cx.send(stop);
        }
        rest_of_row_ui(ui, |ui| ui.label(label));
    });
}
