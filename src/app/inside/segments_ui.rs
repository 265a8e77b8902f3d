//! Outlines of segments over a picture, their names beside them, and the menu that chooses.

use egui::{Align2, Button, Color32, FontId, Pos2, RichText, Shape, Stroke, Ui, pos2, vec2};

use super::super::command::Command;
use super::super::theme;
use super::super::view_cx::ViewCx;
use super::super::viewport_mouse::Scene;
use super::super::widgets::{menu_item_ui, tick_text};
use super::state::Found;
use crate::imaging::{ImagePlane, Segmentation};

const LINE_WIDTH: f32 = 1.5;
/// Slices nearer than this are one where the series does not say how far apart its own are.
const USUAL_SPACING_MM: f64 = 1.0;

/// Draws the segments that lie on the frame of a viewport.
pub(super) fn segments_ui(ui: &Ui, cx: &ViewCx<'_>, scene: &Scene<'_>) {
    let segments = &cx.state.inside.segments;
    if !segments.is_on {
        return;
    }
    let Some((_, series)) = cx.state.shown_series(scene.place) else { return };
    let info = scene.loaded.frame.info();
    let plane = ImagePlane {
        sop_instance_uid: &scene.frame_ref.sop_instance_uid,
        frame_number: scene.frame_ref.frame_number,
        geometry: Some(&info.geometry),
        size: [info.columns, info.rows],
        frame_of_reference_uid: series.frame_of_reference_uid.as_deref(),
        reach_mm: series.slice_spacing_mm.unwrap_or(USUAL_SPACING_MM) / 2.0,
    };
    let painter = ui.painter_at(scene.rect);
    for path in cx.state.segmentation_files(&scene.place.study_key) {
        let Some(found) = segments.ready(path) else { continue };
        // the segmentation's own pictures need no outlines
        if scene.frame_ref.path == path {
            continue;
        }
        let mut tops: Vec<(u16, Pos2)> = Vec::new();
        for (number, corners) in found.on(&plane) {
            if !segments.is_shown(path, number) {
                continue;
            }
            let color = color_of(found, number, segments.opacity);
            let at = |[x, y]: &[f64; 2]| scene.placed.ui_from_image(pos2(*x as f32, *y as f32));
            let points: Vec<Pos2> = corners.iter().map(at).collect();
            let top = points.iter().copied().min_by(|a, b| a.y.total_cmp(&b.y));
            match (tops.iter_mut().find(|(other, _)| *other == number), top) {
                (Some((_, best)), Some(top)) if top.y < best.y => *best = top,
                (None, Some(top)) => tops.push((number, top)),
                _ => {}
            }
            painter.add(Shape::closed_line(points, Stroke::new(LINE_WIDTH, color)));
        }
        for (number, top) in tops {
            let color = color_of(found, number, segments.opacity);
            let name = label_of(found, number);
            let font = FontId::proportional(theme::OVERLAY_SIZE);
            let at = top - vec2(0.0, 3.0);
            let shadow = at + vec2(1.0, 1.0);
            painter.text(shadow, Align2::CENTER_BOTTOM, name, font.clone(), theme::OVERLAY_SHADOW);
            painter.text(at, Align2::CENTER_BOTTOM, name, font, color);
        }
    }
}

fn color_of(found: &Segmentation, number: u16, opacity: u8) -> Color32 {
    let segment = found.segments.iter().find(|segment| segment.number == number);
    let color = segment.map_or(theme::OVERLAY, |segment| theme::of_map(segment.color));
    theme::faded(color, f32::from(opacity) / 100.0)
}

fn label_of(found: &Segmentation, number: u16) -> &str {
    let segment = found.segments.iter().find(|segment| segment.number == number);
    segment.map_or("", |segment| &segment.label)
}

/// Rows of the menu.
pub(crate) fn segments_menu_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    ui.set_min_width(260.0);
    let palette = theme::palette(ui);
    let segments = &cx.state.inside.segments;
    menu_item_ui(ui, cx, Command::ToggleSegments, Some(segments.is_on));
    let place = cx.state.active_viewport().place.as_ref();
    let files = place.map(|place| cx.state.segmentation_files(&place.study_key));
    let files = files.unwrap_or_default();
    if files.is_empty() {
        let text = "No segmentation of this study is open";
        ui.label(RichText::new(text).size(12.0).color(palette.faint));
        return;
    }
    ui.separator();
    for percent in [100, 60, 30] {
        let is_on = segments.opacity == percent;
        menu_item_ui(ui, cx, Command::SetSegmentOpacity(percent), Some(is_on));
    }
    for path in files {
        ui.separator();
        match segments.found(path) {
            Some(Found::Ready(found)) => {
                for segment in &found.segments {
                    let is_on = segments.is_shown(path, segment.number);
                    let name = RichText::new(&segment.label).color(theme::of_map(segment.color));
                    let button = Button::new((tick_text(palette, is_on), name));
                    if ui.add(button).accessible_name(&segment.label).clicked() {
                        let path = path.to_owned();
                        cx.send(Command::ToggleSegment(path, segment.number));
                    }
                }
            }
            Some(Found::Failed(why)) => {
                ui.label(RichText::new(why).size(12.0).color(palette.warn));
            }
            Some(Found::Pending) => {
                ui.label(RichText::new("Reading…").size(12.0).color(palette.faint));
            }
            None => {
                let text = "Its segments are read when they are shown";
                ui.label(RichText::new(text).size(12.0).color(palette.faint));
            }
        }
    }
    ui.separator();
    let text = "A model is given the picture without them";
    ui.label(RichText::new(text).size(12.0).color(palette.faint));
}
