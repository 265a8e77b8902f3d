//! Annotations of a presentation state over a picture, and the menu that offers the states.

use egui::{Align2, Button, FontId, Pos2, RichText, Shape, Stroke, Ui, pos2, vec2};

use super::super::command::Command;
use super::super::studies::series_name;
use super::super::theme;
use super::super::view_cx::ViewCx;
use super::super::viewport_mouse::Scene;
use super::super::widgets::{menu_item_ui, tick_text};
use super::segments_ui::segments_ui;
use crate::imaging::HIDDEN;

const LINE_WIDTH: f32 = 1.5;
const POINT_RADIUS: f32 = 3.0;

/// Draws segments and annotations on the frame of a viewport.
pub(crate) fn over_picture_ui(ui: &Ui, cx: &ViewCx<'_>, scene: &Scene<'_>) {
    segments_ui(ui, cx, scene);
    presented_marks_ui(ui, cx, scene);
}

fn presented_marks_ui(ui: &Ui, cx: &ViewCx<'_>, scene: &Scene<'_>) {
    let Some(presentation) = cx.state.presented() else { return };
    let painter = ui.painter_at(scene.rect);
    let color = theme::OVERLAY_KEY;
    let stroke = Stroke::new(LINE_WIDTH, color);
    let at = |[x, y]: [f32; 2]| scene.placed.ui_from_image(pos2(x, y));
    let privacy = cx.state.settings.privacy;
    let frame_ref = scene.frame_ref;
    for marks in presentation.marks_on(&frame_ref.sop_instance_uid, frame_ref.frame_number) {
        for line in &marks.lines {
            let points: Vec<Pos2> = line.iter().copied().map(at).collect();
            painter.add(Shape::line(points, stroke));
        }
        for point in &marks.points {
            painter.circle_stroke(at(*point), POINT_RADIUS, stroke);
        }
        for (text, place) in &marks.texts {
            // free text may name somebody
            let text = if privacy { HIDDEN } else { text };
            let font = FontId::proportional(theme::OVERLAY_SIZE);
            let here = at(*place);
            let below = here + vec2(1.0, 1.0);
            painter.text(below, Align2::LEFT_BOTTOM, text, font.clone(), theme::OVERLAY_SHADOW);
            painter.text(here, Align2::LEFT_BOTTOM, text, font, color);
        }
    }
}

/// Rows of the menu.
pub(crate) fn presentations_menu_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    ui.set_min_width(260.0);
    let palette = theme::palette(ui);
    let place = cx.state.active_viewport().place.as_ref();
    let open = place.and_then(|place| cx.state.studies.get(&place.study_key));
    let files = open.map(|open| cx.state.presentation_files(&open.study.key));
    let (Some(open), Some(files)) = (open, files.filter(|files| !files.is_empty())) else {
        let text = "No presentation state of this study is open";
        ui.label(RichText::new(text).size(12.0).color(palette.faint));
        return;
    };
    for (number, path) in files.into_iter().enumerate() {
        let is_on = cx.state.inside.presented.as_deref() == Some(path);
        let holds = |series: &&crate::imaging::Series| {
            series.instances.iter().any(|instance| instance.path == path)
        };
        let series = open.study.series.iter().find(holds);
        let name = series.map(|series| series_name(series, cx.state.settings.privacy));
        let name = format!("{}. {}", number + 1, name.unwrap_or_default());
        if ui.add(Button::new((tick_text(palette, is_on), name))).clicked() {
            cx.send(Command::UsePresentation(path.to_owned()));
            ui.close();
        }
    }
    ui.separator();
    menu_item_ui(ui, cx, Command::DropPresentation, None);
    let text = "A model is given window and polarity, not the annotations";
    ui.label(RichText::new(text).size(12.0).color(palette.faint));
}
