//! One question: its pictures, what was asked, the reference, and every model's answer.

use egui::{
    Color32, CornerRadius, Frame, Label, Margin, Rect, RichText, Role, ScrollArea, Sense, Ui,
    WidgetInfo, pos2, vec2,
};

use super::super::command::Command;
use super::super::fonts;
use super::super::frames::FrameState;
use super::super::icons;
use super::super::textures::Look;
use super::super::theme;
use super::super::view_cx::ViewCx;
use super::super::widgets::{icon_button_ui, rest_of_row_ui, row_from_right_ui};
use super::answers_ui::answers_ui;
use super::evaluation::{Evaluation, Question};
use super::evaluation_ui::EvaluationPanel;
use super::heading_ui::tag_ui;
use crate::eval::Record;
use crate::imaging::FrameRef;

const LETTERS: std::ops::RangeInclusive<char> = 'A'..='Z';

/// The whole column.
pub(super) fn question_ui(
    ui: &mut Ui,
    cx: &ViewCx<'_>,
    evaluation: &Evaluation,
    question: &Question,
    panel: &mut EvaluationPanel,
) {
    let Some(asked) = evaluation.asked(question) else { return };
    steps_ui(ui, cx, question, asked, panel);
    let height = (ui.available_height() * 0.5).max(180.0);
    ScrollArea::vertical().id_salt(("question", question.index)).auto_shrink(false).show(
        ui,
        |ui| {
            ui.spacing_mut().item_spacing.y = 8.0;
            pictures_ui(ui, cx, question, height);
            words_ui(ui, asked);
            answers_ui(ui, evaluation, question, panel);
        },
    );
}

fn steps_ui(
    ui: &mut Ui,
    cx: &ViewCx<'_>,
    question: &Question,
    asked: &Record,
    panel: &EvaluationPanel,
) {
    let palette = theme::palette(ui);
    row_from_right_ui(ui, 30.0, |ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        let here = cx.state.results.question;
        for (icon, name, rows) in
            [(icons::CARET_RIGHT, "Next question", 1), (icons::CARET_LEFT, "Previous question", -1)]
        {
            let next = panel.rows.further(here, rows).filter(|next| Some(*next) != here);
            ui.add_enabled_ui(next.is_some(), |ui| {
                if icon_button_ui(ui, icon, name).clicked()
                    && let Some(next) = next
                {
                    cx.send(Command::ShowQuestion(next));
                }
            });
        }
        if let Some(frame) = question.frames.first() {
            let show = ui.button("Show in viewer");
            if show.on_hover_text("Opens the picture as a study").clicked() {
                cx.send(Command::OpenPaths(vec![frame.path.clone()]));
            }
        }
        rest_of_row_ui(ui, |ui| {
            ui.spacing_mut().item_spacing.x = 6.0;
            let font = egui::FontId::new(13.5, fonts::semibold());
            let title = RichText::new(format!("Question {}", question.index + 1)).font(font);
            ui.label(title.color(palette.text));
            for value in asked.groups.values() {
                tag_ui(ui, value, palette.accent);
            }
            // ids are often made of file names, and those of patients' names
            if !cx.state.settings.privacy {
                let id = asked.id.as_str().map_or_else(|| asked.id.to_string(), str::to_owned);
                ui.add(Label::new(RichText::new(id).size(11.5).color(palette.faint)).truncate());
            }
        });
    });
}

fn words_ui(ui: &mut Ui, asked: &Record) {
    let palette = theme::palette(ui);
    let reading = |text: &str| {
        RichText::new(text).font(egui::FontId::new(theme::CHAT_SIZE, fonts::reading()))
    };
    ui.add(Label::new(reading(&asked.question).color(palette.strong)).wrap());
    for (letter, option) in LETTERS.zip(&asked.options) {
        let is_right = asked.reference.as_ref() == Some(option);
        let color = if is_right { palette.ok } else { palette.dim };
        ui.add(Label::new(RichText::new(format!("{letter}. {option}")).color(color)).wrap());
    }
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new("Reference").size(12.0).color(palette.faint));
        let text = asked.reference.as_deref().unwrap_or("none in the data");
        ui.add(Label::new(reading(text).color(palette.ok)).wrap());
    });
}

fn pictures_ui(ui: &mut Ui, cx: &ViewCx<'_>, question: &Question, height: f32) {
    if question.frames.is_empty() {
        let palette = theme::palette(ui);
        ui.label(RichText::new("Asked without a picture").size(12.0).color(palette.faint));
        return;
    }
    let n = question.frames.len();
    let width = (ui.available_width() - 8.0 * (n - 1) as f32) / n as f32;
    ui.horizontal(|ui| {
        for (at, frame) in question.frames.iter().enumerate() {
            picture_ui(ui, cx, frame, &format!("Picture {} of {n}", at + 1), vec2(width, height));
        }
    });
}

fn picture_ui(ui: &mut Ui, cx: &ViewCx<'_>, frame: &FrameRef, name: &str, size: egui::Vec2) {
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, CornerRadius::same(6), theme::VIEWPORT);
    let said = match cx.state.frames.state(frame) {
        FrameState::Ready(loaded) => {
            let grayscale = loaded.default_grayscale();
            let squares = cx.state.settings.nearest;
            let texture =
                cx.textures.frame(ui.ctx(), frame, &Look::grey(grayscale), squares, &loaded);
            let whole = texture.size_vec2();
            let fitted = whole * (rect.size() / whole).min_elem();
            let uv = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
            let place = Rect::from_center_size(rect.center(), fitted);
            painter.image(texture.id(), place, uv, Color32::WHITE);
            name.to_owned()
        }
        FrameState::Failed(why) => {
            let text = if why.is_empty() { "This picture cannot be shown".to_owned() } else { why };
            let font = egui::FontId::proportional(13.0);
            let width = rect.width() - 24.0;
            let galley = painter.layout(text.clone(), font, theme::OVERLAY_WARN, width);
            painter.galley(rect.center() - galley.size() / 2.0, galley, theme::OVERLAY_WARN);
            format!("{name}: {text}")
        }
        FrameState::Pending | FrameState::Unknown => {
            let font = fonts::icon(24.0);
            let at = rect.center();
            painter.text(
                at,
                egui::Align2::CENTER_CENTER,
                icons::HOURGLASS,
                font,
                theme::OVERLAY_DIM,
            );
            format!("{name}, being read")
        }
    };
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &said));
}

/// A frame around the answer of one model.
pub(super) fn card(ui: &Ui) -> Frame {
    let palette = theme::palette(ui);
    Frame::new()
        .fill(palette.raised)
        .stroke(egui::Stroke::new(1.0, palette.line))
        .corner_radius(CornerRadius::same(8))
        .inner_margin(Margin::same(10))
}
