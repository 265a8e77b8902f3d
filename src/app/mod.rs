//! The window.
//!
//! Two halves of a frame: `logic` takes in events, runs commands and changes [`AppState`]; `ui`
//! draws the state and puts the reader's wishes into a [`CommandSender`]. What has to happen
//! outside, in a worker or in the system, leaves the state as an [`Effect`]. So the state can be
//! driven by events alone, and the thread of the window never waits and never opens a study file.

mod cine;
mod command;
mod command_rules;
mod command_sender;
mod command_table;
mod effect;
mod state;

mod apply_decode;
mod apply_drawing;
mod apply_engine;
mod queue;
mod read_ahead;
mod recent;
mod run_again;
mod run_chat;
mod run_command;
mod run_params;
mod run_reconstruct;
mod save_drawn;

mod engine_state;
mod frames;
mod history;
mod jobs;
mod notices;
mod settings;
mod studies;
mod view_transform;
mod viewport;

mod input;
mod launch;
mod layout;
mod logic;
mod outside;
mod sample;

mod chat_panel;
mod compare;
mod composer;
mod corners;
mod deidentify;
mod dialogs;
mod drawing_ui;
mod eye;
mod find_ui;
mod inside;
mod key_images;
mod look;
mod measure;
mod measure_scroll;
mod model_picker;
mod notices_ui;
mod overlays;
mod params_ui;
mod pictures;
mod presets_file;
mod region;
mod results;
mod sheets;
mod sides;
mod start_card;
mod status_bar;
mod strip;
mod study_panel;
mod tokens_ui;
mod toolbar;
mod top_bar;
mod turn_ui;
mod ui;
mod view_cx;
mod viewport_mouse;
mod viewport_ui;
mod volume;
mod widgets;
mod window_menu;

mod fonts;
mod icons;
mod textures;
mod theme;

use std::path::PathBuf;

pub use command::{Command, Drawn};
pub use command_sender::CommandSender;
pub use compare::{DifferenceKind, difference, marked};
pub use composer::Composer;
pub use deidentify::CopyChoice;
pub use effect::Effect;
pub use engine_state::{AnswerSlot, Asking, EngineState, KeptModel, Loading, ModelStatus};
pub use eye::{EyeRequest, EyeSource, EyeState, EyeView, Stored};
pub use frames::{FrameCache, FrameState, LoadedFrame};
pub use history::{ChatSearch, HistoryState, Opening};
pub use inside::{Found, Inside, Segments, TagBrowser};
pub use jobs::{Job, Jobs, Purpose};
pub use key_images::{KeyImage, KeyImages};
pub use launch::{AppError, run};
pub use measure::{
    Edit, Kept, KeptStudies, Measurement, MeasurementRow, Measurements, Tool, measurements_table,
};
pub use notices::{Notice, NoticeLevel, Notices};
pub use outside::Workers;
pub use pictures::{PictureChoice, PictureItem, PictureScope, Pictures, PicturesWritten};
pub use read_ahead::ReadAhead;
pub use results::{
    Evaluation, Follower, News, Plan, Question, Results, ResultsScreen, Run, Sorted, Training,
    TrainingStatus, Verdict, sort,
};
pub use run_reconstruct::Comparing;
pub use save_drawn::ToSave;
pub use settings::{Preset, Recent, Sampling, Settings, ThemeChoice};
pub use sides::{Column, Sides, ToAsk};
pub use state::{AppEvent, AppState, LeftTab, Overlays, Sheet};
pub use strip::Strip;
pub use studies::{OpenStudy, Studies, Thumbnail};
pub use view_transform::ViewTransform;
pub use viewport::{Place, View, Viewport, WindowMode};
pub use volume::{Planes, Reformatted};
pub use widgets::inert_markdown;

use crate::vlm::{DeviceChoice, PrecisionChoice};
use chat_panel::ChatPanel;
use compare::ComparePanel;
use history::HistoryPanel;
use layout::MOST_VIEWPORTS;
use measure_scroll::MeasureScroll;
use outside::Outside;
use results::ResultsPanel;
use sides::SidesPanel;
use textures::TextureCache;
use viewport_ui::ViewportPanel;

/// What the window starts with.
#[derive(Clone, Debug)]
pub struct AppOptions {
    /// Studies to open.
    pub paths: Vec<PathBuf>,
    /// Open the bundled sample study.
    pub sample: bool,
    /// Where models are found.
    pub models_dir: PathBuf,
    /// Where settings and history are kept.
    pub data_dir: PathBuf,
    /// A model to load at once.
    pub model: Option<PathBuf>,
    /// What models run on.
    pub device: DeviceChoice,
    /// In what numbers.
    pub precision: PrecisionChoice,
    /// Load nano, the program's own model, as long as no other was asked for.
    pub nano: bool,
    /// Whether converted weights of the model loaded at once are kept on disk.
    pub weights_cache: bool,
    /// Save a picture of the settled window here, and close.
    pub screenshot: Option<PathBuf>,
    /// Scroll through the study, write here how that went, and close.
    pub measure_scroll: Option<PathBuf>,
}

/// The app as eframe and the tests drive it.
pub struct ReadingRoomApp {
    state: AppState,
    commands: CommandSender,
    textures: TextureCache,
    panels: Panels,
    outside: Outside,
    launch: launch::Screenshot,
    scroll: MeasureScroll,
    /// The title of the app on the desktop, as set last.
    title: String,
}

/// What is half typed, scrolled or hovered.
#[derive(Default)]
pub(crate) struct Panels {
    pub(crate) viewports: [ViewportPanel; MOST_VIEWPORTS],
    pub(crate) chat: ChatPanel,
    pub(crate) compare: ComparePanel,
    pub(crate) results: ResultsPanel,
    pub(crate) sides: SidesPanel,
    pub(crate) history: HistoryPanel,
}

impl ReadingRoomApp {
    /// Builds the app in a context; without workers, nothing is opened or answered.
    pub fn new(ctx: &egui::Context, options: &AppOptions, workers: Option<Workers>) -> Self {
        let (settings, problem) = Settings::load(&options.data_dir);
        fonts::install(ctx);
        theme::install(ctx, settings.theme);
        theme::set_motion(ctx, settings.less_motion);
        ctx.set_zoom_factor(settings.ui_scale);
        ctx.options_mut(|options| options.zoom_with_keyboard = false);
        let mut state = AppState::new(settings, Some(options.models_dir.clone()));
        if let Some(problem) = problem {
            state.notices.push(NoticeLevel::Warn, problem);
        }
        let outside = Outside::new(ctx, options.data_dir.clone(), workers, &state.settings);
        let mut app = Self {
            state,
            commands: CommandSender::default(),
            textures: TextureCache::default(),
            panels: Panels::default(),
            outside,
            launch: launch::Screenshot::new(options.screenshot.clone()),
            scroll: MeasureScroll::new(options.measure_scroll.clone()),
            title: String::new(),
        };
        app.begin(options);
        app
    }

    /// What the state is.
    pub fn state(&self) -> &AppState {
        &self.state
    }

    /// The state, for tests that drive it by events.
    pub fn state_mut(&mut self) -> &mut AppState {
        &mut self.state
    }

    fn begin(&mut self, options: &AppOptions) {
        self.state.scan_models();
        let asked = options.device != DeviceChoice::Auto;
        if asked {
            self.state.settings.device = options.device;
        }
        if options.precision != PrecisionChoice::Auto {
            self.state.settings.precision = options.precision;
        }
        self.state.effects.push(Effect::ProbeDevice(self.state.settings.device));
        self.state.begins_with_nano = options.nano;
        self.state.open_paths(options.paths.clone());
        if options.sample {
            self.state.run(Command::OpenSample);
        }
        if let Some(model) = &options.model {
            let mut request = self.state.load_request(model);
            request.weights_cache &= options.weights_cache;
            self.state.run(Command::LoadModel(request));
        }
    }
}

impl eframe::App for ReadingRoomApp {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        self.run_logic(ctx);
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.draw_ui(ui);
    }

    fn on_exit(&mut self) {
        self.outside.save_settings(&mut self.state);
        self.outside.close_history(&mut self.state);
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }
}
