//! The strip of tools beside the viewports, and the same in menus.

use egui::{Layout, Ui};

use super::super::command::Command;
use super::super::icons;
use super::super::state::LeftTab;
use super::super::theme;
use super::super::view_cx::ViewCx;
use super::super::widgets::{command_icon_ui, menu_item_ui};
use super::tool::Tool;
use crate::imaging::SuvKind;

/// Every tool, the chosen one lit, and what to do with what was drawn.
pub(crate) fn tools_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    ui.with_layout(Layout::top_down(egui::Align::Center), |ui| {
        ui.spacing_mut().item_spacing.y = 4.0;
        ui.add_space(6.0);
        let mut before: Option<Tool> = None;
        for tool in Tool::ALL {
            if before.is_some_and(|before| before.kind().is_none()) && tool.kind().is_some() {
                gap_ui(ui);
            }
            before = Some(tool);
            let is_on = cx.state.tool == tool;
            command_icon_ui(ui, cx, tool.icon(), Command::SetTool(tool), is_on);
        }
        gap_ui(ui);
        command_icon_ui(ui, cx, icons::TRASH, Command::DeleteSelected, false);
    });
}

fn gap_ui(ui: &mut Ui) {
    let palette = theme::palette(ui);
    let (rect, _) = ui.allocate_exact_size(egui::vec2(18.0, 9.0), egui::Sense::hover());
    ui.painter().hline(rect.x_range(), rect.center().y, egui::Stroke::new(1.0, palette.line));
}

/// Rows for every tool.
pub(crate) fn tools_menu_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    ui.set_min_width(200.0);
    for tool in Tool::ALL {
        menu_item_ui(ui, cx, Command::SetTool(tool), Some(cx.state.tool == tool));
    }
}

/// What can be done with what was drawn.
pub(crate) fn measure_menu_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    ui.set_min_width(240.0);
    menu_item_ui(ui, cx, Command::ShowTab(LeftTab::Measurements), None);
    menu_item_ui(ui, cx, Command::EditText(None), None);
    menu_item_ui(ui, cx, Command::DeleteSelected, None);
    ui.separator();
    for kind in SuvKind::ALL {
        menu_item_ui(ui, cx, Command::SetSuv(kind), Some(cx.state.settings.suv == kind));
    }
    ui.separator();
    menu_item_ui(ui, cx, Command::CopyMeasurements, None);
    menu_item_ui(ui, cx, Command::ExportMeasurements, None);
}
