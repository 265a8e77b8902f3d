//! A drawing shown large beside its original, in place of the viewports. The tools of the viewer do
//! not reach it: nothing is measured or windowed on generated pixels.

mod controls;
mod difference;
mod figures;
mod frame;
mod letters;
mod look;
mod mark;
mod panes;
mod progress;
mod tiles;

use std::sync::Arc;

use egui::{CornerRadius, Frame, Label, Margin, Panel, Popup, RichText, Ui, Vec2};

pub use difference::{DifferenceKind, difference};
pub use mark::marked;
pub(crate) use mark::side_by_side;

use super::command::{Command, Drawn};
use super::fonts;
use super::icons;
use super::run_reconstruct::Compared;
use super::theme;
use super::view_cx::ViewCx;
use super::widgets::{icon_button_ui, menu_item_ui, rest_of_row_ui, row_from_right_ui};
use crate::imaging::DisplayImage;
use controls::controls_ui;
pub(crate) use figures::figures;
use panes::panes_ui;
pub(crate) use progress::count_bar_ui;

/// How original and drawing are set against each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    SideBySide,
    Swipe,
    Blink,
    Overlay,
    Difference,
}

impl Mode {
    const ALL: [(Self, &'static str); 5] = [
        (Self::SideBySide, "Side by side"),
        (Self::Swipe, "Swipe"),
        (Self::Blink, "Blink"),
        (Self::Overlay, "Overlay"),
        (Self::Difference, "Difference"),
    ];
}

/// How the reader compares: what is chosen, dragged and zoomed.
#[derive(Debug)]
pub(crate) struct ComparePanel {
    /// Chat, turn and answer this is set up for.
    of: Option<(u64, usize, usize)>,
    mode: Mode,
    /// Of all pictures alike; 1 fits them to their panes.
    zoom: f32,
    /// Of their middles, in points.
    pan: Vec2,
    /// Where swiping divides, as a share of the width.
    divider: f32,
    /// Changes to the other picture and back, a second.
    blink_hz: f32,
    blinks: bool,
    /// While it does not blink by itself: the drawing, not the original.
    shows_drawn: bool,
    /// Of the drawing over the original.
    opacity: f32,
    kind: DifferenceKind,
    gain: f32,
    /// The original through the codec alone is shown as well.
    with_codec: bool,
    /// Codes that differ from the codec's own are marked.
    marks_codes: bool,
    derived: Option<Derived>,
}

/// A difference, computed once for each setting.
#[derive(Debug)]
struct Derived {
    original: Arc<DisplayImage>,
    drawn: Arc<DisplayImage>,
    kind: DifferenceKind,
    gain: f32,
    picture: Arc<DisplayImage>,
}

impl Default for ComparePanel {
    fn default() -> Self {
        Self {
            of: None,
            mode: Mode::SideBySide,
            zoom: 1.0,
            pan: Vec2::ZERO,
            divider: 0.5,
            blink_hz: 1.0,
            blinks: true,
            shows_drawn: false,
            opacity: 0.5,
            kind: DifferenceKind::Absolute,
            gain: 4.0,
            with_codec: false,
            marks_codes: false,
            derived: None,
        }
    }
}

impl ComparePanel {
    /// Another drawing begins fitted; how the reader compares stays.
    fn turn_to(&mut self, of: Option<(u64, usize, usize)>) {
        if self.of != of {
            self.of = of;
            self.fit();
            self.derived = None;
        }
    }

    fn fit(&mut self) {
        (self.zoom, self.pan) = (1.0, Vec2::ZERO);
    }

    /// Zooms while the point so far from the middle of its pane stays where it is.
    fn zoom_by(&mut self, factor: f32, fixed: Vec2) {
        let zoom = (self.zoom * factor).clamp(0.5, 32.0);
        self.pan = fixed + (self.pan - fixed) * (zoom / self.zoom);
        self.zoom = zoom;
    }
}

/// The whole area: heading, pictures, controls.
pub(crate) fn compare_ui(ui: &mut Ui, cx: &ViewCx<'_>, panel: &mut ComparePanel) {
    let Some(compared) = cx.state.compared() else { return };
    let chat = cx.state.comparing.map(|comparing| comparing.conversation_id);
    panel.turn_to(chat.map(|chat| (chat, compared.turn_idx, compared.turn.shown_idx)));
    let palette = theme::palette(ui);
    let frame = Frame::new().fill(palette.panel);
    Panel::top("comparison heading")
        .exact_size(theme::PANEL_HEADER_HEIGHT)
        .frame(frame.inner_margin(Margin::symmetric(theme::PADDING, 0)))
        .resizable(false)
        .show(ui, |ui| heading_ui(ui, cx, &compared));
    Panel::bottom("comparison controls")
        .frame(frame.inner_margin(Margin::symmetric(theme::PADDING, 10)))
        .resizable(false)
        .show(ui, |ui| controls_ui(ui, cx, &compared, panel));
    let area = ui.available_rect_before_wrap();
    ui.painter().rect_filled(area, CornerRadius::ZERO, theme::VIEWPORT);
    panes_ui(ui, cx, &compared, panel, area);
}

fn heading_ui(ui: &mut Ui, cx: &ViewCx<'_>, compared: &Compared<'_>) {
    let palette = theme::palette(ui);
    row_from_right_ui(ui, theme::PANEL_HEADER_HEIGHT, |ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        let close = icon_button_ui(ui, icons::CLOSE, "Close comparison");
        if close.on_hover_text("Esc").clicked() {
            cx.send(Command::CloseComparison);
        }
        save_ui(ui, cx);
        rest_of_row_ui(ui, |ui| {
            ui.label(RichText::new(icons::SPARKLE).font(fonts::icon(15.0)).color(palette.ai));
            let font = egui::FontId::new(13.5, fonts::semibold());
            ui.label(RichText::new("Reconstruction").font(font).color(palette.text));
            let model = compared.answer.provenance.as_ref().map(|p| p.title.as_str());
            let asked = compared.turn.question.as_str();
            let text = [model, Some(asked)].into_iter().flatten().collect::<Vec<_>>().join(" · ");
            let text = RichText::new(text).size(12.0).color(palette.dim);
            ui.add(Label::new(text).truncate());
        });
    });
}

fn save_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    let picture = Command::SaveDrawn(Drawn::Picture);
    let response = ui
        .add_enabled_ui(cx.is_enabled(&picture), |ui| {
            let icon = RichText::new(icons::SAVE).font(fonts::icon(15.0));
            let caret = RichText::new(icons::CARET_DOWN).font(fonts::icon(11.0));
            ui.add(egui::Button::new((icon, "Save", caret)))
        })
        .inner
        .accessible_name("Save");
    Popup::menu(&response).show(|ui| {
        ui.set_min_width(200.0);
        menu_item_ui(ui, cx, picture, None);
        menu_item_ui(ui, cx, Command::SaveDrawn(Drawn::Comparison), None);
    });
}
