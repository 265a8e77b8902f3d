//! P(yes) over slices, asked of the program's own model by real workers, and kept with the chat.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail loudly")]

#[expect(dead_code, reason = "shared with the other tests of the window")]
#[path = "support/app_harness.rs"]
mod app_harness;

use app_harness::{App, sample};
use egui_kittest::kittest::Queryable as _;
use reading_room::app::{AppState, Command, Workers};
use reading_room::chat::history::{Calendar, Database};
use reading_room::chat::transfer::{self, Format};
use reading_room::chat::{AnswerState, Slices};

fn started(data_dir: tempfile::TempDir) -> App {
    reading_room::worker::use_executable(env!("CARGO_BIN_EXE_reading-room").into());
    std::fs::write(data_dir.path().join("settings.toml"), "acknowledged = \"0.1.0\"\n").unwrap();
    let mut app = App::start(
        data_dir,
        |ctx| Some(Workers::start(ctx)),
        |options| {
            options.paths = vec![sample("ct-torso")];
            options.nano = true;
        },
    );
    app.wait_for("picture", |state| {
        let place = state.active_viewport().place.as_ref();
        place.is_some_and(|place| {
            let series = state.studies.series(&place.study_key, &place.series_key);
            let frame_ref = series.and_then(|(_, series)| series.frame_ref(place.frame_idx));
            frame_ref.is_some_and(|frame_ref| state.frames.loaded(&frame_ref).is_some())
        })
    });
    app.wait_for("history", |state| state.history.is_open);
    app
}

fn slices(state: &AppState) -> Option<&Slices> {
    state.conversation().turns.first()?.slices.as_deref()
}

fn run(app: &mut App, command: Command) {
    app.harness.state_mut().state_mut().run(command);
    app.harness.run_steps(3);
}

/// What screen readers are told of the curve.
fn curve(app: &App) -> String {
    let words = app.words();
    let line = words.lines().find(|line| line.starts_with("P(yes) over slices, "));
    line.unwrap_or_else(|| panic!("no curve\n{words}")).to_owned()
}

#[test]
fn slices_asked_once_are_there_again_after_a_restart() {
    let mut app = started(tempfile::tempdir().unwrap());
    app.wait_for("nano", |state| state.engine.is_loaded());
    app.type_question("Is this a CT image?");
    app.wait_for("answer", |state| {
        let turn = state.conversation().turns.first();
        let shown = turn.and_then(|turn| turn.shown());
        shown.is_some_and(|answer| matches!(answer.state, AnswerState::Done(_)))
    });
    assert!(Command::AskSlices.is_enabled(app.state()), "{}", app.words());
    run(&mut app, Command::AskSlices);
    app.wait_for("slices", |state| slices(state).is_some_and(|slices| slices.answers.len() == 20));
    app.wait_for("end", |state| state.strip.as_ref().is_some_and(|strip| !strip.is_under_way()));
    let asked = slices(app.state()).unwrap().clone();
    assert_eq!(asked.num_slices, 20);
    assert!(asked.highest().unwrap().1 > 0.8, "{:?}", asked.answers);
    assert_eq!(asked.provenance.model, "nano");
    assert_eq!(asked.provenance.max_new_tokens, 1);
    assert!(!asked.provenance.driver.is_empty());
    let drawn = curve(&app);
    assert!(drawn.contains("20 of 20 asked"), "{drawn}");
    let (id, line) = (app.state().conversation().id, asked.summary());

    let App { harness, data_dir } = app;
    drop(harness);
    let kept = Database::open(data_dir.path()).unwrap().load(id).unwrap();
    let own = kept.turns[0].slices.clone().unwrap();
    assert_eq!((&own.answers, &own.provenance), (&asked.answers, &asked.provenance));
    let json = transfer::write(&kept, Format::Json, Calendar::default()).unwrap();
    for secret in [asked.series_key.as_str(), "1.3.6.1.4.1"] {
        assert!(!json.contains(secret), "an identifier in {json}");
    }
    let file = data_dir.path().join("chat.json");
    std::fs::write(&file, &json).unwrap();
    assert_eq!(transfer::read(&file).unwrap().chat.turns[0].slices, kept.turns[0].slices);

    let mut app = started(data_dir);
    run(&mut app, Command::OpenChat(id));
    app.wait_for("chat", |state| slices(state).is_some());
    app.harness.run_steps(3);
    assert_eq!(curve(&app), drawn, "the very same curve");
    assert!(app.state().strip.is_none(), "and no slice was asked for it");
    app.harness.get_by_label(&line);
}
