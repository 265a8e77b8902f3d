//! Viewports beside each other, linked, with reference lines, and cine: driven by role and label.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests fail loudly")]

#[expect(dead_code, reason = "shared with the other tests of the window")]
#[path = "support/app_harness.rs"]
mod app_harness;
#[expect(dead_code, reason = "shared with other tests")]
#[path = "support/dicom_builder.rs"]
mod dicom_builder;

use app_harness::{App, sample};
use dicom_builder::DicomBuilder;
use egui::Key;
use egui_kittest::kittest::Queryable as _;
use reading_room::app::{Command, Workers};
use reading_room::imaging::FrameGeometry;

const AXIAL: [f64; 6] = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
const SAGITTAL: [f64; 6] = [0.0, 1.0, 0.0, 0.0, 0.0, -1.0];
const SIDE: u16 = 32;

/// Three series of one space: nine axial slices every 2 mm, five every 4 mm, and five sagittal.
fn study() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let series = [
        ("1", 9, AXIAL, [0.0, 0.0, 2.0]),
        ("2", 5, AXIAL, [0.0, 0.0, 4.0]),
        ("3", 5, SAGITTAL, [4.0, 0.0, 0.0]),
    ];
    for (name, count, orientation, step) in series {
        for number in 1..=count {
            let at = step.map(|mm| mm * f64::from(number - 1));
            let at = if name == "3" { [at[0], 0.0, 20.0] } else { at };
            DicomBuilder::new(SIDE, SIDE, 8)
                .slice(number, at, orientation)
                .text((0x0008, 0x0018), "UI", &format!("1.2.{name}.{number}"))
                .text((0x0020, 0x000d), "UI", "1.2")
                .text((0x0020, 0x000e), "UI", &format!("1.2.{name}"))
                .text((0x0020, 0x0011), "IS", name)
                .text((0x0020, 0x0052), "UI", "1.2.9")
                .pixels(&vec![100; usize::from(SIDE) * usize::from(SIDE)])
                .write(folder.path(), &format!("{name}-{number}.dcm"));
        }
    }
    folder
}

fn window() -> (App, tempfile::TempDir) {
    let folder = study();
    let mut app = App::new();
    app.open(folder.path());
    (app, folder)
}

fn click(app: &mut App, label: &str) {
    app.harness.get_by_label(label).click();
    app.settle();
}

/// Series number and frame of every viewport.
fn shown(app: &App) -> Vec<(i32, usize)> {
    let place = |viewport: &reading_room::app::Viewport| {
        let place = viewport.place.clone().unwrap();
        let state = app.state();
        let (_, series) = state.studies.series(&place.study_key, &place.series_key).unwrap();
        (series.series_number.unwrap(), place.frame_idx)
    };
    app.state().viewports.iter().map(place).collect()
}

fn run(app: &mut App, command: Command) {
    app.harness.state_mut().state_mut().run(command);
    app.settle();
}

#[test]
fn four_viewports_show_the_series_that_follow() {
    let (mut app, _folder) = window();
    click(&mut app, "Four viewports");
    assert_eq!(shown(&app).iter().map(|(series, _)| *series).collect::<Vec<_>>(), [1, 2, 3, 3]);
    run(&mut app, Command::ActivateViewport(2));
    click(&mut app, "One viewport");
    assert_eq!(shown(&app), [(3, 2)], "the active one stays");
}

#[test]
fn linked_viewports_go_to_the_same_place_in_the_patient() {
    let (mut app, _folder) = window();
    click(&mut app, "Two viewports");
    run(&mut app, Command::ActivateViewport(0));
    app.harness.key_press(Key::Home);
    app.settle();
    assert_eq!(shown(&app), [(1, 0), (2, 2)], "not linked");
    click(&mut app, "Link viewports");
    run(&mut app, Command::ShowFrame(6));
    assert_eq!(shown(&app), [(1, 6), (2, 3)], "12 mm in both");
    run(&mut app, Command::Invert);
    run(&mut app, Command::Rotate(1));
    let views: Vec<_> =
        app.state().viewports.iter().map(|viewport| viewport.view.clone()).collect();
    assert_eq!(views[0], views[1]);
    // a series of another direction goes by numbers
    run(&mut app, Command::ActivateViewport(1));
    run(&mut app, Command::StepSeries(1));
    run(&mut app, Command::ActivateViewport(0));
    let before = shown(&app)[1];
    assert_eq!(before.0, 3);
    run(&mut app, Command::StepFrame(-2));
    assert_eq!(shown(&app)[1], (3, before.1.saturating_sub(2)));
}

#[test]
fn a_slice_is_a_line_in_another_direction() {
    let slice = |orientation, position| FrameGeometry {
        image_position_mm: Some(position),
        image_orientation: Some(orientation),
        pixel_spacing_mm: Some([2.0, 0.5]),
    };
    let axial = slice(AXIAL, [-8.0, -40.0, 6.0]);
    let sagittal = slice(SAGITTAL, [3.0, -40.0, 20.0]);
    // 14 mm below the first row of the sagittal slice, whose rows are 2 mm apart
    let line = sagittal.cut_by([100, 60], &axial).unwrap();
    assert_eq!(line.map(|[_, y]| y), [7.0, 7.0]);
    assert_eq!(line.map(|[x, _]| x), [-0.5, 99.5]);
    // 11 mm from the first column of the axial slice, whose columns are half a millimetre apart
    let line = axial.cut_by([100, 60], &sagittal).unwrap();
    assert_eq!(line.map(|[x, _]| x), [22.0, 22.0]);
    // slices of one direction do not cut, nor those that meet outside
    assert_eq!(axial.cut_by([100, 60], &slice(AXIAL, [0.0, 0.0, 8.0])), None);
    assert_eq!(axial.cut_by([20, 60], &sagittal), None);
    assert_eq!(axial.distance_mm(&slice(AXIAL, [5.0, 5.0, 8.5])), Some(2.5));
    assert_eq!(axial.distance_mm(&sagittal), None);
}

#[test]
fn cine_plays_round_and_stands_still() {
    let (mut app, _folder) = window();
    // every slice has been read
    (0..9).rev().for_each(|frame| run(&mut app, Command::ShowFrame(frame)));
    let first = shown(&app)[0].1;
    app.harness.key_press(Key::C);
    app.harness.run_steps(1);
    assert!(app.state().is_playing());
    let mut seen = vec![first];
    for _ in 0..400 {
        app.harness.run_steps(1);
        let now = shown(&app)[0].1;
        if seen.last() != Some(&now) {
            seen.push(now);
        }
        if seen.len() > 9 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let next = |frame: usize| (frame + 1) % 9;
    // pressing the key draws more than once
    seen.remove(0);
    assert!(seen.len() > 8 && seen.windows(2).all(|pair| pair[1] == next(pair[0])), "{seen:?}");
    run(&mut app, Command::ToggleCine);
    let stands = shown(&app)[0].1;
    app.harness.run_steps(30);
    assert_eq!((shown(&app)[0].1, app.state().is_playing()), (stands, false));
}

#[test]
fn a_window_scrolls_by_itself_and_writes_down_how_that_went() {
    reading_room::worker::use_executable(env!("CARGO_BIN_EXE_reading-room").into());
    let folder = tempfile::tempdir().unwrap();
    let written = folder.path().join("scroll.json");
    let to = written.clone();
    let mut app = App::start(
        tempfile::tempdir().unwrap(),
        |ctx| Some(Workers::start(ctx)),
        move |options| {
            options.paths = vec![sample("ct-torso")];
            options.measure_scroll = Some(to);
        },
    );
    app.wait_for("measurement", |_| written.exists());
    let text = std::fs::read_to_string(&written).unwrap();
    let measured: serde_json::Value = serde_json::from_str(&text).unwrap();
    let quiet = &measured["quiet"];
    assert!(quiet["frames"].as_u64().unwrap() > 5, "{text}");
    assert!(quiet["slices_per_s"].as_f64().unwrap() > 1.0, "{text}");
    assert!(quiet["longest_ms"].as_f64() >= quiet["median_ms"].as_f64(), "{text}");
    assert!(measured["generating"].is_null(), "there is no model");
}
