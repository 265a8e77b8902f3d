//! P(yes) over the slices, from top to bottom as the scrollbar beside it.

use egui::{Align2, CornerRadius, FontId, Id, Pos2, Rect, Role, Sense, Stroke, Ui, WidgetInfo};
use egui::{Button, RichText, UiBuilder, pos2, vec2};

use super::super::command::Command;
use super::super::fonts;
use super::super::icons;
use super::super::theme;
use super::super::view_cx::ViewCx;
use super::super::viewport::Viewport;
use super::state::Curve;

const WIDTH: f32 = 76.0;
/// The scrollbar's, and a gap.
const RIGHT: f32 = 16.0;
/// For the button and the words.
const TOP: f32 = 44.0;
const BOTTOM: f32 = 30.0;
/// Words about the series stand in the corners of the viewport, below more than above.
const CORNER: f32 = 38.0;
const DOT: f32 = 3.0;

/// Over a viewport that shows the series.
pub(crate) fn strip_ui(ui: &mut Ui, cx: &ViewCx<'_>, viewport: &Viewport, rect: Rect) {
    let Some(place) = &viewport.place else { return };
    let Some(strip) = &cx.state.curve_at(place) else { return };
    let num_frames = cx.state.shown_series(place).map_or(0, |(_, series)| series.num_frames());
    let right = rect.right() - RIGHT;
    let whole = Rect::from_min_max(
        pos2(right - WIDTH, rect.top() + CORNER),
        pos2(right, rect.bottom() - 2.0 * CORNER),
    );
    let area = Rect::from_min_max(
        pos2(whole.left() + 10.0, whole.top() + TOP),
        pos2(whole.right() - 10.0, whole.bottom() - BOTTOM),
    );
    if num_frames < 2 || area.height() < 60.0 {
        return;
    }
    let id = Id::unique(("slice strip", cx.index_of(viewport)));
    // the button above is no place to go to
    let response = ui.interact(area.expand2(vec2(10.0, DOT)), id, Sense::click_and_drag());
    let name = name_of(strip);
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &name));
    if let Some(pos) = response.interact_pointer_pos() {
        let share = ((pos.y - area.top()) / area.height()).clamp(0.0, 1.0);
        let frame_idx = (share * (num_frames - 1) as f32).round() as usize;
        if frame_idx != place.frame_idx {
            cx.send(Command::ActivateViewport(cx.index_of(viewport)));
            cx.send(Command::ShowFrame(frame_idx));
        }
    }
    response.on_hover_text(format!("{}\nP(yes) of each slice, uncalibrated", strip.question));
    ui.painter().rect_filled(whole, CornerRadius::same(6), theme::OVERLAY_SHADOW);
    curve_ui(ui, strip, area, (place.frame_idx, num_frames));
    button_ui(ui, cx, strip, whole);
}

/// "P(yes) over slices, 2 of 3 asked: slice 1 83 %, slice 2 unclear".
fn name_of(strip: &Curve<'_>) -> String {
    let answers = strip.answers.iter().map(|answer| match answer.yes {
        Some(yes) => format!("slice {} {:.0} %", answer.frame_idx + 1, yes * 100.0),
        None => format!("slice {} unclear", answer.frame_idx + 1),
    });
    let answers: Vec<String> = answers.collect();
    let (n, of) = (strip.answers.len(), strip.num_slices);
    format!("P(yes) over slices, {n} of {of} asked: {}", answers.join(", "))
}

fn curve_ui(ui: &Ui, strip: &Curve<'_>, area: Rect, (shown, num_frames): (usize, usize)) {
    let painter = ui.painter();
    let small = FontId::proportional(10.5);
    for share in [0.0_f32, 0.5, 1.0] {
        let x = area.left() + share * area.width();
        painter.vline(x, area.y_range(), Stroke::new(1.0, theme::OVERLAY_LINE));
    }
    let y_of = |frame_idx: usize| {
        area.top() + area.height() * frame_idx as f32 / (num_frames - 1).max(1) as f32
    };
    painter.hline(area.x_range(), y_of(shown), Stroke::new(1.0, theme::OVERLAY_ACCENT));
    let known = strip.answers.iter().filter_map(|answer| Some((answer.frame_idx, answer.yes?)));
    let place = |(frame_idx, yes): (usize, f32)| {
        pos2(area.left() + yes.clamp(0.0, 1.0) * area.width(), y_of(frame_idx))
    };
    let line: Vec<Pos2> = known.map(place).collect();
    painter.line(line.clone(), Stroke::new(1.5, theme::OVERLAY_AI));
    for at in line {
        painter.circle_filled(at, DOT, theme::OVERLAY_AI);
    }
    for (x, align, text) in [
        (area.left() - 6.0, Align2::LEFT_TOP, "0"),
        (area.right() + 6.0, Align2::RIGHT_TOP, "100 %"),
    ] {
        let at = pos2(x, area.bottom() + 6.0);
        painter.text(at, align, text, small.clone(), theme::OVERLAY_DIM);
    }
    let text = format!("P(yes) {}/{}", strip.answers.len(), strip.num_slices);
    let at = pos2(area.center().x, area.top() - 6.0);
    painter.text(at, Align2::CENTER_BOTTOM, text, small, theme::OVERLAY);
}

/// Stops while slices are asked; then takes the strip away.
fn button_ui(ui: &mut Ui, cx: &ViewCx<'_>, strip: &Curve<'_>, whole: Rect) {
    let (icon, command) = match strip.is_under_way {
        true => (icons::STOP, Command::StopSlices),
        false => (icons::CLOSE, Command::CloseSlices),
    };
    let rect = Rect::from_min_size(pos2(whole.right() - 26.0, whole.top() + 2.0), vec2(24.0, 22.0));
    let mut ui = ui.new_child(UiBuilder::new().id_salt("strip button").max_rect(rect));
    let text = RichText::new(icon).font(fonts::icon(13.0)).color(theme::OVERLAY);
    let button = Button::new(text).frame_when_inactive(false).min_size(rect.size());
    let response = ui.put(rect, button).accessible_name(command.label());
    if response.on_hover_text(command.label()).clicked() {
        cx.send(command);
    }
}
