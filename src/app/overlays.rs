//! Text over the picture: corners, orientation letters, the value under the cursor.

use std::sync::Arc;

use egui::{Align2, FontId, Pos2, Rect, Ui, pos2, vec2};

use super::corners::{display_lines, image_line, patient_lines, series_lines, study_lines};
use super::frames::LoadedFrame;
use super::measure::suv_text;
use super::state::Overlays;
use super::theme;
use super::view_cx::ViewCx;
use super::viewport::{Viewport, number};
use crate::imaging::{Frame, SuvKind, orientation_labels};

const MARGIN: f32 = 12.0;
const LINE_HEIGHT: f32 = 16.0;

/// The pixel under the cursor and what it holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Hover {
    pub(crate) column: u32,
    pub(crate) row: u32,
    pub(crate) value: String,
    /// Why there is no SUV of a PET picture.
    pub(crate) note: Option<String>,
}

impl Hover {
    pub(crate) fn read(frame: &Frame, (column, row): (u32, u32), suv: SuvKind) -> Self {
        let uptake = frame.info().uptake.as_ref();
        let is_padding = frame.stored(column, row).is_some_and(|stored| frame.is_padding(stored));
        let value = if is_padding {
            "padding".to_owned()
        } else if let Some(value) = frame.modality_value(column, row) {
            let own = format!("{} {}", number(value), frame.unit()).trim_end().to_owned();
            match uptake.and_then(|uptake| uptake.suv(suv, value)) {
                Some(value) => format!("{own} · {} {}", suv.as_str(), suv_text(value)),
                None => own,
            }
        } else if let Some([r, g, b]) = frame.rgb(column, row) {
            format!("R {r} G {g} B {b}")
        } else {
            String::new()
        };
        let note = uptake.and_then(|uptake| uptake.why_not(suv));
        Self { column, row, value, note }
    }

    pub(crate) fn label(&self) -> String {
        format!("x {} y {} · {}", self.column, self.row, self.value)
    }
}

/// What overlays speak about.
pub(crate) struct Overlaid<'a> {
    pub(crate) viewport: &'a Viewport,
    pub(crate) rect: Rect,
    pub(crate) loaded: &'a Arc<LoadedFrame>,
    /// Screen pixels per picture pixel.
    pub(crate) zoom: f32,
}

/// Draws everything that lies over the picture, as far as the reader wants it.
pub(crate) fn overlays_ui(ui: &Ui, cx: &ViewCx<'_>, over: &Overlaid<'_>, hover: Option<&Hover>) {
    let Overlaid { viewport, rect, loaded, zoom } = *over;
    if cx.state.overlays == Overlays::Off {
        return;
    }
    let painter = ui.painter_at(rect);
    let inner = rect.shrink(MARGIN).with_max_x(rect.right() - MARGIN - 8.0);
    let corner = |align: Align2, lines: &[String]| corner_text(&painter, inner, align, lines);
    let full = cx.state.overlays == Overlays::Full;
    let privacy = cx.state.settings.privacy;
    if let Some(place) = &viewport.place {
        if full {
            corner(Align2::LEFT_TOP, &patient_lines(cx.state, place, privacy));
            corner(Align2::RIGHT_TOP, &study_lines(cx.state, place, privacy));
            corner(Align2::RIGHT_BOTTOM, &series_lines(cx.state, place, privacy));
        } else {
            let image: Vec<String> = image_line(cx.state, place).into_iter().collect();
            corner(Align2::RIGHT_BOTTOM, &image);
        }
    }
    let frame = &loaded.frame;
    let mut display = display_lines(&viewport.view, loaded);
    if full {
        display.push(format!("Zoom {:.0} %", zoom * 100.0));
        display.extend(hover.map(Hover::label));
    }
    corner(Align2::LEFT_BOTTOM, &display);
    orientation_ui(&painter, viewport, inner, frame);
    if let Some(incomplete) = frame.incomplete() {
        let at = pos2(rect.center().x, inner.top() + 22.0);
        shadowed(&painter, at, Align2::CENTER_TOP, incomplete, theme::OVERLAY_WARN, 12.0);
    }
}

fn corner_text(painter: &egui::Painter, rect: Rect, align: Align2, lines: &[String]) {
    let anchor = align.pos_in_rect(&rect);
    let is_top = align.y() == egui::Align::Min;
    let n = lines.len();
    for (idx, line) in lines.iter().enumerate() {
        let row = if is_top { idx as f32 } else { idx as f32 - n as f32 + 1.0 };
        let at = anchor + vec2(0.0, row * LINE_HEIGHT);
        // what identifies comes first and is brightest
        let color = if idx == 0 { theme::OVERLAY } else { theme::OVERLAY_DIM };
        shadowed(painter, at, align, line, color, theme::OVERLAY_SIZE);
    }
}

fn shadowed(
    painter: &egui::Painter,
    at: Pos2,
    align: Align2,
    text: &str,
    color: egui::Color32,
    size: f32,
) {
    let font = FontId::proportional(size);
    for offset in [vec2(1.0, 1.0), vec2(-0.5, 0.5)] {
        painter.text(at + offset, align, text, font.clone(), theme::OVERLAY_SHADOW);
    }
    painter.text(at, align, text, font, color);
}

fn orientation_ui(painter: &egui::Painter, viewport: &Viewport, rect: Rect, frame: &Frame) {
    let Some(iop) = frame.info().geometry.image_orientation else { return };
    let labels = viewport.view.transform.turned.labels(&orientation_labels(&iop));
    for (align, label) in [
        (Align2::LEFT_CENTER, &labels.left),
        (Align2::RIGHT_CENTER, &labels.right),
        (Align2::CENTER_TOP, &labels.top),
        (Align2::CENTER_BOTTOM, &labels.bottom),
    ] {
        let at = align.pos_in_rect(&rect);
        shadowed(painter, at, align, label, theme::OVERLAY, 14.0);
    }
}
