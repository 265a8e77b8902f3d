//! Orthogonal planes in the window, with the real decode worker: driven by role and label.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests fail loudly")]

#[expect(dead_code, reason = "shared with the other tests of the window")]
#[path = "support/app_harness.rs"]
mod app_harness;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use app_harness::{App, model_info, sample};
use egui::{Event, Key, Modifiers, MouseWheelUnit, TouchPhase, vec2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use reading_room::app::{
    AppState, Command, Effect, FrameState, ModelStatus, Tool, WindowMode, Workers,
};
use reading_room::imaging::{
    ColorMap, Cut, CutPlane, Grayscale, Plane, Point, Projection, Quantity, Shape, Slab, Stack,
    VoiLut, Volume, Window, open_paths,
};

/// A window on a study with workers.
fn window(study: PathBuf) -> App {
    reading_room::worker::use_executable(env!("CARGO_BIN_EXE_reading-room").into());
    let data_dir = tempfile::tempdir().unwrap();
    std::fs::write(data_dir.path().join("settings.toml"), "acknowledged = \"0.1.0\"\n").unwrap();
    let mut app = App::start(
        data_dir,
        |ctx| Some(Workers::start(ctx)),
        move |options| options.paths = vec![study],
    );
    app.wait_for("study", |state| state.active_viewport().place.is_some());
    app
}

fn press(app: &mut App, key: Key) {
    app.harness.key_press(key);
    app.harness.run_steps(2);
}

fn run(app: &mut App, command: Command) {
    app.harness.state_mut().state_mut().run(command);
    app.harness.run_steps(3);
}

/// Waits until what every viewport shows has been read.
fn settle(app: &mut App) {
    let began = Instant::now();
    loop {
        app.harness.run_steps(2);
        let state = app.state();
        let is_read = state.viewports.iter().all(|viewport| {
            let place = viewport.place.as_ref().unwrap();
            let (_, series) = state.studies.series(&place.study_key, &place.series_key).unwrap();
            let frame_ref = series.frame_ref(place.frame_idx).unwrap();
            matches!(state.frames.state(&frame_ref), FrameState::Ready(_))
        });
        if is_read {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "frames are still being read");
        std::thread::sleep(Duration::from_millis(5));
    }
    app.harness.run_steps(4);
}

/// With the planes of the sample CT.
fn planes() -> App {
    let mut app = window(sample("ct-torso"));
    press(&mut app, Key::O);
    app.wait_for("planes", |state| state.viewports.len() == 4);
    settle(&mut app);
    app
}

fn stack() -> Stack {
    let opened = open_paths(&[sample("ct-torso")], &mut |_| ControlFlow::Continue(())).unwrap();
    Stack::of(&opened.studies[0].series[0]).unwrap()
}

fn volume() -> Volume {
    Volume::read(&stack(), &mut |_| ControlFlow::Continue(())).unwrap()
}

fn frames(app: &App) -> Vec<usize> {
    let viewports = app.state().viewports.iter();
    viewports.map(|viewport| viewport.place.as_ref().unwrap().frame_idx).collect()
}

fn plane_of(state: &AppState, idx: usize) -> Option<Plane> {
    let place = state.viewports[idx].place.as_ref().unwrap();
    state.studies.series(&place.study_key, &place.series_key).unwrap().1.plane
}

fn center_of(app: &App, label: &str) -> egui::Pos2 {
    app.harness.get_by_label_contains(label).rect().center()
}

fn shoot(app: &mut App, name: &str) {
    let Ok(folder) = std::env::var("READING_ROOM_SHOTS") else { return };
    app.harness.render().unwrap().save(Path::new(&folder).join(format!("{name}.png"))).unwrap();
}

#[test]
fn o_shows_three_planes_beside_the_series_and_takes_them_away() {
    let mut app = planes();
    let shown: Vec<_> = (0..4).map(|idx| plane_of(app.state(), idx).unwrap()).collect();
    assert_eq!(shown, [Plane::Axial, Plane::Coronal, Plane::Sagittal, Plane::Axial]);
    for name in ["CT axial, image", "CT coronal, image", "CT sagittal, image"] {
        assert!(app.harness.query_by_label_contains(name).is_some(), "{name}");
    }
    assert!(app.read().contains("Coronal, reformatted"), "{}", app.read());
    assert_eq!(app.state().tool, Tool::Crosshair);
    // all go through the middle of the slice that was shown
    let grid = stack().grid;
    let middle = [grid.size[0], grid.size[1]].map(|n| n / 2);
    let [_, coronal, sagittal, slice] = frames(&app).try_into().unwrap();
    assert!(coronal.abs_diff(middle[1]) <= 1 && sagittal.abs_diff(middle[0]) <= 1);
    assert_eq!(slice, 10);
    shoot(&mut app, "volume-1-planes");
    press(&mut app, Key::O);
    assert_eq!(app.state().viewports.len(), 1);
    assert_eq!(plane_of(app.state(), 0), Some(Plane::Axial));
    assert_eq!(app.state().tool, Tool::Window);
    // the volume is at hand: nothing is built again
    press(&mut app, Key::O);
    assert_eq!(app.state().viewports.len(), 4);
}

#[test]
fn the_crosshair_moves_all_planes_to_the_point_clicked() {
    let mut app = planes();
    let before = frames(&app);
    let grid = stack().grid;
    let rect = app.harness.get_by_label_contains("CT coronal").rect();
    // a quarter of the way to the left of the middle of the coronal picture, which fits its width
    let place = rect.center() - vec2(rect.width() / 4.0, 0.0);
    app.harness.hover_at(place);
    app.harness.drag_at(place);
    app.harness.run_steps(1);
    app.harness.drop_at(place);
    settle(&mut app);
    let after = frames(&app);
    assert_eq!(after[1], before[1], "the plane clicked stays");
    let width = grid.size[0] as f32;
    let sagittal = width * 3.0 / 4.0;
    assert!((after[2] as f32 - sagittal).abs() < 6.0, "{after:?}: {sagittal}");
    let rows = grid.planes(CutPlane::Coronal).rows;
    assert!(after[0].abs_diff(rows / 2) <= 1, "{after:?}");
    shoot(&mut app, "volume-2-crosshair");
    // shift alone moves it as well, whatever the tool
    press(&mut app, Key::W);
    let place = rect.center() + vec2(rect.width() / 4.0, 0.0);
    app.harness.event(Event::ModifiersChanged(Modifiers::SHIFT));
    // the cursor was taken away: it has to be somewhere before it can move
    app.harness.hover_at(place - vec2(8.0, 0.0));
    app.harness.hover_at(place);
    app.harness.run_steps(2);
    app.harness.event(Event::ModifiersChanged(Modifiers::NONE));
    settle(&mut app);
    assert!((frames(&app)[2] as f32 - width / 4.0).abs() < 6.0, "{:?}", frames(&app));
}

#[test]
fn the_wheel_scrolls_each_plane_and_the_window_is_one() {
    let mut app = planes();
    let before = frames(&app);
    app.harness.hover_at(center_of(&app, "CT sagittal"));
    app.harness.event(Event::MouseWheel {
        unit: MouseWheelUnit::Line,
        delta: vec2(0.0, -3.0),
        phase: TouchPhase::Move,
        source: egui::MouseWheelSource::Wheel,
        modifiers: Modifiers::NONE,
    });
    settle(&mut app);
    let after = frames(&app);
    assert_eq!(after[2], before[2] + 3);
    assert_eq!((after[0], after[1], after[3]), (before[0], before[1], before[3]));
    let lung = WindowMode::Custom(Window::new(-600.0, 1500.0));
    run(&mut app, Command::SetWindow(lung.clone()));
    run(&mut app, Command::SetColorMap(ColorMap::HotIron));
    for viewport in &app.state().viewports {
        assert_eq!(viewport.view.window, lung);
        assert_eq!(viewport.view.color_map, ColorMap::HotIron);
    }
    // linked, they zoom together, and their numbers of slices stay their own
    run(&mut app, Command::ToggleLink);
    run(&mut app, Command::StepFrame(2));
    assert_eq!(frames(&app)[1], before[1]);
}

#[test]
fn a_slab_is_what_the_volume_gives() {
    let mut app = planes();
    run(&mut app, Command::ActivateViewport(1));
    run(&mut app, Command::SetProjection(Some(Projection::Maximum)));
    run(&mut app, Command::SetSlabThickness(20));
    settle(&mut app);
    assert!(app.read().contains("Coronal, reformatted · MIP 20 mm"), "{}", app.read());
    shoot(&mut app, "volume-3-mip");
    let state = app.state();
    let place = state.viewports[1].place.clone().unwrap();
    let (_, series) = state.studies.series(&place.study_key, &place.series_key).unwrap();
    let shown = state.frames.loaded(&series.frame_ref(place.frame_idx).unwrap()).unwrap();
    let slab = Slab { mm: 20, projection: Projection::Maximum };
    let cut = Cut { plane: CutPlane::Coronal, index: place.frame_idx, slab };
    assert_eq!(shown.frame.samples(), volume().cut(&cut).unwrap().samples());
    run(&mut app, Command::SetProjection(None));
    settle(&mut app);
    assert!(!app.read().contains("MIP"), "{}", app.read());
}

#[test]
fn a_question_about_a_plane_goes_with_that_very_plane() {
    let mut app = planes();
    app.harness.state_mut().state_mut().engine.model = ModelStatus::Ready(model_info());
    run(&mut app, Command::ActivateViewport(1));
    run(&mut app, Command::SetColorMap(ColorMap::Viridis));
    let window = Window::new(40.0, 400.0);
    run(&mut app, Command::SetWindow(WindowMode::Custom(window)));
    settle(&mut app);
    assert!(app.read().contains("a model gets the grey picture"), "{}", app.read());
    let question =
        Command::Ask { question: "What is it?".to_owned(), with_view: true, again_of: None };
    app.effects_of(question);
    let state = app.state();
    let evidence = state.conversation().turns[0].evidence[0].clone();
    assert!(evidence.label.contains("Coronal, reformatted"), "{}", evidence.label);
    let index = state.viewports[1].place.as_ref().unwrap().frame_idx;
    let frame = volume().cut(&Cut { plane: CutPlane::Coronal, index, slab: Slab::THIN }).unwrap();
    let grayscale = Grayscale { voi_lut: VoiLut::Window(window), inverted: false };
    assert_eq!(*evidence.image.unwrap(), grayscale.render(&frame), "grey, as shown");
    // and the way back leads there
    run(&mut app, Command::StepFrame(5));
    run(&mut app, Command::GoToEvidence { turn_idx: 0, evidence_idx: 0 });
    assert_eq!(frames(&app)[1], index);
}

#[test]
fn lengths_on_a_plane_are_millimetres() {
    let mut app = planes();
    run(&mut app, Command::ActivateViewport(2));
    let place = app.state().viewports[2].place.clone().unwrap();
    let shape = Shape::Length([Point::new(100.5, 10.5), Point::new(140.5, 10.5)]);
    run(&mut app, Command::AddMeasurement { place, shape });
    let spacing = stack().grid.planes(CutPlane::Sagittal).spacing_mm;
    let figures = app.state().measurements.all()[0].figures.clone().unwrap();
    let Quantity::Length(length) = figures.quantity else { panic!("{figures:?}") };
    assert!((length - 40.0 * spacing).abs() < 1e-6);
    assert_eq!(figures.scale.unit(), "mm");
    let effects = app.effects_of(Command::CopyMeasurements);
    let Some(Effect::CopyText(table)) = effects.last() else { panic!("{effects:?}") };
    assert!(table.contains("Sagittal, reformatted; research use only"), "{table}");
}

#[test]
fn what_makes_no_volume_says_why() {
    let mut app = window(sample("chest-x-ray.png"));
    press(&mut app, Key::O);
    assert_eq!(app.state().viewports.len(), 1);
    app.harness.get_by_label("Image").click();
    app.harness.run_steps(4);
    app.harness.get_by_label_contains("Planes").click();
    app.harness.run_steps(4);
    let why = "Planes need at least 5 slices, and this series has 1";
    assert!(app.words().contains(why), "{}", app.words());
    // in the bar and in the menu
    let items: Vec<_> = app.harness.get_all_by_label("Orthogonal planes").collect();
    assert_eq!(items.len(), 2);
    assert!(items.iter().all(|item| item.accesskit_node().is_disabled()));
}

#[test]
fn a_closed_study_takes_its_planes_along() {
    let mut app = planes();
    run(&mut app, Command::CloseActiveStudy);
    assert!(app.state().studies.volumes().is_empty());
    assert!(app.state().viewports.iter().all(|viewport| viewport.place.is_none()));
}
