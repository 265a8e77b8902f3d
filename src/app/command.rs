//! Everything the reader can ask of the window, and the one table of labels, keys and conditions.

use std::cell::RefCell;
use std::path::PathBuf;

use egui::{Key, KeyboardShortcut, Modifiers};

use super::results::ResultsScreen;
use super::settings::{Sampling, ThemeChoice};
use super::state::{AppState, LeftTab, Sheet};
use super::viewport::WindowMode;
use crate::chat::transfer::Format;
use crate::vlm::{DeviceChoice, PrecisionChoice};
use crate::worker::{JobId, LoadRequest};

/// Everything the reader can ask of the window.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    // opening
    /// Ask for files to open.
    OpenFiles,
    /// Ask for a folder to open.
    OpenFolder,
    /// Open these.
    OpenPaths(Vec<PathBuf>),
    /// Open the study that comes with the program.
    OpenSample,
    /// Close the study with this key.
    CloseStudy(String),
    /// Close the study of the active viewport.
    CloseActiveStudy,
    /// Forget what was opened before.
    ClearRecent,
    // trainings and evaluations
    /// Ask for the output folder of a training.
    OpenTraining,
    /// Ask for output folders of evaluations.
    OpenEvaluation,
    /// Ask for output folders to be put beside those that are open.
    AddEvaluation,
    /// Read the open evaluation's folders again.
    ReadEvaluationAgain,
    /// Show a screen in place of the viewports, or the viewports again.
    ToggleResults(ResultsScreen),
    /// Back to the viewports; what is open stays open.
    HideResults,
    /// Let go of a training or of an evaluation.
    CloseResults(ResultsScreen),
    /// Open a question of the evaluation, by its place.
    ShowQuestion(usize),
    // looking
    /// Show a series of a study in the active viewport.
    ShowSeries {
        /// Study.
        study_key: String,
        /// Series.
        series_key: String,
    },
    /// Show another frame of the active series.
    ShowFrame(usize),
    /// Go so many frames further.
    StepFrame(isize),
    /// First frame.
    FirstFrame,
    /// Last frame.
    LastFrame,
    /// Go so many series further.
    StepSeries(isize),
    /// Choose how values become grey levels.
    SetWindow(WindowMode),
    /// Choose the window bound to a digit.
    PresetKey(char),
    /// Move the zoom and the position of the picture.
    MoveView {
        /// New zoom; none fits the picture to the viewport.
        zoom: Option<f32>,
        /// Offset of the picture's middle, in points.
        pan: egui::Vec2,
    },
    /// Zoom by a factor around the middle.
    ZoomBy(f32),
    /// Fit to the viewport.
    Fit,
    /// One picture pixel on one screen pixel.
    ActualSize,
    /// Swap dark and light.
    Invert,
    /// Mirror left and right.
    FlipHorizontal,
    /// Mirror top and bottom.
    FlipVertical,
    /// Turn by quarter turns, clockwise.
    Rotate(i8),
    /// Everything about the view as it was at first.
    ResetView,
    /// Take back the last change of the view.
    Undo,
    /// Make it again.
    Redo,
    /// Remember the view, so that what follows is one step back.
    RememberView,
    /// Full, minimal, no overlays.
    CycleOverlays,
    /// Blend pixels or show them as squares.
    ToggleInterpolation,
    /// One or two viewports.
    SetViewports(usize),
    /// Make a viewport the active one.
    ActivateViewport(usize),
    // asking
    /// Ask the question in the box.
    Ask {
        /// What is asked.
        question: String,
        /// With the picture of the active viewport.
        with_view: bool,
        /// With the pictures of this earlier turn instead.
        again_of: Option<usize>,
    },
    /// Put the cursor in the question box, with the active view attached.
    AskAboutView,
    /// Let the model draw the picture of the active viewport itself.
    Reconstruct {
        /// In words; empty for the usual ones.
        request: String,
        /// The picture of this earlier turn instead.
        again_of: Option<usize>,
    },
    /// Draw once more, with nothing but codes allowed until the picture is whole.
    RedrawCodesOnly(usize),
    /// Show original and drawing of a turn large, beside each other.
    OpenComparison(usize),
    /// Back to the viewports.
    CloseComparison,
    /// Save what the comparison shows, marked as generated.
    SaveDrawn(Drawn),
    /// Stop the answer being written.
    StopAnswer,
    /// Ask the same once more; the answer is added beside the others.
    Regenerate(usize),
    /// Ask the last question once more.
    RegenerateLast,
    /// Ask once more exactly as the answer shown was asked, and see whether it comes out the same.
    Replay(usize),
    /// Show how likely each word of an answer was, or its text alone.
    ToggleTint,
    /// Show the answer so many places further.
    StepAnswer {
        /// Which turn.
        turn_idx: usize,
        /// How far.
        step: isize,
    },
    /// Show the answers of several models to a turn's question, side by side.
    OpenSides(usize),
    /// Back to the viewports; what is still to be asked goes on.
    CloseSides,
    /// Ask another model the same, in a column of its own.
    AddSide(LoadRequest),
    /// Take a column out; its answer stays in the chat.
    RemoveSide(usize),
    /// Mark the words that not all answers have, or do not.
    ToggleSideMarks,
    /// Show the frame and window a question was asked about.
    GoToEvidence {
        /// Which turn.
        turn_idx: usize,
        /// Which of its pictures.
        evidence_idx: usize,
    },
    /// Begin a new chat.
    NewChat,
    /// Show a chat.
    OpenChat(u64),
    /// Show a chat at the turn where a search found something.
    OpenHit {
        /// Chat.
        id: u64,
        /// Turn.
        turn_id: Option<u64>,
    },
    /// Take a chat away.
    DeleteChat(u64),
    /// Bring a deleted chat back.
    RestoreChat(u64),
    /// Keep a chat on top of the list, or no longer.
    PinChat(u64, bool),
    /// Type another title for the chat shown.
    RenameShownChat,
    /// Type another title for a chat.
    BeginRename(u64),
    /// Leave the title as it is.
    CancelRename,
    /// Call a chat something else.
    RenameChat(u64, String),
    /// Put the cursor in the box that searches all chats.
    SearchAllChats,
    /// Look for words in all chats.
    SearchChats(String),
    /// Look for words in the chat shown.
    FindInChat,
    /// Stop looking.
    CloseFind,
    /// Write the chat shown to a file.
    ExportChat(Format),
    /// Take a chat in from a file.
    ImportChat,
    // models
    /// Show or hide the list of models.
    ToggleModelPicker,
    /// Load a model.
    LoadModel(LoadRequest),
    /// Give up loading.
    CancelLoad,
    /// End the engine; its memory returns.
    UnloadModel,
    /// Ask for the folder models are in.
    ChooseModelsFolder,
    /// Show that folder in the system's file manager.
    OpenModelsFolder,
    /// Look for models again.
    RescanModels,
    /// Where the next model is computed, and in what numbers.
    ChooseDevice(DeviceChoice, PrecisionChoice),
    /// How answers are sampled.
    SetSampling(Sampling),
    /// Take over the sampling the loaded model's authors recommend.
    UseAuthorDefaults,
    // the app itself
    /// Show or hide the left panel.
    ToggleLeftPanel,
    /// Show or hide the chat.
    ToggleChatPanel,
    /// Studies or chats in the left panel.
    ShowTab(LeftTab),
    /// Names of patients, or aliases.
    TogglePrivacy,
    /// Light or dark.
    SetTheme(ThemeChoice),
    /// Whether anything may blink or slide by itself.
    ToggleMotion,
    /// Read the shown picture before it is asked about, or not.
    ToggleReadAhead,
    /// Keep converted weights on disk, or do not.
    ToggleWeightsCache,
    /// Size of everything; 1.0 is the system's own.
    SetScale(f32),
    /// Show or hide a sheet.
    ToggleSheet(Sheet),
    /// Close whatever is open on top.
    CloseSheet,
    /// Understood: research use only.
    Acknowledge,
    /// Take a notice away.
    DismissNotice(u64),
    /// Fold or unfold a notice.
    ToggleNoticeDetails(u64),
    /// Stop a piece of work.
    CancelJob(JobId),
    /// Put text on the clipboard.
    CopyText(String),
    /// Whole screen or not.
    ToggleFullScreen,
    /// Close the app.
    Quit,
}

/// What of a drawing is saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawn {
    /// The model's picture.
    Picture,
    /// The original and everything made of it, side by side.
    Comparison,
}

/// Where panels put commands; they are run before the next drawing.
#[derive(Debug, Default)]
pub struct CommandSender(RefCell<Vec<Command>>);

impl CommandSender {
    /// Asks for `command`.
    pub fn send(&self, command: Command) {
        self.0.borrow_mut().push(command);
    }

    /// Everything asked for since the last time.
    pub(crate) fn take(&self) -> Vec<Command> {
        self.0.take()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }
}

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
    entry(Command::ClearRecent, "Clear recent"),
    keyed(Command::OpenTraining, "Open training…", CTRL_SHIFT, Key::T),
    keyed(Command::OpenEvaluation, "Open evaluation…", CTRL_SHIFT, Key::E),
    entry(Command::AddEvaluation, "Compare with…"),
    entry(Command::ReadEvaluationAgain, "Read again"),
    entry(Command::ToggleResults(ResultsScreen::Training), "Training"),
    entry(Command::ToggleResults(ResultsScreen::Evaluation), "Evaluation"),
    keyed(Command::RegenerateLast, "Answer again", CTRL_SHIFT, Key::R),
    keyed(Command::ToggleTint, "Confidence tint", CTRL_SHIFT, Key::P),
    keyed(Command::SearchAllChats, "Search all chats", CTRL_SHIFT, Key::F),
    keyed(Command::FindInChat, "Find in chat", CTRL, Key::F),
    keyed(Command::RenameShownChat, "Rename chat", PLAIN, Key::F2),
    keyed(Command::ExportChat(Format::Markdown), "Export as Markdown…", CTRL, Key::E),
    entry(Command::ExportChat(Format::Html), "Export as HTML…"),
    entry(Command::ExportChat(Format::Json), "Export as JSON…"),
    entry(Command::ImportChat, "Import chat…"),
    keyed(Command::TogglePrivacy, "Privacy mode", CTRL_SHIFT, Key::H),
    keyed(Command::NewChat, "New chat", CTRL, Key::N),
    keyed(Command::AskAboutView, "Ask about this view", CTRL, Key::Enter),
    keyed(Command::ToggleModelPicker, "Choose model…", CTRL, Key::L),
    keyed(Command::ToggleLeftPanel, "Left panel", CTRL, Key::B),
    keyed(Command::ToggleChatPanel, "Chat panel", CTRL, Key::J),
    keyed(Command::ToggleSheet(Sheet::Settings), "Settings…", CTRL, Key::Comma),
    keyed(Command::ToggleSheet(Sheet::Shortcuts), "Keyboard and mouse", PLAIN, Key::F1),
    entry(Command::ToggleSheet(Sheet::About), "About Reading Room"),
    keyed(Command::Redo, "Redo view change", CTRL, Key::Y),
    keyed(Command::Undo, "Undo view change", CTRL, Key::Z),
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
    keyed(Command::CycleOverlays, "Overlays full, minimal, none", PLAIN, Key::Space),
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
    entry(Command::SetViewports(1), "One viewport"),
    entry(Command::SetViewports(2), "Two viewports"),
    entry(Command::ShowTab(LeftTab::Studies), "Studies"),
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

    /// Whether it would do anything now.
    pub fn is_enabled(&self, state: &AppState) -> bool {
        match self {
            Self::CloseActiveStudy => {
                state.active_viewport().place.is_some() && !state.is_showing_results()
            }
            Self::StepFrame(_)
            | Self::FirstFrame
            | Self::LastFrame
            | Self::StepSeries(_)
            | Self::PresetKey(_)
            | Self::ZoomBy(_)
            | Self::Fit
            | Self::ActualSize
            | Self::Invert
            | Self::FlipHorizontal
            | Self::FlipVertical
            | Self::Rotate(_)
            | Self::ResetView => state.active_viewport().place.is_some() && state.has_viewports(),
            Self::SetViewports(_) | Self::CycleOverlays => state.has_viewports(),
            Self::Undo => state.active_viewport().can_undo() && state.has_viewports(),
            Self::Redo => state.active_viewport().can_redo() && state.has_viewports(),
            Self::Reconstruct { .. } => state.cannot_reconstruct().is_none(),
            Self::CloseComparison => state.is_comparing(),
            Self::SaveDrawn(what) => state.can_save(*what),
            Self::StopAnswer => state.engine.asking.is_some(),
            Self::RegenerateLast => {
                state.engine.asking.is_none() && !state.conversation().turns.is_empty()
            }
            Self::UnloadModel => state.engine.is_loaded(),
            Self::CancelLoad => state.engine.is_loading(),
            Self::UseAuthorDefaults => state.engine.is_loaded(),
            Self::AddEvaluation | Self::ReadEvaluationAgain => state.results.evaluation.is_some(),
            Self::ToggleResults(screen) => state.results.has(*screen),
            // the panels make room for these screens
            Self::ToggleLeftPanel | Self::ToggleChatPanel => !state.is_showing_results(),
            Self::ClearRecent => !state.settings.recent.is_empty(),
            Self::NewChat | Self::ExportChat(_) | Self::FindInChat | Self::RenameShownChat => {
                !state.conversation().turns.is_empty()
            }
            Self::OpenModelsFolder => state.models_dir().is_some(),
            _ => true,
        }
    }

    /// Whether it shows something in a viewport, or another chat: a comparison makes room.
    pub(crate) fn leads_to_viewports(&self) -> bool {
        matches!(
            self,
            Self::OpenPaths(_)
                | Self::OpenSample
                | Self::ShowSeries { .. }
                | Self::GoToEvidence { .. }
                | Self::NewChat
                | Self::OpenChat(_)
                | Self::OpenHit { .. }
        )
    }

    /// Whether it works on viewports or chats, which trainings and evaluations make room for.
    pub(crate) fn leaves_results(&self) -> bool {
        matches!(
            self,
            Self::ShowSeries { .. }
                | Self::GoToEvidence { .. }
                | Self::NewChat
                | Self::OpenChat(_)
                | Self::OpenHit { .. }
                | Self::RenameShownChat
                | Self::SearchAllChats
                | Self::FindInChat
                | Self::AskAboutView
                | Self::ShowTab(_)
                | Self::Reconstruct { .. }
                | Self::OpenComparison(_)
                | Self::OpenSides(_)
        )
    }

    /// Whether its key is a bare one, which belongs to text fields while one is in use.
    pub(crate) fn key_is_bare(keys: &KeyboardShortcut) -> bool {
        !keys.modifiers.command && !matches!(keys.logical_key, Key::F1 | Key::F2 | Key::F11)
    }
}
