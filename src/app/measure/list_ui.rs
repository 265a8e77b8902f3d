//! Left panel: the measurements of the study shown.

use egui::{CornerRadius, RichText, ScrollArea, Sense, Ui, vec2};

use super::super::command::Command;
use super::super::fonts;
use super::super::icons;
use super::super::key_images::key_list_ui;
use super::super::study_panel::{empty_ui, header_ui};
use super::super::theme;
use super::super::view_cx::ViewCx;
use super::super::widgets::{command_icon_ui, icon_button_ui};
use super::state::Measurement;
use super::tool::icon_of;
use super::words::lines_of;

const TITLE_HEIGHT: f32 = 21.0;
const LINE_HEIGHT: f32 = 16.5;
const TOOL_WIDTH: f32 = 32.0;

/// The whole panel.
pub(crate) fn list_panel_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    key_list_ui(ui, cx);
    header_ui(ui, "Measurements", |ui| {
        command_icon_ui(ui, cx, icons::SAVE, Command::ExportMeasurements, false);
        command_icon_ui(ui, cx, icons::COPY, Command::CopyMeasurements, false);
    });
    let shown = cx.state.measurements_shown();
    if shown.is_empty() {
        let text = "Choose a tool beside the picture: D measures a length, E a region.";
        empty_ui(ui, "Nothing measured yet", text);
        return;
    }
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 4.0;
        for (idx, item) in shown.into_iter().enumerate() {
            row_ui(ui, cx, item, idx + 1);
        }
        let palette = theme::palette(ui);
        let text = "± is the standard deviation of all pixels inside (population). \
                    Kept on this computer under hashes, without names.";
        ui.add_space(4.0);
        ui.add(egui::Label::new(RichText::new(text).size(11.5).color(palette.faint)).wrap());
    });
}

/// What it is, where, and its figures; a click shows it.
fn row_ui(ui: &mut Ui, cx: &ViewCx<'_>, item: &Measurement, number: usize) {
    let palette = theme::palette(ui);
    let lines = lines_of(item, cx.state.settings.suv);
    let is_on = cx.state.measurements.selected() == Some(item.id);
    let title = format!("{number}. {}, {}", item.shape.kind().as_str(), slice_of(cx, item));
    let height = TITLE_HEIGHT + LINE_HEIGHT * lines.len() as f32 + 14.0;
    let (rect, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::click());
    let fill = match (is_on, response.hovered()) {
        (true, _) => palette.selection,
        (false, true) => palette.hover,
        (false, false) => palette.raised,
    };
    ui.painter().rect_filled(rect, CornerRadius::same(theme::RADIUS), fill);
    let name = format!("{title}: {}", lines.join(" · "));
    response.widget_info(|| egui::WidgetInfo::selected(egui::Role::Button, true, is_on, &name));
    if response.clicked() {
        cx.send(Command::ShowMeasurement(item.id));
    }
    let has_text = item.shape.kind().has_text();
    let num_tools = if has_text { 2.0 } else { 1.0 };
    let inner = rect.shrink2(vec2(8.0, 6.0)).with_max_x(rect.right() - num_tools * TOOL_WIDTH);
    let mut texts = ui.new_child(egui::UiBuilder::new().max_rect(inner));
    texts.spacing_mut().item_spacing.y = 1.0;
    texts.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        let icon = RichText::new(icon_of(item.shape.kind())).font(fonts::icon(14.0));
        ui.add(egui::Label::new(icon.color(palette.accent)).selectable(false));
        let title = RichText::new(title).size(12.5);
        ui.add(egui::Label::new(title).selectable(false).truncate());
    });
    for line in &lines {
        let text = RichText::new(line).monospace().size(11.0).color(palette.dim);
        texts.add(egui::Label::new(text).selectable(false).truncate());
    }
    let at = egui::pos2(rect.right() - TOOL_WIDTH, rect.top() + 2.0);
    let place = egui::Rect::from_min_size(at, vec2(28.0, 28.0));
    let mut tools = ui.new_child(egui::UiBuilder::new().max_rect(place));
    if icon_button_ui(&mut tools, icons::TRASH, &format!("Delete measurement {number}")).clicked() {
        cx.send(Command::DeleteMeasurement(item.id));
    }
    if has_text {
        let place = place.translate(vec2(-TOOL_WIDTH, 0.0));
        let mut tools = ui.new_child(egui::UiBuilder::new().max_rect(place));
        let name = format!("Edit text of {number}");
        if icon_button_ui(&mut tools, icons::EDIT, &name).clicked() {
            cx.send(Command::ShowMeasurement(item.id));
            cx.send(Command::EditText(Some(item.id)));
        }
    }
}

/// "slice 11", with the series where the study has several.
fn slice_of(cx: &ViewCx<'_>, item: &Measurement) -> String {
    let place = cx.state.place_of_measurement(item);
    let slice = format!("slice {}", place.as_ref().unwrap_or(&item.place).frame_idx + 1);
    let Some(open) = cx.state.studies.get(&item.place.study_key) else { return slice };
    let series = &open.study.series;
    if let Some((_, planes)) = cx.state.shown_series(&item.place)
        && cx.state.studies.is_plane(&item.place)
        && let Some(plane) = planes.plane
    {
        return format!("{} {slice}", plane.as_str());
    }
    match series.iter().position(|series| series.key == item.place.series_key) {
        Some(idx) if series.len() > 1 => format!("series {}, {slice}", idx + 1),
        _ => slice,
    }
}
