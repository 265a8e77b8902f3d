//! Sheets over the window: settings, keys and mouse, about.

use egui::{Frame, Grid, Id, Label, Margin, Modal, RichText, ScrollArea, Ui};

use super::command::Command;
use super::command_table::TABLE;
use super::deidentify::deidentify_sheet_ui;
use super::fonts;
use super::icons;
use super::inside::tags_ui;
use super::pictures::{PictureScope, pictures_sheet_ui};
use super::settings::ThemeChoice;
use super::state::Sheet;
use super::theme;
use super::view_cx::ViewCx;
use super::widgets::{icon_button_ui, rest_of_row_ui, row_from_right_ui};
use crate::vlm::WeightsCache;

const MOUSE: &[(&str, &str)] = &[
    ("Left drag", "The chosen tool; window: right widens, up brightens"),
    ("Left drag on a shape", "Move it, or the point held"),
    ("Ctrl / Alt + left drag", "Faster / finer"),
    ("Middle drag, Shift + left drag", "Move"),
    ("Right drag", "Zoom"),
    ("Right click", "Menu"),
    ("Wheel", "Slice; Shift: five slices; Ctrl: zoom"),
    ("Left drag, crosshair tool; Shift + move", "Planes: show those through this point"),
    ("Double click", "One or two viewports"),
    ("On a reconstruction", "Drag: move; wheel: zoom; double click: fit; hold B: blink"),
];

const CHAT_KEYS: &[(&str, &str)] = &[
    ("Enter", "Send"),
    ("Shift+Enter", "New line"),
    ("Esc", "Stop answer, put the tool down, close comparison or model's eye"),
    ("Ctrl+V", "Open a picture from the clipboard"),
];

/// Draws the sheet that is open, if one is.
pub(crate) fn sheet_ui(ui: &Ui, cx: &ViewCx<'_>) {
    let Some(sheet) = cx.state.sheet else { return };
    let (title, width) = match sheet {
        Sheet::Settings => ("Settings", 480.0),
        Sheet::Shortcuts => ("Keyboard and mouse", 640.0),
        Sheet::About => ("About Reading Room", 480.0),
        Sheet::Tags => ("Tags", 980.0),
        Sheet::Pictures => (pictures_title(cx), 460.0),
        Sheet::Deidentify => ("Export de-identified", 480.0),
    };
    let frame = Frame::window(ui.style()).inner_margin(Margin::same(20));
    let response = Modal::new(Id::unique("sheet")).frame(frame).show(ui.ctx(), |ui| {
        ui.set_width(width);
        row_from_right_ui(ui, 30.0, |ui| {
            if icon_button_ui(ui, icons::CLOSE, "Close").clicked() {
                cx.send(Command::CloseSheet);
            }
            rest_of_row_ui(ui, |ui| {
                ui.label(RichText::new(title).font(egui::FontId::new(17.0, fonts::semibold())));
            });
        });
        ui.add_space(8.0);
        match sheet {
            Sheet::Settings => settings_ui(ui, cx),
            Sheet::Shortcuts => shortcuts_ui(ui),
            Sheet::About => about_ui(ui, cx),
            Sheet::Tags => tags_ui(ui, cx),
            Sheet::Pictures => pictures_sheet_ui(ui, cx),
            Sheet::Deidentify => deidentify_sheet_ui(ui, cx),
        }
    });
    if response.should_close() {
        cx.send(Command::CloseSheet);
    }
}

fn pictures_title(cx: &ViewCx<'_>) -> &'static str {
    match cx.state.pictures.scope {
        PictureScope::View => "Export view",
        PictureScope::Series => "Export series",
        PictureScope::KeyImages => "Export key images",
    }
}

fn section_ui(ui: &mut Ui, title: &str) {
    let palette = theme::palette(ui);
    ui.add_space(8.0);
    let font = egui::FontId::new(12.0, fonts::semibold());
    ui.label(RichText::new(title).font(font).color(palette.dim));
}

fn settings_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    let palette = theme::palette(ui);
    let settings = &cx.state.settings;
    section_ui(ui, "Appearance");
    ui.horizontal(|ui| {
        for theme in [ThemeChoice::Dark, ThemeChoice::Light, ThemeChoice::System] {
            let command = Command::SetTheme(theme);
            if ui.selectable_label(settings.theme == theme, command.label()).clicked() {
                cx.send(command);
            }
        }
    });
    ui.horizontal(|ui| {
        ui.label("Scale");
        for percent in [80, 100, 125, 150, 200] {
            let scale = percent as f32 / 100.0;
            let is_on = (settings.ui_scale - scale).abs() < 0.01;
            if ui.selectable_label(is_on, format!("{percent} %")).clicked() {
                cx.send(Command::SetScale(scale));
            }
        }
    });
    let mut smooth = !settings.nearest;
    if ui.checkbox(&mut smooth, "Smooth pixels below 400 %").changed() {
        cx.send(Command::ToggleInterpolation);
    }
    let mut less_motion = settings.less_motion;
    if ui.checkbox(&mut less_motion, "Less motion: nothing blinks by itself").changed() {
        cx.send(Command::ToggleMotion);
    }
    let mut read_ahead = settings.read_ahead;
    let text = "Let the model read the shown picture while the question is being typed";
    if ui.checkbox(&mut read_ahead, text).changed() {
        cx.send(Command::ToggleReadAhead);
    }
    ui.horizontal(|ui| {
        ui.label("Memory for slices");
        for mb in [256, 512, 1024, 2048, 4096, 8192] {
            let text = if mb < 1024 { format!("{mb} MB") } else { format!("{} GB", mb / 1024) };
            let response = ui.selectable_label(settings.frames_mb == mb, &text);
            if response.accessible_name(format!("{text} for slices")).clicked() {
                cx.send(Command::SetFramesMemory(mb));
            }
        }
    });
    section_ui(ui, "Privacy");
    let mut privacy = settings.privacy;
    if ui.checkbox(&mut privacy, "Privacy mode: aliases instead of patient data").changed() {
        cx.send(Command::TogglePrivacy);
    }
    let text = "Written to this computer: these settings, the list of recent files, weights as \
                converted, and your chats with the pictures they are about. Chats name a study by \
                its alias only. Nothing is sent anywhere.";
    ui.add(Label::new(RichText::new(text).size(12.0).color(palette.faint)).wrap());
    section_ui(ui, "Models folder");
    let folder = cx.state.models_dir().map_or("None".to_owned(), |dir| dir.display().to_string());
    ui.add(Label::new(RichText::new(folder).monospace()).truncate());
    ui.horizontal(|ui| {
        for command in [Command::ChooseModelsFolder, Command::OpenModelsFolder] {
            if ui.button(command.label()).clicked() {
                cx.send(command);
            }
        }
    });
    let mut keep = settings.weights_cache;
    let text = "Keep weights in q8 and q4 on disk, to load faster next time";
    if ui.checkbox(&mut keep, text).on_hover_text(cache_folder()).changed() {
        cx.send(Command::ToggleWeightsCache);
    }
}

fn cache_folder() -> String {
    let cache = WeightsCache::usual();
    cache.map_or_else(String::new, |cache| cache.folder().display().to_string())
}

fn shortcuts_ui(ui: &mut Ui) {
    let keys: Vec<(String, String)> = TABLE
        .iter()
        .filter_map(|entry| {
            let keys = ui.ctx().format_shortcut(entry.keys.as_ref()?);
            Some((keys, entry.label.trim_end_matches('…').to_owned()))
        })
        .collect();
    let owned = |rows: &[(&str, &str)]| -> Vec<(String, String)> {
        rows.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    };
    ScrollArea::vertical().max_height(560.0).min_scrolled_height(520.0).show(ui, |ui| {
        section_ui(ui, "Mouse on the picture");
        grid_ui(ui, "mouse", &owned(MOUSE), 1);
        section_ui(ui, "Chat");
        grid_ui(ui, "chat keys", &owned(CHAT_KEYS), 2);
        section_ui(ui, "Keyboard");
        grid_ui(ui, "keys", &keys, 2);
    });
}

fn grid_ui(ui: &mut Ui, id: &str, rows: &[(String, String)], columns: usize) {
    let palette = theme::palette(ui);
    Grid::new(id).num_columns(columns * 2).spacing([14.0, 6.0]).show(ui, |ui| {
        for chunk in rows.chunks(columns) {
            for (keys, label) in chunk {
                ui.label(RichText::new(keys).monospace().color(palette.accent));
                ui.label(label);
            }
            ui.end_row();
        }
    });
}

fn about_ui(ui: &mut Ui, cx: &ViewCx<'_>) {
    let palette = theme::palette(ui);
    ui.label(format!("Version {}", env!("CARGO_PKG_VERSION")));
    ui.label(RichText::new(cx.state.engine.device()).color(palette.dim));
    if let Some(info) = cx.state.engine.info() {
        let hash = info.weights_sha256.get(..16).unwrap_or(&info.weights_sha256);
        let text = format!("{} · {} · weights {hash}", info.title, info.precision);
        ui.add(Label::new(RichText::new(text).color(palette.dim)).wrap());
        for note in &info.notes {
            ui.add(Label::new(RichText::new(note).size(12.0).color(palette.faint)).wrap());
        }
    }
    section_ui(ui, "Research use only · 仅供研究使用");
    let text = "This workbench is for research and teaching. It is not a medical device, has not \
                been evaluated for diagnosis or treatment, and its answers can be wrong while \
                sounding sure. Do not use it to make decisions about a person's care.";
    ui.add(Label::new(RichText::new(text).color(palette.dim)).wrap());
    let chinese = "本软件用于科研与教学，不是医疗器械，未经诊断或治疗用途验证；回答可能有误。\
                   请勿据此作出诊疗决定。所有数据仅在本机处理。";
    ui.add(Label::new(RichText::new(chinese).color(palette.dim)).wrap());
    section_ui(ui, "Fonts");
    let text = "Inter, JetBrains Mono and Noto Sans SC under the SIL Open Font License; Phosphor \
                icons under the MIT License.";
    ui.add(Label::new(RichText::new(text).color(palette.faint)).wrap());
}
