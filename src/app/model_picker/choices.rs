//! What models are computed on and in, and where they are looked for.

use egui::{ComboBox, RichText, Ui};

use super::super::command::Command;
use super::super::fonts;
use super::super::icons;
use super::super::theme;
use super::super::view_cx::ViewCx;
use crate::vlm::{DeviceChoice, Precision, PrecisionChoice};

pub(super) fn choices_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    let palette = theme::palette(ui);
    let settings = &cx.state.settings;
    let (mut device, mut precision) = (settings.device, settings.precision);
    ui.horizontal(|ui| {
        ui.label(RichText::new("Device").color(palette.dim));
        ComboBox::from_id_salt("device")
            .selected_text(device_name(device))
            .width(90.0)
            .show_ui(ui, |ui| {
                for choice in [DeviceChoice::Auto, DeviceChoice::Gpu, DeviceChoice::Cpu] {
                    ui.selectable_value(&mut device, choice, device_name(choice));
                }
            })
            .response
            .accessible_name("Device");
        ui.add_space(8.0);
        ui.label(RichText::new("Precision").color(palette.dim));
        ComboBox::from_id_salt("precision")
            .selected_text(precision_name(precision))
            .width(90.0)
            .show_ui(ui, |ui| {
                let exact = Precision::ALL.into_iter().map(PrecisionChoice::Exactly);
                for choice in std::iter::once(PrecisionChoice::Auto).chain(exact) {
                    ui.selectable_value(&mut precision, choice, precision_name(choice));
                }
            })
            .response
            .accessible_name("Precision");
    });
    if (device, precision) != (settings.device, settings.precision) {
        cx.send(Command::ChooseDevice(device, precision));
    }
    ui.horizontal(|ui| {
        for (icon, command) in [
            (icons::FOLDER_OPEN, Command::ChooseModelsFolder),
            (icons::EYE, Command::OpenModelsFolder),
            (icons::REGENERATE, Command::RescanModels),
        ] {
            let icon = RichText::new(icon).font(fonts::icon(14.0)).color(palette.dim);
            let button = egui::Button::new((icon, command.label()));
            let enabled = cx.is_enabled(&command);
            if ui.add_enabled(enabled, button).accessible_name(command.label()).clicked() {
                cx.send(command);
            }
        }
    });
}

fn device_name(device: DeviceChoice) -> &'static str {
    match device {
        DeviceChoice::Auto => "Automatic",
        DeviceChoice::Gpu => "GPU",
        DeviceChoice::Cpu => "CPU",
    }
}

fn precision_name(precision: PrecisionChoice) -> &'static str {
    match precision {
        PrecisionChoice::Auto => "Automatic",
        PrecisionChoice::Exactly(precision) => precision.as_str(),
    }
}
