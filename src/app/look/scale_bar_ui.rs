//! A line of known length over the picture.

use egui::{Align2, FontId, Id, Rect, Role, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

use super::super::overlays::Overlaid;
use super::super::theme;
use super::super::view_transform::Placed;
use crate::imaging::{Scale, round_length, scale_label};

/// The line is at most this part of the picture's width, and no longer than so many points.
const MOST_OF_WIDTH: f32 = 0.3;
const MOST_POINTS: f32 = 180.0;
/// Above the letter at the lower edge; where it is narrow, above the words in the corners too.
const UP: f32 = 36.0;
const UP_OF_WORDS: f32 = 84.0;
const NARROW: f32 = 560.0;

/// Near the lower edge; without a spacing in the file there is no line.
pub(crate) fn scale_bar_ui(ui: &Ui, over: &Overlaid<'_>, placed: &Placed, id: usize) {
    let scale = Scale::of(over.loaded.frame.info());
    let painter = ui.painter_at(over.rect);
    let up = if over.rect.width() < NARROW { UP_OF_WORDS } else { UP };
    let foot = pos2(over.rect.center().x, over.rect.bottom() - up);
    let Some([_, spacing]) = scale.millimetres() else {
        write(&painter, foot, "px");
        name(ui, Rect::from_center_size(foot, vec2(20.0, 12.0)), id, "Scale: px".to_owned());
        return;
    };
    let points_per_mm = f64::from(placed.points_per_pixel()) / spacing;
    let most = f64::from((over.rect.width() * MOST_OF_WIDTH).min(MOST_POINTS)) / points_per_mm;
    let Some(length_mm) = round_length(most) else { return };
    let half = (length_mm * points_per_mm / 2.0) as f32;
    let [left, right] = [foot - vec2(half, 0.0), foot + vec2(half, 0.0)];
    let ends = [left, right].map(|end| [end - vec2(0.0, 4.0), end + vec2(0.0, 1.0)]);
    for (width, color) in [(3.5, theme::OVERLAY_SHADOW), (1.5, theme::OVERLAY)] {
        let stroke = Stroke::new(width, color);
        painter.line_segment([left, right], stroke);
        ends.iter().for_each(|end| {
            painter.line_segment(*end, stroke);
        });
    }
    let label = scale_label(length_mm, scale.unit());
    write(&painter, foot - vec2(0.0, 6.0), &label);
    let bar = Rect::from_min_max(left - vec2(0.0, 18.0), right + vec2(0.0, 2.0));
    name(ui, bar, id, format!("Scale: {label}"));
}

fn write(painter: &egui::Painter, at: egui::Pos2, text: &str) {
    let font = FontId::proportional(11.0);
    for (offset, color) in [(1.0, theme::OVERLAY_SHADOW), (0.0, theme::OVERLAY)] {
        let at = at + vec2(offset, offset);
        painter.text(at, Align2::CENTER_BOTTOM, text, font.clone(), color);
    }
}

fn name(ui: &Ui, rect: Rect, id: usize, name: String) {
    let response = ui.interact(rect, Id::unique(("scale bar", id)), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::GraphicsSymbol, true, &name));
}
