//! Below the pictures of a comparison: progress while it is drawn, then ways to compare and figures.

use egui::{
    Color32, CornerRadius, Frame, Label, Margin, Rect, RichText, ScrollArea, Sense, Slider, Ui,
    pos2, vec2,
};

use super::super::icons;
use super::super::run_reconstruct::Compared;
use super::super::theme;
use super::super::view_cx::ViewCx;
use super::super::widgets::icon_toggle_ui;
use super::difference::signed_color;
use super::figures::figures_ui;
use super::progress::{end_ui, progress_ui};
use super::{ComparePanel, DifferenceKind, Mode};

const ROOM_FOR_HINTS: f32 = 420.0;
const SCALE_STEPS: usize = 32;
const CODEC_HINT: &str = "The original through the codec alone, with no model between: \
    what the codec loses is not the model's doing.";

/// Everything below the pictures.
pub(crate) fn controls_ui(
    ui: &mut Ui,
    cx: &ViewCx<'_>,
    compared: &Compared<'_>,
    panel: &mut ComparePanel,
) {
    // on a small screen the pictures keep their half
    let max_height = (ui.ctx().content_rect().height() * 0.42).max(160.0);
    let scroll = ScrollArea::vertical().max_height(max_height).min_scrolled_height(max_height);
    scroll.auto_shrink([false, true]).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 8.0;
        if compared.answer.is_open() {
            progress_ui(ui, cx, compared);
            return;
        }
        end_ui(ui, cx, compared);
        if compared.drawing.original.is_some() && !compared.drawing.codes.is_empty() {
            modes_ui(ui, panel);
            mode_ui(ui, cx, panel);
            extras_ui(ui, compared, panel);
            figures_ui(ui, compared);
        }
    });
}

fn modes_ui(ui: &mut Ui, panel: &mut ComparePanel) {
    let palette = theme::palette(ui);
    Frame::new()
        .fill(palette.raised)
        .corner_radius(CornerRadius::same(theme::RADIUS))
        .inner_margin(Margin::same(2))
        .show(ui, |ui| {
            ui.horizontal_wrapped(|ui| {
                ui.spacing_mut().item_spacing = vec2(2.0, 2.0);
                for (mode, label) in Mode::ALL {
                    if ui.selectable_label(panel.mode == mode, label).clicked() {
                        panel.mode = mode;
                    }
                }
            });
        });
}

/// What the chosen way of comparing can be set to.
fn mode_ui(ui: &mut Ui, cx: &ViewCx<'_>, panel: &mut ComparePanel) {
    let is_wide = ui.available_width() > ROOM_FOR_HINTS;
    match panel.mode {
        Mode::SideBySide if is_wide => {
            hint_ui(ui, "Wheel: zoom · drag: move · double click: fit · B: blink");
        }
        Mode::Swipe if is_wide => hint_ui(ui, "Drag the divider: original left, drawn right"),
        Mode::SideBySide | Mode::Swipe => {}
        Mode::Blink => row_ui(ui, |ui| blink_ui(ui, cx, panel)),
        Mode::Overlay => row_ui(ui, |ui| {
            ui.label("Original");
            let slider = Slider::new(&mut panel.opacity, 0.0..=1.0).show_value(false);
            ui.add(slider).accessible_name("Opacity");
            ui.label(format!("Drawn, {:.0} %", panel.opacity * 100.0));
        }),
        Mode::Difference => row_ui(ui, |ui| difference_ui(ui, panel)),
    }
}

fn row_ui(ui: &mut Ui, add: impl FnOnce(&mut Ui)) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.y = 4.0;
        add(ui);
    });
}

fn blink_ui(ui: &mut Ui, cx: &ViewCx<'_>, panel: &mut ComparePanel) {
    let moves = !cx.state.settings.less_motion;
    let blinks = panel.blinks && moves;
    let (icon, name) =
        if blinks { (icons::PAUSE, "Pause") } else { (icons::PLAY, "Blink by itself") };
    ui.add_enabled_ui(moves, |ui| {
        let response = icon_toggle_ui(ui, icon, name, blinks);
        let why = "Off while the settings ask for less motion";
        if response.on_disabled_hover_text(why).clicked() {
            panel.blinks = !panel.blinks;
        }
    });
    if blinks {
        let slider = Slider::new(&mut panel.blink_hz, 1.0..=4.0).fixed_decimals(1).suffix(" Hz");
        ui.add(slider).accessible_name("Rate");
    } else if ui.button("Show the other").clicked() {
        panel.shows_drawn = !panel.shows_drawn;
    }
}

fn difference_ui(ui: &mut Ui, panel: &mut ComparePanel) {
    for (kind, label) in
        [(DifferenceKind::Absolute, "Absolute"), (DifferenceKind::Signed, "Signed")]
    {
        if ui.selectable_label(panel.kind == kind, label).clicked() {
            panel.kind = kind;
        }
    }
    ui.label("Gain");
    ui.spacing_mut().slider_width = 90.0;
    let slider = Slider::new(&mut panel.gain, 1.0..=16.0).step_by(1.0).show_value(false);
    ui.add(slider).accessible_name("Gain");
    ui.label(RichText::new(format!("× {:.0}", panel.gain)).monospace());
    scale_ui(ui, panel);
}

/// What the colours of the difference stand for, in grey levels.
fn scale_ui(ui: &mut Ui, panel: &ComparePanel) {
    let palette = theme::palette(ui);
    let most = 255.0 / panel.gain.max(1.0);
    let (first, last) = match panel.kind {
        DifferenceKind::Absolute => ("0".to_owned(), format!("{most:.0} levels")),
        DifferenceKind::Signed => (format!("−{most:.0}"), format!("+{most:.0} levels")),
    };
    let small = |text: String| RichText::new(text).monospace().size(11.0).color(palette.dim);
    ui.label(small(first));
    let (rect, _) = ui.allocate_exact_size(vec2(64.0, 10.0), Sense::hover());
    for step in 0..SCALE_STEPS {
        let share = step as f32 / (SCALE_STEPS - 1) as f32;
        let color = match panel.kind {
            DifferenceKind::Absolute => Color32::from_gray((share * 255.0) as u8),
            DifferenceKind::Signed => theme::sampled(signed_color(share * 510.0 - 255.0)),
        };
        let width = rect.width() / SCALE_STEPS as f32;
        let at = pos2(rect.left() + step as f32 * width, rect.top());
        let bar = Rect::from_min_size(at, vec2(width + 0.5, rect.height()));
        ui.painter().rect_filled(bar, CornerRadius::ZERO, color);
    }
    ui.label(small(last));
}

fn hint_ui(ui: &mut Ui, text: &str) {
    let palette = theme::palette(ui);
    ui.add(Label::new(RichText::new(text).size(12.0).color(palette.faint)).truncate());
}

fn extras_ui(ui: &mut Ui, compared: &Compared<'_>, panel: &mut ComparePanel) {
    let Some(count) = compared.drawing.difference_count() else {
        let text = "No comparison with the codec alone: it cannot encode, or the drawing was \
                    stopped.";
        hint_ui(ui, text);
        return;
    };
    ui.horizontal_wrapped(|ui| {
        let codec = ui.checkbox(&mut panel.with_codec, "Codec ceiling");
        codec.on_hover_text(CODEC_HINT);
        let hint =
            "Marks the codes of the model that are not the codec's own codes of the original";
        ui.checkbox(&mut panel.marks_codes, "Mark differing codes").on_hover_text(hint);
        let palette = theme::palette(ui);
        let count = RichText::new(count).monospace().size(12.0).color(palette.dim);
        ui.add(Label::new(count).extend());
    });
    if panel.with_codec {
        let palette = theme::palette(ui);
        ui.add(Label::new(RichText::new(CODEC_HINT).size(12.0).color(palette.dim)).wrap());
    }
}
