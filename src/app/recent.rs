//! What was opened before: on the start card and in the File menu.

use std::collections::BTreeSet;
use std::path::PathBuf;

use egui::{Button, RichText, Ui};

use super::command::Command;
use super::fonts;
use super::icons;
use super::notices::NoticeLevel;
use super::settings::Recent;
use super::state::AppState;
use super::studies::count;
use super::theme;
use super::view_cx::ViewCx;
use super::widgets::menu_item_ui;
use crate::imaging::{Opened, Series};

/// Height of a row on the start card.
pub(crate) const ROW_HEIGHT: f32 = 26.0;
const MENU_WIDTH: f32 = 300.0;

impl AppState {
    /// Puts what was opened on top of the list.
    pub(crate) fn remember_opened(&mut self, paths: Vec<PathBuf>, opened: &Opened) {
        let series: Vec<&Series> = opened.studies.iter().flat_map(|study| &study.series).collect();
        let is_code = |modality: &&str| {
            modality.len() <= 4 && modality.chars().all(|c| c.is_ascii_uppercase())
        };
        let modalities: BTreeSet<&str> =
            series.iter().map(|series| series.modality.as_str()).filter(is_code).collect();
        let images = series.iter().map(|series| series.num_frames()).sum();
        let mut parts: Vec<String> = Vec::new();
        if !modalities.is_empty() {
            parts.push(modalities.into_iter().collect::<Vec<_>>().join(", "));
        }
        parts.push(count(images, "image", "images"));
        let keys = opened.studies.iter().map(|study| study.key.clone()).collect();
        self.recent_studies.retain(|(other, _)| *other != paths);
        self.recent_studies.push((paths.clone(), keys));
        self.settings.remember(Recent { paths, cases: Vec::new(), what: parts.join(" · ") });
        self.name_recent();
    }

    /// The history may give a study another number than it had.
    pub(crate) fn name_recent(&mut self) {
        for recent in &mut self.settings.recent {
            let known = self.recent_studies.iter().find(|(paths, _)| *paths == recent.paths);
            if let Some((_, keys)) = known {
                recent.cases = keys.iter().filter_map(|key| self.studies.number_of(key)).collect();
            }
        }
    }

    /// Takes what is no longer there off the list, and says so; whether anything was on it.
    pub(crate) fn forget_missing(&mut self, missing: &[PathBuf]) -> bool {
        let is_gone = |recent: &Recent| recent.paths.iter().all(|path| missing.contains(path));
        let Some(gone) = self.settings.recent.iter().find(|recent| is_gone(recent)) else {
            return false;
        };
        let name = match self.settings.privacy {
            true => title(gone, true),
            false => gone.paths.first().map(|path| path.display().to_string()).unwrap_or_default(),
        };
        self.settings.recent.retain(|recent| !is_gone(recent));
        let text = format!("{name} is no longer there; it was taken off the list of recent files");
        self.notices.push(NoticeLevel::Error, text);
        true
    }
}

/// Aliases, or the name of the first file or folder.
fn title(recent: &Recent, privacy: bool) -> String {
    let cases = || recent.cases.iter().map(|number| crate::imaging::alias(*number));
    let (first, more) = if privacy {
        (cases().next(), recent.cases.len().saturating_sub(1))
    } else {
        let name = recent.paths.first().map(|path| {
            path.file_name().map_or_else(
                || path.display().to_string(),
                |name| name.to_string_lossy().into_owned(),
            )
        });
        (name, recent.paths.len().saturating_sub(1))
    };
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", first.unwrap_or_else(|| "Opened before".to_owned()))
}

/// The whole paths, where they may be shown.
fn hint(recent: &Recent, privacy: bool) -> String {
    if privacy {
        // folders are often called after patients
        return "Privacy mode hides where it lies".to_owned();
    }
    let paths: Vec<String> = recent.paths.iter().map(|path| path.display().to_string()).collect();
    paths.join("\n")
}

/// The list in the File menu.
pub(crate) fn recent_menu_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    ui.set_min_width(MENU_WIDTH);
    let recent = &cx.state.settings.recent;
    if recent.is_empty() {
        ui.add_enabled(false, Button::new("Nothing yet"));
        return;
    }
    for item in recent {
        if row_ui(ui, cx, item, MENU_WIDTH).clicked() {
            cx.send(Command::OpenPaths(item.paths.clone()));
            ui.close();
        }
    }
    ui.separator();
    menu_item_ui(ui, cx, Command::ClearRecent, None);
}

/// The list on the start card, as far as there is room.
pub(crate) fn recent_card_ui(ui: &mut Ui, cx: &ViewCx<'_>, rows: usize) {
    let palette = theme::palette(ui);
    ui.horizontal(|ui| {
        ui.label(RichText::new("Recent").font(egui::FontId::new(14.5, fonts::semibold())));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let text = RichText::new("Clear").size(12.0).color(palette.faint);
            let button = ui.add(Button::new(text).frame_when_inactive(false));
            if button.accessible_name(Command::ClearRecent.label()).clicked() {
                cx.send(Command::ClearRecent);
            }
        });
    });
    ui.spacing_mut().item_spacing.y = 0.0;
    let width = ui.available_width();
    for item in cx.state.settings.recent.iter().take(rows) {
        if row_ui(ui, cx, item, width).clicked() {
            cx.send(Command::OpenPaths(item.paths.clone()));
        }
    }
}

fn row_ui(ui: &mut Ui, cx: &ViewCx<'_>, item: &Recent, width: f32) -> egui::Response {
    let palette = theme::palette(ui);
    let privacy = cx.state.settings.privacy;
    let title = title(item, privacy);
    let icon = RichText::new(icons::FOLDER_OPEN).font(fonts::icon(14.0)).color(palette.faint);
    let aside = RichText::new(&item.what).size(11.5).color(palette.faint);
    let button = Button::new((icon, title.as_str()))
        .shortcut_text(aside)
        .truncate()
        .frame_when_inactive(false)
        .min_size(egui::vec2(width, ROW_HEIGHT - 2.0));
    let response = ui.add(button).on_hover_text(hint(item, privacy));
    response.accessible_name(format!("Open again: {title}, {}", item.what))
}
