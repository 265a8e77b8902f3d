//! The pictures of a comparison, in each way of comparing.

use std::sync::Arc;
use std::time::Duration;

use egui::{Align2, FontId, Key, Rect, Ui};

use super::super::run_reconstruct::Compared;
use super::super::theme;
use super::super::view_cx::ViewCx;
use super::frame::{GAP, Pane, cells, frame_ui};
use super::look::{corners, divider_ui, look_in_ui, look_ui, paint, paint_with, placed};
use super::tiles::{paint_differing, paint_tiles, place_of};
use super::{ComparePanel, Derived, Mode, difference};
use crate::imaging::DisplayImage;

/// The two pictures that are set against each other.
struct Pair<'a> {
    original: &'a Arc<DisplayImage>,
    drawn: &'a Arc<DisplayImage>,
    /// Title and spoken name of the second.
    title: &'static str,
    name: &'static str,
    /// The second is the model's: its codes can be marked.
    is_models: bool,
}

/// Draws the pictures into `area`.
pub(crate) fn panes_ui(
    ui: &Ui,
    cx: &ViewCx<'_>,
    compared: &Compared<'_>,
    panel: &mut ComparePanel,
    area: Rect,
) {
    let area = area.shrink(GAP);
    let pair = if compared.answer.is_open() { None } else { pair_of(compared, panel) };
    let holds_blink =
        !ui.ctx().text_edit_focused() && ui.input(|i| i.key_down(Key::B) && i.modifiers.is_none());
    let mode = if holds_blink { Mode::Blink } else { panel.mode };
    match (pair, mode) {
        (None, _) | (Some(_), Mode::SideBySide) => beside_ui(ui, cx, compared, panel, area),
        (Some(pair), Mode::Swipe) => swipe_ui(ui, cx, compared, panel, (area, &pair)),
        (Some(pair), Mode::Blink) => {
            let moves = !cx.state.settings.less_motion;
            let by_itself = moves && (panel.blinks || holds_blink);
            // held without motion, the key shows the other picture as long as it is held
            let shows_drawn = panel.shows_drawn || (holds_blink && !moves);
            blink_ui(ui, cx, compared, panel, (area, &pair, by_itself, shows_drawn));
        }
        (Some(pair), Mode::Overlay) => overlay_ui(ui, cx, compared, panel, (area, &pair)),
        (Some(pair), Mode::Difference) => difference_ui(ui, cx, compared, panel, (area, &pair)),
    }
}

fn pair_of<'a>(compared: &Compared<'a>, panel: &ComparePanel) -> Option<Pair<'a>> {
    let drawing = compared.drawing;
    let original = drawing.original.as_ref().filter(|_| !drawing.codes.is_empty())?;
    match drawing.ceiling.as_ref().filter(|_| panel.with_codec) {
        Some(codec) => Some(Pair {
            original,
            drawn: &codec.picture,
            title: "Codec alone",
            name: "Codec alone, AI-generated",
            is_models: false,
        }),
        None => Some(Pair {
            original,
            drawn: drawing.picture.as_ref()?,
            title: "Reconstruction",
            name: "Reconstruction, AI-generated",
            is_models: true,
        }),
    }
}

fn beside_ui(
    ui: &Ui,
    cx: &ViewCx<'_>,
    compared: &Compared<'_>,
    panel: &mut ComparePanel,
    area: Rect,
) {
    let drawing = compared.drawing;
    let codec = drawing.ceiling.as_ref().filter(|_| panel.with_codec);
    let mut cells = cells(area, if codec.is_some() { 3 } else { 2 }).into_iter();
    let mut pane = |title, aside, is_generated| {
        let cell = cells.next().unwrap_or(area);
        Pane { cell, title, aside, is_generated }
    };
    let size = compared.original().map(|image| format!("{} × {}", image.width, image.height));
    let count = drawing.count();
    if let (Some(original), Some(size)) = (compared.original(), &size) {
        let inner = frame_ui(ui, &pane("Original", size, false));
        look_ui(ui, panel, inner, "Original");
        paint(ui, cx, panel, inner, (original, 1.0));
    }
    let inner = frame_ui(ui, &pane("Reconstruction", &count, true));
    look_ui(ui, panel, inner, "Reconstruction, AI-generated");
    drawing_ui(ui, cx, compared, panel, inner);
    if let Some(codec) = codec {
        let inner = frame_ui(ui, &pane("Codec alone", "", true));
        look_ui(ui, panel, inner, "Codec alone, AI-generated");
        paint(ui, cx, panel, inner, (&codec.picture, 1.0));
    }
}

/// The drawing as far as it is there, over the grid of its codes.
fn drawing_ui(
    ui: &Ui,
    cx: &ViewCx<'_>,
    compared: &Compared<'_>,
    panel: &ComparePanel,
    inner: Rect,
) {
    let drawing = compared.drawing;
    let painter = ui.painter_at(inner);
    let place = match &drawing.picture {
        Some(picture) => paint(ui, cx, panel, inner, (picture, 1.0)),
        None => match drawing.grid {
            Some(grid) => place_of(grid, inner),
            None => {
                let text =
                    if compared.answer.is_open() { "Waiting for codes" } else { "No picture" };
                let font = FontId::proportional(13.0);
                let at = inner.center();
                painter.text(at, Align2::CENTER_CENTER, text, font, theme::OVERLAY_DIM);
                return;
            }
        },
    };
    paint_tiles(&painter, place, drawing, theme::OVERLAY_AI);
    if panel.marks_codes {
        paint_differing(&painter, place, drawing);
    }
}

fn swipe_ui(
    ui: &Ui,
    cx: &ViewCx<'_>,
    compared: &Compared<'_>,
    panel: &mut ComparePanel,
    (area, pair): (Rect, &Pair<'_>),
) {
    let pane = Pane { cell: area, title: "Original", aside: pair.title, is_generated: true };
    let inner = frame_ui(ui, &pane);
    let x = inner.left() + inner.width() * panel.divider;
    let (left, right) = inner.split_left_right_at_x(x);
    look_in_ui(ui, panel, (left, inner), "Original");
    look_in_ui(ui, panel, (right, inner), pair.name);
    for (side, image) in [(left, pair.original), (right, pair.drawn)] {
        let painter = ui.painter_at(side);
        paint_with(ui, cx, panel, (&painter, inner), (image, 1.0));
    }
    mark_codes(ui, panel, compared, pair, (right, inner));
    divider_ui(ui, panel, inner);
}

fn blink_ui(
    ui: &Ui,
    cx: &ViewCx<'_>,
    compared: &Compared<'_>,
    panel: &mut ComparePanel,
    (area, pair, by_itself, shows_drawn): (Rect, &Pair<'_>, bool, bool),
) {
    let half_secs = 0.5 / f64::from(panel.blink_hz.max(0.1));
    let shows_drawn = if by_itself {
        ui.ctx().request_repaint_after(Duration::from_secs_f64(half_secs / 4.0));
        (cx.state.now_secs / half_secs) as u64 % 2 == 1
    } else {
        shows_drawn
    };
    let (title, name, image) = if shows_drawn {
        (pair.title, pair.name, pair.drawn)
    } else {
        ("Original", "Original", pair.original)
    };
    let pane = Pane { cell: area, title, aside: "", is_generated: shows_drawn };
    let inner = frame_ui(ui, &pane);
    look_ui(ui, panel, inner, name);
    paint(ui, cx, panel, inner, (image, 1.0));
    if shows_drawn {
        mark_codes(ui, panel, compared, pair, (inner, inner));
    }
}

fn overlay_ui(
    ui: &Ui,
    cx: &ViewCx<'_>,
    compared: &Compared<'_>,
    panel: &mut ComparePanel,
    (area, pair): (Rect, &Pair<'_>),
) {
    let title = format!("{} over original", pair.title);
    let aside = format!("{:.0} %", panel.opacity * 100.0);
    let pane = Pane { cell: area, title: &title, aside: &aside, is_generated: true };
    let inner = frame_ui(ui, &pane);
    look_ui(ui, panel, inner, &format!("{title}, AI-generated"));
    paint(ui, cx, panel, inner, (pair.original, 1.0));
    paint(ui, cx, panel, inner, (pair.drawn, panel.opacity));
    mark_codes(ui, panel, compared, pair, (inner, inner));
}

fn difference_ui(
    ui: &Ui,
    cx: &ViewCx<'_>,
    compared: &Compared<'_>,
    panel: &mut ComparePanel,
    (area, pair): (Rect, &Pair<'_>),
) {
    let title = format!("{} minus original", pair.title);
    let aside = format!("gain × {:.0}", panel.gain);
    let pane = Pane { cell: area, title: &title, aside: &aside, is_generated: true };
    let inner = frame_ui(ui, &pane);
    look_ui(ui, panel, inner, &format!("{title}, AI-generated"));
    if let Some(picture) = derived(panel, pair) {
        paint(ui, cx, panel, inner, (&picture, 1.0));
    }
    mark_codes(ui, panel, compared, pair, (inner, inner));
}

/// The difference for what is chosen, computed when that has changed.
fn derived(panel: &mut ComparePanel, pair: &Pair<'_>) -> Option<Arc<DisplayImage>> {
    let (kind, gain) = (panel.kind, panel.gain);
    let known = panel.derived.as_ref().filter(|derived| {
        Arc::ptr_eq(&derived.original, pair.original)
            && Arc::ptr_eq(&derived.drawn, pair.drawn)
            && derived.kind == kind
            && derived.gain.to_bits() == gain.to_bits()
    });
    if let Some(known) = known {
        return Some(Arc::clone(&known.picture));
    }
    let picture = Arc::new(difference(pair.original, pair.drawn, kind, gain)?);
    panel.derived = Some(Derived {
        original: Arc::clone(pair.original),
        drawn: Arc::clone(pair.drawn),
        kind,
        gain,
        picture: Arc::clone(&picture),
    });
    Some(picture)
}

fn mark_codes(
    ui: &Ui,
    panel: &ComparePanel,
    compared: &Compared<'_>,
    pair: &Pair<'_>,
    (clip, inner): (Rect, Rect),
) {
    if panel.marks_codes && pair.is_models {
        let place = corners(&placed(ui, panel, inner, pair.drawn));
        paint_differing(&ui.painter_at(clip), place, compared.drawing);
    }
}
