//! Notices at the bottom of the viewport area, and the sheet shown while files hover.

use egui::{
    Align, Align2, Area, CornerRadius, Frame, Id, Label, Layout, Margin, Order, Rect, RichText,
    ScrollArea, Stroke, Ui, vec2,
};

use super::command::Command;
use super::fonts;
use super::icons;
use super::notices::{Notice, NoticeLevel};
use super::theme;
use super::view_cx::ViewCx;
use super::widgets::icon_button_ui;

const WIDTH: f32 = 400.0;

/// At most three, newest lowest, over the bottom of `area`.
pub(crate) fn notices_ui(ui: &Ui, cx: &ViewCx<'_>, area: Rect) {
    if cx.state.notices.shown().is_empty() {
        return;
    }
    Area::new(Id::unique("notices"))
        .order(Order::Foreground)
        .pivot(Align2::CENTER_BOTTOM)
        .fixed_pos(area.center_bottom() - vec2(0.0, 76.0))
        .interactable(true)
        .show(ui.ctx(), |ui| {
            ui.spacing_mut().item_spacing.y = 8.0;
            for notice in cx.state.notices.shown() {
                notice_ui(ui, cx, notice, WIDTH.min(area.width() - 60.0));
            }
        });
}

fn notice_ui(ui: &mut Ui, cx: &ViewCx<'_>, notice: &Notice, width: f32) {
    let palette = theme::palette(ui);
    let (icon, color) = match notice.level {
        NoticeLevel::Info => (icons::INFO, palette.accent),
        NoticeLevel::Ok => (icons::CHECK_CIRCLE, palette.ok),
        NoticeLevel::Warn => (icons::WARNING, palette.warn),
        NoticeLevel::Error => (icons::ERROR, palette.bad),
    };
    Frame::popup(ui.style())
        .stroke(Stroke::new(1.0, theme::faded(color, 0.5)))
        .inner_margin(Margin::symmetric(12, 8))
        .show(ui, |ui| {
            ui.set_width(width);
            ui.with_layout(Layout::right_to_left(Align::Min), |ui| {
                ui.spacing_mut().item_spacing.x = 4.0;
                if icon_button_ui(ui, icons::CLOSE, "Dismiss").clicked() {
                    cx.send(Command::DismissNotice(notice.id));
                }
                for (label, command) in &notice.actions {
                    if ui.button(*label).clicked() {
                        cx.send(command.clone());
                        cx.send(Command::DismissNotice(notice.id));
                    }
                }
                if !notice.details.is_empty() {
                    let label = if notice.unfolded { "Hide" } else { "Show" };
                    if ui.button(label).clicked() {
                        cx.send(Command::ToggleNoticeDetails(notice.id));
                    }
                }
                ui.with_layout(Layout::left_to_right(Align::Min), |ui| {
                    ui.spacing_mut().item_spacing.x = 8.0;
                    ui.vertical(|ui| {
                        ui.add_space(4.0);
                        ui.label(RichText::new(icon).font(fonts::icon(17.0)).color(color));
                    });
                    ui.vertical(|ui| {
                        ui.add_space(5.0);
                        ui.add(Label::new(RichText::new(&notice.text).color(palette.text)).wrap());
                    });
                });
            });
            if notice.unfolded {
                details_ui(ui, notice);
            }
        });
}

fn details_ui(ui: &mut Ui, notice: &Notice) {
    let palette = theme::palette(ui);
    ui.separator();
    ScrollArea::vertical().max_height(180.0).auto_shrink([false, true]).show(ui, |ui| {
        for line in &notice.details {
            ui.add(Label::new(RichText::new(line).size(11.5).color(palette.dim)).wrap());
        }
    });
}

/// While files hover over the window: what dropping them will do.
pub(crate) fn drop_sheet_ui(ui: &Ui) {
    let (folders, files) = ui.input(|i| {
        let mut counts = (0, 0);
        for file in &i.raw.hovered_files {
            let is_folder = file.path.as_ref().is_some_and(|path| path.extension().is_none());
            if is_folder {
                counts.0 += 1;
            } else {
                counts.1 += 1;
            }
        }
        counts
    });
    if folders + files == 0 {
        return;
    }
    let what = match (folders, files) {
        (n, 0) => super::studies::count(n, "folder", "folders"),
        (0, n) => super::studies::count(n, "file", "files"),
        (n, m) => super::studies::count(n + m, "item", "items"),
    };
    let rect = ui.ctx().content_rect();
    let painter = ui.ctx().layer_painter(egui::LayerId::new(Order::Tooltip, Id::unique("drop")));
    painter.rect_filled(rect, CornerRadius::ZERO, theme::DIMMED);
    let frame = Rect::from_center_size(rect.center(), vec2(420.0, 200.0));
    let stroke = Stroke::new(2.0, theme::OVERLAY_ACCENT);
    painter.rect_stroke(frame, CornerRadius::same(14), stroke, egui::StrokeKind::Inside);
    painter.text(
        frame.center() - vec2(0.0, 26.0),
        Align2::CENTER_CENTER,
        icons::FOLDER_OPEN,
        fonts::icon(40.0),
        theme::OVERLAY_ACCENT,
    );
    painter.text(
        frame.center() + vec2(0.0, 34.0),
        Align2::CENTER_CENTER,
        format!("Open {what}"),
        egui::FontId::new(18.0, fonts::semibold()),
        theme::OVERLAY,
    );
}
