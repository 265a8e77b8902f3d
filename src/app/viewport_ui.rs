//! The area that shows a frame: picture, scrollbar, menu.

use std::sync::Arc;

use egui::{
    Align2, Color32, CornerRadius, FontId, Id, Mesh, Painter, Pos2, Rect, Response, Role, Sense,
    Shape, Stroke, StrokeKind, TextureHandle, Ui, WidgetInfo, pos2, vec2,
};

use super::command::Command;
use super::eye::{eye_picture_ui, note_ui, shows_eye};
use super::frames::{FrameState, LoadedFrame};
use super::inside::{
    document_ui, over_picture_ui, presentations_menu_ui, segments_menu_ui, shows_document,
};
use super::key_images::{key_mark_ui, key_ticks_ui};
use super::look::{color_bar_ui, colors_menu_ui, scale_bar_ui};
use super::measure::{
    Pen, TextField, measure_menu_ui, measurements_ui, pen_ui, tools_menu_ui, typed_ui,
};
use super::overlays::{Hover, Overlaid, overlays_ui};
use super::region::{bar_ui, region_menu_ui};
use super::state::{Overlays, Sheet};
use super::strip::strip_ui;
use super::textures::Look;
use super::theme;
use super::view_cx::ViewCx;
use super::view_transform::Placed;
use super::viewport::{Place, Viewport};
use super::viewport_mouse::{Scene, drag_ui, wheel_ui};
use super::volume::{plane_edge_ui, planes_menu_ui, reference_lines_ui};
use super::window_menu::window_menu_ui;
use crate::imaging::{FrameRef, SuvKind};

const SCROLLBAR_WIDTH: f32 = 12.0;

/// What is half done in a viewport.
#[derive(Debug, Default)]
pub(crate) struct ViewportPanel {
    /// Wheel turned, not yet a whole slice.
    wheel: f32,
    /// The last picture drawn; it stays while the next is read.
    last: Option<LastDrawn>,
    /// Where the cursor is over the picture.
    pub(crate) hover: Option<Hover>,
    /// Shapes being drawn or moved.
    pub(crate) pen: Pen,
    /// Words being typed.
    typed: TextField,
}

struct LastDrawn {
    place: Place,
    frame_ref: FrameRef,
    texture: TextureHandle,
    loaded: Arc<LoadedFrame>,
}

impl std::fmt::Debug for LastDrawn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LastDrawn").field("frame_ref", &self.frame_ref).finish_non_exhaustive()
    }
}

/// Draws viewport `idx` into all the room there is.
pub(crate) fn viewport_ui(ui: &mut Ui, cx: &ViewCx<'_>, idx: usize, panel: &mut ViewportPanel) {
    let Some(viewport) = cx.state.viewports.get(idx) else { return };
    let rect = ui.available_rect_before_wrap();
    let response = ui.allocate_rect(rect, Sense::click_and_drag());
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, CornerRadius::ZERO, theme::VIEWPORT);
    name_ui(&response, cx, idx, viewport);
    if (response.clicked() || response.drag_started() || response.secondary_clicked())
        && cx.state.active != idx
    {
        cx.send(Command::ActivateViewport(idx));
    }

    if shows_document(cx, viewport) {
        panel.hover = None;
        document_ui(ui, cx, idx, rect);
        active_frame_ui(cx, idx, &painter, rect);
        return;
    }
    let whole = rect;
    let rect = match cx.state.eye.is_on && cx.state.active == idx {
        true => note_ui(ui, cx, rect),
        false => rect,
    };
    let state = cx.state.frame_state(viewport);
    let drawn = prepare(ui, cx, viewport, &state, panel);
    panel.hover = None;
    let last = panel.last.as_ref().map(|last| (last.place.clone(), last.frame_ref.clone()));
    if let (Some((texture, loaded)), Some((place_drawn, frame_ref))) = (drawn, last) {
        let placed = place(ui, viewport, rect, &loaded);
        viewport.drawn_zoom.set(placed.zoom);
        let shows_eye = shows_eye(cx, idx, viewport);
        if shows_eye {
            // what is under the cursor is no stored value
            eye_picture_ui(ui, cx, viewport, rect, &placed);
        } else {
            paint_picture(&ui.painter_at(rect), &texture, &placed, Color32::WHITE);
            panel.hover = hover_of(&response, &placed, &loaded, cx.state.settings.suv);
        }
        let scene = Scene {
            viewport,
            response: &response,
            rect,
            loaded: &loaded,
            placed: &placed,
            place: &place_drawn,
            frame_ref: &frame_ref,
        };
        let is_taken = !shows_eye && pen_ui(ui, cx, &scene, &mut panel.pen);
        drag_ui(ui, cx, &scene, is_taken);
        wheel_ui(ui, cx, &scene, &mut panel.wheel);
        if !shows_eye {
            over_ui(ui, cx, idx, &scene, panel);
        }
        response.context_menu(|ui| context_menu_ui(ui, cx, viewport, &loaded));
        scrollbar_ui(ui, cx, idx, viewport, rect);
    } else if viewport.place.is_none() {
        let hint = "Open a study, or drop files here";
        message(&painter, rect, hint, theme::OVERLAY_DIM);
    }
    match state {
        FrameState::Failed(reason) => {
            message_card(ui, rect, &reason);
            scrollbar_ui(ui, cx, idx, viewport, rect);
        }
        FrameState::Pending => ui.ctx().request_repaint_after_secs(0.25),
        FrameState::Unknown | FrameState::Ready(_) => {}
    }
    plane_edge_ui(ui, cx, viewport, whole);
    active_frame_ui(cx, idx, &painter, whole);
}

/// All that lies over a picture.
fn over_ui(ui: &mut Ui, cx: &ViewCx<'_>, idx: usize, scene: &Scene<'_>, panel: &mut ViewportPanel) {
    let Scene { viewport, rect, loaded, placed, place, .. } = *scene;
    reference_lines_ui(ui, cx, scene);
    over_picture_ui(ui, cx, scene);
    measurements_ui(ui, cx, scene, &mut panel.pen);
    typed_ui(ui, cx, scene, &mut panel.typed);
    let overlaid = Overlaid { viewport, rect, loaded, zoom: placed.zoom };
    overlays_ui(ui, cx, &overlaid, panel.hover.as_ref());
    if cx.state.overlays != Overlays::Off {
        color_bar_ui(ui, &overlaid, idx);
        scale_bar_ui(ui, &overlaid, placed, idx);
    }
    key_mark_ui(ui, cx, place, rect, idx);
    strip_ui(ui, cx, viewport, rect);
    if !panel.pen.is_busy() {
        bar_ui(ui, cx, scene);
    }
}

/// Of several viewports the active one has a frame.
fn active_frame_ui(cx: &ViewCx<'_>, idx: usize, painter: &Painter, rect: Rect) {
    if cx.state.viewports.len() > 1 && cx.state.active == idx {
        let stroke = Stroke::new(1.5, theme::OVERLAY_ACCENT);
        painter.rect_stroke(rect, CornerRadius::ZERO, stroke, StrokeKind::Inside);
    }
}

fn name_ui(response: &Response, cx: &ViewCx<'_>, idx: usize, viewport: &Viewport) {
    let shows = viewport.place.as_ref().and_then(|place| {
        let (_, series) = cx.state.shown_series(place)?;
        if shows_document(cx, viewport) {
            return Some(format!("{}, document", series.modality));
        }
        let (n, of) = (place.frame_idx + 1, series.num_frames());
        let plane = series.plane.filter(|_| cx.state.studies.is_plane(place));
        let plane = plane.map(|plane| format!(" {}", plane.as_str())).unwrap_or_default();
        Some(format!("{}{plane}, image {n} of {of}", series.modality))
    });
    let eye = if shows_eye(cx, idx, viewport) { ", as the model sees it" } else { "" };
    let name = format!("Viewport {}: {}{eye}", idx + 1, shows.as_deref().unwrap_or("empty"));
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &name));
}

/// The texture to draw: the frame's own, or the last one of the same series while it is read.
fn prepare(
    ui: &Ui,
    cx: &ViewCx<'_>,
    viewport: &Viewport,
    state: &FrameState,
    panel: &mut ViewportPanel,
) -> Option<(TextureHandle, Arc<LoadedFrame>)> {
    let place = viewport.place.as_ref()?;
    match state {
        FrameState::Ready(loaded) => {
            let frame_ref = cx.state.frame_ref(place)?;
            let grayscale = viewport.view.grayscale(loaded);
            let look = Look { grayscale, color_map: viewport.view.color_map };
            let squares = viewport.draws_squares(cx.state.settings.nearest);
            let texture = cx.textures.frame(ui.ctx(), &frame_ref, &look, squares, loaded);
            panel.last = Some(LastDrawn {
                place: place.clone(),
                frame_ref,
                texture: texture.clone(),
                loaded: Arc::clone(loaded),
            });
            Some((texture, Arc::clone(loaded)))
        }
        FrameState::Pending | FrameState::Unknown => {
            let last =
                panel.last.as_ref().filter(|last| last.place.series_key == place.series_key)?;
            Some((last.texture.clone(), Arc::clone(&last.loaded)))
        }
        FrameState::Failed(_) => None,
    }
}

fn place(ui: &Ui, viewport: &Viewport, rect: Rect, loaded: &LoadedFrame) -> Placed {
    let frame = &loaded.frame;
    viewport.view.transform.place(
        rect,
        vec2(frame.columns() as f32, frame.rows() as f32),
        frame.pixel_aspect() as f32,
        ui.ctx().pixels_per_point(),
    )
}

/// Draws a texture where its picture is placed, multiplied by `tint`.
pub(crate) fn paint_picture(
    painter: &Painter,
    texture: &TextureHandle,
    placed: &Placed,
    tint: Color32,
) {
    let mut mesh = Mesh::with_texture(texture.id());
    let uvs = [pos2(0.0, 0.0), pos2(1.0, 0.0), pos2(1.0, 1.0), pos2(0.0, 1.0)];
    for (pos, uv) in placed.corners_in_ui().into_iter().zip(uvs) {
        mesh.vertices.push(egui::epaint::Vertex { pos, uv, color: tint });
    }
    mesh.add_triangle(0, 1, 2);
    mesh.add_triangle(0, 2, 3);
    painter.add(Shape::mesh(mesh));
}

fn hover_of(
    response: &Response,
    placed: &Placed,
    loaded: &LoadedFrame,
    suv: SuvKind,
) -> Option<Hover> {
    let pos_in_image = placed.image_from_ui(response.hover_pos()?);
    let (x, y) = (pos_in_image.x.floor(), pos_in_image.y.floor());
    let frame = &loaded.frame;
    let inside = x >= 0.0 && y >= 0.0 && x < frame.columns() as f32 && y < frame.rows() as f32;
    inside.then(|| Hover::read(frame, (x as u32, y as u32), suv))
}

/// The place in the series, at the right edge.
fn scrollbar_ui(ui: &Ui, cx: &ViewCx<'_>, idx: usize, viewport: &Viewport, rect: Rect) {
    let Some(place) = &viewport.place else { return };
    let num_frames = cx.state.shown_series(place).map_or(0, |(_, series)| series.num_frames());
    if num_frames < 2 {
        return;
    }
    let track = Rect::from_min_max(
        pos2(rect.right() - SCROLLBAR_WIDTH, rect.top() + 8.0),
        pos2(rect.right(), rect.bottom() - 8.0),
    );
    let response =
        ui.interact(track, Id::unique(("slice scrollbar", idx)), Sense::click_and_drag());
    let name = format!("Slice {} of {num_frames}", place.frame_idx + 1);
    response.widget_info(|| WidgetInfo::labeled(Role::Slider, true, &name));
    let handle_height = (track.height() / num_frames as f32).max(24.0);
    let travel = track.height() - handle_height;
    let share = place.frame_idx as f32 / (num_frames - 1) as f32;
    let handle = Rect::from_min_size(
        pos2(track.left() + 4.0, track.top() + travel * share),
        vec2(SCROLLBAR_WIDTH - 8.0, handle_height),
    );
    if let Some(pos) = response.interact_pointer_pos() {
        let share = ((pos.y - track.top() - handle_height / 2.0) / travel).clamp(0.0, 1.0);
        let frame_idx = (share * (num_frames - 1) as f32).round() as usize;
        if frame_idx != place.frame_idx {
            cx.send(Command::ActivateViewport(idx));
            cx.send(Command::ShowFrame(frame_idx));
        }
    }
    let is_lit = response.hovered() || response.dragged();
    let painter = ui.painter_at(rect);
    let line = Rect::from_center_size(track.center(), vec2(2.0, track.height()));
    painter.rect_filled(line, 1.0, theme::faded(theme::OVERLAY_LINE, 0.6));
    let color = if is_lit { theme::OVERLAY } else { theme::OVERLAY_DIM };
    key_ticks_ui(&painter, cx, place, track, (num_frames, handle_height));
    painter.rect_filled(handle, 2.0, theme::faded(color, if is_lit { 1.0 } else { 0.7 }));
}

fn context_menu_ui(ui: &mut Ui, cx: &ViewCx<'_>, viewport: &Viewport, loaded: &Arc<LoadedFrame>) {
    use super::widgets::menu_item_ui;
    ui.set_min_width(220.0);
    menu_item_ui(ui, cx, Command::AskAboutView, None);
    ui.menu_button("Region", |ui| region_menu_ui(ui, cx));
    ui.separator();
    ui.menu_button("Tool", |ui| tools_menu_ui(ui, cx));
    ui.menu_button("Measurements", |ui| measure_menu_ui(ui, cx));
    let is_key = viewport.place.as_ref().is_some_and(|place| cx.state.key_images.is_key(place));
    menu_item_ui(ui, cx, Command::ToggleKeyImage, Some(is_key));
    ui.menu_button("Presentation states", |ui| presentations_menu_ui(ui, cx));
    ui.menu_button("Segmentations", |ui| segments_menu_ui(ui, cx));
    ui.separator();
    if loaded.frame.is_monochrome() {
        ui.menu_button("Window", |ui| window_menu_ui(ui, cx, viewport));
        menu_item_ui(ui, cx, Command::Invert, Some(viewport.view.inverted));
        ui.menu_button("Colours", |ui| colors_menu_ui(ui, cx));
        ui.menu_button("Planes", |ui| planes_menu_ui(ui, cx));
    }
    for command in [Command::Fit, Command::ActualSize, Command::ResetView] {
        menu_item_ui(ui, cx, command, None);
    }
    ui.separator();
    for command in
        [Command::FlipHorizontal, Command::FlipVertical, Command::Rotate(-1), Command::Rotate(1)]
    {
        menu_item_ui(ui, cx, command, None);
    }
    ui.separator();
    menu_item_ui(ui, cx, Command::ToggleSheet(Sheet::Tags), None);
    menu_item_ui(ui, cx, Command::ExportView, None);
    menu_item_ui(ui, cx, Command::ExportSeries, None);
    menu_item_ui(ui, cx, Command::CloseActiveStudy, None);
}

fn message(painter: &Painter, rect: Rect, text: &str, color: Color32) {
    let font = FontId::proportional(13.0);
    painter.text(rect.center(), Align2::CENTER_CENTER, text, font, color);
}

/// Why a picture cannot be shown, in the middle of where it would be.
fn message_card(ui: &Ui, rect: Rect, reason: &str) {
    let width = (rect.width() - 48.0).min(420.0);
    let icon = super::fonts::icon(28.0);
    let painter = ui.painter_at(rect);
    let text = painter.layout(reason.to_owned(), FontId::proportional(13.5), theme::OVERLAY, width);
    let top = rect.center() - vec2(0.0, text.size().y / 2.0);
    painter.text(
        top - vec2(0.0, 14.0),
        Align2::CENTER_BOTTOM,
        super::icons::WARNING,
        icon,
        theme::OVERLAY_WARN,
    );
    let at: Pos2 = top - vec2(text.size().x / 2.0, 0.0);
    let text_rect = Rect::from_min_size(at, text.size());
    painter.galley(at, text, theme::OVERLAY);
    let response = ui.interact(text_rect, ui.scope_id().with("cannot show"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, reason));
}
