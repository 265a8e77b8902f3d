//! The grid of codes over a drawing: places still empty, codes that differ.

use egui::{Color32, Mesh, Painter, Rect, Shape, pos2, vec2};

use super::super::theme;
use crate::chat::Drawing;

/// Where the drawing is, or will be, within a pane.
pub(crate) fn place_of(grid: [usize; 2], inner: Rect) -> Rect {
    let [rows, columns] = grid.map(|count| count.max(1) as f32);
    let scale = (inner.width() / columns).min(inner.height() / rows);
    Rect::from_center_size(inner.center(), vec2(columns, rows) * scale)
}

/// Places whose code did not come yet, and codes that are not in the picture yet.
pub(crate) fn paint_tiles(painter: &Painter, place: Rect, drawing: &Drawing, ai: Color32) {
    let Some(grid) = drawing.grid else { return };
    let came = drawing.codes.len();
    let mut mesh = Mesh::default();
    for idx in drawing.pictured..grid.iter().product() {
        let tile = tile(grid, place, idx);
        // the plain grey of a place without a code is no part of the picture
        mesh.add_colored_rect(tile, theme::VIEWPORT);
        let color = if idx < came { theme::faded(ai, 0.55) } else { theme::OVERLAY_TILE };
        mesh.add_colored_rect(tile.shrink(0.5), color);
    }
    painter.add(Shape::mesh(mesh));
}

/// A wash over every code that differs from the codec's own.
pub(crate) fn paint_differing(painter: &Painter, place: Rect, drawing: &Drawing) {
    let (Some(grid), Some(differing)) = (drawing.grid, drawing.differing()) else { return };
    let mut mesh = Mesh::default();
    for (idx, _) in differing.into_iter().enumerate().filter(|(_, differs)| *differs) {
        let color = theme::faded(theme::OVERLAY_WARN, 0.42);
        mesh.add_colored_rect(tile(grid, place, idx).shrink(0.5), color);
    }
    painter.add(Shape::mesh(mesh));
}

fn tile([rows, columns]: [usize; 2], place: Rect, idx: usize) -> Rect {
    let columns = columns.max(1);
    let size = place.size() / vec2(columns as f32, rows.max(1) as f32);
    let (row, column) = (idx / columns, idx % columns);
    let at = place.min + vec2(column as f32, row as f32) * size;
    Rect::from_min_size(pos2(at.x, at.y), size)
}
