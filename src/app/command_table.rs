//! The one table of commands: what they are called in menus, and the keys that ask for them.

use egui::{Key, KeyboardShortcut, Modifiers};

use super::command::{Command, Drawn};
use super::measure::Tool;
use super::results::ResultsScreen;
use super::settings::ThemeChoice;
use super::state::{LeftTab, Sheet};
use crate::chat::transfer::Format;
use crate::imaging::{ColorMap, Projection, ShapeKind, SuvKind};

/// One row of the table.
pub(crate) struct Entry {
    pub(crate) command: Command,
    pub(crate) label: &'static str,
    pub(crate) keys: Option<KeyboardShortcut>,
}

const fn entry(command: Command, label: &'static str) -> Entry {
    Entry { command, label, keys: None }
}

const fn keyed(command: Command, label: &'static str, modifiers: Modifiers, key: Key) -> Entry {
    Entry { command, label, keys: Some(KeyboardShortcut::new(modifiers, key)) }
}

const PLAIN: Modifiers = Modifiers::NONE;
const SHIFT: Modifiers = Modifiers::SHIFT;
const CTRL: Modifiers = Modifiers::COMMAND;
const CTRL_SHIFT: Modifiers = Modifiers::COMMAND.plus(Modifiers::SHIFT);

/// Keys with more modifiers come first: a press is given to the first row it matches.
pub(crate) const TABLE: &[Entry] = &[
    keyed(Command::OpenFolder, "Open folder…", CTRL_SHIFT, Key::O),
    keyed(Command::OpenFiles, "Open files…", CTRL, Key::O),
    entry(Command::OpenSample, "Open sample study"),
    keyed(Command::CloseActiveStudy, "Close study", CTRL, Key::W),
    entry(Command::ExportDocument(0), "Export document…"),
    keyed(Command::ExportView, "Export view…", CTRL, Key::S),
    entry(Command::ExportSeries, "Export series…"),
    entry(Command::ExportDeidentified, "Export de-identified…"),
    entry(Command::ClearRecent, "Clear recent"),
    keyed(Command::OpenTraining, "Open training…", CTRL_SHIFT, Key::T),
    keyed(Command::OpenEvaluation, "Open evaluation…", CTRL_SHIFT, Key::E),
    entry(Command::AddEvaluation, "Compare with…"),
    entry(Command::ReadEvaluationAgain, "Read again"),
    entry(Command::ToggleResults(ResultsScreen::Training), "Training"),
    entry(Command::ToggleResults(ResultsScreen::Evaluation), "Evaluation"),
    keyed(Command::RegenerateLast, "Answer again", CTRL_SHIFT, Key::R),
    entry(Command::ToggleSidesByModel, "All questions by model"),
    keyed(Command::ToggleTint, "Confidence tint", CTRL_SHIFT, Key::P),
    keyed(Command::SearchAllChats, "Search all chats", CTRL_SHIFT, Key::F),
    keyed(Command::FindInChat, "Find in chat", CTRL, Key::F),
    keyed(Command::RenameShownChat, "Rename chat", PLAIN, Key::F2),
    keyed(Command::ExportChat(Format::Markdown), "Export as Markdown…", CTRL, Key::E),
    entry(Command::ExportChat(Format::Html), "Export as HTML…"),
    entry(Command::ExportChat(Format::Json), "Export as JSON…"),
    entry(Command::ImportChat, "Import chat…"),
    entry(Command::ExportPresets, "Export presets…"),
    entry(Command::ImportPresets, "Import presets…"),
    keyed(Command::TogglePrivacy, "Privacy mode", CTRL_SHIFT, Key::H),
    keyed(Command::NewChatSamePicture, "New chat, same picture", CTRL_SHIFT, Key::N),
    keyed(Command::NewChat, "New chat", CTRL, Key::N),
    keyed(Command::StepLastAnswer(-1), "Previous answer", Modifiers::ALT, Key::ArrowLeft),
    keyed(Command::StepLastAnswer(1), "Next answer", Modifiers::ALT, Key::ArrowRight),
    keyed(Command::AskAboutView, "Ask about this view", CTRL, Key::Enter),
    keyed(Command::ToggleModelPicker, "Choose model…", CTRL, Key::L),
    keyed(Command::ToggleLeftPanel, "Left panel", CTRL, Key::B),
    keyed(Command::ToggleChatPanel, "Chat panel", CTRL, Key::J),
    keyed(Command::ToggleSheet(Sheet::Settings), "Settings…", CTRL, Key::Comma),
    keyed(Command::ToggleSheet(Sheet::Tags), "Tags…", CTRL, Key::I),
    entry(Command::TogglePrivateTags, "Private tags"),
    entry(Command::CopyTags, "Copy tags as text"),
    keyed(Command::ToggleSheet(Sheet::Shortcuts), "Keyboard and mouse", PLAIN, Key::F1),
    entry(Command::ToggleSheet(Sheet::About), "About Reading Room"),
    keyed(Command::Redo, "Redo", CTRL, Key::Y),
    keyed(Command::Undo, "Undo", CTRL, Key::Z),
    keyed(Command::Quit, "Quit", CTRL, Key::Q),
    keyed(Command::ToggleFullScreen, "Full screen", PLAIN, Key::F11),
    entry(Command::StopAnswer, "Stop answer"),
    entry(
        Command::Reconstruct { request: String::new(), again_of: None },
        "Reconstruct this picture",
    ),
    entry(Command::CloseComparison, "Close comparison"),
    entry(Command::SaveDrawn(Drawn::Picture), "Save picture…"),
    entry(Command::SaveDrawn(Drawn::Comparison), "Save comparison…"),
    keyed(Command::StepFrame(-10), "Back ten slices", SHIFT, Key::ArrowUp),
    keyed(Command::StepFrame(10), "On ten slices", SHIFT, Key::ArrowDown),
    keyed(Command::StepFrame(-1), "Previous slice", PLAIN, Key::ArrowUp),
    keyed(Command::StepFrame(1), "Next slice", PLAIN, Key::ArrowDown),
    keyed(Command::StepFrame(-10), "Back ten slices", PLAIN, Key::PageUp),
    keyed(Command::StepFrame(10), "On ten slices", PLAIN, Key::PageDown),
    keyed(Command::FirstFrame, "First slice", PLAIN, Key::Home),
    keyed(Command::LastFrame, "Last slice", PLAIN, Key::End),
    keyed(Command::StepSeries(-1), "Previous series", PLAIN, Key::ArrowLeft),
    keyed(Command::StepSeries(1), "Next series", PLAIN, Key::ArrowRight),
    keyed(Command::Invert, "Invert", PLAIN, Key::I),
    entry(Command::SetColorMap(ColorMap::Grey), "Grey"),
    entry(Command::SetColorMap(ColorMap::HotIron), "Hot iron"),
    entry(Command::SetColorMap(ColorMap::Pet), "PET"),
    entry(Command::SetColorMap(ColorMap::HotMetalBlue), "Hot metal blue"),
    entry(Command::SetColorMap(ColorMap::Pet20Step), "PET 20 step"),
    entry(Command::SetColorMap(ColorMap::Viridis), "Viridis"),
    keyed(Command::FlipHorizontal, "Flip horizontally", PLAIN, Key::H),
    keyed(Command::FlipVertical, "Flip vertically", PLAIN, Key::V),
    keyed(Command::Rotate(-1), "Rotate left", PLAIN, Key::OpenBracket),
    keyed(Command::Rotate(1), "Rotate right", PLAIN, Key::CloseBracket),
    keyed(Command::ResetView, "Reset view", PLAIN, Key::R),
    keyed(Command::Fit, "Fit to viewport", PLAIN, Key::F),
    entry(Command::ActualSize, "Actual size"),
    keyed(Command::ZoomBy(1.25), "Zoom in", PLAIN, Key::Plus),
    keyed(Command::ZoomBy(1.25), "Zoom in", PLAIN, Key::Equals),
    keyed(Command::ZoomBy(0.8), "Zoom out", PLAIN, Key::Minus),
    keyed(Command::ToggleSegments, "Show segmentations", PLAIN, Key::G),
    entry(Command::DropPresentation, "Take annotations away"),
    entry(Command::SetSegmentOpacity(100), "Outlines in full"),
    entry(Command::SetSegmentOpacity(60), "Outlines at 60 %"),
    entry(Command::SetSegmentOpacity(30), "Outlines at 30 %"),
    keyed(Command::CycleOverlays, "Overlays full, minimal, none", PLAIN, Key::Space),
    keyed(Command::ToggleEye, "Model's-eye view", PLAIN, Key::Y),
    keyed(Command::ToggleInterpolation, "Smooth pixels", PLAIN, Key::N),
    keyed(Command::PresetKey('0'), "Automatic window", PLAIN, Key::Num0),
    keyed(Command::PresetKey('1'), "Window of the file", PLAIN, Key::Num1),
    keyed(Command::PresetKey('2'), "Soft tissue", PLAIN, Key::Num2),
    keyed(Command::PresetKey('3'), "Lung", PLAIN, Key::Num3),
    keyed(Command::PresetKey('4'), "Bone", PLAIN, Key::Num4),
    keyed(Command::PresetKey('5'), "Brain", PLAIN, Key::Num5),
    keyed(Command::PresetKey('6'), "Abdomen", PLAIN, Key::Num6),
    keyed(Command::PresetKey('7'), "Liver", PLAIN, Key::Num7),
    keyed(Command::PresetKey('8'), "Angio", PLAIN, Key::Num8),
    keyed(Command::SetTool(Tool::Window), "Window/level", PLAIN, Key::W),
    keyed(Command::SetTool(Tool::Zoom), "Zoom", PLAIN, Key::Z),
    keyed(Command::SetTool(Tool::Pan), "Pan", PLAIN, Key::T),
    keyed(Command::SetTool(Tool::Crosshair), "Crosshair", PLAIN, Key::J),
    keyed(Command::SetTool(Tool::Measure(ShapeKind::Length)), "Length", PLAIN, Key::D),
    keyed(Command::SetTool(Tool::Measure(ShapeKind::Angle)), "Angle", PLAIN, Key::A),
    keyed(Command::SetTool(Tool::Measure(ShapeKind::Rectangle)), "Rectangle", PLAIN, Key::Q),
    keyed(Command::SetTool(Tool::Measure(ShapeKind::Ellipse)), "Ellipse", PLAIN, Key::E),
    keyed(Command::SetTool(Tool::Measure(ShapeKind::Freehand)), "Freehand", PLAIN, Key::L),
    keyed(Command::SetTool(Tool::Measure(ShapeKind::Probe)), "Probe", PLAIN, Key::P),
    entry(Command::SetTool(Tool::Measure(ShapeKind::Arrow)), "Arrow"),
    entry(Command::SetTool(Tool::Measure(ShapeKind::Text)), "Text"),
    entry(Command::EditText(None), "Edit text"),
    keyed(Command::DeleteSelected, "Delete measurement", PLAIN, Key::Delete),
    keyed(Command::DeleteSelected, "Delete measurement", PLAIN, Key::Backspace),
    entry(Command::ZoomAsk, "Zoom-ask"),
    entry(Command::MarkAsk, "Mark & ask"),
    entry(Command::EraseAsk, "Erase & re-ask"),
    entry(Command::AskSlices, "Ask every slice"),
    entry(Command::StopSlices, "Stop asking slices"),
    entry(Command::CloseSlices, "Close slice strip"),
    entry(Command::SetSuv(SuvKind::BodyWeight), "SUV by body weight"),
    entry(Command::SetSuv(SuvKind::LeanBodyMass), "SUV by lean body mass"),
    entry(Command::SetSuv(SuvKind::BodySurface), "SUV by body surface"),
    entry(Command::CopyMeasurements, "Copy as table"),
    entry(Command::ExportMeasurements, "Export as CSV…"),
    entry(Command::SetViewports(1), "One viewport"),
    entry(Command::SetViewports(2), "Two viewports"),
    entry(Command::SetViewports(4), "Four viewports"),
    keyed(Command::StepKeyImage(1), "Next key image", SHIFT, Key::K),
    keyed(Command::ToggleKeyImage, "Key image", PLAIN, Key::K),
    entry(Command::StepKeyImage(-1), "Previous key image"),
    entry(Command::ToggleKeyOnly, "Key images only"),
    entry(Command::ExportKeyImages, "Export key images as CSV…"),
    entry(Command::ExportKeyPictures, "Export key images as PNG…"),
    keyed(Command::TogglePlanes, "Orthogonal planes", PLAIN, Key::O),
    entry(Command::SetProjection(None), "Thin planes"),
    entry(Command::SetProjection(Some(Projection::Mean)), "Mean over a slab"),
    entry(Command::SetProjection(Some(Projection::Maximum)), "Maximum over a slab (MIP)"),
    entry(Command::SetProjection(Some(Projection::Minimum)), "Minimum over a slab (MinIP)"),
    entry(Command::SetSlabThickness(5), "Slab of 5 mm"),
    entry(Command::SetSlabThickness(10), "Slab of 10 mm"),
    entry(Command::SetSlabThickness(20), "Slab of 20 mm"),
    entry(Command::SetSlabThickness(40), "Slab of 40 mm"),
    entry(Command::ToggleLink, "Link viewports"),
    keyed(Command::ToggleCine, "Cine", PLAIN, Key::C),
    entry(Command::ChangeCineRate { faster: true }, "Faster"),
    entry(Command::ChangeCineRate { faster: false }, "Slower"),
    entry(Command::ShowTab(LeftTab::Studies), "Studies"),
    entry(Command::ShowTab(LeftTab::Measurements), "Measurements"),
    entry(Command::ShowTab(LeftTab::Chats), "Chats"),
    entry(Command::SetTheme(ThemeChoice::Dark), "Dark"),
    entry(Command::SetTheme(ThemeChoice::Light), "Light"),
    entry(Command::SetTheme(ThemeChoice::System), "As the system"),
    entry(Command::UnloadModel, "Unload model"),
    entry(Command::CancelLoad, "Cancel loading"),
    entry(Command::ChooseModelsFolder, "Choose folder…"),
    entry(Command::OpenModelsFolder, "Show models folder"),
    entry(Command::RescanModels, "Look again"),
    entry(Command::UseAuthorDefaults, "Authors' defaults"),
];

impl Command {
    /// What it is called in menus.
    pub fn label(&self) -> &'static str {
        TABLE.iter().find(|entry| entry.command == *self).map_or("", |entry| entry.label)
    }

    /// The keys that ask for it.
    pub fn shortcut(&self) -> Option<KeyboardShortcut> {
        TABLE.iter().find(|entry| entry.command == *self)?.keys
    }
}
