//! The left mouse button on a picture: drawing shapes, choosing them, moving them.

use egui::{CursorIcon, PointerButton, Pos2, Ui};

use super::super::command::Command;
use super::super::view_cx::ViewCx;
use super::super::viewport_mouse::Scene;
use super::draft::Draft;
use super::hit::{ANCHOR_REACH, Part, hit, point_from_ui};
use crate::imaging::{Figures, FrameRef, Point, Shape, ShapeKind};

/// A press that moves less is a click, however long it lasts.
const CLICK_REACH: f32 = 4.0;
/// Points of a line drawn by hand are so far apart on the screen.
const TRACE_STEP: f32 = 3.0;

/// What is half drawn or held in a viewport.
#[derive(Debug, Default)]
pub(crate) struct Pen {
    draft: Option<Draft>,
    grab: Option<Grab>,
    press: Option<Press>,
}

/// A shape in the reader's hand.
#[derive(Debug)]
struct Grab {
    id: u64,
    part: Part,
    original: Shape,
}

#[derive(Debug)]
struct Press {
    origin: Pos2,
    /// It set the first point of a shape.
    begins: bool,
}

impl Pen {
    /// Whether something is half drawn.
    pub(crate) fn is_drawing(&self) -> bool {
        self.draft.is_some()
    }

    /// Whether something is half drawn or held.
    pub(crate) fn is_busy(&self) -> bool {
        self.draft.is_some() || self.press.is_some()
    }

    /// Lets go of what is half drawn.
    pub(crate) fn put_down(&mut self) {
        *self = Self::default();
    }

    /// What is half drawn on this frame, and what it measures so far.
    pub(super) fn preview(&mut self, scene: &Scene<'_>) -> Option<(&Shape, Option<&Figures>)> {
        let draft = self.draft.as_mut().filter(|draft| draft.frame_ref == *scene.frame_ref)?;
        draft.measured(&scene.loaded.frame)
    }

    fn forget_others(&mut self, kind: Option<ShapeKind>, frame_ref: &FrameRef, is_active: bool) {
        self.draft.take_if(|draft| {
            Some(draft.kind) != kind || draft.frame_ref != *frame_ref || !is_active
        });
    }
}

/// Whether measurements are to be seen: without overlays only while they are drawn.
pub(crate) fn are_shown(cx: &ViewCx<'_>) -> bool {
    cx.state.overlays != super::super::state::Overlays::Off || cx.state.tool.kind().is_some()
}

/// Draws, chooses and moves; whether the left button is taken by it.
pub(crate) fn pen_ui(ui: &Ui, cx: &ViewCx<'_>, scene: &Scene<'_>, pen: &mut Pen) -> bool {
    let kind = cx.state.tool.kind();
    let is_active = cx.state.active == cx.index_of(scene.viewport);
    pen.forget_others(kind, scene.frame_ref, is_active);
    let response = scene.response;
    let (pos, origin, is_pan) =
        ui.input(|i| (i.pointer.interact_pos(), i.pointer.press_origin(), i.modifiers.shift));
    let Some(pos) = pos else { return kind.is_some() };
    let primary = PointerButton::Primary;
    if response.drag_started_by(primary) && !is_pan {
        press(cx, scene, pen, origin.unwrap_or(pos));
    }
    if response.dragged_by(primary) && pen.press.is_some() {
        drag(cx, scene, pen, pos);
    }
    let is_taken = pen.press.is_some() || (kind.is_some() && !is_pan);
    if response.drag_stopped() {
        release(cx, scene, pen, pos);
    } else if response.clicked_by(primary) && !is_pan {
        click(cx, scene, pen, pos);
        if response.double_clicked_by(primary) {
            close_line(cx, scene, pen);
            return is_taken || edit_text(cx, scene, pen, pos);
        }
    } else if response.hovered() && pen.press.is_none() {
        if let Some(draft) = &mut pen.draft {
            draft.follow(place_of(scene, pos));
        }
        cursor(ui, cx, scene, pen, pos);
    }
    is_taken
}

fn place_of(scene: &Scene<'_>, pos: Pos2) -> Point {
    let frame = &scene.loaded.frame;
    point_from_ui(scene.placed, pos).within((frame.columns(), frame.rows()))
}

/// So many points of the screen in pixels of the frame.
fn in_pixels(scene: &Scene<'_>, points: f32) -> f64 {
    f64::from(points / scene.placed.points_per_pixel())
}

fn press(cx: &ViewCx<'_>, scene: &Scene<'_>, pen: &mut Pen, origin: Pos2) {
    let held = hit(cx, scene.frame_ref, scene.placed, origin);
    let held = held.filter(|_| pen.draft.is_none() && are_shown(cx));
    if let Some((item, part)) = held {
        cx.send(Command::SelectMeasurement(Some(item.id)));
        pen.grab = Some(Grab { id: item.id, part, original: item.shape.clone() });
        pen.press = Some(Press { origin, begins: false });
    } else if let Some(kind) = cx.state.tool.kind() {
        let begins = pen.draft.is_none() && kind.num_points() != Some(1);
        let at = place_of(scene, origin);
        let draft = pen.draft.get_or_insert_with(|| Draft::new(kind, scene.frame_ref.clone(), at));
        if begins {
            draft.place(at, 0.0);
        }
        pen.press = Some(Press { origin, begins });
    }
}

fn drag(cx: &ViewCx<'_>, scene: &Scene<'_>, pen: &mut Pen, pos: Pos2) {
    let at = place_of(scene, pos);
    if let Some(grab) = &pen.grab {
        if let Some(shape) = moved(scene, grab, pen.press.as_ref(), pos) {
            let now = cx.state.measurements.get(grab.id).map(|item| &item.shape);
            if now.is_some_and(|now| *now != shape) {
                cx.send(Command::MoveMeasurement { id: grab.id, shape });
            }
        }
    } else if let Some(draft) = &mut pen.draft {
        if draft.kind == ShapeKind::Freehand {
            draft.trace(at, in_pixels(scene, TRACE_STEP));
        } else {
            draft.follow(at);
        }
    }
}

/// The shape held, as it is with the cursor at `pos`.
fn moved(scene: &Scene<'_>, grab: &Grab, press: Option<&Press>, pos: Pos2) -> Option<Shape> {
    let frame = &scene.loaded.frame;
    match grab.part {
        Part::Anchor(idx) => grab.original.with_anchor(idx, place_of(scene, pos)),
        Part::Whole => {
            let [from, to] = [press?.origin, pos].map(|pos| point_from_ui(scene.placed, pos));
            let by = Point::new(to.x - from.x, to.y - from.y);
            Some(grab.original.moved(by, (frame.columns(), frame.rows())))
        }
    }
}

fn release(cx: &ViewCx<'_>, scene: &Scene<'_>, pen: &mut Pen, pos: Pos2) {
    let Some(press) = pen.press.take() else { return };
    if pen.grab.take().is_some() {
        cx.send(Command::EndMove);
        return;
    }
    let Some(draft) = &mut pen.draft else { return };
    let has_moved = press.origin.distance(pos) >= CLICK_REACH;
    if draft.kind == ShapeKind::Freehand && has_moved {
        let shape = draft.finish();
        pen.draft = None;
        add(cx, scene, pen, shape);
    } else if has_moved || !press.begins {
        let near = in_pixels(scene, ANCHOR_REACH);
        let shape = draft.place(place_of(scene, pos), near);
        add(cx, scene, pen, shape);
    }
}

fn click(cx: &ViewCx<'_>, scene: &Scene<'_>, pen: &mut Pen, pos: Pos2) {
    let held = hit(cx, scene.frame_ref, scene.placed, pos).filter(|_| are_shown(cx));
    if let (None, Some((item, _))) = (&pen.draft, held) {
        cx.send(Command::SelectMeasurement(Some(item.id)));
        return;
    }
    let Some(kind) = cx.state.tool.kind() else {
        if cx.state.measurements.selected().is_some() {
            cx.send(Command::SelectMeasurement(None));
        }
        return;
    };
    let at = place_of(scene, pos);
    let near = in_pixels(scene, ANCHOR_REACH);
    let draft = pen.draft.get_or_insert_with(|| Draft::new(kind, scene.frame_ref.clone(), at));
    let shape = draft.place(at, near);
    add(cx, scene, pen, shape);
}

/// Two clicks in one place end a line whose corners are clicked.
fn close_line(cx: &ViewCx<'_>, scene: &Scene<'_>, pen: &mut Pen) {
    let line = pen.draft.as_ref().filter(|draft| draft.kind == ShapeKind::Freehand);
    let shape = line.and_then(Draft::finish);
    add(cx, scene, pen, shape);
}

/// Two clicks on an arrow or a text write to it.
fn edit_text(cx: &ViewCx<'_>, scene: &Scene<'_>, pen: &Pen, pos: Pos2) -> bool {
    let held = hit(cx, scene.frame_ref, scene.placed, pos);
    let held = held.filter(|(item, _)| item.shape.kind().has_text());
    let Some((item, _)) = held.filter(|_| pen.draft.is_none() && are_shown(cx)) else {
        return false;
    };
    cx.send(Command::EditText(Some(item.id)));
    true
}

fn add(cx: &ViewCx<'_>, scene: &Scene<'_>, pen: &mut Pen, shape: Option<Shape>) {
    if let Some(shape) = shape {
        pen.draft = None;
        cx.send(Command::AddMeasurement { place: scene.place.clone(), shape });
    }
}

fn cursor(ui: &Ui, cx: &ViewCx<'_>, scene: &Scene<'_>, pen: &Pen, pos: Pos2) {
    let is_free = pen.draft.is_none() && are_shown(cx);
    if is_free && hit(cx, scene.frame_ref, scene.placed, pos).is_some() {
        ui.ctx().set_cursor_icon(CursorIcon::Grab);
    } else if cx.state.tool.kind().is_some() {
        ui.ctx().set_cursor_icon(CursorIcon::Crosshair);
    }
}
