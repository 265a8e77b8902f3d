//! What the tests of trainings and evaluations in the window have in common.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use egui_kittest::kittest::Queryable as _;
use reading_room::app::Command;
use reading_room::imaging::{Channels, DisplayImage};

use crate::app_harness::App;

const PATIENCE: Duration = Duration::from_secs(120);

/// Draws until something is so; folders are read on threads of the window.
pub(crate) fn until(app: &mut App, what: &str, mut is_so: impl FnMut(&App) -> bool) {
    let began = Instant::now();
    loop {
        app.settle();
        if is_so(app) {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "never {what}:\n{}", app.words());
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) fn open(app: &mut App, paths: &[PathBuf]) {
    app.harness.state_mut().state_mut().run(Command::OpenPaths(paths.to_vec()));
}

pub(crate) fn click(app: &mut App, label: &str) {
    app.harness.get_by_label(label).click();
    app.settle();
}

/// A picture of the window, for whoever wants to look at it.
pub(crate) fn shoot(app: &mut App, name: &str) {
    let Ok(folder) = std::env::var("READING_ROOM_SHOTS") else { return };
    let picture = app.harness.render().unwrap();
    picture.save(Path::new(&folder).join(format!("{name}.png"))).unwrap();
}

pub(crate) fn picture(index: u8) -> DisplayImage {
    let (width, height) = (48, 40);
    let level = |at: u32| (at * u32::from(index % 9 + 3) % 251) as u8;
    let pixels = (0..width * height).map(level).collect();
    DisplayImage { width, height, channels: Channels::Gray, pixels }
}
