//! The picture that a model is given, as the squares it is made of.

use std::sync::Arc;

use egui::{Color32, Rect, Response, Role, Sense, Ui, WidgetInfo, vec2};

use super::super::view_cx::ViewCx;
use super::super::view_transform::{Placed, ViewTransform};
use super::super::viewport::Viewport;
use super::super::viewport_ui::paint_picture;
use super::state::EyeView;
use crate::imaging::DisplayImage;

/// Whether this viewport shows the model's eye: only the active one does, and only with a model.
pub(crate) fn shows_eye(cx: &ViewCx<'_>, idx: usize, viewport: &Viewport) -> bool {
    let is_here = cx.state.eye.is_on && cx.state.active == idx && viewport.place.is_some();
    is_here && cx.state.cannot_look().is_none()
}

/// What was seen of the series in this viewport, if only a moment ago.
fn seen_in<'a>(cx: &ViewCx<'a>, viewport: &Viewport) -> Option<&'a Arc<EyeView>> {
    let place = viewport.place.as_ref()?;
    cx.state.eye.seen.as_ref().filter(|seen| seen.is_of_series(&place.series_key))
}

/// Paints it into a viewport, moved and zoomed as its own picture, which lies at `own`.
pub(crate) fn eye_picture_ui(
    ui: &Ui,
    cx: &ViewCx<'_>,
    viewport: &Viewport,
    rect: Rect,
    own: &Placed,
) {
    let Some(seen) = seen_in(cx, viewport) else { return };
    let (Some(picture), Ok(sight)) = (&seen.picture, &seen.sight) else { return };
    let [given, new] = [sight.facts.given, sight.facts.seen].map(|[w, h]| w.max(h) as f32);
    let transform = viewport.view.transform;
    let zoom = transform.zoom.map(|_| own.zoom * given / new.max(1.0));
    let transform = ViewTransform { zoom, pan: transform.pan, ..ViewTransform::default() };
    paint(ui, cx, rect, picture, transform);
}

/// Paints it as large as there is room, under a name.
pub(super) fn fitted_ui(ui: &Ui, cx: &ViewCx<'_>, rect: Rect, seen: &EyeView) {
    if let Some(picture) = &seen.picture {
        paint(ui, cx, rect, picture, ViewTransform::default());
        let response: Response =
            ui.interact(rect, ui.scope_id().with("model's eye picture"), Sense::hover());
        let name = seen.title();
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &name));
    }
}

fn paint(
    ui: &Ui,
    cx: &ViewCx<'_>,
    rect: Rect,
    picture: &Arc<DisplayImage>,
    transform: ViewTransform,
) {
    let texture = cx.textures.picture_as(ui.ctx(), picture, true);
    let size = vec2(picture.width as f32, picture.height as f32);
    let placed = transform.place(rect, size, 1.0, ui.ctx().pixels_per_point());
    paint_picture(&ui.painter_at(rect), &texture, &placed, Color32::WHITE);
}
