//! The field in which the words of an arrow or a text are typed, where they will stand.

use egui::{Key, Rect, TextEdit, Ui, vec2};

use super::super::command::Command;
use super::super::view_cx::ViewCx;
use super::super::viewport_mouse::Scene;
use super::hit::ui_from_point;

const SIZE: egui::Vec2 = vec2(240.0, 26.0);
/// Longer notes belong elsewhere.
const MAX_CHARS: usize = 400;

/// What is being typed in a viewport.
#[derive(Debug, Default)]
pub(crate) struct TextField {
    id: Option<u64>,
    text: String,
    /// How often something was begun: each time the cursor begins at the end.
    begun: u64,
}

/// Over the picture that shows what is being written to.
pub(crate) fn typed_ui(ui: &mut Ui, cx: &ViewCx<'_>, scene: &Scene<'_>, editor: &mut TextField) {
    let editing = cx.state.measurements.editing();
    let is_active = cx.state.active == cx.index_of(scene.viewport);
    let item = editing.filter(|_| is_active).and_then(|id| cx.state.measurements.get(id));
    let Some(item) = item.filter(|item| item.frame_ref == *scene.frame_ref) else {
        // who goes to another slice has ended
        if let Some(id) = editor.id.take().filter(|id| editing == Some(*id)) {
            cx.send(Command::SetText { id, text: std::mem::take(&mut editor.text) });
        }
        return;
    };
    let begins = editor.id != Some(item.id);
    if begins {
        let begun = editor.begun + 1;
        *editor = TextField { id: Some(item.id), text: item.text.clone(), begun };
    }
    let first = item.shape.points().first().copied().unwrap_or_default();
    let room = scene.rect.shrink(6.0);
    let wanted = ui_from_point(scene.placed, first) + vec2(10.0, 8.0);
    let at = wanted.clamp(room.min, (room.max - SIZE).max(room.min));
    let edit = TextEdit::singleline(&mut editor.text).desired_width(SIZE.x).char_limit(MAX_CHARS);
    let edit = edit.id_salt(("text on the picture", editor.begun)).hint_text("Text, then Enter");
    let response =
        ui.put(Rect::from_min_size(at, SIZE), edit).accessible_name("Text on the picture");
    if begins {
        response.request_focus();
    } else if response.lost_focus() && !ui.input(|i| i.key_pressed(Key::Escape)) {
        cx.send(Command::SetText { id: item.id, text: editor.text.clone() });
    }
}
