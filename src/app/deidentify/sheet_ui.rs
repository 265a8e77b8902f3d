//! The sheet before the folder of the copies is chosen.

use egui::{Image, Label, RichText, Ui, vec2};

use super::super::command::Command;
use super::super::fonts;
use super::super::icons;
use super::super::theme;
use super::super::view_cx::ViewCx;
use super::super::widgets::primary_button_ui;
use super::CopyChoice;

const PREVIEW_SIDE: f32 = 200.0;

/// What is below the title.
pub(crate) fn deidentify_sheet_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    let palette = theme::palette(ui);
    let mut choice = cx.state.copies;
    let text = "DICOM files written again by the Basic Profile (PS3.15 Annex E): what identifies \
                the patient is removed, UIDs are replaced. Look at the copies before you give them \
                away.";
    ui.add(Label::new(RichText::new(text).color(palette.dim)).wrap());
    ui.add_space(8.0);
    let files = |series_only: bool| match cx.state.files_to_clean(series_only).len() {
        1 => "1 file".to_owned(),
        n => format!("{n} files"),
    };
    ui.add_enabled_ui(!choice.blackout, |ui| {
        ui.radio_value(&mut choice.series_only, false, format!("Whole study, {}", files(false)));
    });
    ui.radio_value(&mut choice.series_only, true, format!("Series shown, {}", files(true)));
    heading_ui(ui, "Keep");
    ui.checkbox(&mut choice.keep_uids, "UIDs");
    ui.checkbox(&mut choice.keep_dates, "Dates and times");
    ui.checkbox(&mut choice.keep_device, "Device: station, serial numbers and other ids");
    let text = "Patient characteristics: sex, age, size, weight and the like";
    ui.checkbox(&mut choice.keep_patient_characteristics, text);
    heading_ui(ui, "Pixels");
    blackout_ui(ui, cx, &mut choice);
    let text = "Leave out files whose pixels may have text in them";
    let strict = ui.add_enabled_ui(!choice.blackout, |ui| ui.checkbox(&mut choice.strict, text));
    strict.inner.on_disabled_hover_text("Parts are blacked out, which counts as looked at");
    if let Some(warning) = cx.state.shown_frame(|frame| frame.info().text_in_pixels.warning()) {
        warning_ui(ui, warning.unwrap_or_default());
    }
    ui.add_space(14.0);
    if choice != cx.state.copies {
        cx.send(Command::ChooseCopies(choice));
    }
    if primary_button_ui(ui, icons::FOLDER_OPEN, "Choose folder…").clicked() {
        cx.send(Command::PickPlaceForCopies);
    }
}

fn blackout_ui(ui: &mut Ui, cx: &ViewCx<'_>, choice: &mut CopyChoice) {
    let count = cx.state.marked_rectangles().len();
    let text = match count {
        0 => "Black out marked rectangles".to_owned(),
        1 => "Black out the marked rectangle in all slices of this series".to_owned(),
        n => format!("Black out the {n} marked rectangles in all slices of this series"),
    };
    let response = ui.add_enabled_ui(count > 0, |ui| ui.checkbox(&mut choice.blackout, text)).inner;
    let hint = "Draw them first on the picture, with the rectangle tool (Q)";
    if response.on_disabled_hover_text(hint).changed() && choice.blackout {
        choice.series_only = true;
    }
    if count == 0 {
        let palette = theme::palette(ui);
        ui.label(RichText::new(hint).size(12.0).color(palette.faint));
    }
    if let Some(preview) = cx.state.copies_preview.as_ref().filter(|_| choice.blackout) {
        let texture = cx.textures.picture(ui.ctx(), preview);
        let size = vec2(preview.width as f32, preview.height as f32);
        let size = size * (PREVIEW_SIDE / size.max_elem().max(1.0));
        ui.add_space(4.0);
        let image = Image::new((texture.id(), size)).alt_text("Preview of what is made black");
        ui.add(image);
        if cx.state.is_shown_compressed() {
            warning_ui(
                ui,
                "Its pixels are compressed, where nothing can be blacked out: such files are left \
                 out",
            );
        }
    }
}

fn warning_ui(ui: &mut Ui, text: &str) {
    if !text.is_empty() {
        let palette = theme::palette(ui);
        ui.add_space(4.0);
        ui.add(Label::new(RichText::new(text).color(palette.warn)).wrap());
    }
}

fn heading_ui(ui: &mut Ui, title: &str) {
    let palette = theme::palette(ui);
    ui.add_space(8.0);
    let font = egui::FontId::new(12.0, fonts::semibold());
    ui.label(RichText::new(title).font(font).color(palette.dim));
}
