//! Documents in the place of pictures: reports, key object selections, what is known of a PDF.

use std::path::Path;

use egui::{
    CornerRadius, FontId, Label, Layout, Margin, Rect, RichText, ScrollArea, TextFormat, Ui,
    text::LayoutJob, vec2,
};

use super::super::command::Command;
use super::super::fonts;
use super::super::icons;
use super::super::studies::series_name;
use super::super::theme;
use super::super::view_cx::ViewCx;
use super::super::viewport::Viewport;
use super::super::widgets::primary_button_ui;
use super::place::Places;
use super::state::Found;
use crate::imaging::{Document, DocumentLine, LineKind};

/// Lines of one document that the window shows.
const MOST_LINES: usize = 1_000;
const INDENT: f32 = 18.0;
const MOST_WIDTH: f32 = 760.0;

/// Whether a viewport shows documents.
pub(crate) fn shows_document(cx: &ViewCx<'_>, viewport: &Viewport) -> bool {
    !cx.state.documents_in(viewport).is_empty()
}

/// Draws the documents of a viewport below each other.
pub(crate) fn document_ui(ui: &mut Ui, cx: &ViewCx<'_>, idx: usize, rect: Rect) {
    let Some(viewport) = cx.state.viewports.get(idx) else { return };
    let palette = theme::palette(ui);
    ui.painter_at(rect).rect_filled(rect, CornerRadius::ZERO, palette.panel);
    let is_pressed = ui.input(|input| input.pointer.any_pressed());
    if is_pressed && ui.rect_contains_pointer(rect) && cx.state.active != idx {
        cx.send(Command::ActivateViewport(idx));
    }
    let layout = Layout::top_down(egui::Align::Min);
    let builder = egui::UiBuilder::new().id_salt(("document", idx)).max_rect(rect).layout(layout);
    let mut page = ui.new_child(builder);
    page.set_clip_rect(rect);
    ScrollArea::vertical().auto_shrink(false).show(&mut page, |ui| {
        let margin = ((rect.width() - MOST_WIDTH) / 2.0).clamp(16.0, 400.0);
        egui::Frame::new().inner_margin(Margin::symmetric(margin as i8, 20)).show(ui, |ui| {
            ui.set_max_width(MOST_WIDTH.min(rect.width() - 2.0 * 16.0));
            for (at, instance) in cx.state.documents_in(viewport).iter().enumerate() {
                if at > 0 {
                    ui.add_space(16.0);
                    ui.separator();
                    ui.add_space(16.0);
                }
                match cx.state.inside.document(&instance.path) {
                    Some(Found::Ready(document)) => one_ui(ui, cx, (at, &instance.path), document),
                    Some(Found::Failed(why)) => {
                        ui.label(RichText::new(why).color(palette.warn));
                    }
                    Some(Found::Pending) | None => {
                        ui.label(RichText::new("Reading…").color(palette.dim));
                    }
                }
            }
        });
    });
}

fn one_ui(ui: &mut Ui, cx: &ViewCx<'_>, (at, path): (usize, &Path), document: &Document) {
    let palette = theme::palette(ui);
    let privacy = cx.state.settings.privacy;
    ui.spacing_mut().item_spacing.y = 6.0;
    ui.label(RichText::new(document.kind.name()).size(12.0).color(palette.dim));
    let title = document.title.shown_value(privacy);
    if !title.is_empty() {
        let font = FontId::new(20.0, fonts::semibold());
        ui.add(Label::new(RichText::new(title).font(font).color(palette.strong)).wrap());
    }
    let all = document.facts.iter().chain(&document.lines);
    if privacy && all.clone().any(|line| line.identifies && line.reference.is_none()) {
        let text = "Privacy mode: names, dates and free text are hidden";
        ui.label(RichText::new(text).size(12.0).color(palette.warn));
    }
    for fact in &document.facts {
        line_ui(ui, fact, privacy);
    }
    if let Some(embedded) = &document.embedded {
        let size = size_text(embedded.bytes);
        let text = format!("{}, {size}. It is never opened here.", embedded.media_type);
        ui.label(RichText::new(text).color(palette.dim));
        ui.add_space(6.0);
        let command = Command::ExportDocument(at);
        ui.scope(|ui| {
            if primary_button_ui(ui, icons::SAVE, Command::ExportDocument(0).label()).clicked() {
                cx.send(command);
            }
        });
    }
    if document.presentation.is_some() {
        ui.add_space(6.0);
        if primary_button_ui(ui, icons::EYE, "Apply to its images").clicked() {
            cx.send(Command::UsePresentation(path.to_owned()));
        }
    }
    ui.add_space(8.0);
    let places = (!document.references.is_empty()).then(|| Places::of(cx.state));
    for line in document.lines.iter().take(MOST_LINES) {
        match (line.kind, &places) {
            (LineKind::Reference, Some(places)) => reference_ui(ui, cx, document, line, places),
            _ => line_ui(ui, line, privacy),
        }
    }
    let left_out = document.left_out + document.lines.len().saturating_sub(MOST_LINES);
    if left_out > 0 {
        ui.label(RichText::new(format!("{left_out} more lines")).color(palette.faint));
    }
    if !document.references.is_empty() {
        let count = document.references.len();
        let many = if count == 1 { "image or object" } else { "images or objects" };
        let text = format!("Refers to {count} {many}");
        ui.label(RichText::new(text).size(12.0).color(palette.faint));
    }
}

/// A heading, or a name and its value, indented.
fn line_ui(ui: &mut Ui, line: &DocumentLine, privacy: bool) {
    let palette = theme::palette(ui);
    let indent = line.depth as f32 * INDENT;
    if line.kind == LineKind::Heading {
        ui.add_space(4.0);
        indented_ui(ui, indent, |ui| {
            let size = if line.depth == 0 { 15.5 } else { 13.5 };
            let font = FontId::new(size, fonts::semibold());
            ui.add(Label::new(RichText::new(&line.name).font(font).color(palette.strong)).wrap());
        });
        return;
    }
    let value = line.shown_value(privacy);
    let value_color = if value == line.value { palette.text } else { palette.warn };
    let mut job = LayoutJob::default();
    let font = FontId::proportional(13.5);
    if !line.name.is_empty() {
        let name = format!("{}  ", line.name);
        job.append(&name, 0.0, TextFormat::simple(font.clone(), palette.dim));
    }
    job.append(value, 0.0, TextFormat::simple(font, value_color));
    indented_ui(ui, indent, |ui| {
        ui.add(Label::new(job).wrap());
    });
}

/// An image that is referred to; a click goes there where it is open.
fn reference_ui(
    ui: &mut Ui,
    cx: &ViewCx<'_>,
    document: &Document,
    line: &DocumentLine,
    places: &Places<'_>,
) {
    let palette = theme::palette(ui);
    let image = line.reference.and_then(|at| document.references.get(at));
    let place = image.and_then(|image| places.find(image));
    indented_ui(ui, line.depth as f32 * INDENT, |ui| {
        // a row of text, not of controls
        ui.spacing_mut().interact_size.y = 0.0;
        ui.horizontal(|ui| {
            ui.label(RichText::new(&line.name).size(13.5).color(palette.dim));
            let shown = place.as_ref().and_then(|place| cx.state.shown_series(place));
            let (Some(place), Some((_, series))) = (place, shown) else {
                ui.label(RichText::new("not open").size(13.5).color(palette.faint));
                return;
            };
            let name = series_name(series, cx.state.settings.privacy);
            let (n, of) = (place.frame_idx + 1, series.num_frames());
            let text = format!("{name}, slice {n} of {of}");
            if ui.link(text).clicked() {
                cx.send(Command::ShowReferenced(place));
            }
        });
    });
}

fn indented_ui(ui: &mut Ui, indent: f32, add: impl FnOnce(&mut Ui)) {
    let width = (ui.available_width() - indent).max(60.0);
    ui.horizontal_top(|ui| {
        ui.add_space(indent);
        ui.allocate_ui_with_layout(vec2(width, 0.0), Layout::top_down(egui::Align::Min), add);
    });
}

fn size_text(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{:.1} KB", bytes as f64 / 1024.0),
        _ => format!("{:.1} MB", bytes as f64 / 1_048_576.0),
    }
}
