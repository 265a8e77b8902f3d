//! What values the colours stand for.

use egui::{Align2, FontId, Id, Rect, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo};
use egui::{pos2, vec2};

use super::super::overlays::Overlaid;
use super::super::theme;
use crate::imaging::{bar_values, number};

const WIDTH: f32 = 14.0;
const HEIGHT: f32 = 180.0;
/// The scrollbar's, and that of the letter at the right edge.
const RIGHT: f32 = 44.0;
/// A picture less high has no room between the words in its corners.
const LEAST_HEIGHT: f32 = 190.0;

/// At the right of the picture, from the darkest to the brightest level.
pub(crate) fn color_bar_ui(ui: &Ui, over: &Overlaid<'_>, id: usize) {
    let view = &over.viewport.view;
    let frame = &over.loaded.frame;
    let room = over.rect.height();
    if view.color_map.is_grey() || !frame.is_monochrome() || room < LEAST_HEIGHT {
        return;
    }
    let height = HEIGHT.min(room - 120.0);
    let right = over.rect.right() - RIGHT;
    let centre = over.rect.center().y;
    let bar = Rect::from_center_size(pos2(right - WIDTH / 2.0, centre), vec2(WIDTH, height));
    let painter = ui.painter_at(over.rect);
    let step = height / 256.0;
    for level in 0..=u8::MAX {
        let bottom = bar.bottom() - f32::from(level) * step;
        // a little higher than a step, so that no line shows between two
        let top = (bottom - step - 0.5).max(bar.top());
        let band = Rect::from_min_max(pos2(bar.left(), top), pos2(bar.right(), bottom));
        painter.rect_filled(band, 0.0, theme::of_map(view.color_map.color(level)));
    }
    let line = Stroke::new(1.0, theme::OVERLAY_DIM);
    painter.rect_stroke(bar, 0.0, line, StrokeKind::Outside);
    let grayscale = view.grayscale(over.loaded);
    let font = FontId::proportional(11.0);
    let marks = bar_values(&grayscale, frame);
    for (level, value) in &marks {
        let y = bar.bottom() - height * *level as f32 / 255.0;
        painter.hline(bar.left() - 4.0..=bar.left(), y, line);
        let at = pos2(bar.left() - 7.0, y);
        for (offset, color) in [(1.0, theme::OVERLAY_SHADOW), (0.0, theme::OVERLAY)] {
            let at = at + vec2(offset, offset);
            painter.text(at, Align2::RIGHT_CENTER, number(*value), font.clone(), color);
        }
    }
    if !frame.unit().is_empty() {
        let at = pos2(bar.right(), bar.top() - 8.0);
        painter.text(at, Align2::RIGHT_BOTTOM, frame.unit(), font, theme::OVERLAY_DIM);
    }
    let values: Vec<String> = marks.iter().map(|(_, value)| number(*value)).collect();
    let name =
        format!("Colour bar, {}: {} {}", view.color_map.name(), values.join(", "), frame.unit());
    let response = ui.interact(bar, Id::unique(("colour bar", id)), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::GraphicsSymbol, true, name.trim_end()));
}
