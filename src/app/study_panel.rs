//! Left panel: open studies with a card for each series, or the list of chats.

use egui::{
    Align, Color32, CornerRadius, Layout, Rect, RichText, ScrollArea, Sense, Stroke, Ui, vec2,
};

use super::command::Command;
use super::fonts;
use super::history::{HistoryPanel, history_panel_ui};
use super::icons;
use super::measure::list_panel_ui;
use super::results::ResultsScreen;
use super::state::LeftTab;
use super::studies::{OpenStudy, Thumbnail, cannot_show, count, document_kind, series_name};
use super::theme;
use super::view_cx::ViewCx;
use super::widgets::{badge_ui, command_icon_ui, icon_button_ui, icon_toggle_ui, thumbnail_ui};
use crate::imaging::Series;

const CARD_HEIGHT: f32 = 64.0;
const THUMBNAIL_SIDE: f32 = 52.0;

/// The narrow strip at the very left.
pub(crate) fn rail_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    ui.vertical_centered(|ui| {
        ui.spacing_mut().item_spacing.y = 6.0;
        ui.add_space(8.0);
        let open = cx.state.settings.left_open;
        for (tab, icon, name) in [
            (LeftTab::Studies, icons::IMAGES, "Studies"),
            (LeftTab::Measurements, icons::RULER, "Measurements"),
            (LeftTab::Chats, icons::CHATS, "Chats"),
        ] {
            let is_on = open && cx.state.left_tab == tab && !cx.state.is_showing_results();
            let response = icon_toggle_ui(ui, icon, name, is_on);
            if is_on {
                chosen_bar_ui(ui, response.rect);
            }
            if response.clicked() {
                cx.send(Command::ShowTab(tab));
            }
        }
        results_tabs_ui(ui, cx);
        ui.with_layout(Layout::bottom_up(Align::Center), |ui| {
            ui.add_space(8.0);
            let settings = Command::ToggleSheet(super::state::Sheet::Settings);
            command_icon_ui(ui, cx, icons::GEAR, settings, false);
            let shortcuts = Command::ToggleSheet(super::state::Sheet::Shortcuts);
            command_icon_ui(ui, cx, icons::KEYBOARD, shortcuts, false);
        });
    });
}

/// A training and an evaluation have a place here while they are open.
fn results_tabs_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    let screens = [
        (ResultsScreen::Training, icons::CHART_LINE),
        (ResultsScreen::Evaluation, icons::LIST_CHECKS),
    ];
    for (screen, icon) in screens.into_iter().filter(|(screen, _)| cx.state.results.has(*screen)) {
        let is_on = cx.state.results.shown == Some(screen);
        let response = command_icon_ui(ui, cx, icon, Command::ToggleResults(screen), is_on);
        if is_on {
            chosen_bar_ui(ui, response.rect);
        }
    }
}

fn chosen_bar_ui(ui: &Ui, of: Rect) {
    let left = egui::pos2(ui.max_rect().left() + 1.5, of.center().y);
    let bar = Rect::from_center_size(left, vec2(3.0, 20.0));
    ui.painter().rect_filled(bar, 1.5, theme::palette(ui).accent);
}

/// The list beside the strip.
pub(crate) fn left_panel_ui(ui: &mut Ui, cx: &ViewCx<'_>, panel: &mut HistoryPanel) {
    match cx.state.left_tab {
        LeftTab::Studies => {
            header_ui(ui, "Studies", |ui| {
                command_icon_ui(ui, cx, icons::FILE_PLUS, Command::OpenFiles, false);
                command_icon_ui(ui, cx, icons::FOLDER_OPEN, Command::OpenFolder, false);
            });
            studies_ui(ui, cx);
        }
        LeftTab::Measurements => list_panel_ui(ui, cx),
        LeftTab::Chats => history_panel_ui(ui, cx, panel),
    }
}

/// A title with tools at its right.
pub(crate) fn header_ui(ui: &mut Ui, title: &str, tools: impl FnOnce(&mut Ui)) {
    let height = theme::PANEL_HEADER_HEIGHT;
    ui.allocate_ui_with_layout(
        vec2(ui.available_width(), height),
        Layout::right_to_left(Align::Center),
        |ui| {
            ui.set_min_height(height);
            ui.spacing_mut().item_spacing.x = 2.0;
            tools(ui);
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let text = RichText::new(title).font(egui::FontId::new(13.5, fonts::semibold()));
                ui.add(egui::Label::new(text).truncate());
            });
        },
    );
}

fn studies_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    if cx.state.studies.open().is_empty() {
        empty_ui(ui, "Nothing open yet", "Drop a folder or files anywhere on this window.");
        return;
    }
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        for open in cx.state.studies.open() {
            study_ui(ui, cx, open);
            ui.add_space(10.0);
        }
    });
}

/// What stands where nothing is listed yet.
pub(crate) fn empty_ui(ui: &mut Ui, title: &str, text: &str) {
    let palette = theme::palette(ui);
    ui.add_space(16.0);
    ui.label(RichText::new(title).color(palette.dim));
    ui.label(RichText::new(text).size(12.0).color(palette.faint));
}

fn study_ui(ui: &mut Ui, cx: &ViewCx<'_>, open: &OpenStudy) {
    let palette = theme::palette(ui);
    let privacy = cx.state.settings.privacy;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        let title =
            RichText::new(open.title(privacy)).font(egui::FontId::new(13.0, fonts::semibold()));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let name = format!("Close {}", open.alias);
            if icon_button_ui(ui, icons::CLOSE, &name).clicked() {
                cx.send(Command::CloseStudy(open.study.key.clone()));
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.add(egui::Label::new(title).selectable(false).truncate());
            });
        });
    });
    let subtitle = open.subtitle(privacy);
    if !subtitle.is_empty() {
        let text = RichText::new(subtitle).size(11.5).color(palette.faint);
        ui.add(egui::Label::new(text).selectable(false).truncate());
    }
    ui.add_space(2.0);
    ui.spacing_mut().item_spacing.y = 4.0;
    for series in &open.study.series {
        series_card_ui(ui, cx, open, series);
    }
}

fn series_card_ui(ui: &mut Ui, cx: &ViewCx<'_>, open: &OpenStudy, series: &Series) {
    let palette = theme::palette(ui);
    let size = vec2(ui.available_width(), CARD_HEIGHT);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    let shown_in = |viewport: &super::viewport::Viewport| {
        viewport.place.as_ref().is_some_and(|place| {
            place.study_key == open.study.key && place.series_key == series.key
        })
    };
    let is_active = shown_in(cx.state.active_viewport());
    let is_shown = cx.state.viewports.iter().any(shown_in);
    let fill = match (is_active, response.hovered()) {
        (true, _) => palette.selection,
        (false, true) => palette.hover,
        (false, false) => palette.raised,
    };
    let radius = CornerRadius::same(theme::RADIUS);
    ui.painter().rect_filled(rect, radius, fill);
    if is_shown || response.has_focus() {
        let color = if is_active { palette.accent } else { palette.line };
        let stroke = Stroke::new(1.0, color);
        ui.painter().rect_stroke(rect, radius, stroke, egui::StrokeKind::Inside);
    }
    let name = series_name(series, cx.state.settings.privacy);
    let accessible = format!("{} {name}", series.modality);
    response.widget_info(|| {
        egui::WidgetInfo::selected(egui::Role::Button, true, is_active, &accessible)
    });
    if response.clicked() {
        cx.send(Command::ShowSeries {
            study_key: open.study.key.clone(),
            series_key: series.key.clone(),
        });
    }
    let inner = rect.shrink(6.0);
    let mut card = ui.new_child(
        egui::UiBuilder::new().max_rect(inner).layout(Layout::left_to_right(Align::Center)),
    );
    card.spacing_mut().item_spacing.x = 10.0;
    series_picture_ui(&mut card, cx, series);
    card.vertical(|ui| series_text_ui(ui, series, &name));
}

fn series_picture_ui(ui: &mut Ui, cx: &ViewCx<'_>, series: &Series) {
    let thumbnail = cx.state.studies.thumbnail(series);
    let image = match thumbnail {
        Some(Thumbnail::Ready(image)) => Some(image),
        Some(Thumbnail::Pending | Thumbnail::Failed(_)) | None => None,
    };
    let texture = image.map(|image| cx.textures.picture(ui.ctx(), image));
    let response = thumbnail_ui(ui, texture.as_ref(), THUMBNAIL_SIDE);
    let is_broken =
        matches!(thumbnail, Some(Thumbnail::Failed(_))) || cannot_show(series).is_some();
    if document_kind(series).is_some() {
        paint_icon(ui, response.rect, icons::TEXT, theme::OVERLAY_DIM);
    } else if is_broken {
        paint_icon(ui, response.rect, icons::WARNING, theme::OVERLAY_WARN);
    } else if image.is_none() && series.num_frames() > 0 {
        paint_icon(ui, response.rect, icons::HOURGLASS, theme::OVERLAY_DIM);
    }
}

fn paint_icon(ui: &Ui, rect: Rect, icon: &str, color: Color32) {
    ui.painter().text(rect.center(), egui::Align2::CENTER_CENTER, icon, fonts::icon(20.0), color);
}

fn series_text_ui(ui: &mut Ui, series: &Series, name: &str) {
    let palette = theme::palette(ui);
    ui.spacing_mut().item_spacing.y = 4.0;
    ui.add_space(5.0);
    ui.add(egui::Label::new(RichText::new(name).size(12.5)).selectable(false).truncate());
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        badge_ui(ui, &series.modality, palette.accent);
        if let Some(kind) = document_kind(series) {
            let text = RichText::new(kind.name()).size(11.5).color(palette.faint);
            ui.add(egui::Label::new(text).selectable(false).truncate());
        } else if cannot_show(series).is_some() {
            badge_ui(ui, "cannot be shown", palette.warn);
        } else {
            let text = RichText::new(count(series.num_frames(), "image", "images"));
            ui.add(egui::Label::new(text.size(11.5).color(palette.faint)).selectable(false));
        }
    });
}
