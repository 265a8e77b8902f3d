//! What stands around a picture of a comparison: caption, frame, warning; and where panes lie.

use egui::{Align2, CornerRadius, FontId, Rect, Stroke, StrokeKind, Ui, vec2};

use super::super::fonts;
use super::super::theme;

const CAPTION_HEIGHT: f32 = 26.0;
const STRIP_HEIGHT: f32 = 20.0;
/// Between panes, and around them.
pub(crate) const GAP: f32 = 8.0;
const WARNING: &str = "AI-generated pixels — not acquired data. Do not measure or interpret.";
const SHORT_WARNING: &str = "AI-generated — do not measure";
const SHORTEST_WARNING: &str = "AI-generated";

/// A place for one picture, with what stands above and below it.
pub(crate) struct Pane<'a> {
    pub(crate) cell: Rect,
    pub(crate) title: &'a str,
    /// At the right of the title.
    pub(crate) aside: &'a str,
    pub(crate) is_generated: bool,
}

/// Caption, frame and warning of a pane; gives the room left for the picture.
pub(crate) fn frame_ui(ui: &Ui, pane: &Pane<'_>) -> Rect {
    let painter = ui.painter_at(pane.cell);
    let (caption, rest) = pane.cell.split_top_bottom_at_y(pane.cell.top() + CAPTION_HEIGHT);
    let (inner, strip) = rest.split_top_bottom_at_y(rest.bottom() - STRIP_HEIGHT);
    let color = if pane.is_generated { theme::OVERLAY_AI } else { theme::OVERLAY_LINE };
    let font = FontId::new(12.5, fonts::semibold());
    let inset = vec2(8.0, 0.0);
    let at = caption.left_center() + inset;
    let title = painter.text(at, Align2::LEFT_CENTER, pane.title, font, theme::OVERLAY);
    let at = caption.right_center() - inset;
    let font = FontId::proportional(11.5);
    let room = caption.right() - title.right() - 24.0;
    let aside = painter.layout_no_wrap(pane.aside.to_owned(), font.clone(), theme::OVERLAY_DIM);
    if aside.size().x <= room {
        let at = Align2::RIGHT_CENTER.anchor_size(at, aside.size()).min;
        painter.galley(at, aside, theme::OVERLAY_DIM);
    }
    if pane.is_generated {
        painter.rect_filled(strip, CornerRadius::ZERO, theme::OVERLAY_AI_STRIP);
        let fits = |words: &&str| {
            let galley = painter.layout_no_wrap((*words).to_owned(), font.clone(), theme::OVERLAY);
            galley.size().x <= strip.width() - 12.0
        };
        let words = [WARNING, SHORT_WARNING].into_iter().find(fits).unwrap_or(SHORTEST_WARNING);
        painter.text(strip.center(), Align2::CENTER_CENTER, words, font, theme::OVERLAY);
    }
    let stroke = Stroke::new(if pane.is_generated { 1.5 } else { 1.0 }, color);
    painter.rect_stroke(pane.cell, CornerRadius::same(4), stroke, StrokeKind::Inside);
    inner.shrink2(vec2(2.0, 0.0))
}

/// Cells for `n` pictures, in the arrangement that shows them largest.
pub(crate) fn cells(area: Rect, n: usize) -> Vec<Rect> {
    let layout = |columns: usize| {
        let rows = n.div_ceil(columns);
        let gaps = vec2((columns - 1) as f32, (rows - 1) as f32) * GAP;
        let cell = (area.size() - gaps) / vec2(columns as f32, rows as f32);
        (columns, cell, cell.x.min(cell.y - CAPTION_HEIGHT - STRIP_HEIGHT))
    };
    // one row is easier to follow: it may cost a little size
    let worth =
        |(columns, _, side): &(usize, _, f32)| if *columns == n { side * 1.15 } else { *side };
    let best = (1..=n).map(layout).max_by(|a, b| worth(a).total_cmp(&worth(b)));
    let Some((columns, room, side)) = best else { return vec![area] };
    // the words above and below stay close to a picture, which is square
    let cell = vec2(room.x, room.y.min(side.max(room.x) + CAPTION_HEIGHT + STRIP_HEIGHT));
    let rows = n.div_ceil(columns) as f32;
    let spare = area.height() - rows * cell.y - (rows - 1.0) * GAP;
    let first = area.min + vec2(0.0, (spare / 2.0).max(0.0));
    let at = |idx: usize| {
        let step = cell + vec2(GAP, GAP);
        let offset = vec2((idx % columns) as f32, (idx / columns) as f32) * step;
        Rect::from_min_size(first + offset, cell)
    };
    (0..n).map(at).collect()
}
