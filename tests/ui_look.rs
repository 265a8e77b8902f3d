//! The look of a picture: colours and their bar, the bar of known length, key images; by role and label.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests fail loudly")]

#[expect(dead_code, reason = "shared with the other tests of the window")]
#[path = "support/app_harness.rs"]
mod app_harness;
#[expect(dead_code, reason = "shared with other tests")]
#[path = "support/dicom_builder.rs"]
mod dicom_builder;

use std::path::Path;
use std::time::{Duration, Instant};

use app_harness::{App, sample};
use dicom_builder::DicomBuilder;
use egui::{Key, KeyboardShortcut, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use reading_room::app::{Command, Effect, WindowMode};
use reading_room::imaging::{Channels, ColorMap, DisplayImage, Window};

fn run(app: &mut App, command: Command) {
    app.harness.state_mut().state_mut().run(command);
    app.settle();
}

fn press(app: &mut App, modifiers: Modifiers, key: Key) {
    app.harness.key_press_modifiers(modifiers, key);
    app.settle();
}

fn shoot(app: &mut App, name: &str) {
    let Ok(folder) = std::env::var("READING_ROOM_SHOTS") else { return };
    app.harness.render().unwrap().save(Path::new(&folder).join(format!("{name}.png"))).unwrap();
}

fn frame_idx(app: &App) -> usize {
    app.state().active_viewport().place.as_ref().unwrap().frame_idx
}

#[test]
fn palettes_are_those_of_the_standard() {
    // PS3.6 B.1.1: red rises over the first half, green over the second, blue over the last quarter
    for level in 0..=254_u8 {
        let twice = |from: u8| level.saturating_sub(from).saturating_mul(2);
        let red = if level < 128 { level * 2 } else { 255 };
        let blue = level.saturating_sub(191).saturating_mul(4);
        assert_eq!(ColorMap::HotIron.color(level), [red, twice(128), blue], "{level}");
    }
    for map in ColorMap::ALL {
        let whites = [ColorMap::Viridis].contains(&map);
        assert_eq!(map.color(255) == [255, 255, 255], !whites, "{map:?}");
    }
    // twenty steps, no more
    let steps: std::collections::BTreeSet<_> =
        (0..=255).map(|level| ColorMap::Pet20Step.color(level)).collect();
    assert_eq!(steps.len(), 20);
    assert_eq!(ColorMap::Viridis.color(0), [68, 1, 84]);
    let grey = DisplayImage { width: 2, height: 1, channels: Channels::Gray, pixels: vec![0, 130] };
    let colored = ColorMap::HotIron.apply(grey.clone());
    assert_eq!((colored.channels, colored.pixels), (Channels::Rgb, vec![0, 0, 0, 255, 4, 0]));
    assert_eq!(ColorMap::Grey.apply(grey.clone()), grey);
}

#[test]
fn colours_are_shown_with_their_values_and_kept_from_the_model() {
    let mut app = App::with_ct();
    app.pretend_model();
    run(&mut app, Command::SetWindow(WindowMode::Custom(Window::new(40.0, 400.0))));
    app.harness.get_by_label("Image").click();
    app.harness.run_steps(4);
    app.harness.get_by_label_contains("Colours").click();
    app.harness.run_steps(4);
    app.harness.get_by_label("Viridis").click();
    app.settle();
    let name = "Colour bar, Viridis: −160, −60, 40, 140, 240 HU";
    assert!(app.harness.query_by_label(name).is_some(), "{}", app.words());
    assert!(app.read().contains("Viridis · a model gets the grey picture"), "{}", app.read());
    // air is the darkest level: on the screen it has that colour
    let rect = app.harness.get_by_label_contains("Viewport 1").rect();
    let top = rect.center().y - rect.width().min(rect.height()) / 2.0;
    let shot = app.harness.render().unwrap();
    let purple = (0..40).filter(|down| {
        let y = top as u32 + 40 + down;
        let [r, g, b, _] = shot.get_pixel(rect.center().x as u32 - 60, y).0;
        (r, g, b) == (68, 1, 84)
    });
    assert!(purple.count() > 10);
    shoot(&mut app, "look-1-viridis");
    let ask = Command::Ask { question: "What is it?".to_owned(), with_view: true, again_of: None };
    app.effects_of(ask);
    let image = app.state().conversation().turns[0].evidence[0].image.clone().unwrap();
    assert_eq!(image.channels, Channels::Gray);
    app.settle();
    run(&mut app, Command::Invert);
    let bar = app.harness.get_by_label_contains("Colour bar").accesskit_node().label().unwrap();
    assert!(bar.contains("−160, −60, 40, 140, 240"), "{bar}");
    press(&mut app, Modifiers::COMMAND, Key::Z);
    press(&mut app, Modifiers::COMMAND, Key::Z);
    assert_eq!(app.state().active_viewport().view.color_map, ColorMap::Grey, "one step back");
    assert!(app.harness.query_by_label_contains("Colour bar").is_none());
}

#[test]
fn the_scale_bar_is_as_long_as_it_says() {
    let mut app = App::with_ct();
    let frame = app.harness.get_by_label_contains("Viewport 1").rect();
    let state = app.state();
    let place = state.active_viewport().place.clone().unwrap();
    let (_, series) = state.studies.series(&place.study_key, &place.series_key).unwrap();
    let instance = &series.instances[0];
    let [_, spacing] = instance.geometry[0].pixel_spacing_mm.unwrap();
    let fit = (frame.width() / instance.columns as f32).min(frame.height() / instance.rows as f32);
    let check = |app: &App, zoom: f32| {
        let bar = app.harness.get_by_label_contains("Scale: ");
        let label = bar.accesskit_node().label().unwrap();
        let said = label.trim_start_matches("Scale: ");
        let (number, unit) = said.split_once(' ').unwrap();
        let mm = number.parse::<f32>().unwrap() * if unit == "cm" { 10.0 } else { 1.0 };
        let long = bar.rect().width() / zoom * spacing as f32;
        assert!((long - mm).abs() < mm * 0.01, "{label}: {long} mm long, {zoom}");
        mm
    };
    let whole = check(&app, fit);
    run(&mut app, Command::ZoomBy(8.0));
    let near = check(&app, fit * 8.0);
    assert!(near < whole, "another length where it would not fit");
    run(&mut app, Command::CycleOverlays);
    run(&mut app, Command::CycleOverlays);
    assert!(app.harness.query_by_label_contains("Scale: ").is_none(), "no overlays");
}

#[test]
fn the_scale_bar_says_where_its_length_holds() {
    let shown = |tag: Option<(u16, u16)>| {
        let folder = tempfile::tempdir().unwrap();
        let mut file = DicomBuilder::new(64, 64, 8);
        if let Some(tag) = tag {
            file = file.text(tag, "DS", "0.5\\0.5");
        }
        file.pixels(&[100; 64 * 64]).write(folder.path(), "a.dcm");
        let mut app = App::new();
        app.open(folder.path());
        app.harness.get_by_label_contains("Scale: ").accesskit_node().label().unwrap()
    };
    assert_eq!(shown(None), "Scale: px");
    assert!(shown(Some((0x0018, 0x1164))).ends_with("mm at detector"));
    assert!(shown(Some((0x0018, 0x2010))).ends_with("mm on film"));
    let patient = shown(Some((0x0028, 0x0030)));
    assert!(patient.ends_with(" mm"), "{patient}");
}

#[test]
fn what_changes_the_look_has_a_command_and_a_key() {
    let plain = |key| Some(KeyboardShortcut::new(Modifiers::NONE, key));
    for (command, keys) in [
        (Command::Invert, plain(Key::I)),
        (Command::FlipHorizontal, plain(Key::H)),
        (Command::FlipVertical, plain(Key::V)),
        (Command::Rotate(-1), plain(Key::OpenBracket)),
        (Command::Rotate(1), plain(Key::CloseBracket)),
        (Command::ToggleInterpolation, plain(Key::N)),
        (Command::ToggleFullScreen, plain(Key::F11)),
        (Command::TogglePlanes, plain(Key::O)),
        (Command::ToggleKeyImage, plain(Key::K)),
        (Command::Undo, Some(KeyboardShortcut::new(Modifiers::COMMAND, Key::Z))),
        (Command::Redo, Some(KeyboardShortcut::new(Modifiers::COMMAND, Key::Y))),
    ] {
        assert!(!command.label().is_empty(), "{command:?}");
        assert_eq!(command.shortcut(), keys, "{command:?}");
    }
    for map in ColorMap::ALL {
        assert_eq!(Command::SetColorMap(map).label(), map.name());
    }
}

#[test]
fn turning_flipping_and_pixels_are_undone_and_made_again() {
    let mut app = App::with_ct();
    let before = app.state().active_viewport().view.clone();
    for key in [Key::H, Key::CloseBracket, Key::V] {
        press(&mut app, Modifiers::NONE, key);
    }
    let after = app.state().active_viewport().view.clone();
    assert_ne!(before, after);
    (0..3).for_each(|_| press(&mut app, Modifiers::COMMAND, Key::Z));
    assert_eq!(app.state().active_viewport().view, before);
    (0..3).for_each(|_| press(&mut app, Modifiers::COMMAND, Key::Y));
    assert_eq!(app.state().active_viewport().view, after);
    assert!(!app.state().settings.nearest);
    press(&mut app, Modifiers::NONE, Key::N);
    assert!(app.state().settings.nearest);
}

fn until(app: &mut App, what: &str, is_so: impl Fn(&App) -> bool) {
    let began = Instant::now();
    while !is_so(app) {
        assert!(began.elapsed() < Duration::from_secs(30), "still no {what}");
        app.harness.run_steps(1);
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn key_images_are_starred_listed_and_gone_through() {
    let mut app = App::with_ct();
    assert_eq!(frame_idx(&app), 10);
    // without any there is none to go to, and none is made
    press(&mut app, Modifiers::SHIFT, Key::K);
    assert!(app.harness.query_by_label("Key image").is_none());
    press(&mut app, Modifiers::NONE, Key::K);
    assert!(app.harness.query_by_label("Key image").is_some(), "{}", app.words());
    run(&mut app, Command::ShowFrame(15));
    assert!(app.harness.query_by_label("Key image").is_none());
    press(&mut app, Modifiers::NONE, Key::K);
    run(&mut app, Command::ShowFrame(3));
    press(&mut app, Modifiers::NONE, Key::K);
    for expected in [10, 15, 3] {
        press(&mut app, Modifiers::SHIFT, Key::K);
        assert_eq!(frame_idx(&app), expected);
    }
    run(&mut app, Command::StepKeyImage(-1));
    assert_eq!(frame_idx(&app), 15);
    // scrolling goes from one to the next
    run(&mut app, Command::ToggleKeyOnly);
    press(&mut app, Modifiers::NONE, Key::ArrowUp);
    assert_eq!(frame_idx(&app), 10);
    press(&mut app, Modifiers::NONE, Key::ArrowUp);
    press(&mut app, Modifiers::NONE, Key::ArrowUp);
    assert_eq!(frame_idx(&app), 3, "the first is the end");
    press(&mut app, Modifiers::NONE, Key::ArrowDown);
    assert_eq!(frame_idx(&app), 10);
    run(&mut app, Command::ToggleKeyOnly);
    app.harness.get_by_label("Measurements").click();
    app.settle();
    app.harness.get_by_label_contains("Key image, slice 16 of 20").click();
    app.settle();
    assert_eq!(frame_idx(&app), 15);
    shoot(&mut app, "look-2-key-images");
    let effects = app.effects_of(Command::ExportKeyImages);
    let Some(Effect::PickPlaceForKeyImages(table)) = effects.last() else { panic!("{effects:?}") };
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 4, "{table}");
    assert!(lines[1].starts_with("Case 01,") && lines[1].contains(",CT,4,20,"), "{table}");
    // K again takes the star
    press(&mut app, Modifiers::NONE, Key::K);
    assert_eq!(app.state().key_images.all().len(), 2);
}

#[test]
fn stars_are_there_after_a_restart_and_name_nobody() {
    let mut app = App::with_ct();
    until(&mut app, "history", |app| app.state().history.is_open);
    press(&mut app, Modifiers::NONE, Key::K);
    assert_eq!(app.state().settings.key_images.len(), 1);
    let mark = app.state().settings.key_images[0].clone();
    assert!(mark.len() == 32 && mark.bytes().all(|b| b.is_ascii_hexdigit()), "{mark}");
    let file = app.data_dir.path().join("settings.toml");
    until(&mut app, "settings", |_| std::fs::read_to_string(&file).unwrap().contains(&mark));
    let App { harness, data_dir } = app;
    drop(harness);
    let mut app = App::start(data_dir, |_| None, |_| {});
    app.open(&sample("ct-torso"));
    until(&mut app, "key image", |app| !app.state().key_images.all().is_empty());
    assert_eq!(app.state().key_images.all()[0].place.frame_idx, 10);
    app.settle();
    assert!(app.harness.query_by_label("Key image").is_some());
    run(&mut app, Command::CloseActiveStudy);
    assert!(app.state().key_images.all().is_empty());
    assert_eq!(app.state().settings.key_images.len(), 1, "kept for the next time");
}
