//! The model's eye in the window, driven by role and label: with nano and real workers, and without
//! a model.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests fail loudly")]

#[expect(dead_code, reason = "shared with the other tests of the window")]
#[path = "support/app_harness.rs"]
mod app_harness;

use std::path::Path;
use std::time::{Duration, Instant};

use app_harness::{App, sample};
use egui::Key;
use egui_kittest::kittest::Queryable as _;
use reading_room::app::{AppEvent, AppState, Command, Effect, EyeSource, EyeView, Workers};
use reading_room::chat::{AnswerState, capsule};
use reading_room::vlm::{ImageProcessor, RgbPixels};
use sha2::{Digest as _, Sha256};

const NO_MODEL: &str = "A model has to be loaded before what it sees can be shown";

/// A window on the sample with nano loaded.
fn window() -> App {
    reading_room::worker::use_executable(env!("CARGO_BIN_EXE_reading-room").into());
    let empty = tempfile::tempdir().unwrap();
    let data_dir = tempfile::tempdir().unwrap();
    std::fs::write(data_dir.path().join("settings.toml"), "acknowledged = \"0.1.0\"\n").unwrap();
    let models_dir = empty.path().to_owned();
    let mut app = App::start(
        data_dir,
        |ctx| Some(Workers::start(ctx)),
        move |options| {
            options.paths = vec![sample("ct-torso")];
            options.models_dir = models_dir;
            options.nano = true;
        },
    );
    app.wait_for("nano", |state| state.engine.info().is_some_and(|info| info.family == "nano"));
    app.wait_for("study", |state| state.active_viewport().place.is_some());
    app
}

fn press(app: &mut App, key: Key) {
    app.harness.key_press(key);
    app.harness.run_steps(2);
}

fn looked(state: &AppState) -> bool {
    state.eye.is_current && state.eye.seen.is_some()
}

/// Waits until what is shown is what is looked at.
fn see(app: &mut App) -> EyeView {
    app.harness.run_steps(2);
    app.wait_for("look", looked);
    app.state().eye.seen.as_deref().unwrap().clone()
}

/// SHA-256 of what a CLIP processor makes of a picture of the right size.
fn tensor_hash(pixels: &RgbPixels, side: usize) -> String {
    let values = ImageProcessor::clip(side).values(pixels);
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn shoot(app: &mut App, name: &str) {
    let Ok(folder) = std::env::var("READING_ROOM_SHOTS") else { return };
    app.harness.render().unwrap().save(Path::new(&folder).join(format!("{name}.png"))).unwrap();
}

#[test]
fn y_shows_what_nano_is_given_and_what_was_lost() {
    let mut app = window();
    press(&mut app, Key::Y);
    let first = see(&mut app);
    let words = app.words();
    for wanted in [
        "Model's eye · nano · 64 × 64",
        "512 × 512 → 64 × 64 px",
        "12 → 8 bit",
        "below the window",
        "64 tokens",
        "as the model sees it",
    ] {
        assert!(words.contains(wanted), "{wanted}: {words}");
    }
    assert!(!app.read().contains("Zoom"), "the reader's overlays speak of another picture");
    shoot(&mut app, "eye-ct");
    // another window loses other values, and another slice is another tensor
    press(&mut app, Key::Num3);
    let lung = see(&mut app);
    let line = "below the window 0.0 %, above";
    assert!(!first.lines().iter().any(|said| said.starts_with(line)), "{:?}", first.lines());
    assert!(lung.lines().iter().any(|said| said.starts_with(line)), "{:?}", lung.lines());
    assert!(app.words().contains(line), "{}", app.words());
    shoot(&mut app, "eye-lung");
    press(&mut app, Key::ArrowDown);
    let next = see(&mut app);
    let hashes =
        [&first, &lung, &next].map(|seen| seen.sight.as_ref().unwrap().facts.tensor_sha256.clone());
    assert!(hashes[0] != hashes[1] && hashes[1] != hashes[2]);
    // mirrored as the reader has it
    press(&mut app, Key::H);
    let mirrored = see(&mut app);
    assert_ne!(mirrored.picture, next.picture);
    // Esc leads back
    press(&mut app, Key::Escape);
    app.harness.run_steps(2);
    assert!(!app.state().eye.is_on);
    assert!(app.read().contains("Zoom"));
}

#[test]
fn the_saved_picture_is_the_tensor() {
    let mut app = window();
    press(&mut app, Key::Y);
    let seen = see(&mut app);
    let facts = seen.sight.as_ref().unwrap().facts.clone();
    assert!(app.harness.query_by_label("Save picture…").is_some());
    let effects = app.effects_of(Command::SaveEye);
    let Some(Effect::PickPlaceFor(saved, name)) = effects.last() else { panic!("{effects:?}") };
    assert_eq!(*name, "model-eye.png");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("eye.png");
    app.apply(AppEvent::PickedPlaceFor(saved.clone(), path.clone()));
    let is_saved = |state: &AppState| {
        state.notices.shown().iter().any(|notice| notice.text.contains("is saved"))
    };
    app.wait_for("file", is_saved);
    let picture = image::open(&path).unwrap().into_rgb8();
    let pixels = RgbPixels { width: 64, height: 64, pixels: picture.into_raw() };
    assert_eq!(tensor_hash(&pixels, 64), facts.tensor_sha256);
    let beside = std::fs::read(path.with_extension("png.json")).unwrap();
    let beside: serde_json::Value = serde_json::from_slice(&beside).unwrap();
    assert_eq!(beside["tensor_sha256"], facts.tensor_sha256);
    assert_eq!(beside["model"], "nano");
    let Some(Effect::CopyText(copied)) = app.effects_of(Command::CopyEyeFacts).pop() else {
        panic!("nothing was copied")
    };
    let copied: serde_json::Value = serde_json::from_str(&copied).unwrap();
    assert_eq!(copied, beside);
    assert!(copied["view"].as_str().unwrap().starts_with("CT · slice"), "{copied}");
}

#[test]
fn the_evidence_of_an_answer_holds_the_same_tensor() {
    let mut app = window();
    press(&mut app, Key::Y);
    let seen = see(&mut app).sight.unwrap().facts;
    let question = "What modality is this?".to_owned();
    let ask = Command::Ask { question, with_view: true, again_of: None };
    app.harness.state_mut().state_mut().run(ask);
    app.wait_for("answer", |state| {
        let shown = state.conversation().turns.last().and_then(|turn| turn.shown());
        shown.is_some_and(|answer| matches!(answer.state, AnswerState::Done(_)))
    });
    let turn = app.state().conversation().turns[0].clone();
    let answer = turn.shown().unwrap();
    assert_eq!(answer.seen.as_slice(), std::slice::from_ref(&seen));
    let told: serde_json::Value = serde_json::from_str(&capsule(&turn, answer).unwrap()).unwrap();
    assert_eq!(told["answer"]["seen"][0]["tensor_sha256"], seen.tensor_sha256);
    // the picture of the question, also when another is shown by now
    press(&mut app, Key::Escape);
    press(&mut app, Key::Num3);
    app.harness.get_by_label("Model's eye of this picture").click();
    app.harness.run_steps(2);
    let stored = see(&mut app);
    assert!(matches!(stored.request.source, EyeSource::Stored(_)));
    assert_eq!(stored.sight.unwrap().facts, seen);
    let words = app.words();
    assert!(words.contains("The picture of a question · CT · slice"), "{words}");
    shoot(&mut app, "eye-evidence");
    app.harness.get_by_label("Close model's eye").click();
    app.harness.run_steps(3);
    assert!(app.state().eye.stored.is_none() && !app.state().eye.is_on);
}

#[test]
fn without_a_model_a_sentence_offers_the_picker() {
    let mut app = App::with_ct();
    press(&mut app, Key::Y);
    app.settle();
    let words = app.words();
    assert!(words.contains(NO_MODEL), "{words}");
    assert!(app.state().eye.seen.is_none());
    shoot(&mut app, "eye-no-model");
    let pickers = app.harness.get_all_by_label("Choose model…");
    pickers.last().unwrap().click();
    app.harness.run_steps(3);
    assert!(app.state().picker_open);
}

/// A window with a model that is not there: its eye is enough.
#[test]
fn a_picture_that_is_not_square_is_padded_in_plain_sight() {
    let mut app = App::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wide.png");
    let wide = image::RgbImage::from_fn(90, 40, |x, y| image::Rgb([x as u8 * 2, y as u8 * 5, 90]));
    wide.save(&path).unwrap();
    app.open(&path);
    app.pretend_model();
    press(&mut app, Key::Y);
    let seen = see(&mut app);
    assert_eq!(seen.lines()[0], "90 × 40 → 336 × 336 px");
    let words = app.words();
    assert!(words.contains("padded above and below with RGB 122, 116, 104"), "{words}");
    assert!(!words.contains("below the window"), "colour has no window: {words}");
    let picture = seen.picture.unwrap();
    assert_eq!(picture.pixels[..3], [122, 116, 104]);
    shoot(&mut app, "eye-padded");
}

#[test]
fn of_many_views_only_the_newest_is_looked_at() {
    let mut app = App::with_ct();
    app.pretend_model();
    let state = app.harness.state_mut().state_mut();
    state.run(Command::ToggleEye);
    let mut wanted = Vec::new();
    for center in 0..50 {
        let window = reading_room::imaging::Window::new(f64::from(center), 400.0);
        let mode = reading_room::app::WindowMode::Custom(window);
        app.harness.state_mut().state_mut().run(Command::SetWindow(mode));
        app.harness.run_steps(1);
        wanted.push(window);
    }
    let seen = see(&mut app);
    let EyeSource::View { grayscale, .. } = &seen.request.source else { panic!("{seen:?}") };
    assert_eq!(grayscale.window(), wanted.last().copied());
    // nothing is looked at twice
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(200) {
        app.harness.run_steps(1);
        assert!(looked(app.state()));
    }
}
