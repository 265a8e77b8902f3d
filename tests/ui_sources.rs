//! Archives dropped on the window, and what was opened before.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests fail loudly")]

#[expect(dead_code, reason = "shared with the other tests of the window")]
#[path = "support/app_harness.rs"]
mod app_harness;

use std::{
    fs,
    path::{Path, PathBuf},
};

use app_harness::{App, sample};
use egui_kittest::kittest::Queryable as _;
use reading_room::app::{Command, Workers};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sources").join(name)
}

/// A window with its own workers.
fn start(data_dir: tempfile::TempDir) -> App {
    reading_room::worker::use_executable(env!("CARGO_BIN_EXE_reading-room").into());
    App::start(data_dir, |ctx| Some(Workers::start(ctx)), |_| {})
}

fn fresh(privacy: bool) -> App {
    let data_dir = tempfile::tempdir().unwrap();
    let settings = format!("acknowledged = \"0.1.0\"\nprivacy = {privacy}\n");
    fs::write(data_dir.path().join("settings.toml"), settings).unwrap();
    start(data_dir)
}

fn run(app: &mut App, command: Command) {
    app.harness.state_mut().state_mut().run(command);
    app.harness.run_steps(4);
}

/// What the system hands over at a drop.
#[derive(Debug)]
struct Dropped(PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        fs::read(&self.0).map_err(|error| error.to_string())
    }
}

fn open(app: &mut App, path: &Path) {
    let before = app.state().notices.shown().len();
    run(app, Command::OpenPaths(vec![path.to_owned()]));
    app.wait_for("answer to opening", |state| {
        state.notices.shown().len() > before && state.jobs.visible().next().is_none()
    });
}

/// The window as a picture, where somebody looks at it.
fn look(app: &mut App, name: &str) {
    app.harness.run_steps(4);
    if let Some(folder) = std::env::var_os("READING_ROOM_SHOTS") {
        fs::create_dir_all(&folder).unwrap();
        let picture = app.harness.render().expect("a picture of the window");
        picture.save(Path::new(&folder).join(format!("sources-{name}.png"))).unwrap();
    }
}

#[test]
fn an_archive_dropped_on_the_window_is_shown_by_its_workers() {
    let mut app = fresh(true);
    let dropped = Dropped(fixture("packed.zip"));
    app.harness.input_mut().dropped_files = vec![std::sync::Arc::new(dropped)];
    app.wait_for("study", |state| !state.studies.open().is_empty());
    app.wait_for("picture", |state| {
        state.frames.pending_jobs().is_empty() && state.jobs.visible().next().is_none()
    });
    let words = app.words();
    assert!(words.contains("5 images, 2 series"), "{words}");
    assert!(words.contains("Viewport 1: MR, image 2 of 3"), "{words}");
    assert!(!words.contains("packed.zip") && !words.contains("Test Disc"), "{words}");
    look(&mut app, "archive");
}

#[test]
fn what_was_opened_is_on_the_start_card_of_the_next_run() {
    let mut app = fresh(true);
    let folder = tempfile::tempdir().unwrap();
    let gone = folder.path().join("Doe^John.zip");
    fs::copy(fixture("packed.zip"), &gone).unwrap();
    open(&mut app, &gone);
    open(&mut app, &sample("ct-torso"));
    let aliases: Vec<String> =
        app.state().studies.open().iter().map(|open| open.alias.clone()).collect();
    app.wait_for("settings", |state| state.settings.recent.len() == 2);
    // closing writes them
    let data_dir = close(app);

    let mut app = start(data_dir);
    look(&mut app, "start-card-private");
    let words = app.words();
    for alias in &aliases {
        assert!(words.contains(&format!("Open again: {alias}")), "{alias}: {words}");
    }
    assert!(words.contains("CT · 20 images") && words.contains("MR · 5 images"), "{words}");
    assert!(!words.contains("Doe"), "{words}");
    run(&mut app, Command::TogglePrivacy);
    app.harness.run_steps(4);
    look(&mut app, "start-card");
    assert!(app.words().contains("Open again: Doe^John.zip, MR"), "{}", app.words());

    // one of them is no longer there
    fs::remove_file(&gone).unwrap();
    run(&mut app, Command::TogglePrivacy);
    app.harness.run_steps(4);
    let label = format!("Open again: {}", aliases[1]);
    app.harness.get_by_label_contains(&label).click();
    app.wait_for("word about it", |state| state.settings.recent.len() == 1);
    app.harness.run_steps(4);
    let words = app.words();
    assert!(words.contains("is no longer there; it was taken off the list"), "{words}");
    assert!(!words.contains("Doe"), "{words}");
    look(&mut app, "gone");

    // the other opens
    app.harness.get_by_label_contains(&format!("Open again: {}", aliases[0])).click();
    app.wait_for("study", |state| !state.studies.open().is_empty());
    app.harness.get_by_label("File").click();
    app.harness.run_steps(4);
    app.harness.get_by_label_contains("Open recent").hover();
    app.harness.run_steps(8);
    look(&mut app, "menu");
    run(&mut app, Command::ClearRecent);
    assert!(app.state().settings.recent.is_empty());
}

/// Ends the window as its closing does, and gives its folder.
fn close(app: App) -> tempfile::TempDir {
    let App { mut harness, data_dir } = app;
    eframe::App::on_exit(harness.state_mut());
    drop(harness);
    data_dir
}

#[test]
fn a_warning_about_an_entry_names_nobody_in_privacy_mode() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = fs::read(fixture("stored.zip")).unwrap();
    // the last picture of the disc is spoiled
    let pixel = bytes.windows(4).position(|four| four == b"PK\x01\x02").unwrap() - 3;
    bytes[pixel] ^= 0xFF;
    let path = folder.path().join("Doe^John.zip");
    fs::write(&path, bytes).unwrap();
    for privacy in [true, false] {
        let mut app = fresh(privacy);
        open(&mut app, &path);
        let ids: Vec<u64> = app.state().notices.shown().iter().map(|notice| notice.id).collect();
        for id in ids {
            run(&mut app, Command::ToggleNoticeDetails(id));
        }
        app.harness.run_steps(4);
        let words = app.words();
        assert!(words.contains("4 images") && words.contains("its checksum is another"), "{words}");
        assert_eq!(words.contains("Doe"), !privacy, "{words}");
    }
}
