//! The line at the top of such a screen, and the facts below it.

use egui::{
    Align2, Color32, CornerRadius, FontId, Frame, Label, Margin, Panel, RichText, Role, Sense, Ui,
    WidgetInfo, vec2,
};

use super::super::command::Command;
use super::super::fonts;
use super::super::icons;
use super::super::theme;
use super::super::view_cx::ViewCx;
use super::super::widgets::{icon_button_ui, rest_of_row_ui, row_from_right_ui};
use super::ResultsScreen;

/// Name of the screen at the left, what can be done at the right.
pub(super) fn heading_ui(
    ui: &mut Ui,
    cx: &ViewCx<'_>,
    screen: ResultsScreen,
    right: impl FnOnce(&mut Ui),
    left: impl FnOnce(&mut Ui),
) {
    let palette = theme::palette(ui);
    let (icon, name, close) = match screen {
        ResultsScreen::Training => (icons::CHART_LINE, "Training", "Close training"),
        ResultsScreen::Evaluation => (icons::LIST_CHECKS, "Evaluation", "Close evaluation"),
    };
    Panel::top("results heading")
        .exact_size(theme::PANEL_HEADER_HEIGHT)
        .frame(Frame::new().fill(palette.panel).inner_margin(Margin::symmetric(theme::PADDING, 0)))
        .resizable(false)
        .show(ui, |ui| {
            row_from_right_ui(ui, theme::PANEL_HEADER_HEIGHT, |ui| {
                ui.spacing_mut().item_spacing.x = 6.0;
                if icon_button_ui(ui, icons::CLOSE, close).clicked() {
                    cx.send(Command::CloseResults(screen));
                }
                let back = ui.button("Back to images").on_hover_text("Esc");
                if back.clicked() {
                    cx.send(Command::HideResults);
                }
                right(ui);
                rest_of_row_ui(ui, |ui| {
                    ui.spacing_mut().item_spacing.x = 8.0;
                    ui.label(RichText::new(icon).font(fonts::icon(16.0)).color(palette.accent));
                    let font = FontId::new(13.5, fonts::semibold());
                    ui.label(RichText::new(name).font(font).color(palette.text));
                    left(ui);
                });
            });
        });
}

/// A word or two in a tinted pill, as high as its text in rows of any height.
pub(super) fn tag_ui(ui: &mut Ui, text: &str, color: Color32) {
    let galley = ui.painter().layout_no_wrap(text.to_owned(), FontId::proportional(10.5), color);
    let (rect, response) = ui.allocate_exact_size(galley.size() + vec2(12.0, 4.0), Sense::hover());
    let fill = theme::wash(ui, color, 0.16);
    ui.painter().rect_filled(rect, CornerRadius::same(4), fill);
    let at = Align2::CENTER_CENTER.anchor_size(rect.center(), galley.size()).min;
    ui.painter().galley(at, galley, color);
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, text));
}

/// A number with what it is above it.
pub(super) fn fact_ui(ui: &mut Ui, name: &str, value: &str) {
    let palette = theme::palette(ui);
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        ui.add(Label::new(RichText::new(name).size(11.0).color(palette.faint)).extend());
        let font = FontId::new(14.5, fonts::semibold());
        ui.add(Label::new(RichText::new(value).font(font).color(palette.text)).extend());
    });
}

/// "1 h 05 min", "3 min 20 s", "12 s".
pub(super) fn duration(secs: f64) -> String {
    let secs = secs.max(0.0).round() as u64;
    let (days, hours, minutes) = (secs / 86_400, secs / 3600 % 24, secs / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{secs} s"),
        (0, 0, _) => format!("{minutes} min {:02} s", secs % 60),
        (0, _, _) => format!("{hours} h {minutes:02} min"),
        _ => format!("{days} d {hours:02} h"),
    }
}
