//! De-identified copies of the study shown, from the window, by the real worker.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail loudly")]

#[expect(dead_code, reason = "shared with the other tests of the window")]
#[path = "support/app_harness.rs"]
mod app_harness;

use std::path::PathBuf;

use app_harness::{App, sample};
use egui_kittest::kittest::Queryable as _;
use reading_room::app::{AppEvent, Command, Effect, Workers};
use reading_room::imaging::Opened;
use reading_room::worker::{CopiesEvent, JobId};

/// A window with the sample, whose files are read by workers.
fn window() -> (App, Vec<PathBuf>) {
    reading_room::worker::use_executable(env!("CARGO_BIN_EXE_reading-room").into());
    let data_dir = tempfile::tempdir().unwrap();
    let study = vec![sample("ct-torso")];
    let paths = move |options: &mut reading_room::app::AppOptions| options.paths = study;
    let mut app = App::start(data_dir, |ctx| Some(Workers::start(ctx)), paths);
    app.wait_for("study", |state| Command::ExportDeidentified.is_enabled(state));
    let effects = app.effects_of(Command::ExportDeidentified);
    let Some(Effect::PickPlaceForCopies(files)) = effects.last() else { panic!("{effects:?}") };
    let files = files.clone();
    (app, files)
}

#[test]
fn the_study_shown_is_written_into_a_new_folder_and_the_window_says_what_to_look_at() {
    let (mut app, files) = window();
    assert_eq!(files.len(), 20);
    let chosen = tempfile::tempdir().unwrap();
    std::fs::write(chosen.path().join("kept.txt"), "kept").unwrap();
    let folder = chosen.path().to_owned();
    for number in 1..=2 {
        app.apply(AppEvent::PickedPlaceForCopies(files.clone(), folder.clone()));
        assert!(app.state().jobs.visible().next().is_some(), "it is seen, and can be stopped");
        let copies = folder.join(format!("de-identified-{number}"));
        app.wait_for("copies", |state| {
            let actions = state.notices.shown().iter().flat_map(|notice| &notice.actions);
            let shown = Command::ShowFolder(copies.clone());
            actions.clone().any(|(_, command)| *command == shown)
        });
        let series: Vec<_> = copies.read_dir().unwrap().map(|entry| entry.unwrap()).collect();
        assert_eq!(series.len(), 1);
        assert_eq!(series[0].path().read_dir().unwrap().count(), 20);
    }
    app.harness.run_steps(4);
    assert!(app.state().jobs.visible().next().is_none());
    let words = app.words();
    for wanted in
        ["20 de-identified files: look at them first", "does not promise", "may have text burned"]
    {
        assert!(words.contains(wanted), "{wanted}: {words}");
    }
}

#[cfg(unix)]
#[test]
fn an_export_is_stopped_where_it_is_and_says_why_it_failed() {
    let (mut app, files) = window();
    let chosen = tempfile::tempdir().unwrap();
    // long enough to be stopped
    let links = tempfile::tempdir().unwrap();
    let link = |number: usize| {
        let link = links.path().join(format!("{number}.dcm"));
        std::os::unix::fs::symlink(&files[number % files.len()], &link).unwrap();
        link
    };
    let many: Vec<PathBuf> = (0..2000).map(link).collect();
    app.apply(AppEvent::PickedPlaceForCopies(many, chosen.path().to_owned()));
    app.wait_for("progress", |state| {
        state.jobs.visible().any(|job| job.progress.is_some_and(|(done, _)| done > 2))
    });
    let label = app.state().jobs.visible().next().unwrap().label();
    assert!(label.starts_with("De-identifying ") && label.ends_with(" files"), "{label}");
    let job = app.state().jobs.visible().next().unwrap().id;
    app.harness.state_mut().state_mut().run(Command::CancelJob(job));
    app.wait_for("end", |state| {
        state.notices.shown().iter().any(|notice| notice.text.contains("The export was stopped"))
    });
    assert!(app.state().jobs.visible().next().is_none());
    // a disk that is full, say
    app.apply(AppEvent::PickedPlaceForCopies(Vec::new(), chosen.path().join("nowhere")));
    let job = app.state().jobs.visible().next().unwrap().id;
    let message = "the disk is full".to_owned();
    app.apply(AppEvent::Copies(CopiesEvent::Failed { job, message }));
    app.harness.run_steps(4);
    assert!(app.words().contains("The study could not be exported: the disk is full"));
    // what comes late is for nobody
    let late = CopiesEvent::Writing { job: JobId::next(), files_done: 1, files_total: 2 };
    app.apply(AppEvent::Copies(late));
    assert!(app.state().jobs.visible().next().is_none());
}

#[test]
fn without_a_study_there_is_nothing_to_export() {
    let mut app = App::new();
    assert!(!Command::ExportDeidentified.is_enabled(app.state()));
    app.opened(Opened::default());
    app.harness.get_by_label("File").click();
    app.settle();
    app.harness.get_by_label("Export de-identified…");
}
