//! Pictures leave the window: the view, a series, key images; compared with what `render` writes.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail loudly")]

#[expect(dead_code, reason = "shared with the other tests of the window")]
#[path = "support/app_harness.rs"]
mod app_harness;
#[expect(dead_code, reason = "shared with other tests")]
#[path = "support/dicom_builder.rs"]
mod dicom_builder;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use app_harness::{App, sample};
use dicom_builder::DicomBuilder;
use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use image::{DynamicImage, RgbImage};
use reading_room::app::{
    AppEvent, Command, Effect, NoticeLevel, PictureChoice, PictureScope, Pictures, Sheet, Workers,
};
use reading_room::imaging::{ColorMap, Point, Shape};

const MARK: [u8; 3] = [0xFF, 0xD8, 0x4D];

fn use_workers() {
    reading_room::worker::use_executable(env!("CARGO_BIN_EXE_reading-room").into());
}

/// The sample CT with settings of its own.
fn window(settings: &str) -> App {
    use_workers();
    let mut app = App::with_settings(&format!("acknowledged = \"0.1.0\"\n{settings}"));
    app.open(&sample("ct-torso"));
    app
}

fn run(app: &mut App, command: Command) {
    app.harness.state_mut().state_mut().run(command);
    app.settle();
}

fn choose(app: &mut App, change: impl Fn(PictureChoice) -> PictureChoice) {
    let choice = change(app.state().pictures);
    run(app, Command::ChoosePictures(choice));
}

/// What is to be written now.
fn planned(app: &mut App) -> Arc<Pictures> {
    let effects = app.effects_of(Command::PickPlaceForPictures);
    let Some(Effect::PickPlaceForPictures(pictures)) = effects.last() else {
        panic!("{effects:?}")
    };
    assert_eq!(app.state().sheet, None);
    Arc::clone(pictures)
}

/// Has pictures written there; gives the notice.
fn export(app: &mut App, place: &Path) -> String {
    let pictures = planned(app);
    written(app, pictures, place)
}

fn written(app: &mut App, pictures: Arc<Pictures>, place: &Path) -> String {
    app.apply(AppEvent::PickedPlaceForPictures(pictures, place.to_owned()));
    assert_eq!(app.state().jobs.visible().count(), 1, "it is seen, and can be stopped");
    app.wait_for("pictures", |state| state.jobs.visible().next().is_none());
    app.state().notices.shown().last().expect("a notice").text.clone()
}

fn shot(app: &mut App, name: &str) {
    let Some(folder) = std::env::var_os("READING_ROOM_SHOTS") else { return };
    std::fs::create_dir_all(&folder).unwrap();
    let path = PathBuf::from(folder).join(format!("export-{name}.png"));
    app.harness.render().unwrap().save(path).unwrap();
}

fn keep(path: &Path, name: &str) {
    if let Some(folder) = std::env::var_os("READING_ROOM_SHOTS") {
        std::fs::copy(path, PathBuf::from(folder).join(format!("export-{name}.png"))).unwrap();
    }
}

/// What `render` writes.
fn rendered(args: &[&str]) -> DynamicImage {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.png");
    let to = out.display().to_string();
    let all = [&["render"], args, &["--out", &to]].concat();
    let output =
        std::process::Command::new(env!("CARGO_BIN_EXE_reading-room")).args(&all).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    image::open(out).unwrap()
}

/// The file of the slice shown.
fn shown_file(app: &App) -> String {
    let place = app.state().active_viewport().place.clone().unwrap();
    let study = app.state().studies.open().first().unwrap().study.clone();
    let series = study.series.iter().find(|series| series.key == place.series_key).unwrap();
    series.frame_ref(place.frame_idx).unwrap().path.display().to_string()
}

#[test]
fn the_view_alone_is_what_render_writes_and_what_a_model_gets() {
    let mut app = window("");
    app.harness.key_press_modifiers(Modifiers::COMMAND, Key::S);
    app.settle();
    assert_eq!(app.state().sheet, Some(Sheet::Pictures));
    assert!(app.words().contains("Export view"));
    app.harness.get_by_label("The picture alone").click();
    app.settle();
    assert!(!app.state().pictures.has_overlays);
    shot(&mut app, "sheet-alone");
    let folder = tempfile::tempdir().unwrap();
    // an end is added where there is none
    let notice = export(&mut app, &folder.path().join("view"));
    assert_eq!(notice, "1 picture exported");
    let view = image::open(folder.path().join("view.png")).unwrap();
    assert_eq!(view.color(), image::ColorType::L8);
    let file = shown_file(&app);
    assert_eq!(view, rendered(&[&file]));
    // as it is windowed, swapped and turned; colours are for the reader alone
    let commands =
        [Command::PresetKey('3'), Command::Invert, Command::SetColorMap(ColorMap::HotIron)];
    for command in commands {
        run(&mut app, command);
    }
    run(&mut app, Command::Rotate(1));
    run(&mut app, Command::FlipHorizontal);
    run(&mut app, Command::ExportView);
    export(&mut app, &folder.path().join("turned.png"));
    let turned = image::open(folder.path().join("turned.png")).unwrap();
    let wanted = rendered(&[&file, "--window", "lung", "--invert"]).rotate90().fliph();
    assert_eq!(turned.into_luma8(), wanted.into_luma8());
    // as JPEG it is nearly that
    run(&mut app, Command::ExportView);
    export(&mut app, &folder.path().join("turned.JPG"));
    assert!(std::fs::read(folder.path().join("turned.JPG")).unwrap().starts_with(&[0xFF, 0xD8]));
    // other ends are refused before anything is done
    run(&mut app, Command::ExportView);
    let pictures = planned(&mut app);
    let place = folder.path().join("view.gif");
    app.apply(AppEvent::PickedPlaceForPictures(pictures, place.clone()));
    assert!(app.state().notices.shown().last().unwrap().text.contains("end its name in .png"));
    app.harness.run_steps(4);
    assert!(!place.exists() && app.state().jobs.visible().next().is_none());
    // and a place that is not there
    run(&mut app, Command::ExportView);
    let notice = export(&mut app, &folder.path().join("nowhere/view.png"));
    assert!(notice.starts_with("The pictures could not be exported: "), "{notice}");
}

/// So many pixels differ in a part of two pictures.
fn differing(a: &RgbImage, b: &RgbImage, part: [u32; 4]) -> usize {
    let [left, top, right, bottom] = part;
    let all = (top..bottom).flat_map(|y| (left..right).map(move |x| (x, y)));
    all.filter(|(x, y)| a.get_pixel(*x, *y) != b.get_pixel(*x, *y)).count()
}

#[test]
fn overlays_lie_over_the_same_pixels_and_name_nobody() {
    let mut app = window("");
    run(&mut app, Command::SetColorMap(ColorMap::HotIron));
    let place = app.state().active_viewport().place.clone().unwrap();
    let ends = [Point::new(200.5, 210.5), Point::new(290.5, 260.5)];
    let shape = Shape::Rectangle(ends);
    run(&mut app, Command::AddMeasurement { place: place.clone(), shape });
    let ends = [Point::new(120.0, 330.0), Point::new(260.0, 350.0)];
    run(&mut app, Command::AddMeasurement { place, shape: Shape::Length(ends) });
    run(&mut app, Command::ExportView);
    app.harness.get_by_label("With overlays").click();
    app.settle();
    shot(&mut app, "sheet-overlays");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("overlays.png");
    assert_eq!(export(&mut app, &path), "1 picture exported");
    keep(&path, "view-overlays");
    let file = shown_file(&app);
    let with = image::open(&path).unwrap().into_rgb8();
    let bare = rendered(&[&file, "--overlays", "--colors", "hot-iron"]).into_rgb8();
    assert_eq!((with.width(), with.height()), (512, 512));
    assert!(with.pixels().filter(|pixel| pixel.0 == MARK).count() > 200, "shapes and their words");
    assert!(bare.pixels().all(|pixel| pixel.0 != MARK));
    // colour bar, letters and all pixels between the marks are those of `render`
    for part in [[300, 60, 512, 200], [450, 290, 512, 430], [0, 60, 190, 320], [205, 215, 285, 255]]
    {
        assert_eq!(differing(&with, &bare, part), 0, "{part:?}");
    }
    assert!(differing(&with, &bare, [0, 0, 250, 60]) > 50, "words in the corners");
    assert!(differing(&with, &bare, [110, 320, 270, 360]) > 300, "the length");
    // privacy mode is on: nobody can be named, whatever is chosen
    run(&mut app, Command::ExportView);
    choose(&mut app, |choice| PictureChoice { names_patient: true, ..choice });
    let pictures = planned(&mut app);
    assert!(!pictures.choice.names_patient);
    let words = format!("{:?}", pictures.items[0].corners);
    assert!(words.contains("Case") && !words.contains("Torso"), "{words}");
    let bytes = std::fs::read(&path).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("Research use only") && text.contains("W 300 L 40"), "{text:.300}");
    // twice as large, every pixel four times
    run(&mut app, Command::ExportView);
    choose(&mut app, |choice| PictureChoice { times: 2, ..choice });
    let path = folder.path().join("double.png");
    export(&mut app, &path);
    keep(&path, "view-double");
    let double = image::open(&path).unwrap().into_rgb8();
    assert_eq!((double.width(), double.height()), (1024, 1024));
    assert_eq!(double.get_pixel(660, 480), with.get_pixel(330, 240));
}

#[test]
fn a_patient_is_named_only_when_the_reader_says_so() {
    let mut app = window("privacy = false\n");
    let corners = |app: &mut App, names_patient: bool| {
        run(app, Command::ExportView);
        choose(app, |choice| PictureChoice { names_patient, ..choice });
        format!("{:?}", planned(app).items[0].corners)
    };
    run(&mut app, Command::ExportView);
    assert!(!app.state().pictures.names_patient, "not unless it is chosen");
    shot(&mut app, "sheet-open");
    let without = corners(&mut app, false);
    assert!(!without.contains("Torso") && without.contains("Case"), "{without}");
    let with = corners(&mut app, true);
    assert!(with.contains("Torso"), "{with}");
    // the next time it is to be chosen again
    run(&mut app, Command::ExportView);
    assert!(!app.state().pictures.names_patient);
    // and not without overlays
    choose(&mut app, |choice| PictureChoice { names_patient: true, has_overlays: false, ..choice });
    assert!(!planned(&mut app).choice.names_patient);
}

#[test]
fn a_series_is_written_slice_by_slice_into_a_new_folder() {
    let mut app = window("");
    run(&mut app, Command::PresetKey('3'));
    run(&mut app, Command::ExportSeries);
    choose(&mut app, |choice| PictureChoice { has_overlays: false, ..choice });
    assert!(app.words().contains("20 images, as numbered PNGs in a new folder"));
    let chosen = tempfile::tempdir().unwrap();
    for number in 1..=2 {
        if number > 1 {
            run(&mut app, Command::ExportSeries);
        }
        assert_eq!(export(&mut app, chosen.path()), "20 pictures exported");
        let folder = chosen.path().join(format!("pictures-{number}"));
        assert_eq!(folder.read_dir().unwrap().count(), 20);
        let notice = app.state().notices.shown().last().unwrap();
        assert_eq!(notice.actions, [("Show folder", Command::ShowFolder(folder))]);
    }
    let folder = chosen.path().join("pictures-1");
    for frame_idx in [0, 7, 19] {
        run(&mut app, Command::ShowFrame(frame_idx));
        let wanted = rendered(&[&shown_file(&app), "--window", "lung"]);
        let name = format!("{:04}.png", frame_idx + 1);
        assert_eq!(image::open(folder.join(&name)).unwrap(), wanted, "{name}");
    }
}

#[test]
fn an_export_is_stopped_where_it_is() {
    let mut app = window("");
    run(&mut app, Command::ExportSeries);
    choose(&mut app, |choice| PictureChoice { has_overlays: true, times: 4, ..choice });
    let pictures = planned(&mut app);
    // long enough to be stopped
    let items = pictures.items.iter().cycle().take(400).cloned();
    let items = items.enumerate().map(|(n, mut item)| {
        item.stem = format!("{n:04}");
        item
    });
    let many = Pictures { choice: pictures.choice, suv: pictures.suv, items: items.collect() };
    let chosen = tempfile::tempdir().unwrap();
    app.apply(AppEvent::PickedPlaceForPictures(Arc::new(many), chosen.path().to_owned()));
    app.wait_for("progress", |state| {
        state.jobs.visible().any(|job| job.progress.is_some_and(|(done, _)| done > 1))
    });
    let job = app.state().jobs.visible().next().unwrap().clone();
    assert!(job.label().starts_with("Exporting ") && job.label().ends_with(" of 400 pictures"));
    app.harness.state_mut().state_mut().run(Command::CancelJob(job.id));
    app.wait_for("end", |state| {
        state.notices.shown().iter().any(|notice| notice.text.contains("The export was stopped"))
    });
    let count = chosen.path().join("pictures-1").read_dir().unwrap().count();
    assert!((1..400).contains(&count), "{count}");
    assert!(app.state().jobs.visible().next().is_none());
}

#[test]
fn key_images_leave_as_pictures() {
    let mut app = window("");
    assert!(!Command::ExportKeyPictures.is_enabled(app.state()));
    for frame_idx in [12, 4] {
        run(&mut app, Command::ShowFrame(frame_idx));
        run(&mut app, Command::ToggleKeyImage);
    }
    assert!(Command::ExportKeyPictures.is_enabled(app.state()));
    run(&mut app, Command::ExportKeyPictures);
    choose(&mut app, |choice| PictureChoice { has_overlays: false, ..choice });
    assert!(app.words().contains("2 key images, as numbered PNGs in a new folder"));
    let chosen = tempfile::tempdir().unwrap();
    assert_eq!(export(&mut app, chosen.path()), "2 pictures exported");
    let folder = chosen.path().join("key-images-1");
    for (name, frame_idx) in [("key-image-0001.png", 4), ("key-image-0002.png", 12)] {
        run(&mut app, Command::ShowFrame(frame_idx));
        let wanted = rendered(&[&shown_file(&app)]);
        assert_eq!(image::open(folder.join(name)).unwrap(), wanted, "{name}");
    }
}

/// An ultrasound picture that says that text is burned into it, and a file that breaks off.
#[test]
fn the_notice_says_what_to_look_at_and_what_was_left_out() {
    use_workers();
    let folder = tempfile::tempdir().unwrap();
    let pixels: Vec<u8> = (0..96_u16 * 80).map(|n| (n % 251) as u8).collect();
    for (number, said) in [(1, "YES"), (2, "YES"), (3, "YES")] {
        DicomBuilder::new(96, 80, 8)
            .text((0x0008, 0x0060), "CS", "US")
            .text((0x0008, 0x0018), "UI", &format!("1.2.3.{number}"))
            .text((0x0010, 0x0010), "PN", "Muster^Erika")
            .text((0x0020, 0x0013), "IS", &number.to_string())
            .text((0x0028, 0x0301), "CS", said)
            .pixels(&pixels)
            .write(folder.path(), &format!("{number}.dcm"));
    }
    let mut app = App::new();
    app.open(folder.path());
    run(&mut app, Command::ExportView);
    let warning = "Text is burned into the pixels, as the file says";
    assert!(app.words().contains(warning), "{}", app.words());
    shot(&mut app, "sheet-burned-in");
    let out = tempfile::tempdir().unwrap();
    let small = out.path().join("small.png");
    assert_eq!(export(&mut app, &small), "1 picture exported: look before giving away");
    keep(&small, "view-small");
    let notice = app.state().notices.shown().last().unwrap();
    assert!(notice.level == NoticeLevel::Warn && notice.details[0].contains(warning));
    shot(&mut app, "notice");
    run(&mut app, Command::ExportSeries);
    let pictures = planned(&mut app);
    std::fs::remove_file(folder.path().join("2.dcm")).unwrap();
    assert_eq!(written(&mut app, pictures, out.path()), "2 pictures exported, 1 left out");
    let notice = app.state().notices.shown().last().unwrap();
    let details = notice.details.join("\n");
    assert!(details.contains("Image 2: "), "{details}");
    assert!(!details.contains("2.dcm") && !details.contains("Muster"), "{details}");
}

#[test]
fn the_menu_has_them_and_without_a_study_there_is_nothing_to_export() {
    let mut app = App::new();
    for command in [Command::ExportView, Command::ExportSeries, Command::ExportKeyPictures] {
        assert!(!command.is_enabled(app.state()), "{command:?}");
        run(&mut app, command);
        assert_eq!(app.state().sheet, None);
    }
    app.open(&sample("ct-torso"));
    app.harness.get_by_label("File").click();
    app.settle();
    app.harness.get_by_label("Export series…").click();
    app.settle();
    assert_eq!(app.state().pictures.scope, PictureScope::Series);
    app.harness.key_press(Key::Escape);
    app.settle();
    assert_eq!(app.state().sheet, None);
    // planes are cut one by one
    let data_dir = tempfile::tempdir().unwrap();
    use_workers();
    let study = vec![sample("ct-torso")];
    let mut app = App::start(data_dir, |ctx| Some(Workers::start(ctx)), |o| o.paths = study);
    app.wait_for("study", |state| Command::ExportSeries.is_enabled(state));
    app.harness.state_mut().state_mut().run(Command::TogglePlanes);
    app.wait_for("planes", |state| !Command::ExportSeries.is_enabled(state));
    app.wait_for("a plane", |state| Command::ExportView.is_enabled(state));
}
