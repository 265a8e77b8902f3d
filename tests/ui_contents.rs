//! Tags and documents in the window, with the real decode worker.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests fail loudly")]

#[expect(dead_code, reason = "shared with the other tests of the window")]
#[path = "support/app_harness.rs"]
mod app_harness;
#[expect(dead_code, reason = "shared with other tests")]
#[path = "support/dicom_builder.rs"]
mod dicom_builder;

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use app_harness::{App, sample};
use dicom_builder::{DicomBuilder, element, item};
use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use reading_room::app::{AppEvent, AppState, Command, Effect, Found, Sheet, WindowMode, Workers};
use reading_room::imaging::{Study, Turned, open_paths};

/// A window on a study with workers.
fn window(study: &Path, settings: &str) -> App {
    reading_room::worker::use_executable(env!("CARGO_BIN_EXE_reading-room").into());
    let data_dir = tempfile::tempdir().unwrap();
    let settings = format!("acknowledged = \"0.1.0\"\n{settings}");
    fs::write(data_dir.path().join("settings.toml"), settings).unwrap();
    let paths = vec![study.to_owned()];
    let mut app =
        App::start(data_dir, |ctx| Some(Workers::start(ctx)), move |options| options.paths = paths);
    wait(&mut app, "study", |state| state.active_viewport().place.is_some());
    app
}

fn wait(app: &mut App, what: &str, is_there: impl Fn(&AppState) -> bool) {
    let began = Instant::now();
    while !is_there(app.state()) {
        app.harness.run_steps(2);
        assert!(began.elapsed() < Duration::from_secs(60), "no {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
    app.harness.run_steps(4);
}

fn run(app: &mut App, command: Command) {
    app.harness.state_mut().state_mut().run(command);
    app.harness.run_steps(4);
}

fn shoot(app: &mut App, name: &str) {
    let Ok(folder) = std::env::var("READING_ROOM_SHOTS") else { return };
    fs::create_dir_all(&folder).unwrap();
    app.harness.run_steps(4);
    app.harness.render().unwrap().save(Path::new(&folder).join(format!("{name}.png"))).unwrap();
}

fn sample_study() -> Study {
    let opened = open_paths(&[sample("ct-torso")], &mut |_| ControlFlow::Continue(())).unwrap();
    opened.studies.into_iter().next().unwrap()
}

fn tags(settings: &str) -> App {
    let mut app = window(&sample("ct-torso"), settings);
    app.harness.key_press_modifiers(Modifiers::COMMAND, Key::I);
    app.harness.run_steps(4);
    assert_eq!(app.state().sheet, Some(Sheet::Tags));
    wait(&mut app, "elements", |state| state.inside.tags.elements().is_some());
    app
}

#[test]
fn tags_are_listed_searched_and_copied() {
    let mut app = tags("privacy = false\n");
    let all = app.state().inside.tags.shown().len();
    assert!(all > 30, "{all}");
    assert!(app.read().contains("SOP Class UID"), "{}", app.read());
    shoot(&mut app, "contents-1-tags");
    app.harness.get_by_label("Search tags").focus();
    app.harness.run_steps(2);
    app.harness.get_by_label("Search tags").type_text("spacing");
    app.harness.run_steps(6);
    let shown = app.state().inside.tags.shown().len();
    assert!((1..5).contains(&shown), "{shown}");
    app.harness.run_steps(8);
    app.harness.get_by_label_contains("DS Pixel Spacing").click();
    app.harness.run_steps(4);
    assert!(app.words().contains("One element is on the clipboard"), "{}", app.words());
    let state = app.harness.state_mut().state_mut();
    state.run(Command::CopyTags);
    let effects = state.take_effects();
    let copies =
        |effect: &Effect| matches!(effect, Effect::CopyText(text) if text.lines().count() == shown);
    assert!(effects.iter().any(copies), "{effects:?}");
    app.harness.run_steps(4);
    assert!(app.words().contains("on the clipboard"), "{}", app.words());
    shoot(&mut app, "contents-2-search");
    run(&mut app, Command::CloseSheet);
    assert_eq!(app.state().sheet, None);
}

#[test]
fn privacy_mode_hides_values_and_says_so() {
    let mut app = tags("privacy = true\n");
    let uid = sample_study().series[0].instances[0].sop_instance_uid.clone();
    let series_uid = sample_study().series[0].key.clone();
    let words = format!("{}{}", app.words(), app.read());
    assert!(words.contains("Privacy mode: values that may identify"), "{words}");
    assert!(words.contains("(hidden)"));
    assert!(!words.contains(&uid) && !words.contains(&series_uid));
    shoot(&mut app, "contents-3-privacy");
    run(&mut app, Command::SearchTags(series_uid.clone()));
    assert!(app.state().inside.tags.shown().is_empty(), "a hidden value is not found");
    run(&mut app, Command::TogglePrivacy);
    app.harness.run_steps(4);
    assert!(!app.state().inside.tags.shown().is_empty());
}

/// The sample CT and a selection of two of its slices, and of one that is not there.
fn with_selection(folder: &Path) -> (PathBuf, String) {
    for entry in fs::read_dir(sample("ct-torso")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
    }
    let study = sample_study();
    let instances = &study.series[0].instances;
    let uids = [&instances[3].sop_instance_uid, &instances[12].sop_instance_uid, "1.2.3.404"];
    let images: Vec<u8> = uids
        .iter()
        .flat_map(|uid| {
            let referenced = item(&element((0x0008, 0x1155), "UI", uid.as_bytes()));
            item(
                &[
                    element((0x0008, 0x1199), "SQ", &referenced),
                    element((0x0040, 0xA010), "CS", b"CONTAINS"),
                    element((0x0040, 0xA040), "CS", b"IMAGE"),
                ]
                .concat(),
            )
        })
        .collect();
    let note = item(
        &[
            element((0x0040, 0xA010), "CS", b"CONTAINS"),
            element((0x0040, 0xA040), "CS", b"TEXT"),
            element((0x0040, 0xA043), "SQ", &item(&element((0x0008, 0x0104), "LO", b"Note"))),
            element((0x0040, 0xA160), "UT", b"seen by Dr. House"),
        ]
        .concat(),
    );
    let concept = item(&element((0x0008, 0x0104), "LO", b"For Teaching"));
    let path = folder.join("selection.dcm");
    let bytes = DicomBuilder::new(1, 1, 16)
        .text((0x0008, 0x0016), "UI", "1.2.840.10008.5.1.4.1.1.88.59")
        .text((0x0008, 0x0018), "UI", "1.2.3.7")
        .text((0x0008, 0x0060), "CS", "KO")
        .text((0x0008, 0x103E), "LO", "Teaching file")
        .text((0x0020, 0x000D), "UI", &study.key)
        .text((0x0020, 0x000E), "UI", "1.2.3.8")
        .text((0x0040, 0xA040), "CS", "CONTAINER")
        .bytes((0x0040, 0xA043), "SQ", &concept)
        .bytes((0x0040, 0xA730), "SQ", &[note, images].concat())
        .build();
    fs::write(&path, bytes).unwrap();
    (path, study.key)
}

fn show_document(app: &mut App, study_key: &str, series_key: &str, path: &Path) {
    let (study_key, series_key) = (study_key.to_owned(), series_key.to_owned());
    run(app, Command::ShowSeries { study_key, series_key });
    let path = path.to_owned();
    wait(app, "document", move |state| {
        matches!(state.inside.document(&path), Some(Found::Ready(_) | Found::Failed(_)))
    });
}

#[test]
fn a_key_object_selection_leads_to_its_slices() {
    let folder = tempfile::tempdir().unwrap();
    let (path, study_key) = with_selection(folder.path());
    let mut app = window(folder.path(), "privacy = true\n");
    assert!(app.read().contains("Key object selection"), "{}", app.read());
    run(&mut app, Command::SetViewports(2));
    show_document(&mut app, &study_key, "1.2.3.8", &path);
    let read = format!("{}{}", app.read(), app.words());
    for words in ["For Teaching", "slice 4 of 20", "slice 13 of 20", "not open", "(hidden)"] {
        assert!(read.contains(words), "{words} in {read}");
    }
    assert!(!read.contains("House"));
    assert!(app.harness.query_by_label_contains("KO, document").is_some());
    app.harness.get_by_label_contains("slice 13 of 20").click();
    app.harness.run_steps(6);
    // beside the selection, which stays
    let places: Vec<(String, usize)> = app
        .state()
        .viewports
        .iter()
        .map(|viewport| viewport.place.as_ref().unwrap())
        .map(|place| (place.series_key.clone(), place.frame_idx))
        .collect();
    assert!(places.contains(&("1.2.3.8".to_owned(), 0)), "{places:?}");
    assert!(places.iter().any(|(key, frame_idx)| key != "1.2.3.8" && *frame_idx == 12));
    wait(&mut app, "slice", |state| state.frames.pending_jobs().is_empty());
    shoot(&mut app, "contents-4-selection");
}

#[test]
fn a_pdf_is_named_and_written_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("letter.dcm");
    let bytes = DicomBuilder::new(1, 1, 16)
        .text((0x0008, 0x0016), "UI", "1.2.840.10008.5.1.4.1.1.104.1")
        .text((0x0008, 0x0060), "CS", "DOC")
        .text((0x0042, 0x0010), "ST", "A letter about Jane")
        .bytes((0x0042, 0x0011), "OB", b"%PDF-1.4 small\n")
        .text((0x0042, 0x0012), "LO", "application/pdf")
        .build();
    fs::write(&path, bytes).unwrap();
    let mut app = window(&path, "privacy = false\n");
    let there = path.clone();
    wait(&mut app, "document", move |state| {
        matches!(state.inside.document(&there), Some(Found::Ready(_)))
    });
    let read = app.read();
    for words in ["PDF document", "A letter about Jane", "application/pdf, 15 bytes"] {
        assert!(read.contains(words), "{words} in {read}");
    }
    assert!(Command::ExportDocument(0).is_enabled(app.state()));
    shoot(&mut app, "contents-5-pdf");
    let to = folder.path().join("out.pdf");
    app.apply(AppEvent::PickedPlaceForDocument(path, to.clone()));
    let is_whole = |_: &AppState| fs::read(&to).is_ok_and(|bytes| bytes == b"%PDF-1.4 small\n");
    wait(&mut app, "file", is_whole);
    assert_eq!(app.state().inside.pending(), 0);
    run(&mut app, Command::TogglePrivacy);
    assert!(!app.read().contains("Jane"));
    assert!(!app.harness.state().state().desktop_title().contains("Jane"));
}

#[test]
fn a_report_is_read_as_a_document() {
    let studies = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/studies");
    let path = studies.join("seg-sr-rt-other/sr_document.dcm");
    if !path.is_file() {
        return;
    }
    let mut app = window(&path, "privacy = false\n");
    let there = path.clone();
    wait(&mut app, "document", move |state| {
        matches!(state.inside.document(&there), Some(Found::Ready(_)))
    });
    let read = app.read();
    for words in ["Imaging Measurement Report", "Spinal cord", "1.7 cm2", "Measurement Group"] {
        assert!(read.contains(words), "{words} in {read}");
    }
    assert!(!app.words().contains("cannot be shown"));
    shoot(&mut app, "contents-6-report");
}

/// The sample CT and a segment that begins at column 100 and row 120 of its eighth slice.
fn with_segment(folder: &Path) -> PathBuf {
    for entry in fs::read_dir(sample("ct-torso")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
    }
    let study = sample_study();
    let series = &study.series[0];
    let geometry = series.instances[7].geometry[0].clone();
    let join = |values: &[f64]| values.iter().map(f64::to_string).collect::<Vec<_>>().join("\\");
    let decimal = |tag, values: &[f64]| item(&element(tag, "DS", join(values).as_bytes()));
    let place = geometry.point_mm([100.0, 120.0]).unwrap();
    let common = [
        element(
            (0x0020, 0x9116),
            "SQ",
            &decimal((0x0020, 0x0037), &geometry.image_orientation.unwrap()),
        ),
        element(
            (0x0028, 0x9110),
            "SQ",
            &decimal((0x0028, 0x0030), &geometry.pixel_spacing_mm.unwrap()),
        ),
    ]
    .concat();
    let own = [
        element((0x0020, 0x9113), "SQ", &decimal((0x0020, 0x0032), &place)),
        element((0x0062, 0x000A), "SQ", &item(&element((0x0062, 0x000B), "US", &[1, 0]))),
    ]
    .concat();
    let segment =
        [element((0x0062, 0x0004), "US", &[1, 0]), element((0x0062, 0x0005), "LO", b"Lesion")]
            .concat();
    let inside = |x: i32, y: i32| (x - 32).pow(2) + (y - 32).pow(2) < 900;
    let pixels: Vec<u8> =
        (0..64 * 64).map(|idx| if inside(idx % 64, idx / 64) { 255 } else { 0 }).collect();
    let path = folder.join("segmentation.dcm");
    let bytes = DicomBuilder::new(64, 64, 8)
        .text((0x0008, 0x0016), "UI", "1.2.840.10008.5.1.4.1.1.66.4")
        .text((0x0008, 0x0018), "UI", "1.2.3.9")
        .text((0x0008, 0x0060), "CS", "SEG")
        .text((0x0008, 0x103E), "LO", "Lesions")
        .text((0x0020, 0x000D), "UI", &study.key)
        .text((0x0020, 0x000E), "UI", "1.2.3.10")
        .text((0x0020, 0x0052), "UI", series.frame_of_reference_uid.as_deref().unwrap())
        .text((0x0062, 0x0001), "CS", "FRACTIONAL")
        .bytes((0x0062, 0x0002), "SQ", &item(&segment))
        .bytes((0x0062, 0x000E), "US", &[255, 0])
        .bytes((0x5200, 0x9229), "SQ", &item(&common))
        .bytes((0x5200, 0x9230), "SQ", &item(&own))
        .pixels(&pixels)
        .build();
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn segments_are_drawn_on_their_slice_and_switched_off() {
    let folder = tempfile::tempdir().unwrap();
    let path = with_segment(folder.path());
    let mut app = window(folder.path(), "privacy = true\n");
    let study = sample_study();
    let (study_key, series_key) = (study.key.clone(), study.series[0].key.clone());
    run(&mut app, Command::ShowSeries { study_key, series_key });
    run(&mut app, Command::ShowFrame(7));
    wait(&mut app, "slice", |state| state.frames.pending_jobs().is_empty());
    let drawn = |app: &App| app.painted().lines().any(|line| line == "Lesion");
    assert!(!drawn(&app), "nothing is drawn before it is asked for");
    app.harness.key_press(Key::G);
    app.harness.run_steps(4);
    let there = path.clone();
    wait(&mut app, "segments", move |state| {
        matches!(state.inside.segments.found(&there), Some(Found::Ready(_)))
    });
    assert!(drawn(&app), "{}", app.painted());
    shoot(&mut app, "contents-7-segments");
    run(&mut app, Command::ShowFrame(8));
    wait(&mut app, "slice", |state| state.frames.pending_jobs().is_empty());
    assert!(!drawn(&app), "it lies on another slice");
    run(&mut app, Command::ShowFrame(7));
    run(&mut app, Command::ToggleSegment(path.clone(), 1));
    assert!(!drawn(&app), "switched off");
    run(&mut app, Command::ToggleSegment(path, 1));
    assert!(drawn(&app));
    run(&mut app, Command::ToggleSegments);
    assert!(!drawn(&app));
}

/// The sample CT and a presentation state of its fifth slice.
fn with_presentation(folder: &Path) -> PathBuf {
    for entry in fs::read_dir(sample("ct-torso")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
    }
    let study = sample_study();
    let uid = &study.series[0].instances[4].sop_instance_uid;
    let image = item(&element((0x0008, 0x1155), "UI", uid.as_bytes()));
    let image = element((0x0008, 0x1140), "SQ", &image);
    let floats = |tag, values: &[f32]| {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        element(tag, "FL", &bytes)
    };
    let circle = [
        element((0x0070, 0x0005), "CS", b"PIXEL"),
        floats((0x0070, 0x0022), &[128.0, 128.0, 168.0, 128.0]),
        element((0x0070, 0x0023), "CS", b"CIRCLE"),
    ]
    .concat();
    let words = [
        element((0x0070, 0x0004), "CS", b"PIXEL"),
        element((0x0070, 0x0006), "ST", b"Look here"),
        floats((0x0070, 0x0014), &[128.0, 80.0]),
    ]
    .concat();
    let annotation = [
        element((0x0070, 0x0008), "SQ", &item(&words)),
        element((0x0070, 0x0009), "SQ", &item(&circle)),
    ]
    .concat();
    let window =
        [element((0x0028, 0x1050), "DS", b"-600"), element((0x0028, 0x1051), "DS", b"1500")]
            .concat();
    let path = folder.join("state.dcm");
    let bytes = DicomBuilder::new(1, 1, 16)
        .text((0x0008, 0x0016), "UI", "1.2.840.10008.5.1.4.1.1.11.1")
        .text((0x0008, 0x0018), "UI", "1.2.3.11")
        .text((0x0008, 0x0060), "CS", "PR")
        .text((0x0008, 0x103E), "LO", "Lung, inverted")
        .bytes((0x0008, 0x1115), "SQ", &item(&image))
        .text((0x0020, 0x000D), "UI", &study.key)
        .text((0x0020, 0x000E), "UI", "1.2.3.12")
        .bytes((0x0028, 0x3110), "SQ", &item(&window))
        .bytes((0x0070, 0x0001), "SQ", &item(&annotation))
        .text((0x0070, 0x0041), "CS", "Y")
        .text((0x0070, 0x0080), "CS", "LUNG")
        .text((0x2050, 0x0020), "CS", "INVERSE")
        .build();
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn a_presentation_state_is_applied_and_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = with_presentation(folder.path());
    let mut app = window(folder.path(), "privacy = false\n");
    let study_key = sample_study().key;
    show_document(&mut app, &study_key, "1.2.3.12", &path);
    assert!(app.read().contains("Presentation LUT shape"), "{}", app.read());
    shoot(&mut app, "contents-8-presentation");
    app.harness.get_by_label("Apply to its images").click();
    app.harness.run_steps(6);
    wait(&mut app, "slice", |state| state.frames.pending_jobs().is_empty());
    let viewport = app.state().active_viewport().clone();
    assert_eq!(viewport.place.as_ref().unwrap().frame_idx, 4);
    let WindowMode::Custom(window) = viewport.view.window else { panic!("{:?}", viewport.view) };
    assert_eq!((window.center, window.width), (-600.0, 1500.0));
    assert!(viewport.view.inverted);
    assert_eq!(viewport.view.transform.turned, Turned::default().flipped_horizontally());
    let drawn = |app: &App| app.painted().lines().any(|line| line == "Look here");
    assert!(drawn(&app));
    shoot(&mut app, "contents-9-applied");
    run(&mut app, Command::TogglePrivacy);
    assert!(!drawn(&app), "free text in privacy mode");
    run(&mut app, Command::TogglePrivacy);
    run(&mut app, Command::Undo);
    assert!(!app.state().active_viewport().view.inverted);
    run(&mut app, Command::DropPresentation);
    assert!(!drawn(&app));
    // and from the menu, where nothing was read before
    run(&mut app, Command::UsePresentation(path));
    assert!(drawn(&app) && app.state().active_viewport().view.inverted);
}
