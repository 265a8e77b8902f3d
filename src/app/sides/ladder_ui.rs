//! The size ladder: what an answer cost against how far its words are those of the largest model.

use egui::{Align2, FontId, RichText, Sense, Stroke, Ui, pos2, vec2};

use super::super::fonts;
use super::super::theme;
use super::column_ui::card_ui;
use super::compared::Rung;
use crate::vlm::parameters_text;

pub(super) fn ladder_ui(ui: &mut Ui, rungs: &[Rung]) {
    let palette = theme::palette(ui);
    card_ui(ui, |ui| {
        let font = FontId::new(13.0, fonts::semibold());
        ui.label(RichText::new("Size ladder").font(font));
        let text = "Seconds an answer took, against the share of its words that are also the \
                        largest model's. Likeness, not correctness.";
        ui.label(RichText::new(text).size(11.5).color(palette.faint));
        ui.add_space(6.0);
        chart_ui(ui, rungs);
        for rung in rungs {
            let text = format!(
                "{} · {} · {:.1} s · {:.0} % of its words",
                rung.title,
                parameters_text(rung.parameters),
                rung.secs,
                100.0 * rung.likeness
            );
            ui.label(RichText::new(text).size(11.5).color(palette.dim));
        }
    });
}

fn chart_ui(ui: &mut Ui, rungs: &[Rung]) {
    let palette = theme::palette(ui);
    let size = vec2(ui.available_width(), 130.0);
    let (whole, _) = ui.allocate_exact_size(size, Sense::hover());
    let area = egui::Rect::from_min_max(
        pos2(whole.left() + 44.0, whole.top() + 8.0),
        pos2(whole.right() - 16.0, whole.bottom() - 20.0),
    );
    let painter = ui.painter();
    let small = FontId::new(10.5, egui::FontFamily::Proportional);
    for share in [0.0_f32, 0.5, 1.0] {
        let y = area.bottom() - share * area.height();
        painter.hline(area.x_range(), y, Stroke::new(1.0, palette.line));
        let text = format!("{:.0} %", 100.0 * share);
        let at = pos2(area.left() - 6.0, y);
        painter.text(at, Align2::RIGHT_CENTER, text, small.clone(), palette.faint);
    }
    let most = rungs.iter().map(|rung| rung.secs).fold(0.1, f64::max) * 1.15;
    let largest = rungs.iter().map(|rung| rung.parameters).max().unwrap_or(1).max(1);
    let place = |rung: &Rung| {
        let x = area.left() + (rung.secs / most) as f32 * area.width();
        pos2(x, area.bottom() - rung.likeness as f32 * area.height())
    };
    let line: Vec<_> = rungs.iter().map(place).collect();
    painter.line(line, Stroke::new(1.5, theme::faded(palette.ai, 0.6)));
    for rung in rungs {
        let at = place(rung);
        // the area of a dot goes with the model's size
        let share = (rung.parameters as f64 / largest as f64).sqrt() as f32;
        painter.circle_filled(at, 3.0 + 6.0 * share, palette.ai);
        let is_right = at.x > area.center().x;
        let (align, shift) =
            if is_right { (Align2::RIGHT_TOP, -4.0) } else { (Align2::LEFT_TOP, 4.0) };
        let label = at + vec2(shift, 8.0);
        painter.text(label, align, &rung.title, small.clone(), palette.text);
    }
    let text = format!("{most:.1} s");
    let at = pos2(area.right(), area.bottom() + 4.0);
    painter.text(at, Align2::RIGHT_TOP, text, small.clone(), palette.faint);
    let at = pos2(area.left(), area.bottom() + 4.0);
    painter.text(at, Align2::LEFT_TOP, "0 s", small, palette.faint);
}
