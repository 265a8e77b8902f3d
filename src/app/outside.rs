//! Carries out what the state asks for: the workers, the history, the settings file; `dialogs` asks
//! the reader for files.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::apply_decode::sentence;
use super::effect::Effect;
use super::history::Saver;
use super::measure::Keeper;
use super::notices::NoticeLevel;
use super::pictures::{self, Pace, Pictures};
use super::presets_file::read_presets;
use super::results::{Evaluation, Follower, sort};
use super::sample::unpack_sample;
use super::settings::Settings;
use super::state::{AppEvent, AppState};
use super::theme;
use crate::chat::history::{History, HistoryEvent, Request, Summary};
use crate::chat::transfer;
use crate::vlm::{ModelSpec, choose_device};
use crate::worker::{CopiesClient, DecodePool, EnginePool, JobId, Wake, scan_models};

/// Text arrives faster than it can be read: the window redraws this often at most while it does.
const REDRAW_EVERY: Duration = Duration::from_millis(33);
const SAVE_EVERY: Duration = Duration::from_secs(2);
const INBOX: usize = 16;
/// At the end the history has so long to be written.
const CLOSING: Duration = Duration::from_secs(5);
/// Time between two looks at the file of a training.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The worker processes.
pub struct Workers {
    /// Opens files.
    pub decode: DecodePool,
    /// Writes de-identified copies.
    pub copies: CopiesClient,
    /// Runs the models.
    pub engine: EnginePool,
}

impl Workers {
    /// Starts both; they wake `ctx`.
    pub fn start(ctx: &egui::Context) -> Self {
        let decode_ctx = ctx.clone();
        let copies_ctx = ctx.clone();
        let engine_ctx = ctx.clone();
        let decode_wake: Wake = Arc::new(move || decode_ctx.request_repaint());
        Self {
            decode: DecodePool::start(&decode_wake),
            copies: CopiesClient::start(Arc::new(move || copies_ctx.request_repaint())),
            engine: EnginePool::start(Arc::new(move || {
                engine_ctx.request_repaint_after(REDRAW_EVERY);
            })),
        }
    }
}

/// Everything the state reaches through effects.
pub(crate) struct Outside {
    workers: Option<Workers>,
    data_dir: PathBuf,
    wake: Wake,
    inbox: Receiver<AppEvent>,
    to_inbox: SyncSender<AppEvent>,
    models: Option<Receiver<Vec<ModelSpec>>>,
    /// Trainings that are read as they grow; letting go of the mark ends the reading.
    followed: Vec<(JobId, Arc<()>)>,
    /// Exports of pictures under way; letting go of the mark stops one.
    exporting: Vec<(JobId, Arc<()>)>,
    history: Option<History>,
    saver: Saver,
    /// Let go of after the inbox, or its last words would find no room.
    keeper: Keeper,
    saved: Settings,
    saved_at: Instant,
}

impl Outside {
    pub(crate) fn new(
        ctx: &egui::Context,
        data_dir: PathBuf,
        workers: Option<Workers>,
        settings: &Settings,
    ) -> Self {
        let (to_inbox, inbox) = sync_channel(INBOX);
        let ctx = ctx.clone();
        let wake: Wake = Arc::new(move || ctx.request_repaint());
        Self {
            history: Some(History::start(&data_dir, wake.clone())),
            saver: Saver::default(),
            keeper: Keeper::start(data_dir.clone(), to_inbox.clone(), wake.clone()),
            workers,
            data_dir,
            wake,
            inbox,
            to_inbox,
            models: None,
            followed: Vec::new(),
            exporting: Vec::new(),
            saved: settings.clone(),
            saved_at: Instant::now(),
        }
    }

    /// The next thing that happened, if one has.
    pub(crate) fn poll(&mut self) -> Option<AppEvent> {
        if let Ok(event) = self.inbox.try_recv() {
            return Some(event);
        }
        match self.models.as_ref().map(Receiver::try_recv) {
            Some(Ok(models)) => {
                self.models = None;
                return Some(AppEvent::Models(models));
            }
            Some(Err(TryRecvError::Disconnected)) => {
                self.models = None;
                return Some(AppEvent::Models(Vec::new()));
            }
            Some(Err(TryRecvError::Empty)) | None => {}
        }
        if let Some(event) = self.history.as_mut().and_then(History::poll) {
            if let HistoryEvent::Loaded(chat) = &event {
                self.saver.note(chat);
            }
            return Some(AppEvent::History(event));
        }
        let workers = self.workers.as_ref()?;
        let decoded = workers.decode.poll().map(AppEvent::Decode);
        let copied = || workers.copies.poll().map(AppEvent::Copies);
        decoded.or_else(copied).or_else(|| workers.engine.poll().map(AppEvent::Engine))
    }

    /// Does one thing.
    pub(crate) fn perform(&mut self, ctx: &egui::Context, state: &mut AppState, effect: Effect) {
        match effect {
            Effect::ScanModels(folders) => {
                self.models = Some(scan_models(folders, Arc::clone(&self.wake)));
            }
            Effect::ProbeDevice(choice) => self.on_thread("device probe", move || {
                let found = choose_device(choice).map(|device| device.info());
                Some(AppEvent::Device(found.map_err(|error| sentence(&error.to_string()))))
            }),
            Effect::UnpackSample => {
                let data_dir = self.data_dir.clone();
                self.on_thread("sample study", move || {
                    Some(match unpack_sample(&data_dir) {
                        Ok(folder) => AppEvent::PickedStudy(vec![folder]),
                        Err(error) => AppEvent::Trouble(format!(
                            "The sample study could not be written: {error}"
                        )),
                    })
                });
            }
            Effect::Open(job, paths) => {
                self.on_thread("sorting", move || Some(AppEvent::Sorted(job, sort(paths))));
            }
            Effect::Follow(id, folder) => self.follow(id, folder),
            Effect::StopFollowing(id) => self.followed.retain(|(other, _)| *other != id),
            Effect::ReadEvaluation(job, folders) => self.on_thread("evaluation", move || {
                Some(AppEvent::EvaluationRead(job, Box::new(Evaluation::open(&folders))))
            }),
            Effect::Look(job, request) => self.on_thread("model's eye", move || {
                Some(AppEvent::Looked(job, Box::new(request.look())))
            }),
            Effect::WritePicture(path, picture) => self
                .on_thread("picture", move || Some(AppEvent::PictureWritten(picture.write(&path)))),
            Effect::WritePresets(path, text) => self.on_thread("presets", move || {
                let written = std::fs::write(path, text.as_bytes());
                Some(AppEvent::PresetsWritten(written.map_err(|error| error.to_string())))
            }),
            Effect::ReadPresets(path) => {
                self.on_thread("presets", move || Some(AppEvent::PresetsRead(read_presets(&path))));
            }
            Effect::WriteTable(path, table) => self.write_table(path, table),
            Effect::KeepMeasurements(changed) => self.keeper.write(changed),
            Effect::WriteDocument(path, bytes) => self.on_thread("document", move || {
                let written = std::fs::write(path, &bytes);
                Some(AppEvent::DocumentWritten(written.map_err(|error| error.to_string())))
            }),
            Effect::WritePictures(job, pictures, place) => self.export(job, pictures, place),
            Effect::CancelPictures(job) => self.exporting.retain(|(other, _)| *other != job),
            Effect::History(request) => self.ask_history(request),
            Effect::WriteChat(chat, format, calendar, path) => self.on_thread("chat", move || {
                let written = transfer::write_file(&chat, format, calendar, &path);
                Some(AppEvent::ChatWritten(written.map_err(|error| error.to_string())))
            }),
            Effect::ShowFolder(folder) => {
                if let Err(error) = open::that_detached(folder) {
                    let text = format!("The folder could not be shown: {error}");
                    state.notices.push(NoticeLevel::Error, text);
                }
            }
            Effect::CopyText(text) => ctx.copy_text(text),
            Effect::Restyle => {
                theme::choose(ctx, state.settings.theme);
                theme::set_motion(ctx, state.settings.less_motion);
                ctx.set_zoom_factor(state.settings.ui_scale);
            }
            Effect::FullScreen(full) => {
                ctx.send_viewport_cmd(egui::ViewportCommand::Fullscreen(full));
            }
            Effect::Quit => ctx.send_viewport_cmd(egui::ViewportCommand::Close),
            other => self.manage_models(other),
        }
    }

    /// Which models are in memory.
    fn manage_models(&mut self, effect: Effect) {
        let engine = self.workers.as_mut().map(|workers| &mut workers.engine);
        match (effect, engine) {
            (Effect::Load(job, request), Some(engine)) => engine.load(job, request),
            (Effect::LoadBeside(job, request), Some(engine)) => engine.load_beside(job, request),
            (Effect::BringForward(request), Some(engine)) => {
                engine.bring_forward(&request);
            }
            (Effect::ReleaseKept, Some(engine)) => engine.release(),
            (Effect::Unload, Some(engine)) => engine.unload(),
            (other, _) => self.pick(other),
        }
    }

    pub(super) fn tell_worker(&self, effect: Effect) {
        let Some(workers) = &self.workers else { return };
        match effect {
            Effect::OpenStudies(job, paths) => workers.decode.open(job, paths),
            Effect::ReadFrame(job, frame_ref) => workers.decode.read_frame(job, frame_ref),
            Effect::BuildVolume(job, stack) => workers.decode.first().build_volume(job, *stack),
            Effect::ReadPlane(job, frame_ref, stack, cut) => {
                workers.decode.first().read_plane(job, frame_ref, *stack, cut);
            }
            Effect::ReadContents(job, path, aspect) => {
                workers.decode.read_contents(job, path, aspect);
            }
            Effect::ForgetVolume => workers.decode.first().forget_volume(),
            Effect::MakeThumbnail(job, frame_ref) => workers.decode.thumbnail(job, frame_ref),
            Effect::WriteCopies(job, files, options, folder) => {
                workers.copies.write(job, files, options, folder);
            }
            Effect::CancelCopies(job) => workers.copies.cancel(job),
            Effect::CancelDecode(job) => workers.decode.cancel(job),
            Effect::Ask(job, question) => workers.engine.ask(job, *question),
            Effect::ReadAhead(job, question) => workers.engine.read_ahead(job, *question),
            Effect::Reconstruct(job, question, only_codes) => {
                workers.engine.reconstruct(job, *question, only_codes);
            }
            Effect::CancelEngine(job) => workers.engine.cancel(job),
            _ => {}
        }
    }

    /// Writes pictures as long as the mark is held.
    fn export(&mut self, job: JobId, pictures: Arc<Pictures>, place: PathBuf) {
        let mark = Arc::new(());
        let wanted = Arc::downgrade(&mark);
        self.exporting.retain(|(_, mark)| Arc::weak_count(mark) > 0);
        self.exporting.push((job, mark));
        let (to_inbox, wake) = (self.to_inbox.clone(), Arc::clone(&self.wake));
        self.on_thread("export", move || {
            let total = pictures.items.len();
            let is_wanted = || wanted.strong_count() > 0;
            let mut progress = |done| {
                // a closed inbox means the window is gone
                to_inbox.send(AppEvent::PicturesProgress { job, done, total }).ok();
                wake();
            };
            let mut pace = Pace { is_wanted: &is_wanted, progress: &mut progress };
            let written = pictures::write(&pictures, &place, &mut pace);
            Some(AppEvent::PicturesWritten(job, written))
        });
    }

    fn write_table(&self, path: PathBuf, table: Arc<str>) {
        self.on_thread("table", move || {
            let written = std::fs::write(path, table.as_bytes());
            Some(AppEvent::TableWritten(written.map_err(|error| error.to_string())))
        });
    }

    fn ask_history(&mut self, request: Request) {
        if let Some(history) = &mut self.history {
            history.send(request);
        }
    }

    /// Hands chats that changed to the history.
    pub(crate) fn save_chats(&mut self, ctx: &egui::Context, state: &mut AppState) {
        for chat in &state.conversations {
            if self.saver.is_due(chat) {
                self.ask_history(Request::Save(Box::new(chat.clone())));
                state.history.note(Summary::of(chat));
            }
        }
        self.saver.keep_only(&state.conversations);
        if self.history.as_ref().is_some_and(History::is_behind) {
            ctx.request_repaint_after(REDRAW_EVERY);
        }
    }

    /// Has the history write what it has; the window is closing.
    pub(crate) fn close_history(&mut self, state: &mut AppState) {
        let Some(mut history) = self.history.take() else { return };
        for chat in &state.conversations {
            if !chat.turns.is_empty() {
                history.send(Request::Save(Box::new(chat.clone())));
            }
        }
        if let Err(error) = history.close(CLOSING) {
            state.history.trouble = Some(error.to_string());
        }
    }

    /// Looks at a training's file again and again until nobody follows it.
    fn follow(&mut self, id: JobId, folder: PathBuf) {
        let mark = Arc::new(());
        let wanted = Arc::downgrade(&mark);
        self.followed.push((id, mark));
        let (to_inbox, wake) = (self.to_inbox.clone(), Arc::clone(&self.wake));
        let run = move || {
            let mut follower = Follower::new(id, folder);
            while wanted.strong_count() > 0 {
                if let Some(news) = follower.look() {
                    // a closed inbox means the window is gone
                    if to_inbox.send(AppEvent::TrainingNews(news)).is_err() {
                        return;
                    }
                    wake();
                }
                if !follower.has_more() {
                    thread::sleep(LOOK_EVERY);
                }
            }
        };
        if thread::Builder::new().name("training".to_owned()).spawn(run).is_err() {
            let text = "The training cannot be followed: no thread could be started";
            self.to_inbox.try_send(AppEvent::Trouble(text.to_owned())).ok();
        }
    }

    /// Runs what would make the window wait, and takes in what comes of it.
    pub(super) fn on_thread(
        &self,
        name: &str,
        work: impl FnOnce() -> Option<AppEvent> + Send + 'static,
    ) {
        let to_inbox = self.to_inbox.clone();
        let wake = Arc::clone(&self.wake);
        let run = move || {
            if let Some(event) = work() {
                // a closed inbox means the window is gone
                to_inbox.send(event).ok();
                wake();
            }
        };
        if thread::Builder::new().name(name.to_owned()).spawn(run).is_err() {
            self.to_inbox.try_send(AppEvent::NoDialog).ok();
        }
    }

    /// Saves changed settings, now and then.
    pub(crate) fn save_settings_sometimes(&mut self, ctx: &egui::Context, state: &mut AppState) {
        if state.settings == self.saved {
            return;
        }
        if self.saved_at.elapsed() < SAVE_EVERY {
            ctx.request_repaint_after(SAVE_EVERY);
        } else {
            self.save_settings(state);
        }
    }

    pub(crate) fn save_settings(&mut self, state: &mut AppState) {
        if state.settings == self.saved {
            return;
        }
        self.saved_at = Instant::now();
        self.saved = state.settings.clone();
        if let Err(error) = state.settings.save(&self.data_dir) {
            let text = format!("Settings could not be saved: {error}");
            state.notices.push(NoticeLevel::Error, text);
        }
    }
}
