//! The sheet that asks what of a picture is written.

use egui::{Label, RichText, Ui};

use super::super::command::Command;
use super::super::icons;
use super::super::theme;
use super::super::view_cx::ViewCx;
use super::super::widgets::primary_button_ui;
use super::{PictureChoice, PictureScope};
use crate::imaging::Frame;

/// What is below the title.
pub(crate) fn pictures_sheet_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    let palette = theme::palette(ui);
    let choice = cx.state.pictures;
    let choose = |choice: PictureChoice| cx.send(Command::ChoosePictures(choice));
    let faint = |ui: &mut Ui, text: &str| {
        ui.add(Label::new(RichText::new(text).size(12.0).color(palette.faint)).wrap());
    };
    ui.label(RichText::new(what(cx)).color(palette.dim));
    ui.add_space(10.0);
    if ui.radio(!choice.has_overlays, "The picture alone").clicked() {
        choose(PictureChoice { has_overlays: false, ..choice });
    }
    faint(ui, "8-bit pixels as a model gets them: window, polarity, turned. No colours, no marks.");
    ui.add_space(4.0);
    if ui.radio(choice.has_overlays, "With overlays").clicked() {
        choose(PictureChoice { has_overlays: true, ..choice });
    }
    faint(
        ui,
        "Measurements, colours and their bar, scale bar, directions, window, and words that name \
         nobody. Descriptions are written as the files have them.",
    );
    ui.add_space(8.0);
    ui.add_enabled_ui(choice.has_overlays, |ui| {
        size_ui(ui, cx, choice);
        let is_private = cx.state.settings.privacy;
        let mut names = choice.names_patient && !is_private;
        let text = "With the patient's name, id, age, and date and place of the examination";
        let response = ui.add_enabled_ui(!is_private, |ui| ui.checkbox(&mut names, text)).inner;
        if response.on_disabled_hover_text("Not in privacy mode").changed() {
            choose(PictureChoice { names_patient: names, ..choice });
        }
    });
    if let Some(warning) = cx.state.text_in_shown().warning() {
        ui.add_space(8.0);
        ui.add(Label::new(RichText::new(warning).color(palette.warn)).wrap());
    }
    ui.add_space(14.0);
    if primary_button_ui(ui, icons::SAVE, "Export…").clicked() {
        cx.send(Command::PickPlaceForPictures);
    }
}

fn size_ui(ui: &mut Ui, cx: &ViewCx<'_>, choice: PictureChoice) {
    ui.horizontal(|ui| {
        ui.label("Size");
        for times in [1, 2, 4] {
            let response = ui.selectable_label(choice.times == times, format!("{times} ×"));
            if response.accessible_name(format!("Size {times} ×")).clicked() {
                cx.send(Command::ChoosePictures(PictureChoice { times, ..choice }));
            }
        }
        if let Some((width, height)) = cx.state.shown_frame(|frame| size_of(cx, frame)) {
            let size = format!("{} × {} pixels", width * choice.times, height * choice.times);
            ui.label(RichText::new(size).size(12.0).color(theme::palette(ui).faint));
        }
    });
}

/// As it is turned.
fn size_of(cx: &ViewCx<'_>, frame: &Frame) -> (u32, u32) {
    let turned = cx.state.active_viewport().view.transform.turned;
    let (columns, rows) = (frame.columns(), frame.rows());
    if turned.is_sideways() { (rows, columns) } else { (columns, rows) }
}

fn what(cx: &ViewCx<'_>) -> String {
    let several = |n: usize, what: &str| match n {
        1 => format!("1 {what}, as PNG in a new folder"),
        n => format!("{n} {what}s, as numbered PNGs in a new folder"),
    };
    match cx.state.pictures.scope {
        PictureScope::View => "The picture of the active viewport, as PNG or JPEG".to_owned(),
        PictureScope::Series => several(cx.state.num_frames(), "image"),
        PictureScope::KeyImages => several(cx.state.key_images_shown().len(), "key image"),
    }
}
