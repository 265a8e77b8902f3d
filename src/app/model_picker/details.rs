//! The part of a model's row that opens: its parts, and memory in every precision.

use egui::{Align, CollapsingHeader, Color32, Label, Layout, RichText, Sense, Ui, UiBuilder, vec2};

use super::super::theme::{self, Palette};
use super::memory::Reckoned;
use crate::vlm::{Fit, MemoryNeed, ModelSpec, gigabytes};

const SMALL: f32 = 11.5;
const LINE_HEIGHT: f32 = 15.0;
const PART_WIDTH: f32 = 150.0;
const PRECISION_WIDTH: f32 = 34.0;
const NUMBER_WIDTH: f32 = 58.0;

pub(super) fn details_ui(ui: &mut Ui, spec: &ModelSpec, reckoned: Option<&Reckoned>) {
    let palette = theme::palette(ui);
    let title = RichText::new("Details").size(SMALL).color(palette.dim);
    let header = CollapsingHeader::new(title).id_salt(&spec.path).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        ui.spacing_mut().interact_size.y = LINE_HEIGHT;
        parts_ui(ui, palette, spec);
        if let Some(reckoned) = reckoned {
            ui.add_space(6.0);
            precisions_ui(ui, palette, reckoned);
        }
    });
    header.header_response.accessible_name(format!("Details of {}", spec.title));
}

fn parts_ui(ui: &mut Ui, palette: &Palette, spec: &ModelSpec) {
    for part in &spec.parts {
        ui.horizontal(|ui| {
            cell_ui(ui, PART_WIDTH, Align::Min, &part.name, palette.dim);
            cell_ui(ui, NUMBER_WIDTH, Align::Max, &gigabytes(part.bytes), palette.text);
            // most lie in the folder itself
            let path = part.path.strip_prefix(&spec.path).unwrap_or(&part.path);
            let text = RichText::new(path.display().to_string()).size(SMALL).color(palette.faint);
            ui.add(Label::new(text).truncate()).on_hover_text(part.path.display().to_string());
        });
    }
}

fn precisions_ui(ui: &mut Ui, palette: &Palette, reckoned: &Reckoned) {
    let room = reckoned.device.room().unwrap_or_else(|| "memory not known".to_owned());
    let text = format!("Memory for {} tokens · {room}", reckoned.context);
    ui.label(RichText::new(text).size(SMALL).color(palette.dim));
    ui.horizontal(|ui| {
        cell_ui(ui, PRECISION_WIDTH, Align::Min, "", palette.faint);
        for name in ["weights", "cache", "working", "in all"] {
            cell_ui(ui, NUMBER_WIDTH, Align::Max, name, palette.faint);
        }
    });
    for need in &reckoned.needs {
        ui.horizontal(|ui| precision_ui(ui, palette, need, reckoned));
    }
    if let Some(why) = &reckoned.why {
        ui.label(RichText::new(format!("Chosen: {why}")).size(SMALL).color(palette.faint));
    }
}

fn precision_ui(ui: &mut Ui, palette: &Palette, need: &MemoryNeed, reckoned: &Reckoned) {
    let supported = reckoned.device.supports(need.precision);
    let (verdict, color) = match need.fit(&reckoned.device) {
        _ if !supported => ("not on this device", palette.faint),
        Some(Fit::Comfortable) => ("fits", palette.ok),
        Some(Fit::Tight) => ("fits barely", palette.warn),
        Some(Fit::TooLarge) => ("does not fit", palette.warn),
        None => ("", palette.faint),
    };
    cell_ui(ui, PRECISION_WIDTH, Align::Min, need.precision.as_str(), palette.dim);
    let ink = if supported { palette.text } else { palette.faint };
    for bytes in
        [need.weights_bytes, need.kv_cache_bytes, need.activation_bytes, need.total_bytes()]
    {
        cell_ui(ui, NUMBER_WIDTH, Align::Max, &gigabytes(bytes), ink);
    }
    ui.label(RichText::new(verdict).size(SMALL).color(color));
}

/// Text at the left or right of a column.
fn cell_ui(ui: &mut Ui, width: f32, align: Align, text: &str, color: Color32) {
    let (rect, _) = ui.allocate_exact_size(vec2(width, LINE_HEIGHT), Sense::hover());
    let layout = match align {
        Align::Max => Layout::right_to_left(Align::Center),
        Align::Min | Align::Center => Layout::left_to_right(Align::Center),
    };
    let mut cell = ui.new_child(UiBuilder::new().max_rect(rect).layout(layout));
    cell.add(Label::new(RichText::new(text).size(SMALL).color(color)).truncate());
}
