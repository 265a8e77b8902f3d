//! The line of a turn that was asked of slices all over a series.

use egui::{Button, RichText, Ui};

use super::super::command::Command;
use super::super::theme;
use super::super::view_cx::ViewCx;
use crate::chat::Turn;

const HINT: &str =
    "Show this curve beside the slices. The model's own probabilities, not calibrated";

/// What came of the slices in a few words; a click shows the curve.
pub(crate) fn slices_line_ui(ui: &mut Ui, cx: &ViewCx<'_>, turn_idx: usize, turn: &Turn) {
    let Some(slices) = &turn.slices else { return };
    let palette = theme::palette(ui);
    let text = slices.summary();
    let words = RichText::new(&text).monospace().size(11.0).color(palette.dim);
    let button = Button::new(words).frame_when_inactive(false).small().wrap();
    if ui.add(button).accessible_name(&text).on_hover_text(HINT).clicked() {
        cx.send(Command::ShowSlices(turn_idx));
    }
}
