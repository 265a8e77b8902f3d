//! De-identified copies of the study shown, from the window, by the real worker.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail loudly")]

#[expect(dead_code, reason = "shared with the other tests of the window")]
#[path = "support/app_harness.rs"]
mod app_harness;
#[expect(dead_code, reason = "shared with other tests")]
#[path = "support/dicom_builder.rs"]
mod dicom_builder;

use std::path::PathBuf;

use app_harness::{App, sample};
use dicom_builder::DicomBuilder;
use egui_kittest::kittest::Queryable as _;
use reading_room::app::{AppEvent, Command, CopyChoice, Effect, Sheet, Workers};
use reading_room::imaging::{DeidentifyOptions, Opened, Point, Shape, open_paths, read_frame};
use reading_room::worker::{CopiesEvent, JobId};

/// A window with the sample, whose files are read by workers.
fn window() -> (App, Vec<PathBuf>) {
    reading_room::worker::use_executable(env!("CARGO_BIN_EXE_reading-room").into());
    let data_dir = tempfile::tempdir().unwrap();
    let study = vec![sample("ct-torso")];
    let paths = move |options: &mut reading_room::app::AppOptions| options.paths = study;
    let mut app = App::start(data_dir, |ctx| Some(Workers::start(ctx)), paths);
    app.wait_for("study", |state| Command::ExportDeidentified.is_enabled(state));
    let (files, options) = ordered(&mut app);
    assert_eq!(options, DeidentifyOptions::default());
    (app, files)
}

/// What the copying worker would be asked for.
fn ordered(app: &mut App) -> (Vec<PathBuf>, DeidentifyOptions) {
    app.harness.state_mut().state_mut().run(Command::ExportDeidentified);
    assert_eq!(app.state().sheet, Some(Sheet::Deidentify));
    picked(app)
}

fn picked(app: &mut App) -> (Vec<PathBuf>, DeidentifyOptions) {
    let effects = app.effects_of(Command::PickPlaceForCopies);
    let Some(Effect::PickPlaceForCopies(files, options)) = effects.last() else {
        panic!("{effects:?}")
    };
    (files.clone(), options.clone())
}

fn default() -> DeidentifyOptions {
    DeidentifyOptions::default()
}

#[test]
fn the_study_shown_is_written_into_a_new_folder_and_the_window_says_what_to_look_at() {
    let (mut app, files) = window();
    assert_eq!(files.len(), 20);
    let chosen = tempfile::tempdir().unwrap();
    std::fs::write(chosen.path().join("kept.txt"), "kept").unwrap();
    let folder = chosen.path().to_owned();
    for number in 1..=2 {
        app.apply(AppEvent::PickedPlaceForCopies(files.clone(), default(), folder.clone()));
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
    app.apply(AppEvent::PickedPlaceForCopies(many, default(), chosen.path().to_owned()));
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
    let nowhere = chosen.path().join("nowhere");
    app.apply(AppEvent::PickedPlaceForCopies(Vec::new(), default(), nowhere));
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

/// Two series of a patient with a name, of uncompressed pixels.
fn study_of_two_series() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let pixels: Vec<u8> = (0..64_u16 * 64).flat_map(|n| (1000 + n % 900).to_le_bytes()).collect();
    for number in 1..=4_i32 {
        let series = if number < 4 { 1 } else { 2 };
        DicomBuilder::new(64, 64, 16)
            .slice(number, [0.0, 0.0, f64::from(number)], [1.0, 0.0, 0.0, 0.0, 1.0, 0.0])
            .text((0x0008, 0x0018), "UI", &format!("1.2.3.9.{number}"))
            .text((0x0008, 0x0020), "DA", "20250102")
            .text((0x0010, 0x0010), "PN", "Muster^Erika")
            .text((0x0010, 0x0040), "CS", "F")
            .text((0x0018, 0x1000), "LO", "SERIAL-77")
            .text((0x0020, 0x000E), "UI", &format!("1.2.3.8.{series}"))
            .text((0x0020, 0x0011), "IS", &series.to_string())
            .text((0x0028, 0x1050), "DS", "1450")
            .text((0x0028, 0x1051), "DS", "900")
            .pixels(&pixels)
            .write(folder.path(), &format!("{number}.dcm"));
    }
    folder
}

fn shot(app: &mut App, name: &str) {
    let Some(folder) = std::env::var_os("READING_ROOM_SHOTS") else { return };
    std::fs::create_dir_all(&folder).unwrap();
    let path = PathBuf::from(folder).join(format!("deidentify-{name}.png"));
    app.harness.render().unwrap().save(path).unwrap();
}

/// A window on a study that is read by workers.
fn window_on(study: &tempfile::TempDir) -> App {
    reading_room::worker::use_executable(env!("CARGO_BIN_EXE_reading-room").into());
    let data_dir = tempfile::tempdir().unwrap();
    let acknowledged = "acknowledged = \"0.1.0\"\n";
    std::fs::write(data_dir.path().join("settings.toml"), acknowledged).unwrap();
    let paths = vec![study.path().to_owned()];
    let mut app = App::start(data_dir, |ctx| Some(Workers::start(ctx)), |o| o.paths = paths);
    app.wait_for("picture", |state| Command::ExportView.is_enabled(state));
    app
}

fn run(app: &mut App, command: Command) {
    app.harness.state_mut().state_mut().run(command);
    app.harness.run_steps(4);
}

#[test]
fn what_is_chosen_in_the_sheet_is_what_the_worker_does() {
    let study = study_of_two_series();
    let mut app = window_on(&study);
    run(&mut app, Command::ExportDeidentified);
    // nothing is marked: nothing can be blacked out
    let all = CopyChoice { blackout: true, ..CopyChoice::default() };
    run(&mut app, Command::ChooseCopies(all));
    assert_eq!(app.state().copies, CopyChoice::default());
    assert!(app.words().contains("Whole study, 4 files"));
    assert!(app.words().contains("Series shown, 3 files"));
    shot(&mut app, "nothing-marked");
    run(&mut app, Command::CloseSheet);
    let place = app.state().active_viewport().place.clone().unwrap();
    let ends = [Point::new(5.2, 8.0), Point::new(24.5, 20.0)];
    run(&mut app, Command::AddMeasurement { place, shape: Shape::Rectangle(ends) });
    run(&mut app, Command::ExportDeidentified);
    for label in ["Dates and times", "Black out the marked rectangle in all slices of this series"]
    {
        app.harness.get_by_label(label).click();
        app.harness.run_steps(6);
    }
    let choice = app.state().copies;
    assert!(choice.keep_dates && choice.blackout && choice.series_only && !choice.keep_uids);
    app.harness.get_by_label("Preview of what is made black");
    shot(&mut app, "marked");
    let (files, options) = picked(&mut app);
    assert_eq!(files.len(), 3);
    let wanted =
        DeidentifyOptions { keep_dates: true, blackout: vec![[5, 8, 20, 12]], ..default() };
    assert_eq!(options, wanted);
    let chosen = tempfile::tempdir().unwrap();
    let folder = chosen.path().to_owned();
    app.apply(AppEvent::PickedPlaceForCopies(files, options, folder.clone()));
    app.wait_for("copies", |state| {
        state.notices.shown().iter().any(|notice| notice.text.contains("3 de-identified files"))
    });
    // headless the same comes of it
    let out = folder.join("headless");
    let program = env!("CARGO_BIN_EXE_reading-room");
    let mut headless = std::process::Command::new(program);
    headless.arg("deidentify").args((1..=3).map(|n| study.path().join(format!("{n}.dcm"))));
    headless.args(["--keep-dates", "--blackout", "5,8,20,12", "--out"]).arg(&out);
    assert!(headless.output().unwrap().status.success());
    let look = |path: PathBuf| {
        let opened = open_paths(&[path], &mut |_| std::ops::ControlFlow::Continue(())).unwrap();
        let study = opened.studies.into_iter().next().unwrap();
        let series = study.series.first().unwrap();
        let frame = |idx| read_frame(&series.frame_ref(idx).unwrap()).unwrap();
        let frames: Vec<_> = (0..series.num_frames()).map(frame).collect();
        let stored = |x: u32, y: u32| frames.iter().map(move |frame| frame.stored(x, y));
        let black = stored(5, 8).chain(stored(24, 19)).all(|value| value == Some(0.0));
        let kept = stored(4, 8).chain(stored(25, 19)).all(|value| value > Some(0.0));
        assert!(black && kept && frames.len() == 3);
        (
            study.study_date,
            study.patient.sex,
            frames.iter().map(|f| f.samples().clone()).collect::<Vec<_>>(),
        )
    };
    let by_window = look(folder.join("de-identified-1"));
    assert_eq!(by_window, look(out));
    assert_eq!((by_window.0.as_deref(), by_window.1), (Some("2025-01-02"), None));
}

#[test]
fn everything_else_goes_to_the_worker_as_well() {
    let study = study_of_two_series();
    let mut app = window_on(&study);
    let all = CopyChoice {
        keep_uids: true,
        keep_dates: true,
        keep_device: true,
        keep_patient_characteristics: true,
        strict: true,
        series_only: false,
        blackout: false,
    };
    run(&mut app, Command::ExportDeidentified);
    run(&mut app, Command::ChooseCopies(all));
    let (files, options) = picked(&mut app);
    assert_eq!((files.len(), options.method_codes().len()), (4, 5));
    assert!(options.strict && options.keep_device && options.keep_patient_characteristics);
}
