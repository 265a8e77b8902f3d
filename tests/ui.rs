//! The window, driven by role and label.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail loudly")]

#[path = "support/app_harness.rs"]
mod app_harness;

use app_harness::{App, sample};
use egui::{Key, Modifiers, Role, vec2};
use egui_kittest::kittest::Queryable as _;
use reading_room::app::{
    AppEvent, AppState, Command, DifferenceKind, Drawn, Effect, NoticeLevel, ThemeChoice,
    WindowMode, difference, marked,
};
use reading_room::chat::{AnswerState, Finish};
use reading_room::imaging::{
    Channels, DisplayImage, Opened, Similarity, Turned, Window, open_paths,
};
use reading_room::vlm::{
    Answer, Ceiling, ComputeKind, DeviceInfo, FinishReason, ModelSpec, Precision, Progress,
    Reconstruction, Step, Timings, YesNo,
};
use reading_room::worker::{DecodeEvent, EngineEvent, JobId};

fn window(app: &App) -> Window {
    let viewport = app.state().active_viewport();
    match viewport.view.window {
        WindowMode::Custom(window) => window,
        WindowMode::Preset(preset) => preset.window(),
        ref other => panic!("not a window of numbers: {other:?}"),
    }
}

fn frame_idx(app: &App) -> usize {
    app.state().active_viewport().place.as_ref().unwrap().frame_idx
}

fn press(app: &mut App, key: Key) {
    app.harness.key_press(key);
    app.settle();
}

fn drag(app: &mut App, from: egui::Pos2, by: egui::Vec2) {
    app.harness.drag_at(from);
    app.harness.run_steps(1);
    for step in 1..=4 {
        app.harness.hover_at(from + by * (step as f32 / 4.0));
        app.harness.run_steps(1);
    }
    app.harness.drop_at(from + by);
    app.settle();
}

fn ask(app: &mut App, question: &str) {
    app.type_question(question);
    app.settle();
}

fn engine(app: &mut App, event: EngineEvent) {
    app.apply(AppEvent::Engine(event));
    app.harness.run_steps(3);
}

fn stream(app: &mut App, text: &str, tokens: usize) {
    let job = app.asking_job();
    let text = text.to_owned();
    engine(app, EngineEvent::Text { job, text, tokens, elapsed_ms: 100.0 * tokens as f64 });
}

fn finish(app: &mut App, text: &str, finish_reason: FinishReason) {
    let job = app.asking_job();
    let answer = Box::new(Answer {
        prompt: String::new(),
        prompt_ids: vec![1, 2, -200, 3],
        output_ids: vec![7; 12],
        begun: 0,
        text: text.to_owned(),
        codes: Vec::new(),
        finish_reason,
        logprobs: vec![0.0; 12],
        steps: vec![Step::default(); 12],
        yes_no: Some(YesNo { yes: 0.05, no: 0.75 }),
        seen: Vec::new(),
        timings: Timings {
            image_encode_ms: 200.0,
            prefill_ms: 220.0,
            prefill_tokens: 579,
            first_token_ms: 600.0,
            decode_tokens: 11,
            decode_ms: 350.0,
            ..Timings::default()
        },
    });
    engine(app, EngineEvent::Answered { job, answer, peak_rss_mb: 1 });
    engine(app, EngineEvent::Finished { job });
}

#[test]
fn a_first_visitor_sees_three_steps_and_acknowledges_once() {
    let mut app = App::with_settings("");
    app.harness.get_by_label("Point to your model folder");
    app.harness.get_by_label("RESEARCH USE ONLY");
    app.harness.get_by_label("Offline");
    app.harness.get_by_label("I understand").click();
    app.settle();
    assert!(app.state().settings.acknowledged.is_some());
    assert!(app.harness.query_by_label("I understand").is_none());
}

#[test]
fn an_opened_study_is_shown_at_its_middle_with_the_window_of_its_file() {
    let app = App::with_ct();
    assert_eq!(frame_idx(&app), 10);
    app.harness.get_by_label("Viewport 1: CT, image 11 of 20");
    assert_eq!(app.state().active_viewport().view.window, WindowMode::File(0));
    assert!(app.words().contains("20 images, 1 series"), "{}", app.words());
}

#[test]
fn keys_choose_windows_and_undo_takes_them_back() {
    let mut app = App::with_ct();
    press(&mut app, Key::Num3);
    assert_eq!((window(&app).width, window(&app).center), (1500.0, -600.0));
    assert!(app.painted().contains("W 1500 L −600  Lung"), "{}", app.painted());
    press(&mut app, Key::R);
    assert_eq!(app.state().active_viewport().view.window, WindowMode::File(0));
    app.harness.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    app.settle();
    assert_eq!(window(&app).width, 1500.0);
}

#[test]
fn dragging_right_widens_and_dragging_up_brightens() {
    let mut app = App::with_ct();
    press(&mut app, Key::Num2);
    let middle = app.harness.get_by_role(Role::Image).rect().center();
    drag(&mut app, middle, vec2(100.0, -50.0));
    let after = window(&app);
    assert!(after.width > 450.0, "{after:?}");
    assert!(after.center < 0.0, "{after:?}");
    app.harness.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    app.settle();
    assert_eq!(window(&app).width, 400.0);
}

#[test]
fn keys_and_wheel_scroll_and_stop_at_the_ends() {
    let mut app = App::with_ct();
    press(&mut app, Key::ArrowDown);
    assert_eq!(frame_idx(&app), 11);
    app.harness.key_press_modifiers(Modifiers::SHIFT, Key::ArrowDown);
    app.settle();
    assert_eq!(frame_idx(&app), 19);
    press(&mut app, Key::Home);
    assert_eq!(frame_idx(&app), 0);
    press(&mut app, Key::ArrowUp);
    assert_eq!(frame_idx(&app), 0);
    press(&mut app, Key::End);
    let middle = app.harness.get_by_role(Role::Image).rect().center();
    app.harness.hover_at(middle);
    app.harness.run_steps(1);
    app.harness.event(egui::Event::MouseWheel {
        unit: egui::MouseWheelUnit::Line,
        delta: vec2(0.0, 3.0),
        phase: egui::TouchPhase::Move,
        source: egui::MouseWheelSource::Wheel,
        modifiers: Modifiers::NONE,
    });
    app.settle();
    assert_eq!(frame_idx(&app), 16);
}

#[test]
fn orientation_letters_follow_flips_and_turns() {
    let mut app = App::with_ct();
    let letters = |app: &App| {
        let painted = app.painted();
        painted.lines().filter(|line| line.len() == 1).map(str::to_owned).collect::<Vec<_>>()
    };
    let upright = letters(&app);
    assert!(!upright.is_empty());
    press(&mut app, Key::H);
    assert_ne!(letters(&app), upright);
    press(&mut app, Key::H);
    assert_eq!(letters(&app), upright);
}

#[test]
fn space_hides_overlays_in_two_steps() {
    let mut app = App::with_ct();
    assert!(app.painted().contains("Zoom"));
    press(&mut app, Key::Space);
    assert!(!app.painted().contains("Zoom"));
    assert!(app.painted().contains("Image 11 / 20"));
    press(&mut app, Key::Space);
    assert!(!app.painted().contains("Image 11 / 20"));
}

#[test]
fn the_value_under_the_cursor_is_shown_in_its_unit() {
    let mut app = App::with_ct();
    let middle = app.harness.get_by_role(Role::Image).rect().center();
    app.harness.hover_at(middle);
    app.settle();
    assert!(app.painted().lines().any(|l| l.starts_with("x ") && l.ends_with("HU")));
}

fn named_study() -> Opened {
    let folder = sample("ct-torso");
    let mut opened = open_paths(&[folder], &mut |_| std::ops::ControlFlow::Continue(())).unwrap();
    let study = &mut opened.studies[0];
    study.patient.name = Some("Muster Erika".to_owned());
    study.patient.id = Some("PID-4711".to_owned());
    study.patient.birth_date = Some("1964-08-12".to_owned());
    study.study_date = Some("2026-03-02".to_owned());
    study.institution = Some("Hospital Nord".to_owned());
    opened
}

#[test]
fn privacy_mode_shows_nobodys_name_anywhere() {
    let mut app = App::new();
    app.opened(named_study());
    app.pretend_model();
    ask(&mut app, "What is this?");
    app.harness.get_by_label("File").click();
    app.settle();
    let everything = format!("{}{}{}", app.words(), app.painted(), app.state().desktop_title());
    for secret in ["Muster", "Erika", "4711", "1964", "2026-03-02", "Nord"] {
        assert!(!everything.contains(secret), "{secret} in {everything}");
    }
    assert!(app.painted().contains("Case 01"));
}

#[test]
fn without_privacy_mode_the_title_still_names_nobody() {
    let mut app = App::new();
    app.opened(named_study());
    app.harness.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::H);
    app.settle();
    assert!(app.painted().contains("Muster Erika"));
    assert!(!app.state().desktop_title().contains("Muster"));
}

#[test]
fn a_question_is_sent_with_the_picture_as_shown() {
    let mut app = App::with_ct();
    press(&mut app, Key::Num3);
    press(&mut app, Key::H);
    app.pretend_model();
    let effects = app.effects_of(Command::Ask {
        question: "Is there a nodule?".to_owned(),
        with_view: true,
        again_of: None,
    });
    let Some(Effect::Ask(_, question)) = effects.into_iter().next_back() else { panic!() };
    assert_eq!(question.text, "Is there a nodule?");
    let viewport = app.state().active_viewport();
    let place = viewport.place.clone().unwrap();
    let (_, series) = app.state().studies.series(&place.study_key, &place.series_key).unwrap();
    let loaded = app.state().frames.loaded(&series.frame_ref(place.frame_idx).unwrap()).unwrap();
    let upright = viewport.view.grayscale(&loaded).render(&loaded.frame);
    assert_ne!(question.images.first(), Some(&upright));
    let mirrored = Turned::default().flipped_horizontally();
    assert_eq!(question.images, [mirrored.apply(&upright)]);
}

#[test]
fn an_answer_streams_in_and_ends_with_its_figures() {
    let mut app = App::with_ct();
    app.pretend_model();
    ask(&mut app, "Is there a nodule?");
    app.harness.get_by_label("Stop");
    let job = app.asking_job();
    engine(
        &mut app,
        EngineEvent::Working { job, progress: Progress::EncodingImage { index: 0, count: 1 } },
    );
    assert!(app.words().contains("Reading image…"), "{}", app.words());
    stream(&mut app, "There is **no", 3);
    stream(&mut app, " nodule**.", 6);
    assert!(app.words().contains("tok/s"), "the rate moves while text arrives");
    finish(&mut app, "There is **no nodule**.", FinishReason::Stop);
    let words = app.words();
    assert!(words.contains("prefill 0.42 s · 31.4 tok/s · 12 tok"), "{words}");
    assert!(app.read().contains("There is no nodule."), "{}", app.read());
    app.harness.get_by_label("Copy with provenance");
    app.harness.get_by_label("P(yes) 6 % · as first word: yes 5.0 %, no 75.0 % · uncalibrated");
    let answer = app.state().conversation().turns[0].shown().unwrap();
    assert_eq!(answer.state, AnswerState::Done(Finish::Stop));
    assert_eq!(answer.provenance.as_ref().unwrap().title, "HuatuoGPT-Vision 7B");
}

#[test]
fn a_stopped_answer_keeps_its_text() {
    let mut app = App::with_ct();
    app.pretend_model();
    ask(&mut app, "Describe.");
    stream(&mut app, "The liver", 87);
    app.harness.get_by_label("Stop").click();
    app.settle();
    app.harness.get_by_label("Stopping…");
    finish(&mut app, "The liver", FinishReason::Cancelled);
    assert!(app.words().contains("stopped at"), "{}", app.words());
    assert!(app.painted().contains("The liver"));
}

#[test]
fn a_question_stopped_before_its_first_word_takes_its_picture_to_the_next() {
    let mut app = App::with_ct();
    app.pretend_model();
    ask(&mut app, "Describe.");
    app.harness.get_by_label("Stop").click();
    app.settle();
    finish(&mut app, "", FinishReason::Cancelled);
    assert!(app.words().contains("stopped before the first word"), "{}", app.words());
    ask(&mut app, "And the spleen?");
    // the model has not seen the view yet: it goes along again
    let turns = &app.state().conversation().turns;
    assert_eq!((turns.len(), turns[1].evidence.len()), (2, 1));
}

#[test]
fn answering_again_adds_an_answer_and_keeps_the_first() {
    let mut app = App::with_ct();
    app.pretend_model();
    ask(&mut app, "Describe.");
    finish(&mut app, "First.", FinishReason::Stop);
    app.harness.get_by_label("Answer again").click();
    app.settle();
    finish(&mut app, "Second.", FinishReason::Stop);
    assert!(app.words().contains("2 / 2"));
    app.harness.get_by_label("Previous answer").click();
    app.settle();
    assert!(app.painted().contains("First."));
    assert_eq!(app.state().conversation().turns[0].answers.len(), 2);
}

#[test]
fn an_engine_that_dies_leaves_the_text_and_says_so() {
    let mut app = App::with_ct();
    app.pretend_model();
    ask(&mut app, "Describe.");
    stream(&mut app, "The aorta", 4);
    let job = app.asking_job();
    engine(
        &mut app,
        EngineEvent::Restarted { message: "the engine stopped (signal 9)".to_owned() },
    );
    engine(&mut app, EngineEvent::Failed { job, message: "the engine stopped".to_owned() });
    assert!(app.painted().contains("The aorta"));
    let answer = app.state().conversation().turns[0].shown().unwrap();
    assert!(matches!(answer.state, AnswerState::Interrupted(_)), "{:?}", answer.state);
    let notices = app.state().notices.shown();
    assert!(notices.iter().any(|notice| notice.level == NoticeLevel::Error));
    // the next question goes to the engine, which loads the model again
    let effects = app.effects_of(Command::Ask {
        question: "And now?".to_owned(),
        with_view: false,
        again_of: None,
    });
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Ask(..))), "{effects:?}");
}

#[test]
fn a_question_without_a_model_is_kept_and_sent_after_loading() {
    let mut app = App::with_ct();
    ask(&mut app, "Describe.");
    assert!(app.state().picker_open);
    assert_eq!(app.state().conversation().turns[0].answers[0].state, AnswerState::Waiting);
    let load = Command::LoadModel(reading_room::worker::LoadRequest {
        tasks: None,
        weights_cache: false,
        model: "/models/x".into(),
        device: reading_room::vlm::DeviceChoice::Cpu,
        precision: reading_room::vlm::PrecisionChoice::Auto,
    });
    let effects = app.effects_of(load);
    let Some(Effect::Load(job, _)) = effects.last() else { panic!("{effects:?}") };
    let job = *job;
    let info = app_harness::model_info();
    app.apply(AppEvent::Engine(EngineEvent::Loaded { job, info: Box::new(info) }));
    assert!(app.state().engine.asking.is_some());
}

#[test]
fn the_chip_of_a_question_leads_back_to_its_slice_and_window() {
    let mut app = App::with_ct();
    app.pretend_model();
    press(&mut app, Key::Num3);
    ask(&mut app, "Here?");
    finish(&mut app, "Yes.", FinishReason::Stop);
    app.harness.key_press(Key::Escape);
    app.settle();
    press(&mut app, Key::Home);
    press(&mut app, Key::Num5);
    assert_eq!(frame_idx(&app), 0);
    app.harness.get_by_label("Go to evidence").click();
    app.settle();
    assert_eq!(frame_idx(&app), 10);
    assert_eq!(window(&app).width, 1500.0);
}

#[test]
fn what_cannot_be_shown_says_why_and_the_rest_opens() {
    let mut app = App::new();
    let mut opened = named_study();
    let mut broken = opened.studies[0].series[0].clone();
    broken.key = "broken".to_owned();
    broken.description = Some("Broken".to_owned());
    let reason = "JPEG-LS (1.2.840.10008.1.2.4.80) cannot be decoded in this build";
    for instance in &mut broken.instances {
        instance.cannot_show = Some(reason.to_owned());
    }
    opened.studies[0].series.push(broken);
    app.opened(opened);
    app.harness.get_by_label("CT Broken").click();
    app.settle();
    assert!(app.words().contains(reason));
    assert!(app.words().contains("cannot be shown"));
}

#[test]
fn a_failed_opening_is_a_notice_that_stays() {
    let mut app = App::new();
    let effects = app.effects_of(Command::OpenPaths(vec!["/nowhere".into()]));
    let Some(Effect::Open(job, _)) = effects.last() else { panic!() };
    let job = *job;
    let message = "no such file or folder".to_owned();
    app.apply(AppEvent::Decode(DecodeEvent::Failed { job, message }));
    app.settle();
    app.harness.run_steps(400);
    app.harness.get_by_label("No such file or folder");
    app.harness.get_by_label("Dismiss").click();
    app.settle();
    assert!(app.harness.query_by_label("No such file or folder").is_none());
}

#[test]
fn a_models_links_and_pictures_are_only_words() {
    let mut app = App::with_ct();
    app.pretend_model();
    ask(&mut app, "Describe.");
    let text = "See [this](https://example.org) and ![x](https://example.org/x.png).";
    finish(&mut app, text, FinishReason::Stop);
    assert!(app.read().contains("[this](https://example.org)"), "{}", app.read());
}

#[test]
fn code_in_an_answer_is_left_alone() {
    let text = "`a[0]`\n```\nb[1] <c>\n```\n";
    assert_eq!(reading_room::app::inert_markdown(text), text);
    let text = "See ![x](http://a/b.png) and [y](file:///etc) or <http://c>.";
    let shown = "See !\\[x](http://a/b.png) and \\[y](file:///etc) or \\<http://c>.";
    assert_eq!(reading_room::app::inert_markdown(text), shown);
}

#[test]
fn parameters_are_kept_under_names_and_a_system_prompt_is_the_readers() {
    let mut app = App::new();
    app.pretend_model();
    app.open(&sample("ct-torso"));
    app.harness.get_by_label("Parameters").click();
    app.settle();
    app.harness.get_by_label("Deterministic").click();
    app.settle();
    app.harness.get_by_label("Keep the seed").click();
    app.settle();
    let system = app.harness.get_by_role_and_label(Role::MultilineTextInput, "System prompt");
    system.focus();
    app.harness.run_steps(2);
    app.harness
        .get_by_role_and_label(Role::MultilineTextInput, "System prompt")
        .type_text("Answer in one word. ");
    app.settle();
    let system = app.state().settings.system_prompts.values().next().unwrap().clone();
    assert!(system.contains("Answer in one word."), "{system}");
    app.harness.get_by_label("Name of the preset").focus();
    app.harness.run_steps(2);
    app.harness.get_by_label("Name of the preset").type_text("short");
    app.settle();
    app.harness.get_by_label("Save preset").click();
    app.settle();
    shoot(&mut app, "parameters");
    let set = app.state().settings.sampling.clone();
    app.harness.get_by_label("Authors' defaults").click();
    app.harness.get_by_label("Deterministic").click();
    app.settle();
    assert!(app.state().settings.system_prompts.is_empty());
    assert_ne!(app.state().settings.sampling, set);
    app.harness.get_by_label("short").click();
    app.settle();
    assert_eq!(app.state().settings.sampling, set);
    assert_eq!(app.state().settings.system_prompts.values().next(), Some(&system));
    // each answer has a seed of its own, and keeps it
    let seed_of = |app: &App, idx: usize| {
        let turn = &app.state().conversation().turns[idx];
        turn.shown().unwrap().provenance.clone().unwrap()
    };
    app.harness.key_press(Key::Escape);
    app.settle();
    for question in ["One?", "Two?"] {
        ask(&mut app, question);
        stream(&mut app, "Yes", 1);
        finish(&mut app, "Yes", FinishReason::Stop);
    }
    assert_ne!(seed_of(&app, 0).seed, seed_of(&app, 1).seed);
    assert_eq!(seed_of(&app, 0).system, Some(system));
    let command = Command::DeletePreset("short".to_owned());
    assert!(app.effects_of(command).is_empty() && app.state().settings.presets.is_empty());
}

#[test]
fn presets_go_to_another_workstation_in_a_file() {
    let mut app = App::new();
    app.effects_of(Command::SavePreset("short".to_owned()));
    let kept = app.state().settings.presets.clone();
    let effects = app.effects_of(Command::ExportPresets);
    let [Effect::PickPlaceForPresets(text)] = &effects[..] else { panic!("{effects:?}") };
    let folder = tempfile::tempdir().unwrap();
    app.apply(AppEvent::PickedPlaceForPresets(text.clone(), folder.path().join("mine")));
    let path = folder.path().join("mine.json");
    let says = |state: &AppState, words: &str| {
        state.notices.shown().iter().any(|notice| notice.text.contains(words))
    };
    app.wait_for("export", |state| says(state, "The presets are exported"));
    app.effects_of(Command::DeletePreset("short".to_owned()));
    app.apply(AppEvent::PickedPresets(path.clone()));
    app.wait_for("presets", |state| !state.settings.presets.is_empty());
    assert_eq!(app.state().settings.presets, kept);
    // what is none says so, and nothing is lost
    std::fs::write(&path, "{\"presets\": 3}").unwrap();
    app.apply(AppEvent::PickedPresets(path));
    app.wait_for("refusal", |state| says(state, "no file of presets"));
    assert_eq!(app.state().settings.presets, kept);
}

#[test]
fn settings_survive_a_restart() {
    let mut app = App::with_ct();
    app.effects_of(Command::SetTheme(ThemeChoice::Light));
    app.effects_of(Command::ToggleChatPanel);
    app.effects_of(Command::SetFramesMemory(256));
    app.harness.run_steps(2);
    eframe::App::on_exit(app.harness.state_mut());
    let again = App::start(app.data_dir, |_| None, |_| {});
    assert_eq!(again.state().settings.theme, ThemeChoice::Light);
    assert!(!again.state().settings.right_open);
    assert_eq!(again.state().settings.frames_mb, 256);
}

#[test]
fn a_pasted_picture_opens_as_a_study() {
    let mut app = App::new();
    let image = egui::ColorImage::example();
    app.harness.event(egui::Event::PasteImage(image.into()));
    app.settle();
    assert_eq!(app.state().studies.open().len(), 1);
    app.harness.get_by_label("Viewport 1: PIC, image 1 of 1");
}

#[test]
fn an_idle_window_does_not_redraw() {
    let mut app = App::with_ct();
    app.effects_of(Command::DismissNotice(1));
    app.settle();
    let delay = app.harness.output().viewport_output[&egui::ViewportId::ROOT].repaint_delay;
    assert!(delay > std::time::Duration::from_secs(1), "{delay:?}");
}

#[test]
fn panels_hide_and_return() {
    let mut app = App::with_ct();
    app.harness.key_press_modifiers(Modifiers::COMMAND, Key::J);
    app.settle();
    assert!(app.harness.query_by_label("Question").is_none());
    app.harness.key_press_modifiers(Modifiers::COMMAND, Key::J);
    app.settle();
    app.harness.get_by_label("Question");
}

#[test]
fn opening_can_be_watched_and_stopped() {
    let mut app = App::new();
    let effects = app.effects_of(Command::OpenPaths(vec!["/studies".into()]));
    let Some(Effect::Open(job, _)) = effects.last() else { panic!() };
    let job: JobId = *job;
    app.apply(AppEvent::Decode(DecodeEvent::Opening { job, files_done: 3, files_total: 9 }));
    app.harness.run_steps(3);
    app.harness.get_by_label("Jobs: Opening 3 of 9 files").click();
    app.harness.run_steps(3);
    app.harness.get_by_label("Stop: Opening 3 of 9 files").click();
    app.settle();
    assert!(app.state().jobs.visible().next().is_none());
}

// reconstruction

/// Rows and columns of codes, and pixels a code stands for.
const GRID: usize = 32;
const PATCH: usize = 8;

/// A picture of the size of the drawing, grey after `level` of column and row.
fn square(level: impl Fn(usize, usize) -> u8) -> DisplayImage {
    let side = GRID * PATCH;
    let at = |idx: usize| level(idx % side, idx / side);
    let pixels = (0..side * side).flat_map(|idx| [at(idx); 3]).collect();
    let (width, height) = (side as u32, side as u32);
    DisplayImage { width, height, channels: Channels::Rgb, pixels }
}

/// Rings around the middle.
fn rings(columns_off: usize) -> DisplayImage {
    let middle = (GRID * PATCH / 2) as f32;
    square(|x, y| {
        let (dx, dy) = ((x + columns_off) as f32 - middle, y as f32 - middle);
        let radius = dx.hypot(dy);
        if radius > middle * 0.9 { 0 } else { (128.0 + 100.0 * (radius / 9.0).cos()) as u8 }
    })
}

/// As if a model of the family that reconstructs had been loaded from the list of models.
fn pretend_drawing_model(app: &mut App, change: impl FnOnce(&mut ModelSpec)) {
    let folder =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models/m3-com-tiny");
    let mut spec = reading_room::vlm::models_in(&folder).swap_remove(0);
    spec.abilities.reconstruction = true;
    spec.missing_for_reconstruction.clear();
    change(&mut spec);
    let mut info = app_harness::model_info();
    info.name.clone_from(&spec.name);
    info.family = spec.family.as_str().to_owned();
    info.title.clone_from(&spec.title);
    app.apply(AppEvent::Models(vec![spec]));
    app.harness.state_mut().state_mut().engine.model = reading_room::app::ModelStatus::Ready(info);
    app.settle();
}

fn work(app: &mut App, progress: Progress) {
    let job = app.asking_job();
    app.apply(AppEvent::Engine(EngineEvent::Working { job, progress }));
}

/// So many codes more, with a look at the picture after each row.
fn draw_codes(app: &mut App, from: usize, to: usize) {
    for done in from + 1..=to {
        work(app, Progress::Code { code: done as u32, done });
        if done.is_multiple_of(GRID) {
            let rows = done / GRID * PATCH;
            let drawn = rings(2);
            let picture = square(|x, y| {
                let known = drawn.pixels[(y * GRID * PATCH + x) * 3];
                if y < rows { known } else { 127 }
            });
            work(app, Progress::Glimpse { picture, done });
        }
    }
    app.harness.run_steps(3);
}

fn reconstruction(num_codes: usize, finish_reason: FinishReason) -> Reconstruction {
    let rows = num_codes / GRID * PATCH;
    let drawn = rings(2);
    let picture =
        square(|x, y| if y < rows { drawn.pixels[(y * GRID * PATCH + x) * 3] } else { 127 });
    let codes: Vec<u32> = (1..=num_codes as u32).collect();
    let wanted = GRID * GRID;
    let stopped = finish_reason == FinishReason::Cancelled;
    let own = (1..=wanted as u32).map(|code| if code % 5 < 2 { code + 5000 } else { code });
    let similarity = |mae, psnr_db| Similarity { mae, psnr_db: Some(psnr_db), ssim: Some(0.812) };
    Reconstruction {
        answer: Answer {
            prompt: String::new(),
            prompt_ids: vec![1, 2, -200, 3],
            output_ids: codes.clone(),
            begun: 0,
            text: String::new(),
            codes,
            finish_reason,
            logprobs: Vec::new(),
            steps: Vec::new(),
            yes_no: None,
            seen: Vec::new(),
            timings: Timings { prefill_ms: 200.0, decode_ms: 30_000.0, ..Timings::default() },
        },
        grid: [GRID, GRID],
        complete: num_codes == wanted,
        picture,
        original: Some(rings(0)),
        similarity: Some(similarity(7.25, 24.1)),
        ceiling: (!stopped).then(|| Ceiling {
            codes: own.collect(),
            picture: rings(1),
            similarity: Some(similarity(2.5, 31.0)),
        }),
    }
}

fn reconstructed(app: &mut App, num_codes: usize, finish_reason: FinishReason) {
    let job = app.asking_job();
    let reconstruction = Box::new(reconstruction(num_codes, finish_reason));
    engine(app, EngineEvent::Reconstructed { job, reconstruction, peak_rss_mb: 1 });
    engine(app, EngineEvent::Finished { job });
    app.settle();
}

/// A window in which a reconstruction has just been asked for.
fn reconstructing() -> App {
    let mut app = App::with_ct();
    pretend_drawing_model(&mut app, |_| {});
    app.harness.get_by_label("Reconstruct").click();
    app.settle();
    app
}

fn choose(app: &mut App, label: &str) {
    app.harness.get_by_label(label).click();
    app.harness.run_steps(3);
}

#[test]
fn a_reconstruction_is_sent_with_the_picture_shown_and_without_history() {
    let mut app = App::with_ct();
    press(&mut app, Key::I);
    pretend_drawing_model(&mut app, |_| {});
    ask(&mut app, "What is this?");
    finish(&mut app, "A slice.", FinishReason::Stop);
    let request = String::new();
    let effects = app.effects_of(Command::Reconstruct { request, again_of: None });
    let Some(Effect::Reconstruct(_, question, false)) = effects.last() else {
        panic!("{effects:?}")
    };
    assert_eq!(question.text, "Reconstruct the image.");
    assert!(question.history.is_empty());
    assert_eq!(question.max_new_tokens, 0);
    let asked = &app.state().conversation().turns[0].evidence[0];
    assert_eq!(question.images, [asked.image.as_deref().unwrap().clone()]);
    assert!(asked.grayscale.inverted);
}

#[test]
fn what_is_typed_is_the_request() {
    let mut app = App::with_ct();
    pretend_drawing_model(&mut app, |_| {});
    app.harness.get_by_label("Question").focus();
    app.harness.run_steps(2);
    app.harness.get_by_label("Question").type_text("Rebuild this image.");
    app.harness.run_steps(2);
    app.harness.get_by_label("Reconstruct").click();
    app.settle();
    assert_eq!(app.state().conversation().turns[0].question, "Rebuild this image.");
}

#[test]
fn a_drawing_counts_its_codes_and_shows_what_came() {
    let mut app = reconstructing();
    let job = app.asking_job();
    let progress = Progress::EncodingImage { index: 0, count: 1 };
    engine(&mut app, EngineEvent::Working { job, progress });
    assert!(app.words().contains("Reading image…"), "{}", app.words());
    draw_codes(&mut app, 0, 12);
    assert!(app.words().contains("12 of 1,024 codes"), "{}", app.words());
    draw_codes(&mut app, 12, 412);
    let words = app.words();
    assert!(words.contains("412 of 1,024 codes"), "{words}");
    assert!(words.contains("Drawing…"), "{words}");
    app.harness.get_by_label("Original");
    app.harness.get_by_label("Reconstruction, AI-generated");
    work(&mut app, Progress::Measuring);
    app.harness.run_steps(3);
    assert!(app.words().contains("Comparing with the original"), "{}", app.words());
}

#[test]
fn a_finished_reconstruction_shows_its_figures_and_its_ceiling() {
    let mut app = reconstructing();
    draw_codes(&mut app, 0, 64);
    reconstructed(&mut app, 1024, FinishReason::Stop);
    let words = app.words();
    assert!(words.contains("MAE 7.25 · PSNR 24.1 dB · SSIM 0.812"), "{words}");
    assert!(words.contains("Reconstruction: MAE 7.25"), "{words}");
    assert!(words.contains("Codec alone: PSNR 31.0 dB"), "{words}");
    assert!(words.contains("similarity, not correctness"), "{words}");
    assert!(words.contains("409 of 1,024 codes differ"), "{words}");
    assert!(app.harness.query_by_label("Codec alone, AI-generated").is_none());
    choose(&mut app, "Codec ceiling");
    app.harness.get_by_label("Codec alone, AI-generated");
    let words = app.words();
    assert!(words.contains("what the codec loses is not the model's doing"), "{words}");
    assert!(app.painted().contains("do not measure"), "{}", app.painted());
}

#[test]
fn a_reconstruction_can_be_compared_in_every_way() {
    let mut app = reconstructing();
    reconstructed(&mut app, 1024, FinishReason::Stop);
    choose(&mut app, "Swipe");
    let before = app.harness.get_by_label("Original").rect().width();
    let divider = app.harness.get_by_label("Divider").rect().center();
    drag(&mut app, divider, vec2(120.0, 0.0));
    let after = app.harness.get_by_label("Original").rect().width();
    assert!((after - before - 120.0).abs() < 12.0, "{before} to {after}");
    choose(&mut app, "Overlay");
    app.harness.get_by_label("Reconstruction over original, AI-generated");
    app.harness.get_by_label("Opacity");
    choose(&mut app, "Difference");
    app.harness.get_by_label("Reconstruction minus original, AI-generated");
    app.harness.get_by_role_and_label(Role::Slider, "Gain");
    choose(&mut app, "Signed");
    choose(&mut app, "Blink");
    choose(&mut app, "Pause");
    app.harness.get_by_label("Original");
    choose(&mut app, "Show the other");
    app.harness.get_by_label("Reconstruction, AI-generated");
    assert!(app.harness.query_by_label("Original").is_none());
}

#[test]
fn with_less_motion_nothing_blinks_by_itself() {
    let mut app = reconstructing();
    app.harness.state_mut().state_mut().run(Command::ToggleMotion);
    reconstructed(&mut app, 1024, FinishReason::Stop);
    choose(&mut app, "Blink");
    for _ in 0..8 {
        app.harness.run_steps(8);
        app.harness.get_by_label("Original");
    }
    choose(&mut app, "Show the other");
    app.harness.get_by_label("Reconstruction, AI-generated");
}

#[test]
fn zooming_one_picture_zooms_all() {
    let mut app = reconstructing();
    reconstructed(&mut app, 1024, FinishReason::Stop);
    // pictures are drawn as meshes of four corners: their extent on the screen
    let extents = |app: &App| -> Vec<egui::Vec2> {
        let shapes = app.harness.output().shapes.iter();
        let meshes = shapes.filter_map(|clipped| match &clipped.shape {
            egui::Shape::Mesh(mesh) if mesh.vertices.len() == 4 => Some(mesh.calc_bounds().size()),
            _ => None,
        });
        meshes.filter(|size| size.x > 150.0 && (size.x - size.y).abs() < 0.1).collect()
    };
    let before = extents(&app);
    assert_eq!(before.len(), 2, "{before:?}");
    let middle = app.harness.get_by_label("Original").rect().center();
    app.harness.hover_at(middle);
    app.harness.run_steps(1);
    app.harness.event(egui::Event::MouseWheel {
        unit: egui::MouseWheelUnit::Line,
        delta: vec2(0.0, 4.0),
        phase: egui::TouchPhase::Move,
        source: egui::MouseWheelSource::Wheel,
        modifiers: Modifiers::NONE,
    });
    app.settle();
    let after = extents(&app);
    assert!(after[0].x > before[0].x * 1.5, "{before:?} to {after:?}");
    assert_eq!(after[0], after[1]);
}

#[test]
fn a_difference_is_in_grey_levels_times_its_gain() {
    let side = |levels: [u8; 2]| DisplayImage {
        width: 2,
        height: 1,
        channels: Channels::Gray,
        pixels: levels.to_vec(),
    };
    let (before, after) = (side([100, 100]), side([110, 20]));
    let absolute = difference(&before, &after, DifferenceKind::Absolute, 2.0).unwrap();
    assert_eq!(absolute.pixels, [20, 160]);
    let signed = difference(&before, &after, DifferenceKind::Signed, 2.0).unwrap();
    let [r0, _, b0, r1, _, b1] = signed.pixels[..] else { panic!("{signed:?}") };
    assert!(r0 > b0 && b1 > r1, "brighter is warm, darker is cold: {signed:?}");
    let other = square(|_, _| 0);
    assert!(difference(&before, &other, DifferenceKind::Absolute, 1.0).is_none());
}

#[test]
fn a_stopped_drawing_keeps_what_came() {
    let mut app = reconstructing();
    draw_codes(&mut app, 0, 640);
    app.harness.get_by_label("Stop and keep what came").click();
    app.settle();
    assert!(app.harness.get_all_by_label("Stopping…").count() > 0);
    reconstructed(&mut app, 640, FinishReason::Cancelled);
    let words = app.words();
    assert!(words.contains("Stopped at 640 of 1,024 codes"), "{words}");
    assert!(words.contains("What came is kept"), "{words}");
    app.harness.get_by_label("Reconstruction, AI-generated");
    assert_eq!(app.state().conversation().turns[0].answers[0].state, AnswerState::Stopped);
}

#[test]
fn a_drawing_with_too_few_codes_says_so_and_can_be_drawn_again_with_codes_only() {
    let mut app = reconstructing();
    reconstructed(&mut app, 640, FinishReason::Stop);
    assert!(app.words().contains("Got 640 of 1,024 codes"), "{}", app.words());
    let effects = app.effects_of(Command::RedrawCodesOnly(0));
    assert!(matches!(effects.last(), Some(Effect::Reconstruct(_, _, true))), "{effects:?}");
    let turn = &app.state().conversation().turns[0];
    assert_eq!((turn.answers.len(), turn.shown_idx), (2, 1));
    assert_eq!(turn.answers[0].drawing.as_ref().unwrap().codes.len(), 640);
}

#[test]
fn a_drawing_that_fails_keeps_the_codes_and_says_why() {
    let mut app = reconstructing();
    draw_codes(&mut app, 0, 96);
    let job = app.asking_job();
    let message = "the fusion weights are missing: fusion_layer_weights.bin".to_owned();
    engine(&mut app, EngineEvent::Failed { job, message });
    app.settle();
    let words = app.words();
    assert!(words.contains("fusion_layer_weights.bin"), "{words}");
    let answer = app.state().conversation().turns[0].shown().unwrap();
    assert_eq!(answer.drawing.as_ref().unwrap().codes.len(), 96);
    assert!(matches!(answer.state, AnswerState::Interrupted(_)), "{:?}", answer.state);
}

#[test]
fn reconstruct_says_why_it_cannot() {
    let why = |app: &App| app.state().cannot_reconstruct().unwrap_or_default();
    let mut app = App::with_ct();
    assert!(why(&app).contains("No model is loaded"), "{}", why(&app));
    pretend_drawing_model(&mut app, |spec| spec.abilities.reconstruction = false);
    assert!(why(&app).contains("does not reconstruct"), "{}", why(&app));
    let node = app.harness.get_by_label("Reconstruct");
    assert!(egui_kittest::kittest::NodeT::accesskit_node(&node).is_disabled());
    let at = node.rect().center();
    app.harness.hover_at(at);
    app.harness.run_steps(40);
    assert!(app.painted().contains("does not reconstruct"), "{}", app.painted());
    pretend_drawing_model(&mut app, |spec| {
        spec.abilities.reconstruction = false;
        spec.missing_for_reconstruction = vec!["gen_hlora_weights.bin".to_owned()];
    });
    assert!(why(&app).contains("gen_hlora_weights.bin"), "{}", why(&app));
    pretend_drawing_model(&mut app, |_| {});
    assert_eq!(why(&app), "");
    ask(&mut app, "What is this?");
    assert!(why(&app).contains("busy"), "{}", why(&app));
    let mut app = App::new();
    pretend_drawing_model(&mut app, |_| {});
    assert!(why(&app).contains("No picture"), "{}", why(&app));
}

#[test]
fn the_viewers_tools_do_not_reach_a_drawing_and_escape_returns_to_them() {
    let mut app = reconstructing();
    reconstructed(&mut app, 1024, FinishReason::Stop);
    let before = app.state().active_viewport().view.clone();
    for key in [Key::Num3, Key::I, Key::H, Key::ArrowDown, Key::R] {
        press(&mut app, key);
    }
    assert_eq!(app.state().active_viewport().view, before);
    assert_eq!(frame_idx(&app), 10);
    assert!(app.harness.query_by_label("Window").is_none());
    press(&mut app, Key::Escape);
    app.harness.get_by_label("Viewport 1: CT, image 11 of 20");
    // the chat keeps it, and leads back to it
    choose(&mut app, "Compare");
    app.harness.get_by_label("Reconstruction, AI-generated");
    choose(&mut app, "Close comparison");
    app.harness.get_by_label("Viewport 1: CT, image 11 of 20");
}

#[test]
fn a_question_after_a_drawing_takes_the_picture_along_and_not_the_drawing() {
    let mut app = reconstructing();
    reconstructed(&mut app, 1024, FinishReason::Stop);
    ask(&mut app, "Is there a nodule?");
    let turn = app.state().conversation().turns.last().unwrap();
    assert_eq!((turn.wants_picture, turn.evidence.len()), (false, 1));
}

#[test]
fn what_is_saved_says_in_its_pixels_that_it_is_generated() {
    let mut app = reconstructing();
    reconstructed(&mut app, 1024, FinishReason::Stop);
    let effects = app.effects_of(Command::SaveDrawn(Drawn::Picture));
    let Some(Effect::PickPlaceFor(saved, _)) = effects.last() else { panic!("{effects:?}") };
    let picture = &saved.picture;
    let raw = reconstruction(1024, FinishReason::Stop).picture;
    let row_len = raw.width as usize * 3;
    let changed: Vec<bool> = picture
        .pixels
        .chunks_exact(row_len)
        .zip(raw.pixels.chunks_exact(row_len))
        .map(|(saved, raw)| saved != raw)
        .collect();
    let num_changed = changed.iter().filter(|changed| **changed).count();
    assert!((10..=32).contains(&num_changed), "{num_changed} rows carry the words");
    assert!(changed.iter().rev().take(num_changed).all(|changed| *changed));
    let path = app.data_dir.path().join("drawn");
    app.apply(AppEvent::PickedPlaceFor(std::sync::Arc::clone(saved), path.clone()));
    let written = path.with_extension("png");
    let began = std::time::Instant::now();
    while app.harness.query_by_label("The picture is saved").is_none() {
        assert!(began.elapsed().as_secs() < 20, "nothing was written");
        app.harness.run_steps(1);
    }
    assert_eq!(std::fs::read(&written).unwrap().get(1..4), Some(b"PNG".as_slice()));
    let facts = std::fs::read_to_string(path.with_extension("png.json")).unwrap();
    let facts: serde_json::Value = serde_json::from_str(&facts).unwrap();
    assert_eq!(facts["model"]["title"], "HealthGPT M3");
    assert_eq!(facts["codes"].as_array().unwrap().len(), 1024);
    assert_eq!(facts["differing"], "409 of 1,024 codes differ");
    let effects = app.effects_of(Command::SaveDrawn(Drawn::Comparison));
    let Some(Effect::PickPlaceFor(saved, _)) = effects.last() else { panic!("{effects:?}") };
    let all = &saved.picture;
    assert!(all.width > 3 * raw.width, "original, drawing, codec: {} wide", all.width);
    if let Some(folder) = shots() {
        all.write_png(&folder.join("saved-comparison.png")).unwrap();
    }
}

#[test]
fn the_words_on_a_tiny_picture_cover_little_of_it() {
    let tiny =
        DisplayImage { width: 16, height: 16, channels: Channels::Gray, pixels: vec![255; 256] };
    let marked = marked(&tiny, false);
    let white = marked.pixels.chunks_exact(3).filter(|pixel| *pixel == [255; 3]).count();
    let all = (marked.width * marked.height) as usize;
    assert!(marked.width >= 200 && white * 8 >= all * 6, "{white} of {all} white");
}

#[test]
fn drawings_can_be_looked_at() {
    if shots().is_none() {
        println!("skipped: READING_ROOM_SHOTS names no folder");
        return;
    }
    for (theme, size) in
        [(ThemeChoice::Dark, vec2(1440.0, 900.0)), (ThemeChoice::Light, vec2(1100.0, 700.0))]
    {
        let name = format!("{theme:?}").to_lowercase();
        let shoot = |app: &mut App, what: &str| shoot(app, &format!("{name}-drawing-{what}"));
        let mut app = App::sized(size);
        app.open(&sample("ct-torso"));
        app.harness.state_mut().state_mut().run(Command::SetTheme(theme));
        pretend_drawing_model(&mut app, |_| {});
        shoot(&mut app, "0-before");
        app.harness.get_by_label("Reconstruct").click();
        app.settle();
        shoot(&mut app, "1-reading");
        draw_codes(&mut app, 0, 428);
        shoot(&mut app, "2-drawing");
        reconstructed(&mut app, 1024, FinishReason::Stop);
        shoot(&mut app, "3-side");
        choose(&mut app, "Codec ceiling");
        choose(&mut app, "Mark differing codes");
        shoot(&mut app, "4-codec");
        choose(&mut app, "Codec ceiling");
        choose(&mut app, "Swipe");
        shoot(&mut app, "5-swipe");
        choose(&mut app, "Mark differing codes");
        choose(&mut app, "Blink");
        shoot(&mut app, "6-blink");
        choose(&mut app, "Overlay");
        shoot(&mut app, "7-overlay");
        choose(&mut app, "Difference");
        shoot(&mut app, "8-difference");
        choose(&mut app, "Signed");
        shoot(&mut app, "9-signed");
        choose(&mut app, "Side by side");
        app.harness.get_by_label("Answer again").click();
        app.settle();
        draw_codes(&mut app, 0, 640);
        reconstructed(&mut app, 640, FinishReason::Stop);
        shoot(&mut app, "a-short");
        app.harness.get_by_label("Save").click();
        app.settle();
        shoot(&mut app, "b-save");
        app.harness.key_press(Key::Escape);
        app.settle();
        press(&mut app, Key::Escape);
        shoot(&mut app, "c-chat");
    }
}

/// Where pictures of the window are saved, when somebody wants to look at them.
fn shots() -> Option<std::path::PathBuf> {
    std::env::var_os("READING_ROOM_SHOTS").map(Into::into)
}

fn shoot(app: &mut App, name: &str) {
    if let Some(folder) = shots() {
        app.harness.render().unwrap().save(folder.join(format!("{name}.png"))).unwrap();
    }
}

const LONG_ANSWER: &str = "## Findings\n\nThe slice shows the **upper abdomen** with contrast:\n\n\
    1. The liver is of even density; no focal lesion is seen.\n\
    2. The aorta measures about 24 mm and is *not* dilated.\n\
    3. The stomach holds some gas.\n\n\
    | Organ | Density | Remark |\n|---|---|---|\n| Liver | 110 HU | even |\n| Spleen | 120 HU | even |\n\n\
    Use `lung` window to judge the bases. 未见明显异常，请结合临床。";

#[test]
fn screens_can_be_looked_at() {
    if shots().is_none() {
        println!("skipped: READING_ROOM_SHOTS names no folder");
        return;
    }
    for theme in [ThemeChoice::Dark, ThemeChoice::Light] {
        let name = format!("{theme:?}").to_lowercase();
        let mut app = App::with_settings("");
        app.harness.state_mut().state_mut().run(Command::SetTheme(theme));
        app.settle();
        shoot(&mut app, &format!("{name}-1-start"));
        app.harness.state_mut().state_mut().run(Command::Acknowledge);
        app.opened(named_study());
        shoot(&mut app, &format!("{name}-2-study"));
        app.harness.get_by_label("Window").click();
        app.settle();
        shoot(&mut app, &format!("{name}-3-window-menu"));
        app.harness.key_press(Key::Escape);
        app.pretend_model();
        ask(&mut app, "What does this slice show, and is anything unusual?");
        let job = app.asking_job();
        let progress = Progress::Prefill { done: 320, total: 612 };
        engine(&mut app, EngineEvent::Working { job, progress });
        shoot(&mut app, &format!("{name}-4-reading"));
        stream(&mut app, &LONG_ANSWER[..260], 61);
        app.settle();
        shoot(&mut app, &format!("{name}-5-streaming"));
        finish(&mut app, LONG_ANSWER, FinishReason::Stop);
        app.settle();
        shoot(&mut app, &format!("{name}-6-done"));
        ask(&mut app, "And the spleen?");
        stream(&mut app, "The spleen is", 4);
        engine(
            &mut app,
            EngineEvent::Restarted {
                message: "the engine stopped (killed by signal 9)".to_owned(),
            },
        );
        app.settle();
        shoot(&mut app, &format!("{name}-7-error"));
        for (sheet, at) in [
            (reading_room::app::Sheet::Settings, "8-settings"),
            (reading_room::app::Sheet::Shortcuts, "9-shortcuts"),
            (reading_room::app::Sheet::About, "a-about"),
        ] {
            app.harness.state_mut().state_mut().run(Command::ToggleSheet(sheet));
            app.settle();
            shoot(&mut app, &format!("{name}-{at}"));
            app.harness.state_mut().state_mut().run(Command::CloseSheet);
        }
        app.settle();
        app.harness.get_by_label("Parameters").click();
        app.settle();
        shoot(&mut app, &format!("{name}-b-parameters"));
        app.harness.key_press(Key::Escape);
        app.harness.state_mut().state_mut().run(Command::SetViewports(2));
        app.settle();
        app.harness.get_by_label("View").click();
        app.settle();
        shoot(&mut app, &format!("{name}-c-two"));
    }
}

#[test]
fn models_are_listed_with_what_they_lack() {
    let mut app = App::with_ct();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/models/huatuo-7b-tiny");
    let mut models = reading_room::vlm::models_in(&folder);
    assert!(!models.is_empty());
    let mut lacking = models[0].clone();
    lacking.title = "Incomplete model".to_owned();
    lacking.missing = vec!["model-00002-of-00004.safetensors".to_owned()];
    models.push(lacking);
    app.harness.key_press_modifiers(Modifiers::COMMAND, Key::L);
    app.harness.run_steps(2);
    // opening the list looks for models again: in this window's folder there are none
    let began = std::time::Instant::now();
    while app.state().scanning_models && began.elapsed().as_secs() < 20 {
        app.harness.run_steps(1);
    }
    app.apply(AppEvent::Models(models));
    app.harness.run_steps(4);
    let words = app.words();
    assert!(words.contains("Missing: model-00002-of-00004.safetensors"), "{words}");
    shoot(&mut app, "models");
}

/// A card that is not in this machine.
fn card(memory_gb: f64, free_gb: f64) -> DeviceInfo {
    DeviceInfo {
        label: "gpu: Card (Vulkan)".to_owned(),
        name: "Card".to_owned(),
        kind: ComputeKind::Gpu,
        memory_bytes: Some((memory_gb * 1e9) as u64),
        free_bytes: Some((free_gb * 1e9) as u64),
        precisions: vec![Precision::F32, Precision::F16],
    }
}

/// The list of models, open, with these models on this device.
fn with_models(models: Vec<ModelSpec>, device: DeviceInfo) -> App {
    let mut app = App::with_ct();
    let began = std::time::Instant::now();
    let is_settled =
        |state: &AppState| !state.scanning_models && state.engine.device_label.is_some();
    while !is_settled(app.state()) && began.elapsed().as_secs() < 20 {
        app.harness.run_steps(1);
    }
    app.apply(AppEvent::Models(models));
    app.apply(AppEvent::Device(Ok(device)));
    // not by its command, which looks for models and devices again
    app.harness.state_mut().state_mut().picker_open = true;
    app.harness.run_steps(4);
    app
}

fn fixture_model(path: &str) -> ModelSpec {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models");
    reading_room::vlm::recognise(&folder.join(path)).unwrap()
}

#[test]
fn a_model_is_listed_with_its_needs_against_the_device() {
    let mut model = fixture_model("huatuo-7b-tiny/model");
    let plan = model.memory.as_mut().unwrap();
    plan.layers = reading_room::vlm::MatrixSizes::of_numbers(8_000_000_000);
    plan.largest_matrix = 500_000_000;
    let health = fixture_model("m3-com-tiny/HealthGPT-M3");
    let mut app = with_models(vec![model.clone(), health], card(24.0, 22.3));
    let words = app.words();
    assert!(words.contains("Needs 16.1 GB at f16 · 22.3 of 24.0 GB free on the GPU"), "{words}");
    for words_of_both in ["questions", "several images", "Reconstruction: missing gen_hlora"] {
        assert!(words.contains(words_of_both), "{words}");
    }
    app.harness.get_by_label("Details of HuatuoGPT-Vision 7B").click();
    app.harness.run_steps(30);
    let words = app.words();
    for detail in
        ["language model", "tokenizer", "Memory for 4096 tokens", "does not fit", "fits", "bf16"]
    {
        assert!(words.contains(detail), "{detail}: {words}");
    }
    assert!(words.contains("not on this device"), "{words}");
    shoot(&mut app, "models-details");

    // too little is told, and may be tried all the same
    let mut app = with_models(vec![model.clone()], card(12.0, 11.0));
    assert!(app.words().contains("Needs 16.1 GB at f16 · 11.0 of 12.0 GB free on the GPU"));
    let load = "Load HuatuoGPT-Vision 7B";
    app.harness.get_by_label(load).hover();
    app.harness.run_steps(60);
    assert!(app.words().contains("Loading may fail"), "{}", app.words());
    shoot(&mut app, "models-too-large");
    app.harness.get_by_label(load).click();
    app.harness.run_steps(3);
    let asked = app.state().engine.last_request.as_ref().unwrap();
    assert_eq!(asked.model, model.path);
}

#[test]
fn a_loaded_models_memory_counts_as_free_for_the_next() {
    let mut model = fixture_model("huatuo-7b-tiny/model");
    let plan = model.memory.as_mut().unwrap();
    plan.layers = reading_room::vlm::MatrixSizes::of_numbers(8_000_000_000);
    let mut app = with_models(vec![model.clone()], card(24.0, 6.0));
    let info = reading_room::vlm::ModelInfo {
        driver: "avx2".to_owned(),
        device: "gpu: Card (Vulkan)".to_owned(),
        precision: "f16".to_owned(),
        ..app_harness::model_info()
    };
    let state = app.harness.state_mut().state_mut();
    state.engine.model = reading_room::app::ModelStatus::Ready(info);
    state.engine.last_request = Some(reading_room::worker::LoadRequest {
        tasks: None,
        weights_cache: false,
        model: model.path.clone(),
        device: reading_room::vlm::DeviceChoice::Gpu,
        precision: reading_room::vlm::PrecisionChoice::Auto,
    });
    app.harness.run_steps(3);
    let words = app.words();
    assert!(words.contains("22.0 of 24.0 GB free on the GPU"), "{words}");
    assert!(words.contains("Unload"), "{words}");
}

/// A window with real workers, on the CPU.
/// Tests with real workers take turns: one of them kills every engine of this process.
static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());

fn my_turn() -> std::sync::MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn working(change: impl FnOnce(&mut reading_room::app::AppOptions)) -> App {
    reading_room::worker::use_executable(env!("CARGO_BIN_EXE_reading-room").into());
    let data_dir = tempfile::tempdir().unwrap();
    App::start(data_dir, |ctx| Some(reading_room::app::Workers::start(ctx)), change)
}

fn last_state(state: &AppState) -> Option<&AnswerState> {
    Some(&state.conversation().turns.last()?.shown()?.state)
}

#[test]
fn a_study_is_opened_and_asked_about_with_real_workers() {
    let _turn = my_turn();
    let model = "tests/fixtures/models/huatuo-7b-tiny/model";
    let mut app = working(|options| {
        options.paths = vec![sample("ct-torso")];
        options.model = Some(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(model));
    });
    app.wait_for("picture", |state| {
        let place = state.active_viewport().place.clone();
        place.is_some_and(|place| {
            let (_, series) = state.studies.series(&place.study_key, &place.series_key).unwrap();
            state.frames.loaded(&series.frame_ref(place.frame_idx).unwrap()).is_some()
        })
    });
    app.wait_for("model", |state| state.engine.is_loaded());
    app.harness.key_press(Key::Num3);
    app.harness.run_steps(3);
    assert_eq!(window(&app).width, 1500.0);

    app.harness.state_mut().state_mut().settings.sampling.max_new_tokens = 24;
    let question =
        |text: &str| Command::Ask { question: text.to_owned(), with_view: true, again_of: None };
    let run = |app: &mut App, command| app.harness.state_mut().state_mut().run(command);
    run(&mut app, question("What is this?"));
    app.wait_for("answer", |state| matches!(last_state(state), Some(AnswerState::Done(_))));
    let first = app.state().conversation().turns[0].answers[0].clone();
    assert!(!first.text.is_empty());
    assert!(first.meter.first_token_ms.is_some() && first.meter.prompt_tokens > 0);
    shoot(&mut app, "e2e-answer");

    run(&mut app, Command::Regenerate(0));
    app.wait_for("second answer", |state| {
        state.conversation().turns[0].answers.len() == 2
            && matches!(last_state(state), Some(AnswerState::Done(_)))
    });
    app.harness.run_steps(3);
    evidence_can_be_checked(&mut app);

    app.harness.state_mut().state_mut().settings.sampling.max_new_tokens = 2000;
    run(&mut app, question("Describe everything at length."));
    app.wait_for("text", |state| {
        state.conversation().turns[1].answers[0].meter.tokens > 2
            || last_state(state).is_some_and(|answer| matches!(answer, AnswerState::Done(_)))
    });
    run(&mut app, Command::StopAnswer);
    app.wait_for("stop", |state| state.engine.asking.is_none());
    let stopped = &app.state().conversation().turns[1].answers[0];
    assert_eq!(stopped.state, AnswerState::Stopped);
    assert!(!stopped.text.is_empty() && stopped.meter.tokens < 2000);
}

/// The second answer is the first again; what every word was chosen from is at hand.
fn evidence_can_be_checked(app: &mut App) {
    let tokens = |app: &App, idx: usize| {
        app.state().conversation().turns[0].answers[idx].tokens.clone().unwrap()
    };
    let first = tokens(app, 0);
    let count = first.written.len();
    assert_eq!(count, 24);
    let same = format!("Identical, {count} of {count} tokens");
    app.harness.get_by_label(&same);
    assert!(first.written.iter().all(|token| {
        let is_it = |likely: &&reading_room::vlm::Likely| likely.id == token.id;
        let own = token.likely.iter().find(is_it);
        token.likely.len() == 5
            && token.likely.is_sorted_by(|a, b| a.log_prob >= b.log_prob)
            && own.is_none_or(|own| own.log_prob == token.log_prob)
    }));
    let text: String = first.written.iter().map(|token| token.text.as_str()).collect();
    assert_eq!(text, app.state().conversation().turns[0].answers[0].text);
    // tinted
    app.harness.get_by_label("Confidence tint").click();
    app.harness.run_steps(3);
    assert!(app.harness.query_by_label_contains("fluency, not truth").is_some());
    shoot(app, "tint");
    app.harness.get_by_label("Confidence tint").click();
    app.harness.run_steps(2);
    // copied
    let turn = &app.state().conversation().turns[0];
    let copied = reading_room::chat::capsule(turn, turn.shown().unwrap()).unwrap();
    let json: serde_json::Value = serde_json::from_str(&copied).unwrap();
    assert_eq!(json["answer"]["tokens"]["written"].as_array().unwrap().len(), count);
    assert_eq!(json["pictures"][0]["image_sha256"], turn.evidence[0].image_sha256.as_str());
    assert!(!copied.contains("/"), "a path is in it");
    // replayed, whatever is set now
    app.harness.state_mut().state_mut().settings.sampling.max_new_tokens = 5;
    app.harness.get_by_label("Replay").click();
    app.wait_for("replay", |state| {
        state.conversation().turns[0].answers.len() == 3
            && matches!(last_state(state), Some(AnswerState::Done(_)))
    });
    app.harness.run_steps(3);
    app.harness.get_by_label(&same);
    let ids = |idx: usize| tokens(app, idx).written.iter().map(|one| one.id).collect::<Vec<_>>();
    assert_eq!(ids(2), ids(0));
    app.harness.state_mut().state_mut().settings.sampling.max_new_tokens = 24;
}

#[test]
fn a_picture_is_reconstructed_with_real_workers() {
    let _turn = my_turn();
    let case =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models/m3-gen-tiny");
    let mut app = working(|options| {
        options.paths = vec![case.join("image.png")];
        options.models_dir.clone_from(&case);
        options.model = Some(case.join("HealthGPT-M3"));
    });
    app.wait_for("model and picture", |state| state.cannot_reconstruct().is_none());
    app.harness.get_by_label("Reconstruct").click();
    app.wait_for("drawing", |state| matches!(last_state(state), Some(AnswerState::Done(_))));
    let text = std::fs::read_to_string(case.join("case.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let codes = json["runs"][0]["vq_indices"].as_array().unwrap();
    let expected: Vec<u64> = codes.iter().map(|code| code.as_u64().unwrap()).collect();
    let drawing = app.state().conversation().turns[0].shown().unwrap().drawing.clone().unwrap();
    let drawn: Vec<u64> = drawing.codes.iter().map(|code| u64::from(*code)).collect();
    assert_eq!(drawn, expected, "the picture given is the picture shown");
    assert!(drawing.shortfall.is_none() && drawing.similarity.is_some());
    assert!(app.words().contains(&drawing.difference_count().unwrap()), "{}", app.words());
    let effects = app.effects_of(Command::SaveDrawn(Drawn::Comparison));
    let Some(Effect::PickPlaceFor(saved, _)) = effects.last() else { panic!("{effects:?}") };
    let (width, height) = (saved.picture.width, saved.picture.height);
    assert_eq!(width, 3 * height + 8, "small pictures are enlarged alike");
    if let Some(folder) = shots() {
        saved.picture.write_png(&folder.join("e2e-saved.png")).unwrap();
    }
    choose(&mut app, "Codec ceiling");
    shoot(&mut app, "e2e-drawing");
}

#[test]
fn the_first_start_answers_with_the_programs_own_model() {
    let _turn = my_turn();
    let empty = tempfile::tempdir().unwrap();
    let mut app = working(|options| {
        options.paths = vec![sample("ct-torso")];
        options.models_dir = empty.path().to_owned();
        options.nano = true;
    });
    app.wait_for("nano", |state| state.engine.info().is_some_and(|info| info.family == "nano"));
    let words = app.words();
    assert!(words.contains("nano is a small demonstration"), "{words}");
    assert!(words.contains("Choose a published model"), "{words}");
    shoot(&mut app, "nano-start");
    choose(&mut app, "What modality is this?");
    app.harness.get_by_label("Send").click();
    app.wait_for("answer", |state| matches!(last_state(state), Some(AnswerState::Done(_))));
    let text = app.state().conversation().turns[0].shown().unwrap().text.clone();
    assert!(text.contains("CT"), "{text}");
    shoot(&mut app, "nano-answer");
    let request = Command::Reconstruct { request: String::new(), again_of: None };
    app.harness.state_mut().state_mut().run(request);
    app.wait_for("picture", |state| {
        matches!(last_state(state), Some(AnswerState::Done(_) | AnswerState::Failed(_)))
    });
    let drawing = app.state().conversation().turns[1].shown().unwrap().drawing.clone().unwrap();
    assert_eq!((drawing.codes.len(), drawing.shortfall), (256, None));
    let alike = drawing.similarity.and_then(|found| found.ssim).unwrap();
    assert!(alike > 0.4, "{alike}");
    shoot(&mut app, "nano-drawn");
}

/// `kill -9` the engines that this test process started.
#[cfg(target_os = "linux")]
fn kill_engines() {
    let parent = format!("PPid:\t{}\n", std::process::id());
    let is_engine = |process: &std::path::Path| {
        let read = |name| std::fs::read(process.join(name)).unwrap_or_default();
        let (status, command) = (read("status"), read("cmdline"));
        String::from_utf8_lossy(&status).contains(&parent)
            && String::from_utf8_lossy(&command).contains("worker\0engine")
    };
    let processes = std::fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    let engines: Vec<_> = processes.filter(|process| is_engine(process)).collect();
    assert!(!engines.is_empty(), "no engine was running");
    for engine in engines {
        let pid = engine.file_name().unwrap().to_string_lossy().into_owned();
        let kill = format!("kill -9 {pid}");
        std::process::Command::new("sh").args(["-c", &kill]).status().unwrap();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_engine_killed_in_the_middle_keeps_the_text_and_the_next_question_works() {
    let _turn = my_turn();
    let model = "tests/fixtures/models/llava-med-v1.5-tiny/model";
    let mut app = working(|options| {
        options.paths = vec![sample("ct-torso")];
        options.model = Some(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(model));
    });
    let run = |app: &mut App, command| app.harness.state_mut().state_mut().run(command);
    let question =
        |text: &str| Command::Ask { question: text.to_owned(), with_view: true, again_of: None };
    app.wait_for("model", |state| state.engine.is_loaded());
    app.harness.state_mut().state_mut().settings.sampling.max_new_tokens = 3000;
    run(&mut app, question("Describe everything at length."));
    app.wait_for("text", |state| !state.conversation().turns[0].answers[0].text.is_empty());
    kill_engines();
    app.wait_for("interruption", |state| {
        matches!(last_state(state), Some(AnswerState::Interrupted(_)))
    });
    assert!(!app.state().conversation().turns[0].answers[0].text.is_empty());
    assert!(app.state().notices.shown().iter().any(|notice| notice.level == NoticeLevel::Error));
    shoot(&mut app, "e2e-killed");

    app.harness.state_mut().state_mut().settings.sampling.max_new_tokens = 8;
    run(&mut app, question("And now?"));
    app.wait_for("next answer", |state| matches!(last_state(state), Some(AnswerState::Done(_))));
    assert!(!app.state().conversation().turns[1].answers[0].text.is_empty());
}

#[test]
fn a_view_that_rests_is_read_before_it_is_asked_about() {
    let sent = |app: &App| format!("{:?}", app.state().engine.ahead).contains("job: Some");
    let mut app = App::with_ct();
    app.harness.run_steps(20);
    assert!(app.state().engine.ahead.is_none(), "there is no model to read");
    app.pretend_model();
    app.harness.run_steps(20);
    assert!(sent(&app), "{:?}", app.state().engine.ahead);
    app.effects_of(Command::ToggleReadAhead);
    app.harness.run_steps(4);
    assert!(app.state().engine.ahead.is_none());
}
