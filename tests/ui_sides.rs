//! Answers of several models side by side, driven by role and label, with real models.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests fail loudly")]

#[expect(dead_code, reason = "shared with the other tests of the window")]
#[path = "support/app_harness.rs"]
mod app_harness;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use app_harness::{App, sample};
use egui::Key;
use egui_kittest::kittest::Queryable as _;
use reading_room::app::{AppState, Command, Workers};
use reading_room::chat::AnswerState;

const MODELS: &str = "tests/fixtures/models";

/// Engines at once would be slow.
static TURN: Mutex<()> = Mutex::new(());

fn model(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(MODELS).join(name).join("model")
}

/// A models folder with two small models, and a window on the sample with the first one loaded.
fn window() -> (App, tempfile::TempDir) {
    reading_room::worker::use_executable(env!("CARGO_BIN_EXE_reading-room").into());
    let models = tempfile::tempdir().unwrap();
    for (name, from) in [("huatuo", "huatuo-7b-tiny"), ("llava-med", "llava-med-v1.5-tiny")] {
        copy(&model(from), &models.path().join(name));
    }
    // the tower that LLaVA-Med names
    let tower = Path::new(MODELS).join("llava-med-v1.5-tiny/openai");
    copy(&tower, &models.path().join("openai"));
    let data_dir = tempfile::tempdir().unwrap();
    let settings = "acknowledged = \"0.1.0\"\nread_ahead = false\n";
    std::fs::write(data_dir.path().join("settings.toml"), settings).unwrap();
    let (folder, first) = (models.path().to_owned(), models.path().join("huatuo"));
    let mut app = App::start(
        data_dir,
        |ctx| Some(Workers::start(ctx)),
        move |options| {
            options.paths = vec![sample("ct-torso")];
            options.models_dir = folder;
            options.model = Some(first);
        },
    );
    app.wait_for("model", |state| state.engine.is_loaded() && state.models.len() > 1);
    app.wait_for("picture", |state| {
        let place = state.active_viewport().place.clone();
        place.is_some_and(|place| {
            let (_, series) = state.studies.series(&place.study_key, &place.series_key).unwrap();
            state.frames.loaded(&series.frame_ref(place.frame_idx).unwrap()).is_some()
        })
    });
    (app, models)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn is_answered(state: &AppState) -> bool {
    let turn = state.conversation().turns.last();
    turn.is_some_and(|turn| {
        turn.answers.iter().all(|one| matches!(one.state, AnswerState::Done(_)))
    })
}

fn shoot(app: &mut App, name: &str) {
    let Ok(folder) = std::env::var("READING_ROOM_SHOTS") else { return };
    app.harness.render().unwrap().save(Path::new(&folder).join(format!("{name}.png"))).unwrap();
}

fn short_answers(app: &mut App) {
    let mut sampling = app.state().settings.sampling.clone();
    sampling.max_new_tokens = 8;
    app.harness.state_mut().state_mut().run(Command::SetSampling(sampling));
}

#[test]
fn another_model_is_asked_the_same_and_stands_beside() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (mut app, _models) = window();
    short_answers(&mut app);
    app.type_question("Is there a nodule?");
    app.wait_for("answer", is_answered);
    app.harness.get_by_label("Compare with other models").click();
    app.settle();
    assert_eq!(app.state().sides.columns.len(), 1);
    app.harness.get_by_label("Ask another model").click();
    app.harness.run_steps(3);
    app.harness.get_by_label("Ask LLaVA-Med 1.5").click();
    app.harness.run_steps(2);
    // the swap is seen: the model is loaded before its column is written
    app.wait_for("load", |state| state.engine.is_loading());
    assert!(app.state().engine.waiting.is_some());
    app.wait_for("second answer", is_answered);
    let turn = app.state().conversation().turns[0].clone();
    let models: Vec<&str> =
        turn.answers.iter().map(|one| one.provenance.as_ref().unwrap().model.as_str()).collect();
    assert_eq!(models, ["huatuo", "llava-med"]);
    let hashes: Vec<&str> = turn
        .answers
        .iter()
        .map(|one| one.provenance.as_ref().unwrap().weights_sha256.as_str())
        .collect();
    assert_ne!(hashes[0], hashes[1]);
    let columns = app.state().sides.columns.clone();
    assert!(columns[1].load_secs.unwrap() > 0.0 && columns[1].peak_rss_mb.unwrap() > 0);
    let words = app.words();
    for wanted in ["parameters", "on disk", "Size ladder", "of its words", "Mark what differs"] {
        assert!(words.contains(wanted), "{wanted}: {words}");
    }
    let says = ["Agree", "Differ", "Contradict"].iter().any(|word| words.contains(word));
    assert!(says, "{words}");
    shoot(&mut app, "sides");
    // a further question goes to both, the one in memory first
    app.type_question("Which organ?");
    app.wait_for("both answers", |state| {
        state.conversation().turns.len() == 2 && is_answered(state)
    });
    let turn = &app.state().conversation().turns[1];
    let models: Vec<&str> =
        turn.answers.iter().map(|one| one.provenance.as_ref().unwrap().model.as_str()).collect();
    assert_eq!(models, ["huatuo", "llava-med"], "columns keep their order");
    assert_eq!(app.state().sides.turn_idx, 1);
    // Esc leads back; the answers stay in the chat
    app.harness.key_press(Key::Escape);
    app.settle();
    assert!(!app.state().is_showing_sides());
    assert_eq!(app.state().conversation().turns[1].answers.len(), 2);
}

#[test]
fn what_is_taken_out_before_it_was_asked_is_not_asked() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (mut app, _models) = window();
    short_answers(&mut app);
    app.type_question("Is there a nodule?");
    app.wait_for("answer", is_answered);
    let state = app.harness.state_mut().state_mut();
    state.run(Command::OpenSides(0));
    let request = {
        let spec = state.models.iter().find(|spec| spec.name == "llava-med").expect("it is there");
        let mut request = state.engine.last_request.clone().unwrap();
        request.model.clone_from(&spec.path);
        request
    };
    state.run(Command::AddSide(request));
    assert!(state.sides.is_under_way());
    state.run(Command::RemoveSide(1));
    assert!(!state.sides.is_under_way());
    app.settle();
    assert_eq!(app.state().sides.columns.len(), 1);
    let answer = app.state().conversation().turns[0].answers[1].clone();
    assert!(matches!(&answer.state, AnswerState::Failed(why) if why.contains("taken out")));
    assert!(app.state().engine.is_loaded(), "no model was swapped");
}
