//! The screen of a training: how far it is, and its curves.

use egui::{CornerRadius, Frame, Label, Margin, RichText, ScrollArea, Slider, Stroke, Ui, vec2};

use super::super::command::Command;
use super::super::fonts;
use super::super::icons;
use super::super::theme;
use super::super::view_cx::ViewCx;
use super::ResultsScreen;
use super::chart::{Act, Chart, Look, Series, chart_ui};
use super::chart_scale::number;
use super::curves::Curves;
use super::heading_ui::{duration, fact_ui, heading_ui, tag_ui};
use super::training::{Training, TrainingStatus};

const GAP: f32 = 10.0;
/// Below this width the charts stand one below the other.
const TWO_COLUMNS: f32 = 760.0;
const LOWEST: f32 = 170.0;
const LEGEND: f32 = 24.0;

/// How the reader looks at the curves.
#[derive(Debug)]
pub(super) struct TrainingPanel {
    smoothing: f32,
    is_log: bool,
    /// First and last step shown; all when none.
    zoom: Option<(f64, f64)>,
    pointed: Option<f64>,
    curves: Curves,
}

impl Default for TrainingPanel {
    fn default() -> Self {
        Self {
            smoothing: 0.95,
            is_log: false,
            zoom: None,
            pointed: None,
            curves: Curves::default(),
        }
    }
}

/// The whole area.
pub(super) fn training_ui(
    ui: &mut Ui,
    cx: &ViewCx<'_>,
    training: &Training,
    panel: &mut TrainingPanel,
) {
    let palette = theme::palette(ui);
    let status = training.status(cx.state.now_secs);
    let screen = ResultsScreen::Training;
    let right = |ui: &mut Ui| {
        if ui.button("Open training…").clicked() {
            cx.send(Command::OpenTraining);
        }
    };
    heading_ui(ui, cx, screen, right, |ui| {
        // folders are often called after patients, those of trainings hardly ever; the path is
        ui.add(Label::new(RichText::new(training.name()).color(palette.dim)).truncate());
        status_ui(ui, status);
    });
    Frame::new().fill(palette.panel).inner_margin(Margin::symmetric(theme::PADDING, 8)).show(
        ui,
        |ui| {
            ui.set_min_size(ui.available_size());
            ui.spacing_mut().item_spacing.y = 8.0;
            match status {
                TrainingStatus::NoFile => waiting_ui(ui, "No file yet", NO_FILE),
                TrainingStatus::NoStep => waiting_ui(ui, "No step yet", NO_STEP),
                _ => {
                    facts_ui(ui, cx, training, status);
                    notes_ui(ui, training, status);
                    controls_ui(ui, panel);
                    charts_ui(ui, training, panel);
                }
            }
            if let Some(trouble) = &training.trouble {
                note_ui(ui, trouble);
            }
        },
    );
}

const NO_FILE: &str = "This folder has no metrics.jsonl. It is written with the first step of \
    reading-room train, and is shown here as soon as it is there.";
const NO_STEP: &str = "metrics.jsonl is there and has no step yet. The first one is shown here as \
    soon as it is done.";

fn waiting_ui(ui: &mut Ui, title: &str, text: &str) {
    let palette = theme::palette(ui);
    ui.vertical_centered(|ui| {
        ui.add_space(ui.available_height() * 0.3);
        ui.label(RichText::new(icons::HOURGLASS).font(fonts::icon(36.0)).color(palette.faint));
        ui.label(RichText::new(title).font(egui::FontId::new(16.0, fonts::semibold())));
        ui.set_max_width(460.0);
        ui.add(Label::new(RichText::new(text).color(palette.dim)).wrap());
    });
}

fn status_ui(ui: &mut Ui, status: TrainingStatus) {
    let palette = theme::palette(ui);
    let (text, color) = match status {
        TrainingStatus::NoFile | TrainingStatus::NoStep => ("Waiting", palette.faint),
        TrainingStatus::Running => ("Running", palette.ok),
        TrainingStatus::Stopped(_) => ("Stopped", palette.warn),
        TrainingStatus::Finished => ("Finished", palette.accent),
    };
    tag_ui(ui, text, color);
}

fn facts_ui(ui: &mut Ui, cx: &ViewCx<'_>, training: &Training, status: TrainingStatus) {
    let Some(last) = training.last() else { return };
    let facts = facts(cx, training, status, last);
    ScrollArea::horizontal().id_salt("facts").show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 26.0;
            for (name, value) in facts {
                fact_ui(ui, name, &value);
            }
        });
    });
}

fn facts(
    cx: &ViewCx<'_>,
    training: &Training,
    status: TrainingStatus,
    last: &crate::train::Metric,
) -> Vec<(&'static str, String)> {
    let of = |text: String, whole: Option<String>| match whole {
        Some(whole) => format!("{text} of {whole}"),
        None => text,
    };
    let steps = training.steps();
    let step = of(last.step.to_string(), steps.map(|steps| steps.to_string()));
    let epoch = of(format!("{:.2}", last.epoch), training.epochs().map(|all| all.to_string()));
    let place = training.stages.len();
    let stage = match training.num_stages() {
        Some(all) if all > 1 => format!("{} ({place} of {all})", last.stage),
        _ => last.stage.clone(),
    };
    let mut facts = vec![("Step", step), ("Epoch", epoch), ("Stage", stage)];
    if let Some(pace) = training.pace_secs() {
        facts.push(("Pace", format!("{pace:.2} s a step")));
    }
    let left = match (status, training.secs_left()) {
        (TrainingStatus::Finished, _) => "none".to_owned(),
        (_, Some(secs)) => duration(secs),
        (_, None) => "not known".to_owned(),
    };
    facts.push(("Time left", left));
    facts.push(("Last step", format!("{} ago", duration(training.quiet_secs(cx.state.now_secs)))));
    if let Some(best) = training.best().filter(|_| training.validated().is_some()) {
        let loss = number(best.validation_loss.unwrap_or(f64::NAN));
        facts.push(("Best validation loss", format!("{loss} (step {})", best.step)));
    }
    facts
}

fn notes_ui(ui: &mut Ui, training: &Training, status: TrainingStatus) {
    if let TrainingStatus::Stopped(secs) = status {
        let text = format!(
            "No step for {}: the training was stopped. The same command goes on from its last \
             saved state.",
            duration(secs)
        );
        note_ui(ui, &text);
    }
    if training.is_cut_off {
        note_ui(ui, "The last line of metrics.jsonl is cut off and left out until it is whole.");
    }
    match training.damaged {
        0 => {}
        1 => note_ui(ui, "One line of metrics.jsonl could not be read and is left out."),
        n => {
            note_ui(ui, &format!("{n} lines of metrics.jsonl could not be read and are left out."));
        }
    }
    if training.steps().is_none() {
        let palette = theme::palette(ui);
        let text = "Time left is known when the training's CONFIG.toml lies in this folder or \
                    beside it.";
        ui.add(Label::new(RichText::new(text).size(12.0).color(palette.faint)).truncate());
    }
}

fn note_ui(ui: &mut Ui, text: &str) {
    let palette = theme::palette(ui);
    ui.horizontal(|ui| {
        ui.label(RichText::new(icons::WARNING).font(fonts::icon(14.0)).color(palette.warn));
        ui.add(Label::new(RichText::new(text).size(12.5).color(palette.warn)).wrap());
    });
}

fn controls_ui(ui: &mut Ui, panel: &mut TrainingPanel) {
    let palette = theme::palette(ui);
    ui.horizontal(|ui| {
        ui.label(RichText::new("Smoothing").color(palette.dim));
        let slider = Slider::new(&mut panel.smoothing, 0.0..=0.99).fixed_decimals(2);
        ui.add(slider).accessible_name("Smoothing");
        ui.checkbox(&mut panel.is_log, "Logarithmic");
        let is_zoomed = panel.zoom.is_some();
        if ui.add_enabled(is_zoomed, egui::Button::new("Show all steps")).clicked() {
            panel.zoom = None;
        }
        let hint = "Drag over a chart to look closer, double click to see all";
        ui.add(Label::new(RichText::new(hint).size(12.0).color(palette.faint)).truncate());
    });
}

fn charts_ui(ui: &mut Ui, training: &Training, panel: &mut TrainingPanel) {
    let palette = theme::palette(ui);
    if panel.curves.id() != Some(training.id) {
        // another training begins with all its steps
        panel.zoom = None;
    }
    panel.curves.update(training, panel.smoothing);
    let first = training.metrics.first().map_or(0.0, |metric| metric.step as f64);
    let last = training.last().map_or(1.0, |metric| metric.step as f64);
    let stages = training.stages.iter().skip(1);
    let stages: Vec<(f64, &str)> =
        stages.map(|stage| (stage.first_step as f64, stage.name.as_str())).collect();
    let curves = &panel.curves;
    let series = |name, points, color, look| Series { name, points, color, look };
    let (train, smooth, held) = (palette.accent, palette.accent, palette.warn);
    let loss = [
        series("training", curves.loss.as_slice(), train, Look::Faint),
        series("smoothed", &curves.smooth_loss, smooth, Look::Line),
        series("validation", &curves.validation_loss, held, Look::Dots),
    ];
    let accuracy = [
        series("training", curves.accuracy.as_slice(), train, Look::Faint),
        series("smoothed", &curves.smooth_accuracy, smooth, Look::Line),
        series("validation", &curves.validation_accuracy, held, Look::Dots),
    ];
    let rate = [series("learning rate", curves.rate.as_slice(), palette.ok, Look::Line)];
    let norm = [
        series("gradient norm", curves.norm.as_slice(), palette.ai, Look::Faint),
        series("smoothed", &curves.smooth_norm, palette.ai, Look::Line),
    ];
    let chart = |title, series, is_log, is_share| Chart {
        title,
        series,
        steps: panel.zoom.unwrap_or((first, last)),
        is_log,
        is_share,
        stages: &stages,
        pointed: panel.pointed,
    };
    let charts = [
        chart(if training.is_codec { "Difference" } else { "Loss" }, &loss, panel.is_log, false),
        chart(
            if training.is_codec { "Likeness (SSIM), %" } else { "Ids right, %" },
            &accuracy,
            false,
            true,
        ),
        chart("Learning rate", &rate, false, false),
        chart("Gradient norm", &norm, panel.is_log, false),
    ];
    let acts = grid_ui(ui, &charts);
    let before = panel.pointed.take();
    for act in acts {
        match act {
            Act::Points(step) => panel.pointed = Some(step.clamp(first, last)),
            Act::Zooms(from, to) => panel.zoom = Some((from.max(first), to.min(last))),
            Act::ShowsAll => panel.zoom = None,
        }
    }
    if panel.pointed != before {
        // all charts mark the same step
        ui.ctx().request_repaint();
    }
}

fn grid_ui(ui: &mut Ui, charts: &[Chart<'_>]) -> Vec<Act> {
    let columns = if ui.available_width() >= TWO_COLUMNS { 2 } else { 1 };
    let rows = charts.len().div_ceil(columns) as f32;
    let height = ((ui.available_height() - GAP * rows) / rows).max(LOWEST);
    let mut acts = Vec::new();
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        let width = (ui.available_width() - GAP * (columns - 1) as f32) / columns as f32;
        for row in charts.chunks(columns) {
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = GAP;
                for chart in row {
                    acts.extend(card_ui(ui, chart, width, height));
                }
            });
        }
    });
    acts
}

fn card_ui(ui: &mut Ui, chart: &Chart<'_>, width: f32, height: f32) -> Option<Act> {
    let palette = theme::palette(ui);
    let margin = 8.0;
    let inner = Frame::new()
        .fill(palette.raised)
        .stroke(Stroke::new(1.0, palette.line))
        .corner_radius(CornerRadius::same(8))
        .inner_margin(Margin::same(margin as i8))
        .show(ui, |ui| {
            let inside = vec2(width - 2.0 * margin - 2.0, height - 2.0 * margin - 2.0);
            ui.vertical(|ui| {
                ui.set_width(inside.x);
                ui.spacing_mut().item_spacing.y = 2.0;
                legend_ui(ui, chart);
                chart_ui(ui, vec2(inside.x, inside.y - LEGEND), chart)
            })
            .inner
        });
    inner.inner
}

fn legend_ui(ui: &mut Ui, chart: &Chart<'_>) {
    let palette = theme::palette(ui);
    let step = chart.pointed.unwrap_or(f64::INFINITY);
    ui.horizontal(|ui| {
        ui.set_height(LEGEND - 4.0);
        ui.spacing_mut().item_spacing.x = 12.0;
        let font = egui::FontId::new(13.0, fonts::semibold());
        ui.label(RichText::new(chart.title).font(font).color(palette.text));
        for series in chart.series {
            let Some(value) = series.at(step) else { continue };
            let is_faint = series.look == Look::Faint && chart.series.len() > 1;
            let color = if is_faint { theme::faded(series.color, 0.6) } else { series.color };
            let text = format!("{} {}", series.name, chart.number(value));
            ui.add(Label::new(RichText::new(text).size(11.5).color(color)).extend());
        }
        if let Some(step) = chart.pointed {
            let text = RichText::new(format!("step {step:.0}")).size(11.5).color(palette.dim);
            ui.add(Label::new(text).extend());
        }
    });
}
