//! De-identified copies of the study shown, from the window.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests fail loudly")]

#[expect(dead_code, reason = "shared with the other tests of the window")]
#[path = "support/app_harness.rs"]
mod app_harness;

use app_harness::App;
use egui_kittest::kittest::Queryable as _;
use reading_room::app::{AppEvent, Command, Effect};

#[test]
fn the_study_shown_is_written_into_a_new_folder_and_the_window_says_what_to_look_at() {
    let mut app = App::with_ct();
    let effects = app.effects_of(Command::ExportDeidentified);
    let Some(Effect::PickPlaceForCopies(files)) = effects.last() else { panic!("{effects:?}") };
    assert_eq!(files.len(), 20);
    let chosen = tempfile::tempdir().unwrap();
    std::fs::write(chosen.path().join("kept.txt"), "kept").unwrap();
    let folder = chosen.path().to_owned();
    for number in 1..=2 {
        app.apply(AppEvent::PickedPlaceForCopies(files.clone(), folder.clone()));
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
    app.settle();
    let words = app.words();
    for wanted in
        ["20 de-identified files: look at them first", "does not promise", "may have text burned"]
    {
        assert!(words.contains(wanted), "{wanted}: {words}");
    }
    app.apply(AppEvent::Deidentified(Err("the disk is full".to_owned())));
    app.settle();
    assert!(app.words().contains("The study could not be exported: the disk is full"));
}

#[test]
fn without_a_study_there_is_nothing_to_export() {
    let mut app = App::new();
    assert!(!Command::ExportDeidentified.is_enabled(app.state()));
    app.harness.get_by_label("File").click();
    app.settle();
    app.harness.get_by_label("Export de-identified…");
}
