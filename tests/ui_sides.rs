//! Answers of several models side by side, driven by role and label, with real models.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests fail loudly")]

#[expect(dead_code, reason = "shared with the other tests of the window")]
#[path = "support/app_harness.rs"]
mod app_harness;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use app_harness::{App, sample};
use egui::Key;
use egui_kittest::kittest::Queryable as _;
use reading_room::app::{AppState, Command, Workers};
use reading_room::chat::{Answer, AnswerState};
use reading_room::worker::LoadRequest;

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
    let (mut app, _models) = one_answered();
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

/// The window with one short answer of the first model.
fn one_answered() -> (App, tempfile::TempDir) {
    let (mut app, models) = window();
    short_answers(&mut app);
    app.type_question("Is there a nodule?");
    app.wait_for("answer", is_answered);
    (app, models)
}

/// The answers of a turn, by column.
fn answers(state: &AppState, turn_idx: usize) -> Vec<Answer> {
    let turn = &state.conversation().turns[turn_idx];
    let columns = state.sides.columns.iter();
    let offset = turn.answers.len() - state.sides.columns.len();
    columns.enumerate().map(|(at, _)| turn.answers[offset + at].clone()).collect()
}

/// The window with one question answered by both models, side by side.
fn both_answered() -> (App, tempfile::TempDir) {
    let (mut app, models) = one_answered();
    let state = app.harness.state_mut().state_mut();
    state.run(Command::OpenSides(0));
    let request = request_for(state, "llava-med");
    state.run(Command::AddSide(request));
    app.wait_for("second answer", is_answered);
    (app, models)
}

fn request_for(state: &AppState, name: &str) -> LoadRequest {
    let spec = state.models.iter().find(|spec| spec.name == name).expect("it is there");
    LoadRequest { model: spec.path.clone(), ..state.engine.last_request.clone().unwrap() }
}

#[test]
fn models_that_go_together_stay_in_memory_and_hear_themselves() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (mut app, _models) = both_answered();
    assert_eq!(app.state().engine.kept.len(), 1, "the first stays beside the second");
    assert!(app.words().contains("in memory"), "{}", app.words());
    app.type_question("Which organ?");
    app.wait_for("both answers", |state| {
        assert!(!state.engine.is_loading(), "nothing is loaded again");
        state.conversation().turns.len() == 2 && is_answered(state)
    });
    shoot(&mut app, "sides-in-memory");
    let (first, second) = (answers(app.state(), 0), answers(app.state(), 1));
    assert_ne!(first[0].text, first[1].text);
    for (at, answer) in second.iter().enumerate() {
        assert!(answer.provenance.as_ref().unwrap().own_words);
        let prompt = &answer.tokens.as_ref().unwrap().prompt;
        assert!(prompt.contains(first[at].text.trim()), "{at}: {prompt}");
        assert!(!prompt.contains(first[1 - at].text.trim()), "{at}: {prompt}");
    }
    // what was asked so is replayed so
    let state = app.harness.state_mut().state_mut();
    let asked = second.iter().position(|answer| {
        let made = answer.provenance.as_ref().unwrap();
        state.engine.info().unwrap().weights_sha256 == made.weights_sha256
    });
    let asked = asked.expect("one of them was asked last");
    state.run(Command::StepAnswer { turn_idx: 1, step: asked as isize });
    state.run(Command::Replay(1));
    app.wait_for("replayed", |state| {
        let turn = &state.conversation().turns[1];
        turn.answers.len() == 3 && is_answered(state)
    });
    let replayed = app.state().conversation().turns[1].answers[2].clone();
    let tokens = [&replayed, &second[asked]].map(|one| one.tokens.clone().unwrap());
    assert_eq!(tokens[0].prompt_ids, tokens[1].prompt_ids);
    assert_eq!(tokens[0].ids(), tokens[1].ids());
    // nothing is kept that nobody looks at
    app.harness.key_press(Key::Escape);
    app.settle();
    assert!(app.state().engine.kept.is_empty());
}

#[test]
fn all_questions_are_asked_of_one_model_and_then_of_the_next() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (mut app, _models) = both_answered();
    app.harness.get_by_label("All questions by model").click();
    app.settle();
    assert!(app.state().settings.sides_by_model);
    let state = app.harness.state_mut().state_mut();
    for question in ["Which organ?", "Is it a child?"] {
        let question = question.to_owned();
        state.run(Command::Ask { question, with_view: false, again_of: None });
    }
    assert_eq!(app.state().conversation().turns.len(), 3, "neither waits for the other");
    let order = RefCell::new(Vec::new());
    app.wait_for("all answers", |state| {
        let asked = state.sides.asked.as_ref().map(|asked| {
            let model = asked.request.model.file_name().unwrap().to_string_lossy().into_owned();
            (model, asked.slot.turn_idx)
        });
        let mut order = order.borrow_mut();
        if let Some(asked) = asked.filter(|asked| asked.1 > 0 && order.last() != Some(asked)) {
            order.push(asked);
        }
        state
            .conversation()
            .turns
            .iter()
            .all(|turn| turn.answers.iter().all(|one| matches!(one.state, AnswerState::Done(_))))
    });
    let order = order.into_inner();
    let asked: Vec<(&str, usize)> = order.iter().map(|(model, at)| (model.as_str(), *at)).collect();
    assert_eq!(asked, [("llava-med", 1), ("llava-med", 2), ("huatuo", 1), ("huatuo", 2)]);
    assert_eq!(app.state().sides.turn_idx, 2);
}

#[test]
fn a_column_has_parameters_of_its_own() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (mut app, _models) = both_answered();
    assert!(!app.words().contains("not like for like"));
    app.harness.get_by_label("Parameters of LLaVA-Med 1.5").click();
    app.harness.run_steps(3);
    app.harness.get_by_label("Parameters of its own").click();
    app.harness.run_steps(3);
    shoot(&mut app, "sides-own-parameters");
    let state = app.harness.state_mut().state_mut();
    let mut own = state.sides.columns[1].own.clone().expect("they begin as those of all");
    assert_eq!(own, state.settings.sampling);
    own.max_new_tokens = 3;
    state.run(Command::SetSideSampling { column: 1, own: Some(own) });
    app.harness.run_steps(3);
    app.harness.get_by_label("Answer again with these").click();
    app.harness.run_steps(2);
    app.wait_for("third answer", |state| {
        state.conversation().turns[0].answers.len() == 3 && is_answered(state)
    });
    app.settle();
    let turn = app.state().conversation().turns[0].clone();
    assert_eq!(turn.answers[2].provenance.as_ref().unwrap().max_new_tokens, 3);
    assert_eq!(turn.answers[2].meter.tokens, 3);
    assert_eq!(app.state().sides.columns[1].answer_idx, 2);
    assert!(app.words().contains("not like for like"), "{}", app.words());
    // the next question is asked of each as it stands in its column
    app.type_question("Which organ?");
    app.wait_for("both answers", |state| {
        state.conversation().turns.len() == 2 && is_answered(state)
    });
    let asked = answers(app.state(), 1);
    let budgets = asked.iter().map(|one| one.provenance.as_ref().unwrap().max_new_tokens);
    assert_eq!(budgets.collect::<Vec<_>>(), [8, 3]);
}

#[test]
fn a_model_that_cannot_be_loaded_beside_another_is_tried_alone() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (mut app, models) = one_answered();
    let weights = std::fs::read_dir(models.path().join("llava-med")).unwrap().flatten();
    for file in weights.filter(|file| file.path().extension().is_some_and(|e| e == "safetensors")) {
        std::fs::write(file.path(), b"no weights").unwrap();
    }
    let state = app.harness.state_mut().state_mut();
    state.run(Command::OpenSides(0));
    let request = request_for(state, "llava-med");
    state.run(Command::AddSide(request));
    app.wait_for("failure", |state| {
        let answers = &state.conversation().turns[0].answers;
        answers.len() == 2 && matches!(answers[1].state, AnswerState::Failed(_))
    });
    assert!(app.state().engine.kept.is_empty());
    assert!(app.words().contains("one after the other"), "{}", app.words());
    // the first model is loaded again for the next question
    app.type_question("Which organ?");
    app.wait_for("first model again", |state| {
        let turn = state.conversation().turns.last().unwrap();
        turn.answers.len() == 2 && turn.answers.iter().all(|one| !one.is_open())
    });
    let turn = &app.state().conversation().turns[1];
    assert!(matches!(turn.answers[0].state, AnswerState::Done(_)), "{:?}", turn.answers[0].state);
}

#[test]
fn what_is_taken_out_before_it_was_asked_is_not_asked() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (mut app, _models) = one_answered();
    let state = app.harness.state_mut().state_mut();
    state.run(Command::OpenSides(0));
    let request = request_for(state, "llava-med");
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
