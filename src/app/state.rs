//! What is open, what is being asked and what the reader chose. Nothing here draws or waits.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::cine::Cine;
use super::deidentify::CopyChoice;
use super::effect::Effect;
use super::engine_state::{EngineState, ModelStatus};
use super::eye::{EyeState, EyeView};
use super::frames::{FrameCache, FrameState};
use super::history::HistoryState;
use super::inside::Inside;
use super::jobs::Jobs;
use super::key_images::KeyImages;
use super::measure::{Kept, KeptStudies, Measurements, Tool};
use super::notices::{NoticeLevel, Notices};
use super::pictures::{PictureChoice, Pictures, PicturesWritten};
use super::results::{Evaluation, News, Results, Sorted};
use super::run_reconstruct::Comparing;
use super::save_drawn::ToSave;
use super::settings::{Preset, Settings};
use super::sides::Sides;
use super::strip::Strip;
use super::studies::{OpenStudy, Studies};
use super::viewport::{Place, Viewport};
use super::volume::Planes;
use crate::chat::history::{HistoryEvent, Request};
use crate::chat::transfer::Format;
use crate::chat::{Conversation, Evidence};
use crate::imaging::{DeidentifyOptions, DisplayImage, FrameRef, Series};
use crate::vlm::{DeviceInfo, Family, ModelSpec};
use crate::worker::{CopiesEvent, DecodeEvent, EngineEvent, JobId, LoadRequest};

/// Which list the left panel shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftTab {
    /// Open studies.
    Studies,
    /// What was measured in the study shown.
    Measurements,
    /// All chats.
    Chats,
}

/// A sheet over the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sheet {
    /// What survives a restart.
    Settings,
    /// Keys and mouse.
    Shortcuts,
    /// What this is.
    About,
    /// The elements of the file shown.
    Tags,
    /// What of a picture is written.
    Pictures,
    /// What is kept in de-identified copies.
    Deidentify,
}

/// How much text lies over the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlays {
    /// All four corners.
    Full,
    /// Window and place in the series.
    Minimal,
    /// None.
    Off,
}

/// Everything that can happen to the state from outside.
#[derive(Debug)]
pub enum AppEvent {
    /// From the decode worker.
    Decode(DecodeEvent),
    /// From the engine worker.
    Engine(EngineEvent),
    /// Models found in the models folders.
    Models(Vec<ModelSpec>),
    /// What a model would be computed on, or why it cannot be as chosen.
    Device(Result<DeviceInfo, String>),
    /// The reader chose files or a folder to open.
    PickedStudy(Vec<PathBuf>),
    /// What the things to be opened are.
    Sorted(JobId, Sorted),
    /// The reader chose the output folder of a training.
    PickedTraining(PathBuf),
    /// A training's file was looked at.
    TrainingNews(News),
    /// The reader chose output folders of evaluations, to be added to those open or not.
    PickedEvaluation {
        /// The folders.
        folders: Vec<PathBuf>,
        /// Beside those that are open.
        adds: bool,
    },
    /// Evaluations were read, or why not.
    EvaluationRead(JobId, Box<Result<Evaluation, String>>),
    /// The reader chose a folder of models.
    PickedModelsFolder(PathBuf),
    /// The reader chose where a picture is saved.
    PickedPlaceFor(Arc<ToSave>, PathBuf),
    /// A picture was saved, or why not.
    PictureWritten(Result<(), String>),
    /// The reader chose where a table of measurements is written.
    PickedPlaceForTable(Arc<str>, PathBuf),
    /// It was written, or why not.
    TableWritten(Result<(), String>),
    /// What was measured in earlier runs, or why that cannot be read.
    MeasurementsRead(Result<KeptStudies, String>),
    /// The reader chose where de-identified copies of these files are written.
    PickedPlaceForCopies(Vec<PathBuf>, DeidentifyOptions, PathBuf),
    /// They were, or why not.
    Copies(CopiesEvent),
    /// The reader chose where the document in a file is written.
    PickedPlaceForDocument(PathBuf, PathBuf),
    /// It was written, or why not.
    DocumentWritten(Result<(), String>),
    /// The reader chose where pictures are written.
    PickedPlaceForPictures(Arc<Pictures>, PathBuf),
    /// How many of them are done.
    PicturesProgress {
        /// The job.
        job: JobId,
        /// So many.
        done: usize,
        /// Of all.
        total: usize,
    },
    /// They are written, or why not.
    PicturesWritten(JobId, Result<PicturesWritten, String>),
    /// From the history.
    History(HistoryEvent),
    /// The reader chose where a chat is exported.
    PickedPlaceForChat(Arc<Conversation>, Format, PathBuf),
    /// A chat was exported, or why not.
    ChatWritten(Result<(), String>),
    /// The reader chose where presets go.
    PickedPlaceForPresets(Arc<str>, PathBuf),
    /// Presets were written, or why not.
    PresetsWritten(Result<(), String>),
    /// The reader chose a file of presets.
    PickedPresets(PathBuf),
    /// What a file of presets holds, or why nothing.
    PresetsRead(Result<Vec<Preset>, String>),
    /// The reader chose a chat to import.
    PickedChat(PathBuf),
    /// The model's eye saw something.
    Looked(JobId, Box<EyeView>),
    /// The system showed no dialog.
    NoDialog,
    /// Something outside went wrong, in one sentence.
    Trouble(String),
}

/// The state of the app.
#[derive(Debug)]
pub struct AppState {
    /// What survives a restart.
    pub settings: Settings,
    /// What is open.
    pub studies: Studies,
    /// One or two.
    pub viewports: Vec<Viewport>,
    /// They scroll, zoom and change their window together.
    pub are_linked: bool,
    /// What plays by itself.
    pub cine: Cine,
    /// The one keys act on.
    pub active: usize,
    /// What the left mouse button does on a picture.
    pub tool: Tool,
    /// Planes cut through volumes.
    pub planes: Planes,
    /// Slices that are starred.
    pub key_images: KeyImages,
    /// What else is in the files shown.
    pub inside: Inside,
    /// What was drawn and measured.
    pub measurements: Measurements,
    /// What is in the list of recent files and was opened in this run: the keys of its studies.
    pub(crate) recent_studies: Vec<(Vec<PathBuf>, Vec<String>)>,
    /// What of it is on disk.
    pub kept: Kept,
    /// Decoded frames.
    pub frames: FrameCache,
    /// Chats in memory; never empty.
    pub conversations: Vec<Conversation>,
    /// The one shown.
    pub conversation_idx: usize,
    /// All chats, and what is being done with them.
    pub history: HistoryState,
    /// The model and the question it is at.
    pub engine: EngineState,
    /// Models found.
    pub models: Vec<ModelSpec>,
    /// Somebody is looking for them.
    pub scanning_models: bool,
    /// The program's own model is loaded as long as no other was asked for.
    pub begins_with_nano: bool,
    /// Where models are looked for besides the reader's own folder.
    pub given_models_dir: Option<PathBuf>,
    /// Short messages.
    pub notices: Notices,
    /// Work under way.
    pub jobs: Jobs,
    /// The drawing shown large, in place of the viewports.
    pub comparing: Option<Comparing>,
    /// What the model is given of what is shown.
    pub eye: EyeState,
    /// Answers of several models to one question.
    pub sides: Sides,
    /// Trainings and evaluations.
    pub results: Results,
    /// Which pictures are exported, and how.
    pub pictures: PictureChoice,
    /// What is kept in de-identified copies.
    pub copies: CopyChoice,
    /// What is made black in them, seen on the picture shown.
    pub(crate) copies_preview: Option<Arc<DisplayImage>>,
    /// Text over the picture.
    pub overlays: Overlays,
    /// Left panel.
    pub left_tab: LeftTab,
    /// On top of everything.
    pub sheet: Option<Sheet>,
    /// The list of models is shown.
    pub picker_open: bool,
    /// A question asked of slices all over a series.
    pub strip: Option<Strip>,
    /// Turns whose curve over slices the reader closed.
    pub closed_slices: HashSet<u64>,
    /// The picture that goes with the next question in place of the view.
    pub attached: Option<Evidence>,
    /// The question box takes the keyboard next.
    pub focus_question: bool,
    /// Answers are shown token by token, tinted by how likely each was.
    pub has_tint: bool,
    /// Whole screen.
    pub full_screen: bool,
    /// Seconds since the window opened.
    pub now_secs: f64,
    pub(crate) effects: Vec<Effect>,
}

impl AppState {
    /// Nothing open yet.
    pub fn new(settings: Settings, given_models_dir: Option<PathBuf>) -> Self {
        let frames = FrameCache::new(settings.frames_bytes());
        Self {
            settings,
            studies: Studies::default(),
            viewports: vec![Viewport::default()],
            are_linked: false,
            cine: Cine::default(),
            active: 0,
            tool: Tool::default(),
            planes: Planes::default(),
            key_images: KeyImages::default(),
            inside: Inside::default(),
            measurements: Measurements::default(),
            recent_studies: Vec::new(),
            kept: Kept::default(),
            frames,
            conversations: vec![Conversation::begin()],
            conversation_idx: 0,
            history: HistoryState::default(),
            engine: EngineState::default(),
            models: Vec::new(),
            scanning_models: false,
            begins_with_nano: false,
            given_models_dir,
            notices: Notices::default(),
            jobs: Jobs::default(),
            comparing: None,
            eye: EyeState::default(),
            sides: Sides::default(),
            results: Results::default(),
            pictures: PictureChoice::default(),
            copies: CopyChoice::default(),
            copies_preview: None,
            overlays: Overlays::Full,
            left_tab: LeftTab::Studies,
            sheet: None,
            picker_open: false,
            strip: None,
            closed_slices: HashSet::new(),
            attached: None,
            focus_question: false,
            has_tint: false,
            full_screen: false,
            now_secs: 0.0,
            effects: Vec::new(),
        }
    }

    /// Takes in something that happened.
    pub fn apply(&mut self, event: AppEvent) {
        match event {
            AppEvent::Decode(event) => self.apply_decode(event),
            AppEvent::Engine(event) => self.apply_engine(event),
            AppEvent::Models(models) => self.apply_models(models),
            AppEvent::Device(found) => {
                let held = found.as_ref().map_or(0, |device| self.held_bytes(device));
                self.engine.device_found(found, held);
            }
            AppEvent::PickedStudy(paths) => self.open_paths(paths),
            AppEvent::Sorted(job, sorted) => self.apply_sorted(job, sorted),
            AppEvent::PickedTraining(folder) => self.follow(folder),
            AppEvent::TrainingNews(news) => self.apply_news(news),
            AppEvent::PickedEvaluation { folders, adds } => self.picked_evaluation(folders, adds),
            AppEvent::EvaluationRead(job, read) => self.apply_evaluation(job, *read),
            AppEvent::PickedModelsFolder(folder) => {
                self.settings.models_dir = Some(folder);
                self.scan_models();
            }
            AppEvent::PickedPlaceFor(picture, path) => {
                self.effects.push(Effect::WritePicture(path.with_extension("png"), picture));
            }
            AppEvent::PictureWritten(written) => {
                match written {
                    Ok(()) => self.notices.push(NoticeLevel::Ok, "The picture is saved"),
                    Err(why) => {
                        let text = format!("The picture could not be saved: {why}");
                        self.notices.push(NoticeLevel::Error, text)
                    }
                };
            }
            AppEvent::PickedPlaceForTable(table, path) => {
                let is_named = path.extension().is_some();
                let path = if is_named { path } else { path.with_extension("csv") };
                self.effects.push(Effect::WriteTable(path, table));
            }
            AppEvent::MeasurementsRead(read) => self.apply_measurements_read(read),
            AppEvent::TableWritten(written) => self.apply_table_written(written),
            AppEvent::PickedPlaceForCopies(files, options, folder) => {
                self.write_copies(files, options, folder);
            }
            AppEvent::PickedPlaceForDocument(from, to) => self.write_document(from, to),
            AppEvent::DocumentWritten(written) => self.apply_document_written(written),
            AppEvent::PickedPlaceForPictures(pictures, place) => {
                self.write_pictures(pictures, place);
            }
            AppEvent::PicturesProgress { job, done, total } => {
                self.apply_pictures_progress(job, done, total);
            }
            AppEvent::PicturesWritten(job, written) => self.apply_pictures_written(job, written),
            AppEvent::Copies(event) => self.apply_copies(event),
            AppEvent::History(event) => self.apply_history(event),
            AppEvent::PickedPlaceForChat(chat, format, path) => {
                self.write_chat(chat, format, path);
            }
            AppEvent::ChatWritten(written) => self.apply_chat_written(written),
            AppEvent::PickedPlaceForPresets(text, path) => {
                let path =
                    if path.extension().is_some() { path } else { path.with_extension("json") };
                self.effects.push(Effect::WritePresets(path, text));
            }
            AppEvent::PresetsWritten(written) => self.apply_presets_written(written),
            AppEvent::PickedPresets(path) => self.effects.push(Effect::ReadPresets(path)),
            AppEvent::PresetsRead(read) => self.apply_presets_read(read),
            AppEvent::PickedChat(path) => self.ask_history(Request::Import(path)),
            AppEvent::Looked(job, seen) => self.apply_looked(job, *seen),
            AppEvent::Trouble(text) => {
                self.notices.push(NoticeLevel::Error, text);
            }
            AppEvent::NoDialog => {
                self.notices.push(
                    NoticeLevel::Error,
                    "The system showed no file dialog. Drop files on the window instead, or \
                     install xdg-desktop-portal",
                );
            }
        }
    }

    /// What is to be done outside, in order; each is given out once.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// The viewport keys act on.
    pub fn active_viewport(&self) -> &Viewport {
        // `active` is kept below the number of viewports, of which there is always one
        &self.viewports[self.active.min(self.viewports.len() - 1)]
    }

    pub(crate) fn active_viewport_mut(&mut self) -> &mut Viewport {
        let idx = self.active.min(self.viewports.len() - 1);
        &mut self.viewports[idx]
    }

    /// The chat shown.
    pub fn conversation(&self) -> &Conversation {
        &self.conversations[self.conversation_idx.min(self.conversations.len() - 1)]
    }

    pub(crate) fn conversation_mut(&mut self) -> &mut Conversation {
        let idx = self.conversation_idx.min(self.conversations.len() - 1);
        &mut self.conversations[idx]
    }

    /// Study and series at a place.
    pub(crate) fn shown_series(&self, place: &Place) -> Option<(&OpenStudy, &Series)> {
        self.studies.series(&place.study_key, &place.series_key)
    }

    /// The frame at a place.
    pub(crate) fn frame_ref(&self, place: &Place) -> Option<FrameRef> {
        self.shown_series(place)?.1.frame_ref(place.frame_idx)
    }

    /// Where the frame of a viewport stands; the file's own reason comes before any reading.
    pub(crate) fn frame_state(&self, viewport: &Viewport) -> FrameState {
        let Some(place) = &viewport.place else { return FrameState::Unknown };
        let Some((_, series)) = self.shown_series(place) else { return FrameState::Unknown };
        if let Some((instance, _)) = series.instance_of(place.frame_idx)
            && let Some(reason) = &instance.cannot_show
        {
            return FrameState::Failed(reason.clone());
        }
        match series.frame_ref(place.frame_idx) {
            Some(frame_ref) => self.frames.state(&frame_ref),
            None => match series.instances.iter().find_map(|i| i.cannot_show.clone()) {
                Some(reason) => FrameState::Failed(reason),
                None => FrameState::Failed("This series holds no pictures".to_owned()),
            },
        }
    }

    /// Seconds since the question under way was sent.
    pub(crate) fn asked_secs(&self) -> Option<f64> {
        self.engine.asking.as_ref().map(|asking| self.now_secs - asking.started_secs)
    }

    /// Title of the app on the desktop: an alias at most.
    pub fn desktop_title(&self) -> String {
        let case = self.active_viewport().place.as_ref().and_then(|place| {
            let (open, series) = self.shown_series(place)?;
            Some(format!("{} · {} — ", open.alias, series.modality))
        });
        format!("{}Reading Room", case.unwrap_or_default())
    }

    /// The folder models come from: the reader's own, else the one given.
    pub fn models_dir(&self) -> Option<&PathBuf> {
        self.settings.models_dir.as_ref().or(self.given_models_dir.as_ref())
    }

    /// Looks for models in the folders known.
    pub(crate) fn scan_models(&mut self) {
        let own = self.settings.models_dir.clone();
        let given = self.given_models_dir.clone().filter(|given| Some(given) != own.as_ref());
        let folders: Vec<PathBuf> = own.into_iter().chain(given).collect();
        // without a folder there is still the program's own
        self.scanning_models = true;
        self.effects.push(Effect::ScanModels(folders));
    }

    /// The first start answers: as long as no model was ever asked for, the program's own is.
    fn load_nano(&mut self) {
        let is_idle = matches!(self.engine.model, ModelStatus::Unloaded);
        if !self.begins_with_nano || !is_idle || self.engine.last_request.is_some() {
            return;
        }
        let Some(nano) = self.models.iter().find(|spec| spec.family == Family::Nano) else {
            return;
        };
        let request = LoadRequest { weights_cache: false, ..self.load_request(&nano.path) };
        self.load_model(request);
    }

    fn apply_models(&mut self, models: Vec<ModelSpec>) {
        self.scanning_models = false;
        self.models = models;
        self.load_nano();
    }
}
