//! The window without a screen and without workers: frames are read here, in the test.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use reading_room::app::{
    AppEvent, AppOptions, AppState, Effect, ModelStatus, ReadingRoomApp, Workers,
};
use reading_room::imaging::{Opened, open_paths, read_frame};
use reading_room::vlm::{DeviceChoice, Eye, ImageProcessor, ModelInfo, PrecisionChoice};
use reading_room::worker::{DecodeEvent, JobId};

/// The window, and the folder its settings are in.
pub(crate) struct App {
    pub(crate) harness: Harness<'static, ReadingRoomApp>,
    pub(crate) data_dir: tempfile::TempDir,
}

pub(crate) fn options(data_dir: &Path) -> AppOptions {
    AppOptions {
        paths: Vec::new(),
        sample: false,
        models_dir: data_dir.join("models"),
        data_dir: data_dir.to_owned(),
        model: None,
        device: DeviceChoice::Cpu,
        precision: PrecisionChoice::Auto,
        nano: false,
        weights_cache: false,
        screenshot: None,
        measure_scroll: None,
    }
}

impl App {
    /// An empty window.
    pub(crate) fn new() -> Self {
        Self::with_settings("acknowledged = \"0.1.0\"\n")
    }

    pub(crate) fn with_settings(settings: &str) -> Self {
        let data_dir = tempfile::tempdir().unwrap();
        std::fs::write(data_dir.path().join("settings.toml"), settings).unwrap();
        Self::start(data_dir, |_| None, |_| {})
    }

    pub(crate) fn start(
        data_dir: tempfile::TempDir,
        workers: impl FnOnce(&egui::Context) -> Option<Workers> + 'static,
        change: impl FnOnce(&mut AppOptions),
    ) -> Self {
        Self::start_sized(data_dir, egui::vec2(1440.0, 900.0), workers, change)
    }

    /// An empty window of another size.
    pub(crate) fn sized(size: egui::Vec2) -> Self {
        let data_dir = tempfile::tempdir().unwrap();
        let settings = "acknowledged = \"0.1.0\"\n";
        std::fs::write(data_dir.path().join("settings.toml"), settings).unwrap();
        Self::start_sized(data_dir, size, |_| None, |_| {})
    }

    fn start_sized(
        data_dir: tempfile::TempDir,
        size: egui::Vec2,
        workers: impl FnOnce(&egui::Context) -> Option<Workers> + 'static,
        change: impl FnOnce(&mut AppOptions),
    ) -> Self {
        let mut options = options(data_dir.path());
        change(&mut options);
        let harness =
            Harness::builder().with_size(size).with_max_steps(64).wgpu().build_eframe(move |cc| {
                let workers = workers(&cc.egui_ctx);
                ReadingRoomApp::new(&cc.egui_ctx, &options, workers)
            });
        let mut app = Self { harness, data_dir };
        app.settle();
        app
    }

    /// The sample CT, shown.
    pub(crate) fn with_ct() -> Self {
        let mut app = Self::new();
        app.open(&sample("ct-torso"));
        app
    }

    pub(crate) fn open(&mut self, path: &Path) {
        let opened = open_paths(&[path.to_owned()], &mut |_| std::ops::ControlFlow::Continue(()));
        self.opened(opened.unwrap());
    }

    pub(crate) fn opened(&mut self, opened: Opened) {
        let job = JobId::next();
        self.apply(AppEvent::Decode(DecodeEvent::Opened { job, opened }));
        self.apply(AppEvent::Decode(DecodeEvent::Finished { job }));
        self.settle();
    }

    pub(crate) fn state(&self) -> &AppState {
        self.harness.state().state()
    }

    pub(crate) fn apply(&mut self, event: AppEvent) {
        self.harness.state_mut().state_mut().apply(event);
    }

    /// Draws until nothing moves, reading the frames that are asked for.
    pub(crate) fn settle(&mut self) {
        for _ in 0..64 {
            self.harness.run_steps(2);
            if !self.serve() {
                break;
            }
        }
        self.harness.run_steps(4);
    }

    fn serve(&mut self) -> bool {
        let wanted: Vec<_> = self.state().frames.pending_jobs().to_vec();
        for (job, frame_ref) in &wanted {
            let event = match read_frame(frame_ref) {
                Ok(frame) => DecodeEvent::Frame {
                    job: *job,
                    frame_ref: Some(frame_ref.clone()),
                    frame: frame.into(),
                },
                Err(error) => DecodeEvent::Failed { job: *job, message: error.to_string() },
            };
            self.apply(AppEvent::Decode(event));
            self.apply(AppEvent::Decode(DecodeEvent::Finished { job: *job }));
        }
        !wanted.is_empty()
    }

    /// Every word on the screen, and everything said to screen readers.
    pub(crate) fn words(&self) -> String {
        fn collect(node: egui_kittest::Node<'_>, words: &mut String) {
            use egui_kittest::kittest::NodeT as _;
            let accessible = node.accesskit_node();
            for text in [accessible.label(), accessible.value()].into_iter().flatten() {
                words.push_str(&text);
                words.push('\n');
            }
            for child in node.children() {
                collect(child, words);
            }
        }
        let mut words = String::new();
        collect(self.harness.root(), &mut words);
        words
    }

    /// Text painted without being a control, such as overlays.
    pub(crate) fn read(&self) -> String {
        self.painted().replace('\n', "")
    }

    /// The same, each piece on a line of its own.
    pub(crate) fn painted(&self) -> String {
        let mut painted = String::new();
        for clipped in &self.harness.output().shapes {
            painted_in(&clipped.shape, &mut painted);
        }
        painted
    }
}

fn painted_in(shape: &egui::Shape, painted: &mut String) {
    match shape {
        egui::Shape::Text(text) => {
            painted.push_str(text.galley.text());
            painted.push('\n');
        }
        egui::Shape::Vec(shapes) => shapes.iter().for_each(|shape| painted_in(shape, painted)),
        _ => {}
    }
}

pub(crate) fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/sample").join(name)
}

/// A model that answers when the test says so.
pub(crate) fn model_info() -> ModelInfo {
    ModelInfo {
        driver: "avx2".to_owned(),
        name: "huatuo-7b-tiny".to_owned(),
        family: "huatuo-vision-7b".to_owned(),
        title: "HuatuoGPT-Vision 7B".to_owned(),
        precision: "f32".to_owned(),
        device: "cpu: 2 threads".to_owned(),
        weights_sha256: "0123456789abcdef0123456789abcdef".to_owned(),
        parameters: 7_000_000_000,
        weights_bytes: 15_200_000_000,
        context_len: 4096,
        image_tokens: 576,
        max_images: 6,
        eye: Box::new(Eye::squares(ImageProcessor::clip(336), true, 576)),
        picture_grid: Some([32, 32]),
        system_prompt: Some("You are a helpful AI assistant.".to_owned()),
        notes: Vec::new(),
    }
}

impl App {
    /// As if a model had been loaded.
    pub(crate) fn pretend_model(&mut self) {
        self.harness.state_mut().state_mut().engine.model = ModelStatus::Ready(model_info());
        self.settle();
    }

    /// The job of the question under way.
    pub(crate) fn asking_job(&self) -> JobId {
        self.state().engine.asking.as_ref().expect("a question is under way").job
    }

    /// Commands straight to the state, with the effects they have.
    pub(crate) fn effects_of(&mut self, command: reading_room::app::Command) -> Vec<Effect> {
        let state = self.harness.state_mut().state_mut();
        state.run(command);
        state.take_effects()
    }
}

impl App {
    /// Types a question and presses Enter.
    pub(crate) fn type_question(&mut self, question: &str) {
        self.harness.get_by_label("Question").focus();
        self.harness.run_steps(2);
        self.harness.get_by_label("Question").type_text(question);
        self.harness.run_steps(2);
        self.harness.key_press(egui::Key::Enter);
        self.harness.run_steps(2);
    }

    /// Draws until something is so, where real workers are at work.
    pub(crate) fn wait_for(&mut self, what: &str, is_so: impl Fn(&AppState) -> bool) {
        let began = Instant::now();
        while !is_so(self.state()) {
            let so_far = self.state().conversation();
            assert!(began.elapsed().as_secs() < 120, "still no {what}: {so_far:?}");
            self.harness.run_steps(1);
            std::thread::sleep(Duration::from_millis(5));
        }
        self.harness.run_steps(3);
    }
}
