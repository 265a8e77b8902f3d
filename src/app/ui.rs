//! Where panels sit.

use egui::{CentralPanel, CornerRadius, Frame, Margin, Panel, Ui};

use super::chat_panel::chat_panel_ui;
use super::compare::compare_ui;
use super::eye::stored_ui;
use super::layout::cells;
use super::measure::tools_ui;
use super::notices_ui::{drop_sheet_ui, notices_ui};
use super::results::results_ui;
use super::sheets::sheet_ui;
use super::sides::sides_ui;
use super::start_card::start_card_ui;
use super::status_bar::status_bar_ui;
use super::study_panel::{left_panel_ui, rail_ui};
use super::theme;
use super::toolbar::toolbar_ui;
use super::top_bar::top_bar_ui;
use super::view_cx::ViewCx;
use super::viewport_ui::viewport_ui;
use super::{Panels, ReadingRoomApp};

impl ReadingRoomApp {
    pub(crate) fn draw_ui(&mut self, ui: &mut Ui) {
        let ctx = ui.ctx().clone();
        self.take_input(&ctx);
        let cx = ViewCx { state: &self.state, textures: &self.textures, commands: &self.commands };
        frame_ui(ui, &cx, &mut self.panels);
        self.state.focus_question = false;
        self.state.forget_focus();
        self.textures.sweep();
        if !self.commands.is_empty() {
            ctx.request_repaint();
        }
    }
}

fn frame_ui(ui: &mut Ui, cx: &ViewCx<'_>, panels: &mut Panels) {
    let palette = theme::palette(ui);
    let whole_width = ui.available_width();
    let bar = Frame::new().fill(palette.app).inner_margin(Margin::symmetric(10, 0));
    Panel::top("top bar")
        .exact_size(theme::TOP_BAR_HEIGHT)
        .frame(bar)
        .resizable(false)
        .show(ui, |ui| ui.centered_and_justified(|ui| top_bar_ui(ui, cx)));
    let hover = panels.viewports.iter().find_map(|panel| panel.hover.clone());
    Panel::bottom("status bar")
        .exact_size(theme::STATUS_BAR_HEIGHT)
        .frame(bar)
        .resizable(false)
        .show(ui, |ui| status_bar_ui(ui, cx, hover.as_ref()));
    Panel::left("rail")
        .exact_size(theme::RAIL_WIDTH)
        .frame(Frame::new().fill(palette.app))
        .resizable(false)
        .show(ui, |ui| rail_ui(ui, cx));

    let panel = Frame::new().fill(palette.panel);
    let margin = Margin::symmetric(theme::PADDING, 0);
    let has_panels = !cx.state.is_showing_results();
    if cx.state.settings.left_open && has_panels {
        Panel::left("left panel")
            .default_size(theme::LEFT_PANEL_WIDTH.min(whole_width * 0.2))
            .size_range(200.0..=380.0)
            .frame(panel.inner_margin(margin))
            .show(ui, |ui| left_panel_ui(ui, cx, &mut panels.history));
    }
    if cx.state.settings.right_open && has_panels {
        let widest = (ui.available_width() * 0.6).max(360.0);
        Panel::right("chat panel")
            .default_size(theme::RIGHT_PANEL_WIDTH.min(whole_width * 0.32))
            .size_range(340.0..=widest)
            .frame(panel.inner_margin(margin))
            .show(ui, |ui| chat_panel_ui(ui, cx, &mut panels.chat));
    }
    CentralPanel::no_frame().show(ui, |ui| centre_ui(ui, cx, panels));
    sheet_ui(ui, cx);
    drop_sheet_ui(ui);
}

fn centre_ui(ui: &mut Ui, cx: &ViewCx<'_>, panels: &mut Panels) {
    let area = ui.available_rect_before_wrap();
    if cx.state.is_showing_results() {
        panels.viewports.iter_mut().for_each(|panel| panel.hover = None);
        results_ui(ui, cx, &mut panels.results);
        notices_ui(ui, cx, area);
        return;
    }
    if cx.state.is_comparing() {
        // what is under the cursor is no acquired pixel
        panels.viewports.iter_mut().for_each(|panel| panel.hover = None);
        compare_ui(ui, cx, &mut panels.compare);
        notices_ui(ui, cx, area);
        return;
    }
    if cx.state.is_showing_sides() {
        panels.viewports.iter_mut().for_each(|panel| panel.hover = None);
        sides_ui(ui, cx, &mut panels.sides);
        notices_ui(ui, cx, area);
        return;
    }
    if cx.state.is_looking_at_evidence() {
        panels.viewports.iter_mut().for_each(|panel| panel.hover = None);
        stored_ui(ui, cx);
        notices_ui(ui, cx, area);
        return;
    }
    if cx.state.studies.open().is_empty() {
        start_card_ui(ui, cx);
        notices_ui(ui, cx, area);
        return;
    }
    let palette = theme::palette(ui);
    Panel::top("viewport toolbar")
        .exact_size(theme::PANEL_HEADER_HEIGHT)
        .frame(Frame::new().fill(palette.panel).inner_margin(Margin::symmetric(8, 0)))
        .resizable(false)
        .show(ui, |ui| toolbar_ui(ui, cx));
    Panel::left("tools")
        .exact_size(theme::TOOLS_WIDTH)
        .frame(Frame::new().fill(palette.panel))
        .resizable(false)
        .show(ui, |ui| tools_ui(ui, cx));
    let rect = ui.available_rect_before_wrap();
    ui.painter().rect_filled(rect, CornerRadius::ZERO, theme::VIEWPORT);
    let n = cx.state.viewports.len();
    for ((idx, panel), cell) in panels.viewports.iter_mut().enumerate().zip(cells(rect, n)) {
        let mut ui = ui.new_child(egui::UiBuilder::new().id_salt(("viewport", idx)).max_rect(cell));
        viewport_ui(&mut ui, cx, idx, panel);
    }
    notices_ui(ui, cx, area);
}
