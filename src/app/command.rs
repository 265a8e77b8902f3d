//! Everything the reader can ask of the window.

use std::path::PathBuf;

use super::deidentify::CopyChoice;
use super::measure::Tool;
use super::pictures::PictureChoice;
use super::results::ResultsScreen;
use super::settings::{Sampling, ThemeChoice};
use super::state::{LeftTab, Sheet};
use super::viewport::{Place, WindowMode};
use crate::chat::transfer::Format;
use crate::imaging::{ColorMap, Projection, Shape, SuvKind};
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
    /// Ask how de-identified copies of the study of the active viewport are to be.
    ExportDeidentified,
    /// What is kept in them, and what is made black.
    ChooseCopies(CopyChoice),
    /// Ask for a folder for them.
    PickPlaceForCopies,
    /// Ask how the picture of the active viewport is to be written.
    ExportView,
    /// Ask how all slices of its series are to be written.
    ExportSeries,
    /// Ask how the starred slices of the study shown are to be written as pictures.
    ExportKeyPictures,
    /// Which pictures are written, and how.
    ChoosePictures(PictureChoice),
    /// Ask where they are written.
    PickPlaceForPictures,
    /// Show a folder in the system's file manager.
    ShowFolder(PathBuf),
    // trainings and evaluations
    /// Write the n-th document of the active viewport, a PDF or CDA, to a file.
    ExportDocument(usize),
    /// Show an image that a document refers to.
    ShowReferenced(Place),
    /// Look for this among the elements of the file shown.
    SearchTags(String),
    /// List private elements as well, or do not.
    TogglePrivateTags,
    /// Put one element on the clipboard, by its place in the file.
    CopyTag(usize),
    /// Put the elements listed on the clipboard.
    CopyTags,
    /// Show the images of the presentation state in this file as it asks for.
    UsePresentation(PathBuf),
    /// Draw the annotations of a presentation state no longer.
    DropPresentation,
    /// Draw segments over the images they are of, or do not.
    ToggleSegments,
    /// Draw one segment of a file while any are drawn, or do not.
    ToggleSegment(PathBuf, u16),
    /// How strongly they are drawn, in percent.
    SetSegmentOpacity(u8),
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
    /// Choose colours for grey levels.
    SetColorMap(ColorMap),
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
    /// Take back the last change of the view or of a measurement.
    Undo,
    /// Make it again.
    Redo,
    /// Remember the view, so that what follows is one step back.
    RememberView,
    /// Full, minimal, no overlays.
    CycleOverlays,
    /// Blend pixels or show them as squares.
    ToggleInterpolation,
    /// Show what the model is given of the view in its place, or the view again.
    ToggleEye,
    /// Save that picture.
    SaveEye,
    /// Put what is known of it on the clipboard.
    CopyEyeFacts,
    /// The viewports scroll, zoom and change their window together.
    ToggleLink,
    /// Play the slices one after the other, or stand still.
    ToggleCine,
    /// Play them faster or slower.
    ChangeCineRate {
        /// Faster.
        faster: bool,
    },
    /// Star the slice shown, or take its star.
    ToggleKeyImage,
    /// Go so many starred slices further.
    StepKeyImage(isize),
    /// Show a starred slice.
    ShowKeyImage(Place),
    /// Scrolling goes from starred slice to starred slice, or through all.
    ToggleKeyOnly,
    /// Write the starred slices of the study shown to a file.
    ExportKeyImages,
    /// Show three planes cut through the series beside it, or what was shown before.
    TogglePlanes,
    /// What becomes of the values across a slab; none for planes without thickness.
    SetProjection(Option<Projection>),
    /// How thick a slab is, in millimetres.
    SetSlabThickness(u16),
    /// Show the planes through a point of the patient.
    MoveCrosshair {
        /// The viewport in which it was chosen.
        from: usize,
        /// The point.
        to_mm: [f64; 3],
    },
    /// One, two or four viewports.
    SetViewports(usize),
    /// Make a viewport the active one.
    ActivateViewport(usize),
    // measuring
    /// Choose what the left mouse button does on a picture.
    SetTool(Tool),
    /// Put a shape on a frame.
    AddMeasurement {
        /// The frame.
        place: Place,
        /// What was drawn.
        shape: Shape,
    },
    /// Give a measurement another form, until the move ends.
    MoveMeasurement {
        /// Which one.
        id: u64,
        /// Its new form.
        shape: Shape,
    },
    /// The moves of a measurement are one step back.
    EndMove,
    /// Write to this arrow or text, or to the chosen one.
    EditText(Option<u64>),
    /// What is written to it.
    SetText {
        /// Which one.
        id: u64,
        /// As typed.
        text: String,
    },
    /// Leave what is being written as it was.
    CancelText,
    /// Choose one, or none.
    SelectMeasurement(Option<u64>),
    /// Show the frame of one, chosen.
    ShowMeasurement(u64),
    /// Take one away.
    DeleteMeasurement(u64),
    /// Take the chosen one away.
    DeleteSelected,
    /// Which SUV stand beside the values of PET pictures.
    SetSuv(SuvKind),
    /// Put the measurements of the study shown on the clipboard.
    CopyMeasurements,
    /// Write them to a file.
    ExportMeasurements,
    /// Attach the chosen region alone, with a little of what is around it.
    ZoomAsk,
    /// Attach the view with the chosen region outlined in it.
    MarkAsk,
    /// Ask the last question about the view again, with the chosen region erased.
    EraseAsk,
    /// Ask the last question about the view, for yes or no, of slices all over the series.
    AskSlices,
    /// Ask no further slices.
    StopSlices,
    /// Take the curve over the slices away; it stays with its chat.
    CloseSlices,
    /// Show the curve over the slices that is kept with a turn.
    ShowSlices(usize),
    /// The next question goes with the view as it is, not with a region.
    Detach,
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
    /// Ask the question of a turn again on a blank picture and on noise.
    BlindTest(usize),
    /// Stop the answer being written.
    StopAnswer,
    /// Ask the same once more; the answer is added beside the others.
    Regenerate(usize),
    /// Ask the last question once more.
    RegenerateLast,
    /// Ask once more exactly as the answer shown was asked, and see whether it comes out the same.
    Replay(usize),
    /// Show another version of an edited question.
    StepVersion {
        /// Which turn.
        turn_idx: usize,
        /// How far.
        step: isize,
    },
    /// Show another answer to the last question.
    StepLastAnswer(isize),
    /// Begin a chat about the picture this one was last asked about.
    NewChatSamePicture,
    /// Let the model go on with the answer shown, from where it broke off.
    Continue(usize),
    /// Another answer that is the same up to a token, in whose place another id comes.
    TurnOff {
        /// Which turn.
        turn_idx: usize,
        /// Which token of the answer shown.
        token_idx: usize,
        /// What comes in its place.
        id: u32,
    },
    /// Begin a chat with all up to a turn, and go on there.
    ForkChat(usize),
    /// Take a question out of those that wait for the model, by its place among all.
    Unqueue(usize),
    /// Ask again without the oldest questions: they do not fit the model's context.
    LeaveOutOldest(usize),
    /// Ask the question of a turn in a chat of its own, with the last picture.
    AskInNewChat(usize),
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
    /// Write all presets to a file.
    ExportPresets,
    /// Take presets in from a file.
    ImportPresets,
    /// Ask a column's model with parameters of its own from now on, or as all others.
    SetSideSampling {
        /// Which column.
        column: usize,
        /// None is as all others.
        own: Option<Sampling>,
    },
    /// Let a column's model answer once more, as is set for it.
    AskSideAgain(usize),
    /// Ask all questions of one model and then of the next, or every question of all models.
    ToggleSidesByModel,
    /// Mark the words that not all answers have, or do not.
    ToggleSideMarks,
    /// Show the frame and window a question was asked about.
    GoToEvidence {
        /// Which turn.
        turn_idx: usize,
        /// Which of its pictures.
        evidence_idx: usize,
    },
    /// Show what the model is given of a picture of a question.
    LookAtEvidence {
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
    /// A system prompt in place of that of the loaded model's authors; none for theirs.
    SetSystemPrompt(Option<String>),
    /// Keep the parameters under a name, in place of what has it.
    SavePreset(String),
    /// Take the parameters that have this name.
    UsePreset(String),
    /// Forget the parameters that have this name.
    DeletePreset(String),
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
    /// Let decoded slices take so many mebibytes of memory.
    SetFramesMemory(u32),
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
