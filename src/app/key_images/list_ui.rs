//! The key images of the study shown, above its measurements.

use egui::{CornerRadius, RichText, Sense, Ui, vec2};

use super::super::command::Command;
use super::super::fonts;
use super::super::icons;
use super::super::studies::series_name;
use super::super::study_panel::header_ui;
use super::super::theme;
use super::super::view_cx::ViewCx;
use super::super::widgets::command_icon_ui;
use super::state::KeyImage;

const ROW_HEIGHT: f32 = 28.0;

/// Nothing where there are none.
pub(crate) fn key_list_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    let shown = cx.state.key_images_shown();
    if shown.is_empty() {
        return;
    }
    header_ui(ui, "Key images", |ui| {
        command_icon_ui(ui, cx, icons::SAVE, Command::ExportKeyImages, false);
        let only = cx.state.key_images.only;
        command_icon_ui(ui, cx, icons::STAR, Command::ToggleKeyOnly, only);
    });
    ui.spacing_mut().item_spacing.y = 4.0;
    for item in shown {
        row_ui(ui, cx, item);
    }
    ui.add_space(8.0);
}

fn row_ui(ui: &mut Ui, cx: &ViewCx<'_>, item: &KeyImage) {
    let palette = theme::palette(ui);
    let Some((_, series)) = cx.state.shown_series(&item.place) else { return };
    let name = series_name(series, cx.state.settings.privacy);
    let slice = format!("slice {} of {}", item.place.frame_idx + 1, series.num_frames());
    let size = vec2(ui.available_width(), ROW_HEIGHT);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    let is_on = cx.state.active_viewport().place.as_ref() == Some(&item.place);
    let fill = match (is_on, response.hovered()) {
        (true, _) => palette.selection,
        (false, true) => palette.hover,
        (false, false) => palette.raised,
    };
    ui.painter().rect_filled(rect, CornerRadius::same(theme::RADIUS), fill);
    let spoken = format!("Key image, {slice}, {name}");
    response.widget_info(|| egui::WidgetInfo::selected(egui::Role::Button, true, is_on, &spoken));
    if response.clicked() {
        cx.send(Command::ShowKeyImage(item.place.clone()));
    }
    let inner = rect.shrink2(vec2(8.0, 4.0));
    let mut row = ui.new_child(
        egui::UiBuilder::new()
            .max_rect(inner)
            .layout(egui::Layout::left_to_right(egui::Align::Center)),
    );
    row.spacing_mut().item_spacing.x = 6.0;
    let icon = RichText::new(icons::STAR).font(fonts::icon(14.0)).color(palette.warn);
    row.add(egui::Label::new(icon).selectable(false));
    let text = RichText::new(slice).size(12.5);
    row.add(egui::Label::new(text).selectable(false));
    let text = RichText::new(name).size(11.5).color(palette.faint);
    row.add(egui::Label::new(text).selectable(false).truncate());
}
