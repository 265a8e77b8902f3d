//! The elements of the file shown: searched, copied, private ones on demand.

use egui::{Align, CornerRadius, Label, Layout, Rect, RichText, ScrollArea, Sense, Ui, vec2};

use super::super::command::Command;
use super::super::icons;
use super::super::theme;
use super::super::view_cx::ViewCx;
use super::super::widgets::{command_icon_ui, rest_of_row_ui, row_from_right_ui};
use super::state::Found;
use crate::imaging::{ElementRow, FileElements};

const ROW_HEIGHT: f32 = 22.0;
const TABLE_HEIGHT: f32 = 500.0;
/// What is above and below the table in a window.
const AROUND_TABLE: f32 = 300.0;
const INDENT: f32 = 14.0;
/// Where the columns begin: number, VR, name, value; the length ends at the right.
const COLUMNS: [f32; 4] = [8.0, 180.0, 216.0, 500.0];
const LENGTH_WIDTH: f32 = 76.0;

/// What the sheet holds.
pub(crate) fn tags_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    let palette = theme::palette(ui);
    let tags = &cx.state.inside.tags;
    tools_ui(ui, cx);
    ui.add_space(4.0);
    if cx.state.settings.privacy {
        let text = "Privacy mode: values that may identify somebody are hidden, as the \
                    de-identification profile has them";
        ui.label(RichText::new(text).size(12.0).color(palette.warn));
        ui.add_space(4.0);
    }
    let Some(found) = tags.found.as_ref().filter(|_| cx.state.file_shown().is_some()) else {
        ui.label(RichText::new("No DICOM file is shown").color(palette.dim));
        return;
    };
    match found {
        Found::Pending => {
            ui.label(RichText::new("Reading…").color(palette.dim));
        }
        Found::Failed(why) => {
            ui.label(RichText::new(why).color(palette.warn));
        }
        Found::Ready(elements) => table_ui(ui, cx, elements, tags.shown()),
    }
}

fn tools_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    let tags = &cx.state.inside.tags;
    row_from_right_ui(ui, 30.0, |ui| {
        command_icon_ui(ui, cx, icons::COPY, Command::CopyTags, false);
        let mut private = tags.private;
        if ui.checkbox(&mut private, Command::TogglePrivateTags.label()).changed() {
            cx.send(Command::TogglePrivateTags);
        }
        rest_of_row_ui(ui, |ui| {
            let mut search = tags.search.clone();
            let edit = egui::TextEdit::singleline(&mut search)
                .hint_text("Number, name, keyword or value")
                .desired_width(f32::INFINITY);
            let response = ui.add(edit).accessible_name("Search tags");
            if response.changed() {
                cx.send(Command::SearchTags(search));
            }
            if ui.memory(|memory| memory.focused().is_none()) {
                response.request_focus();
            }
        });
    });
}

fn table_ui(ui: &mut Ui, cx: &ViewCx<'_>, elements: &FileElements, shown: &[usize]) {
    let palette = theme::palette(ui);
    let rect = ui.allocate_exact_size(vec2(ui.available_width(), ROW_HEIGHT), Sense::hover()).0;
    for (column, name) in ["Number", "VR", "Name", "Value", "Bytes"].into_iter().enumerate() {
        let text = RichText::new(name).size(11.5).color(palette.faint);
        cell_ui(ui, rect, column, 0.0, text);
    }
    // rows lie close to each other, and the list counts on it
    ui.spacing_mut().item_spacing.y = 0.0;
    let height = (ui.ctx().content_rect().height() - AROUND_TABLE).clamp(120.0, TABLE_HEIGHT);
    let area = ScrollArea::vertical().auto_shrink(false).max_height(height);
    area.min_scrolled_height(height).show_rows(ui, ROW_HEIGHT, shown.len(), |ui, range| {
        let rows = shown.get(range).unwrap_or_default();
        for idx in rows {
            if let Some(row) = elements.rows.get(*idx) {
                row_ui(ui, cx, *idx, row);
            }
        }
    });
    ui.add_space(4.0);
    let mut text = format!("{} of {} elements and items", shown.len(), elements.rows.len());
    if elements.left_out > 0 {
        text.push_str(&format!("; {} more are left out", elements.left_out));
    }
    ui.label(RichText::new(text).size(11.5).color(palette.faint));
}

fn row_ui(ui: &mut Ui, cx: &ViewCx<'_>, idx: usize, row: &ElementRow) {
    let palette = theme::palette(ui);
    let privacy = cx.state.settings.privacy;
    let size = vec2(ui.available_width(), ROW_HEIGHT);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    let line = row.line(privacy);
    let spoken = line.trim_start().to_owned();
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &spoken));
    if response.hovered() || response.has_focus() {
        ui.painter().rect_filled(rect, CornerRadius::same(3), palette.hover);
    }
    if response.clicked() {
        cx.send(Command::CopyTag(idx));
    }
    let indent = row.depth as f32 * INDENT;
    let mono = |text: &str| RichText::new(text).monospace().size(11.5).color(palette.dim);
    let name = RichText::new(&row.name).size(12.5);
    let name = if row.is_private { name.color(palette.dim) } else { name };
    let value = row.shown_value(privacy);
    let is_hidden = value != row.value;
    let value = RichText::new(value).size(12.5);
    let value = if is_hidden { value.color(palette.warn) } else { value };
    if row.is_item() {
        cell_ui(ui, rect, 0, indent, RichText::new(&row.name).size(11.5).color(palette.faint));
    } else {
        cell_ui(ui, rect, 0, indent, mono(&row.number_text()));
        cell_ui(ui, rect, 1, 0.0, mono(&row.vr));
        cell_ui(ui, rect, 2, 0.0, name);
        cell_ui(ui, rect, 3, 0.0, value);
    }
    if let Some(length) = row.length {
        cell_ui(ui, rect, 4, 0.0, mono(&length.to_string()));
    }
    response.on_hover_ui(|ui| {
        ui.set_max_width(520.0);
        ui.label(line.trim_start());
        ui.label(RichText::new("Click to copy").size(11.5).color(palette.faint));
    });
}

/// Text in a column of a row, cut where the next begins.
fn cell_ui(ui: &mut Ui, row: Rect, column: usize, indent: f32, text: RichText) {
    let last = row.width() - LENGTH_WIDTH;
    let start = COLUMNS.get(column).copied().unwrap_or(last) + indent;
    let end = match column + 1 {
        next if next < COLUMNS.len() => COLUMNS.get(next).copied().unwrap_or(last) - 8.0,
        next if next == COLUMNS.len() => last - 8.0,
        _ => row.width(),
    };
    let width = (end - start).max(8.0);
    let cell = Rect::from_min_size(row.min + vec2(start, 0.0), vec2(width, row.height()));
    let layout = match column < COLUMNS.len() {
        true => Layout::left_to_right(Align::Center),
        false => Layout::right_to_left(Align::Center),
    };
    let mut cell_ui = ui.new_child(egui::UiBuilder::new().max_rect(cell).layout(layout));
    cell_ui.add(Label::new(text).selectable(false).truncate());
}
