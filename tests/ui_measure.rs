//! Measuring and marking in the window, driven by role and label.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests fail loudly")]

#[expect(dead_code, reason = "shared with the other tests of the window")]
#[path = "support/app_harness.rs"]
mod app_harness;
#[expect(dead_code, reason = "shared with other tests")]
#[path = "support/dicom_builder.rs"]
mod dicom_builder;

use app_harness::{App, sample};
use dicom_builder::DicomBuilder;
use egui::{Key, Modifiers, Pos2, Role, vec2};
use egui_kittest::kittest::Queryable as _;
use reading_room::app::{
    AppEvent, Command, Effect, LeftTab, Measurement, ThemeChoice, Tool, WindowMode,
};
use reading_room::imaging::{Point, Quantity, ShapeKind, SuvKind};

/// Side of the pictures made here, in pixels of half a millimetre.
const SIDE: u16 = 128;
/// The block of 40 HU reaches from here to there in both directions.
const BLOCK: std::ops::Range<u16> = 40..88;

/// Three slices of air around a block of 40 HU, of a patient with a name.
fn block_ct() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let is_block = |idx: u16| BLOCK.contains(&(idx % SIDE)) && BLOCK.contains(&(idx / SIDE));
    let stored = (0..SIDE * SIDE).map(|idx| if is_block(idx) { 1064_u16 } else { 24 });
    let pixels: Vec<u8> = stored.flat_map(u16::to_le_bytes).collect();
    for number in 1..=3 {
        DicomBuilder::new(SIDE, SIDE, 16)
            .slice(number, [0.0, 0.0, 2.0 * f64::from(number)], [1.0, 0.0, 0.0, 0.0, 1.0, 0.0])
            .text((0x0008, 0x0018), "UI", &format!("1.2.3.{number}"))
            .text((0x0010, 0x0010), "PN", "Muster^Erika")
            .text((0x0010, 0x0020), "LO", "PID-4711")
            .text((0x0028, 0x1052), "DS", "-1024")
            .text((0x0028, 0x1053), "DS", "1")
            .pixels(&pixels)
            .write(folder.path(), &format!("{number}.dcm"));
    }
    folder
}

/// A window on that study, at its middle slice.
fn window() -> (App, tempfile::TempDir) {
    let folder = block_ct();
    let mut app = App::new();
    app.open(folder.path());
    (app, folder)
}

fn press(app: &mut App, key: Key) {
    app.harness.key_press(key);
    app.settle();
}

fn press_with(app: &mut App, modifiers: Modifiers, key: Key) {
    app.harness.key_press_modifiers(modifiers, key);
    app.settle();
}

fn run(app: &mut App, command: Command) {
    app.harness.state_mut().state_mut().run(command);
    app.settle();
}

/// Where a place of the picture is on the screen, as long as it is not turned.
fn at(app: &App, x: f32, y: f32) -> Pos2 {
    let rect = app.harness.get_by_role(Role::Image).rect();
    let transform = app.state().active_viewport().view.transform;
    let side = f32::from(SIDE);
    let scale = transform.zoom.unwrap_or(rect.size().min_elem() / side);
    rect.center() + transform.pan + vec2(x - side / 2.0, y - side / 2.0) * scale
}

fn drag_screen(app: &mut App, path: &[Pos2]) {
    app.harness.hover_at(path[0]);
    app.harness.run_steps(1);
    app.harness.drag_at(path[0]);
    app.harness.run_steps(1);
    for pair in path.windows(2) {
        for step in 1..=4 {
            app.harness.hover_at(pair[0] + (pair[1] - pair[0]) * (step as f32 / 4.0));
            app.harness.run_steps(1);
        }
    }
    app.harness.drop_at(path[path.len() - 1]);
    app.settle();
}

fn drag(app: &mut App, places: &[(f32, f32)]) {
    let path: Vec<Pos2> = places.iter().map(|&(x, y)| at(app, x, y)).collect();
    drag_screen(app, &path);
}

fn click(app: &mut App, (x, y): (f32, f32)) {
    let pos = at(app, x, y);
    app.harness.hover_at(pos);
    app.harness.run_steps(2);
    app.harness.drag_at(pos);
    app.harness.run_steps(1);
    app.harness.drop_at(pos);
    app.settle();
    // the next click is one of its own, not the second of two
    app.harness.run_steps(40);
}

fn only(app: &App) -> Measurement {
    let all = app.state().measurements.all();
    assert_eq!(all.len(), 1, "{all:?}");
    all[0].clone()
}

fn is_near(a: &[Point], b: &[(f64, f64)]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.pixels_to(Point::new(b.0, b.1)) < 0.05)
}

/// 80 pixels of half a millimetre.
fn draw_length(app: &mut App) {
    press(app, Key::D);
    drag(app, &[(20.5, 30.5), (100.5, 30.5)]);
}

#[test]
fn a_length_is_the_same_at_every_zoom_and_turn() {
    let (mut app, _folder) = window();
    draw_length(&mut app);
    app.harness.get_by_label("Length: 40.0 mm");
    assert!(app.painted().contains("40.0 mm"));
    run(&mut app, Command::MoveView { zoom: Some(3.0), pan: egui::Vec2::ZERO });
    assert!(app.painted().contains("Zoom 300 %"));
    app.harness.get_by_label("Length: 40.0 mm");
    for key in [Key::H, Key::CloseBracket, Key::I, Key::Num3] {
        press(&mut app, key);
        app.harness.get_by_label("Length: 40.0 mm");
    }
    assert!(is_near(only(&app).shape.points(), &[(20.5, 30.5), (100.5, 30.5)]));
    // drawn at 300 % it is as long
    press(&mut app, Key::R);
    press(&mut app, Key::Delete);
    run(&mut app, Command::MoveView { zoom: Some(3.0), pan: egui::Vec2::ZERO });
    draw_length(&mut app);
    app.harness.get_by_label("Length: 40.0 mm");
}

#[test]
fn two_clicks_draw_a_length_as_well_as_a_drag() {
    let (mut app, _folder) = window();
    app.harness.get_by_label("Length").click();
    app.settle();
    assert_eq!(app.state().tool, Tool::Measure(ShapeKind::Length));
    click(&mut app, (20.5, 30.5));
    let end = at(&app, 100.5, 30.5);
    app.harness.hover_at(end);
    app.settle();
    assert!(app.painted().contains("40.0 mm"), "its length shows before the second click");
    assert!(app.state().measurements.all().is_empty());
    click(&mut app, (100.5, 30.5));
    app.harness.get_by_label("Length: 40.0 mm");
}

#[test]
fn an_ellipse_over_an_even_block_has_its_value_and_no_deviation() {
    let (mut app, _folder) = window();
    app.harness.get_by_label("Ellipse").click();
    app.settle();
    drag(&mut app, &[(50.0, 50.0), (78.0, 78.0)]);
    app.harness.get_by_label("Ellipse: mean 40.0 ± 0.0 HU · area 154 mm²");
    let Quantity::Region(region) = only(&app).figures.unwrap().quantity else { panic!() };
    let square = |v: i32| f64::from(v) + 0.5 - 64.0;
    let inside = |idx: i32| square(idx % 128).powi(2) + square(idx / 128).powi(2) <= 14.0 * 14.0;
    let n = (0..128 * 128).filter(|idx| inside(*idx)).count() as u64;
    assert_eq!(region.num_pixels, n);
    run(&mut app, Command::ShowTab(LeftTab::Measurements));
    let painted = app.painted();
    for line in ["min 40 · max 40", &format!("median 40 · n {n}"), "area 154 mm²"] {
        assert!(painted.lines().any(|painted| painted == line), "{line} in {painted}");
    }
}

#[test]
fn every_tool_draws_with_its_key() {
    let (mut app, _folder) = window();
    press(&mut app, Key::A);
    for place in [(30.0, 100.0), (30.0, 20.0), (90.0, 20.0)] {
        click(&mut app, place);
    }
    app.harness.get_by_label("Angle: 90.0°");
    press(&mut app, Key::Q);
    drag(&mut app, &[(72.0, 72.0), (62.0, 50.0)]);
    app.harness.get_by_label("Rectangle: mean 40.0 ± 0.0 HU · area 55.0 mm²");
    press(&mut app, Key::P);
    click(&mut app, (45.5, 80.5));
    app.harness.get_by_label("Probe: x 45 y 80 · 40 HU");
    press(&mut app, Key::L);
    drag(&mut app, &[(50.0, 50.0), (60.0, 50.0), (60.0, 70.0), (50.0, 70.0)]);
    app.harness.get_by_label("Freehand: mean 40.0 ± 0.0 HU · area 50.0 mm²");
    // corner by corner, closed at the first one
    for place in [(10.0, 110.0), (30.0, 110.0), (30.0, 120.0), (10.0, 120.0), (10.0, 110.0)] {
        click(&mut app, place);
    }
    app.harness.get_by_label("Freehand: mean −1000.0 ± 0.0 HU · area 50.0 mm²");
    let kinds: Vec<ShapeKind> =
        app.state().measurements.all().iter().map(|item| item.shape.kind()).collect();
    use ShapeKind::{Angle, Freehand, Probe, Rectangle};
    assert_eq!(kinds, [Angle, Rectangle, Probe, Freehand, Freehand]);
}

#[test]
fn a_picture_without_a_scale_is_measured_in_pixels() {
    let mut app = App::new();
    app.open(&sample("chest-x-ray.png"));
    let middle = app.harness.get_by_role(Role::Image).rect().center();
    press(&mut app, Key::D);
    drag_screen(&mut app, &[middle - vec2(60.0, 0.0), middle]);
    press(&mut app, Key::E);
    // not at the end of the length, which would be taken hold of
    drag_screen(&mut app, &[middle + vec2(0.0, 40.0), middle + vec2(80.0, 100.0)]);
    let words = app.words();
    let line = |start: &str| words.lines().find(|line| line.starts_with(start)).unwrap();
    assert!(line("Length: ").ends_with(" px"), "{words}");
    let ellipse = line("Ellipse: ");
    assert!(ellipse.ends_with(" px²") && !ellipse.contains("HU"), "{ellipse}");
    assert!(ellipse.contains("mean "), "{ellipse}");
}

#[test]
fn an_anchor_and_a_whole_shape_can_be_moved_and_put_back() {
    let (mut app, _folder) = window();
    draw_length(&mut app);
    let anchor = app.harness.get_by_label("Anchor 2 of 2").rect().center();
    assert!(anchor.distance(at(&app, 100.5, 30.5)) < 0.5);
    let to = at(&app, 60.5, 60.5);
    drag_screen(&mut app, &[anchor, to]);
    app.harness.get_by_label("Length: 25.0 mm");
    press_with(&mut app, Modifiers::COMMAND, Key::Z);
    app.harness.get_by_label("Length: 40.0 mm");
    press_with(&mut app, Modifiers::COMMAND, Key::Y);
    app.harness.get_by_label("Length: 25.0 mm");
    press_with(&mut app, Modifiers::COMMAND, Key::Z);
    // with the window tool the line itself is held, and the window stays
    press(&mut app, Key::W);
    drag(&mut app, &[(60.5, 30.5), (70.5, 50.5)]);
    assert_eq!(app.state().active_viewport().view.window, WindowMode::File(0));
    assert!(is_near(only(&app).shape.points(), &[(30.5, 50.5), (110.5, 50.5)]));
    app.harness.get_by_label("Length: 40.0 mm");
    press_with(&mut app, Modifiers::COMMAND, Key::Z);
    assert!(is_near(only(&app).shape.points(), &[(20.5, 30.5), (100.5, 30.5)]));
    press_with(&mut app, Modifiers::COMMAND, Key::Z);
    assert!(app.state().measurements.all().is_empty());
}

#[test]
fn undo_takes_back_views_and_measurements_in_their_order() {
    let (mut app, _folder) = window();
    draw_length(&mut app);
    press(&mut app, Key::H);
    press(&mut app, Key::Delete);
    assert!(app.state().measurements.all().is_empty());
    press_with(&mut app, Modifiers::COMMAND, Key::Z);
    assert_eq!(app.state().measurements.all().len(), 1);
    let is_mirrored = |app: &App| {
        app.state().active_viewport().view.transform.turned
            != reading_room::imaging::Turned::default()
    };
    assert!(is_mirrored(&app));
    press_with(&mut app, Modifiers::COMMAND, Key::Z);
    assert!(!is_mirrored(&app));
    press_with(&mut app, Modifiers::COMMAND, Key::Z);
    assert!(app.state().measurements.all().is_empty());
    for _ in 0..3 {
        press_with(&mut app, Modifiers::COMMAND, Key::Y);
    }
    assert!(app.state().measurements.all().is_empty() && is_mirrored(&app));
    // what is taken back on another slice is shown there
    press_with(&mut app, Modifiers::COMMAND, Key::Z);
    press(&mut app, Key::Home);
    press_with(&mut app, Modifiers::COMMAND, Key::Y);
    assert_eq!(app.state().active_viewport().place.as_ref().unwrap().frame_idx, 1);
}

#[test]
fn escape_lets_go_of_the_line_then_of_the_tool_then_of_the_choice() {
    let (mut app, _folder) = window();
    draw_length(&mut app);
    click(&mut app, (40.5, 60.5));
    let elsewhere = at(&app, 80.5, 90.5);
    app.harness.hover_at(elsewhere);
    app.settle();
    assert!(app.painted().contains("25.0 mm"));
    press(&mut app, Key::Escape);
    assert!(!app.painted().contains("25.0 mm"));
    assert_eq!(app.state().tool, Tool::Measure(ShapeKind::Length));
    press(&mut app, Key::Escape);
    assert_eq!(app.state().tool, Tool::Window);
    assert!(app.state().measurements.selected().is_some());
    press(&mut app, Key::Escape);
    assert_eq!(app.state().measurements.selected(), None);
    assert_eq!(app.state().measurements.all().len(), 1);
}

#[test]
fn zoom_and_pan_have_tools_of_their_own() {
    let (mut app, _folder) = window();
    let transform = |app: &App| app.state().active_viewport().view.transform;
    press(&mut app, Key::Z);
    drag(&mut app, &[(64.0, 64.0), (64.0, 40.0)]);
    let zoomed = transform(&app).zoom.unwrap();
    assert!(zoomed > 5.5, "{zoomed}");
    press(&mut app, Key::T);
    let before = transform(&app).pan;
    let middle = app.harness.get_by_role(Role::Image).rect().center();
    drag_screen(&mut app, &[middle, middle + vec2(30.0, 20.0)]);
    assert!((transform(&app).pan - before - vec2(30.0, 20.0)).length() < 1.0);
    assert_eq!(app.state().active_viewport().view.window, WindowMode::File(0));
    // and middle and right drags work whatever the tool
    app.harness.get_by_label("Window/level").click();
    app.settle();
    assert_eq!(app.state().tool, Tool::Window);
}

#[test]
fn the_list_leads_to_the_slice_and_deletes() {
    let (mut app, _folder) = window();
    draw_length(&mut app);
    press(&mut app, Key::ArrowDown);
    assert!(app.harness.query_by_label("Length: 40.0 mm").is_none(), "it belongs to its slice");
    press(&mut app, Key::P);
    click(&mut app, (60.5, 60.5));
    app.harness.get_by_label("Measurements").click();
    app.settle();
    app.harness.get_by_label("2. Probe, slice 3: x 60 y 60 · 40 HU");
    app.harness.get_by_label("1. Length, slice 2: 40.0 mm").click();
    app.settle();
    let place = app.state().active_viewport().place.clone().unwrap();
    assert_eq!(place.frame_idx, 1);
    let chosen = app.state().measurements.selected().unwrap();
    assert_eq!(app.state().measurements.get(chosen).unwrap().shape.kind(), ShapeKind::Length);
    app.harness.get_by_label("Length: 40.0 mm");
    app.harness.get_by_label("Delete measurement 1").click();
    app.settle();
    assert!(app.harness.query_by_label("Length: 40.0 mm").is_none());
    assert_eq!(only(&app).shape.kind(), ShapeKind::Probe);
    press(&mut app, Key::End);
    app.harness.get_by_label("Probe: x 60 y 60 · 40 HU");
}

#[test]
fn tables_are_copied_and_written_without_a_name_in_them() {
    let (mut app, folder) = window();
    draw_length(&mut app);
    press(&mut app, Key::E);
    drag(&mut app, &[(50.0, 50.0), (78.0, 78.0)]);
    // the marks of a study come with the history
    app.wait_for("history", |state| state.history.marker.is_some());
    let effects = app.effects_of(Command::ExportMeasurements);
    let Some(Effect::PickPlaceForTable(table)) = effects.last() else { panic!() };
    let csv = table.to_string();
    let lines: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    let field = |line: usize, name: &str| {
        lines[line][lines[0].iter().position(|header| *header == name).unwrap()]
    };
    assert_eq!(lines.len(), 3, "{csv}");
    assert_eq!((field(1, "case"), field(1, "modality")), ("Case 01", "CT"));
    assert_eq!((field(1, "slice"), field(1, "slices")), ("2", "3"));
    assert_eq!(field(1, "study").len(), 32, "{csv}");
    assert!((field(1, "length").parse::<f64>().unwrap() - 40.0).abs() < 0.01);
    assert_eq!((field(2, "mean"), field(2, "sd_population")), ("40", "0"));
    assert!(field(2, "area").len() > 6, "in full precision: {csv}");
    let path = folder.path().join("measured");
    app.apply(AppEvent::PickedPlaceForTable(csv.as_str().into(), path.clone()));
    app.wait_for("file", |_| path.with_extension("csv").exists());
    let is_told = |app: &App| app.words().contains("The table is exported");
    for _ in 0..400 {
        if is_told(&app) {
            break;
        }
        app.harness.run_steps(1);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert!(is_told(&app), "{}", app.words());
    assert_eq!(std::fs::read_to_string(path.with_extension("csv")).unwrap(), csv);

    let effects = app.effects_of(Command::CopyMeasurements);
    let Some(Effect::CopyText(tabs)) = effects.last() else { panic!() };
    assert!(tabs.lines().nth(1).unwrap().starts_with("Case 01\t"), "{tabs}");
    let everything = format!("{csv}{tabs}{}{}", app.words(), app.painted());
    for secret in ["Muster", "Erika", "4711", "1.2.3"] {
        assert!(!everything.contains(secret), "{secret}");
    }
    run(&mut app, Command::ShowTab(LeftTab::Measurements));
    app.harness.get_by_label("Copy as table");
    app.harness.get_by_label("Export as CSV");
}

/// The file measurements are kept in, once it holds so many.
fn kept(app: &mut App, n: usize) -> String {
    let path = app.data_dir.path().join("measurements.json");
    let read = || std::fs::read_to_string(&path).unwrap_or_default();
    app.wait_for("file of measurements", |_| read().matches("\"frame\"").count() == n);
    read()
}

fn history_opens(app: &mut App) {
    app.wait_for("history", |state| state.history.marker.is_some());
    app.settle();
}

#[test]
fn measurements_come_back_with_their_study_and_after_a_restart() {
    let (mut app, folder) = window();
    history_opens(&mut app);
    draw_length(&mut app);
    let drawn = only(&app);
    app.open(&sample("ct-torso"));
    assert!(app.harness.query_by_label("Length: 40.0 mm").is_none());
    assert_eq!(app.state().measurements.all().len(), 1);
    run(&mut app, Command::ShowMeasurement(drawn.id));
    app.harness.get_by_label("Length: 40.0 mm");
    run(&mut app, Command::CloseActiveStudy);
    assert!(app.state().measurements.all().is_empty());
    app.open(folder.path());
    app.harness.get_by_label("Length: 40.0 mm");
    assert_eq!(only(&app).shape, drawn.shape, "every number as it was");
    let file = kept(&mut app, 1);
    for secret in ["Muster", "Erika", "4711", "1.2.3", folder.path().to_str().unwrap()] {
        assert!(!file.contains(secret), "{secret} in {file}");
    }

    let App { harness, data_dir } = app;
    drop(harness);
    let mut app = App::start(data_dir, |_| None, |_| {});
    app.open(folder.path());
    history_opens(&mut app);
    app.wait_for("measurement", |state| !state.measurements.all().is_empty());
    app.settle();
    app.harness.get_by_label("Length: 40.0 mm");
    assert_eq!(only(&app).shape, drawn.shape);
    // what is taken away is taken away for good
    let id = only(&app).id;
    run(&mut app, Command::DeleteMeasurement(id));
    kept(&mut app, 0);
}

#[test]
fn two_windows_keep_what_each_measured() {
    let (mut app, folder) = window();
    history_opens(&mut app);
    let other_study = tempfile::tempdir().unwrap();
    DicomBuilder::new(4, 4, 16)
        .text((0x0020, 0x000D), "UI", "1.2.99")
        .text((0x0020, 0x000E), "UI", "1.2.99.1")
        .text((0x0008, 0x0018), "UI", "1.2.99.1.1")
        .pixels(&[0; 32])
        .write(other_study.path(), "1.dcm");
    draw_length(&mut app);
    let first = kept(&mut app, 1);
    // another window's file, with another study in it
    let path = app.data_dir.path().join("measurements.json");
    let others = first.replacen(
        "\"studies\":{",
        "\"studies\":{\"ff00\":[{\"series\":\"aa\",\
        \"frame\":\"bb\",\"shape\":{\"probe\":{\"x\":1.5,\"y\":2.5}}}],",
        1,
    );
    assert_ne!(others, first);
    std::fs::write(&path, others).unwrap();
    app.open(other_study.path());
    app.settle();
    run(&mut app, Command::DeleteSelected);
    let id = app.state().measurements.all().first().map(|item| item.id);
    assert_eq!(id, None);
    let file = kept(&mut app, 1);
    assert!(file.contains("ff00"), "{file}");
    drop(folder);
}

#[test]
fn a_damaged_file_of_measurements_is_set_aside_and_said() {
    let data_dir = tempfile::tempdir().unwrap();
    std::fs::write(data_dir.path().join("settings.toml"), "acknowledged = \"0.1.0\"\n").unwrap();
    std::fs::write(data_dir.path().join("measurements.json"), "{\"form\": 3").unwrap();
    let folder = block_ct();
    let mut app = App::start(data_dir, |_| None, |_| {});
    app.open(folder.path());
    history_opens(&mut app);
    for _ in 0..200 {
        if app.words().contains("The file of measurements is damaged") {
            break;
        }
        app.harness.run_steps(1);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert!(app.words().contains("it is kept as measurements-damaged.json"), "{}", app.words());
    draw_length(&mut app);
    kept(&mut app, 1);
    let aside = app.data_dir.path().join("measurements-damaged.json");
    assert_eq!(std::fs::read_to_string(aside).unwrap(), "{\"form\": 3");
}

/// Types into the field on the picture, and ends with Enter.
fn write_note(app: &mut App, text: &str) {
    app.harness.get_by_label("Text on the picture").type_text(text);
    app.harness.run_steps(2);
    app.harness.key_press(Key::Enter);
    app.settle();
}

#[test]
fn an_arrow_and_a_text_are_drawn_written_changed_and_taken_back() {
    let (mut app, _folder) = window();
    run(&mut app, Command::SetTool(Tool::Measure(ShapeKind::Arrow)));
    drag(&mut app, &[(20.5, 20.5), (60.5, 60.5)]);
    assert_eq!(app.state().tool, Tool::Window, "the next click draws nothing");
    write_note(&mut app, "Is this =the block?");
    app.harness.get_by_label("Arrow: Is this =the block?");
    assert!(app.painted().contains("Is this =the block?"));
    assert_eq!(only(&app).text, "Is this =the block?");
    assert!(is_near(only(&app).shape.points(), &[(20.5, 20.5), (60.5, 60.5)]));
    // one step back for both, and again
    press_with(&mut app, Modifiers::COMMAND, Key::Z);
    assert!(app.state().measurements.all().is_empty());
    press_with(&mut app, Modifiers::COMMAND, Key::Y);
    app.harness.get_by_label("Arrow: Is this =the block?");

    run(&mut app, Command::SetTool(Tool::Measure(ShapeKind::Text)));
    click(&mut app, (30.5, 100.5));
    write_note(&mut app, "Air");
    app.harness.get_by_label("Text: Air");
    // changed by the menu's command, and the change taken back alone
    run(&mut app, Command::EditText(None));
    write_note(&mut app, " around");
    app.harness.get_by_label("Text: Air around");
    press_with(&mut app, Modifiers::COMMAND, Key::Z);
    app.harness.get_by_label("Text: Air");
    // Escape leaves what was written; a text that never had words goes, and leaves no step behind
    run(&mut app, Command::EditText(None));
    app.harness.get_by_label("Text on the picture").type_text("?");
    app.harness.run_steps(2);
    press(&mut app, Key::Escape);
    app.harness.get_by_label("Text: Air");
    run(&mut app, Command::SetTool(Tool::Measure(ShapeKind::Text)));
    click(&mut app, (100.5, 110.5));
    press(&mut app, Key::Escape);
    assert_eq!(app.state().measurements.all().len(), 2);
    press_with(&mut app, Modifiers::COMMAND, Key::Z);
    assert_eq!(app.state().measurements.all().len(), 1, "the text itself was the last step");
    press_with(&mut app, Modifiers::COMMAND, Key::Y);
    assert_eq!(app.state().measurements.all().len(), 2);

    // listed, and exported with the others
    run(&mut app, Command::ShowTab(LeftTab::Measurements));
    shoot(&mut app, "measure-notes");
    app.harness.get_by_label("1. Arrow, slice 2: Is this =the block?");
    app.harness.get_by_label("Edit text of 2").click();
    app.settle();
    write_note(&mut app, "!");
    app.harness.get_by_label("2. Text, slice 2: Air!");
    let effects = app.effects_of(Command::ExportMeasurements);
    let Some(Effect::PickPlaceForTable(table)) = effects.last() else { panic!() };
    assert!(table.contains(",arrow,Is this =the block?,"), "{table}");
    assert!(table.contains(",text,Air!,"), "{table}");
    // and kept with what was typed
    history_opens(&mut app);
    let file = kept(&mut app, 2);
    assert!(file.contains("Is this =the block?") && file.contains("Air!"), "{file}");
    // two clicks write to it, and do not part the viewports
    let pos = at(&app, 30.5, 100.5);
    // a step of these tests takes a quarter of a second
    app.harness.ctx.options_mut(|options| options.input_options.max_double_click_delay = 5.0);
    app.harness.hover_at(pos);
    app.harness.run_steps(1);
    for pressed in [true, false, true, false] {
        let (button, modifiers) = (egui::PointerButton::Primary, Modifiers::NONE);
        app.harness.event(egui::Event::PointerButton { pos, button, pressed, modifiers });
        app.harness.run_steps(1);
    }
    app.settle();
    app.harness.get_by_label("Text on the picture");
    assert_eq!(app.state().viewports.len(), 1);
}

#[test]
fn pet_is_read_in_its_own_unit_and_as_suv() {
    let fixture = |name: &str| {
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/suv").join(name)
    };
    let mut app = App::new();
    app.open(&fixture("start.dcm"));
    let over = |app: &mut App| {
        // the pixel in column 1, row 1 of three columns and two rows
        let middle = app.harness.get_by_role(Role::Image).rect().center();
        app.harness.hover_at(middle + vec2(0.0, 40.0));
        app.settle();
        middle + vec2(0.0, 40.0)
    };
    let place = over(&mut app);
    assert!(app.painted().contains("x 1 y 1 · 3072 Bq/ml · SUVbw 0.89"), "{}", app.painted());
    run(&mut app, Command::SetSuv(SuvKind::LeanBodyMass));
    assert!(app.painted().contains("x 1 y 1 · 3072 Bq/ml · SUVlbm 0.63"), "{}", app.painted());
    press(&mut app, Key::P);
    app.harness.drag_at(place);
    app.harness.run_steps(1);
    app.harness.drop_at(place);
    app.settle();
    app.harness.get_by_label("Probe: x 1 y 1 · 3072 Bq/ml · SUVlbm 0.63");
    run(&mut app, Command::SetSuv(SuvKind::BodyWeight));
    press(&mut app, Key::E);
    let middle = place - vec2(0.0, 40.0);
    drag_screen(&mut app, &[middle + vec2(-200.0, 20.0), middle + vec2(200.0, 280.0)]);
    run(&mut app, Command::ShowTab(LeftTab::Measurements));
    shoot(&mut app, "measure-suv");
    let words = app.words();
    assert!(words.contains("· SUVbw mean 0.89 max 0.89"), "{words}");
    assert!(words.contains("SUVbw mean 0.89 ± 0.00 g/ml"), "{words}");
    // and why not
    app.open(&fixture("no-weight.dcm"));
    over(&mut app);
    let why = "No SUVbw: the file does not say its Patient's Weight";
    assert!(app.painted().contains(why), "{}", app.painted());
    shoot(&mut app, "measure-no-suv");
}

#[test]
fn a_region_is_drawn_fluently_over_a_large_picture() {
    let folder = tempfile::tempdir().unwrap();
    let side = 4096_u16;
    let pixels: Vec<u8> =
        (0..u32::from(side).pow(2)).flat_map(|v| (v as u16).to_le_bytes()).collect();
    DicomBuilder::new(side, side, 16).pixels(&pixels).write(folder.path(), "large.dcm");
    let mut app = App::new();
    app.open(folder.path());
    press(&mut app, Key::E);
    let rect = app.harness.get_by_role(Role::Image).rect();
    let from = rect.center() - vec2(200.0, 200.0);
    app.harness.drag_at(from);
    app.harness.run_steps(1);
    let mut longest = std::time::Duration::ZERO;
    for step in 1..=40 {
        app.harness.hover_at(from + vec2(10.0, 10.0) * step as f32);
        let began = std::time::Instant::now();
        app.harness.run_steps(1);
        longest = longest.max(began.elapsed());
    }
    println!("longest step of the drag: {longest:?}");
    assert!(longest.as_millis() < 250, "{longest:?}");
    app.harness.drop_at(from + vec2(400.0, 400.0));
    app.settle();
    let Quantity::Region(region) = only(&app).figures.unwrap().quantity else { panic!() };
    assert!(region.num_pixels > 4_000_000, "{region:?}");
}

#[test]
fn a_slice_shown_twice_has_its_measurements_twice() {
    let (mut app, _folder) = window();
    run(&mut app, Command::SetViewports(2));
    let second = app.harness.get_by_label("Viewport 2: CT, image 2 of 3").rect();
    run(&mut app, Command::ActivateViewport(0));
    press(&mut app, Key::D);
    drag_screen(&mut app, &[second.center(), second.center() + vec2(50.0, 20.0)]);
    assert_eq!(app.state().active, 1, "drawing on a picture makes it the active one");
    let words = app.words();
    assert_eq!(words.lines().filter(|line| line.starts_with("Length: ")).count(), 2, "{words}");
    press_with(&mut app, Modifiers::COMMAND, Key::Z);
    assert!(!app.words().contains("Length: "));
}

#[test]
fn a_model_gets_the_picture_without_what_is_drawn_on_it() {
    let (mut app, _folder) = window();
    app.pretend_model();
    let ask = Command::Ask { question: "What?".to_owned(), with_view: true, again_of: None };
    let pictures = |app: &mut App| {
        let effects = app.effects_of(ask.clone());
        let Some(Effect::Ask(_, question)) = effects.into_iter().next_back() else { panic!() };
        question.images
    };
    draw_length(&mut app);
    let with = pictures(&mut app);
    let (mut other, _folder) = window();
    other.pretend_model();
    assert_eq!(with, pictures(&mut other));
}

#[test]
fn keys_are_those_of_the_readme() {
    let readme = std::fs::read_to_string("README.md").unwrap();
    let measure = |kind| Command::SetTool(Tool::Measure(kind));
    for (command, key) in [
        (Command::SetTool(Tool::Window), "W"),
        (Command::SetTool(Tool::Zoom), "Z"),
        (Command::SetTool(Tool::Pan), "T"),
        (measure(ShapeKind::Length), "D"),
        (measure(ShapeKind::Angle), "A"),
        (measure(ShapeKind::Rectangle), "Q"),
        (measure(ShapeKind::Ellipse), "E"),
        (measure(ShapeKind::Freehand), "L"),
        (measure(ShapeKind::Probe), "P"),
        (Command::DeleteSelected, "Delete"),
    ] {
        let keys = command.shortcut().unwrap();
        assert_eq!(keys.logical_key.name(), key, "{command:?}");
        assert!(readme.contains(&format!("`{key}`")), "README.md does not mention {key}");
    }
}

fn shoot(app: &mut App, name: &str) {
    let Some(folder) = std::env::var_os("READING_ROOM_SHOTS") else { return };
    let path = std::path::PathBuf::from(folder).join(format!("{name}.png"));
    app.harness.render().unwrap().save(path).unwrap();
}

#[test]
fn measuring_can_be_looked_at() {
    if std::env::var_os("READING_ROOM_SHOTS").is_none() {
        println!("skipped: READING_ROOM_SHOTS names no folder");
        return;
    }
    for (theme, size) in
        [(ThemeChoice::Dark, vec2(1440.0, 900.0)), (ThemeChoice::Light, vec2(1100.0, 700.0))]
    {
        let name = format!("measure-{theme:?}").to_lowercase();
        let mut app = App::sized(size);
        app.open(&sample("ct-torso"));
        run(&mut app, Command::SetTheme(theme));
        shoot(&mut app, &format!("{name}-0-tools"));
        let middle = app.harness.get_by_role(Role::Image).rect().center();
        let drags: [(Key, &[(f32, f32)]); 4] = [
            (Key::D, &[(-140.0, -60.0), (30.0, -110.0)]),
            (Key::Q, &[(-150.0, 20.0), (-90.0, 70.0)]),
            (Key::E, &[(20.0, -40.0), (90.0, 10.0)]),
            (Key::L, &[(0.0, 50.0), (60.0, 60.0), (80.0, 110.0), (20.0, 120.0)]),
        ];
        for (key, path) in drags {
            press(&mut app, key);
            let path: Vec<Pos2> = path.iter().map(|&(x, y)| middle + vec2(x, y)).collect();
            drag_screen(&mut app, &path);
        }
        run(&mut app, Command::ShowTab(LeftTab::Measurements));
        shoot(&mut app, &format!("{name}-1-drawn"));
        press(&mut app, Key::A);
        let middle = app.harness.get_by_role(Role::Image).rect().center();
        for by in [vec2(-150.0, 150.0), vec2(-60.0, 150.0)] {
            app.harness.hover_at(middle + by);
            app.harness.run_steps(1);
            app.harness.drag_at(middle + by);
            app.harness.run_steps(1);
            app.harness.drop_at(middle + by);
            app.settle();
            app.harness.run_steps(40);
        }
        app.harness.hover_at(middle + vec2(-100.0, 90.0));
        app.settle();
        shoot(&mut app, &format!("{name}-2-drawing"));
        press(&mut app, Key::Escape);
        press(&mut app, Key::Escape);
        app.harness.get_by_label("Image").click();
        app.settle();
        shoot(&mut app, &format!("{name}-3-menu"));
    }
}
