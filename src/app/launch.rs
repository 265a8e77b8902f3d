//! Opens the window, or says in one sentence why there is none.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use egui::{ColorImage, Context, ViewportBuilder, ViewportCommand};

use super::state::AppState;
use super::{AppOptions, ReadingRoomApp, Workers};
use crate::imaging::{Channels, DisplayImage};

/// The window is calm for so long before its picture is taken.
const SETTLED_SECS: f64 = 2.0;
const NEEDS_VULKAN: &str = "install a graphics driver with Vulkan (on Debian and Ubuntu: \
    mesa-vulkan-drivers; without a graphics card it computes in software)";

/// Why there is no window.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// No screen.
    #[error(
        "there is no screen to open the window on: start it on a desktop, or use the commands \
         `reading-room inspect`, `render` and `ask`, which need none"
    )]
    NoScreen,
    /// A library of the desktop is missing.
    #[error("a desktop library is missing ({0}): on Debian and Ubuntu install {1}")]
    MissingLibrary(String, &'static str),
    /// No graphics.
    #[error("no graphics driver can draw the window: {NEEDS_VULKAN} ({0})")]
    NoGraphics(String),
    /// Anything else.
    #[error("the window could not be opened: {0}")]
    Other(String),
}

/// Opens the window and stays until it is closed.
///
/// # Errors
/// When there is no screen, no graphics driver, or a library of the desktop is missing.
pub fn run(options: AppOptions) -> Result<(), AppError> {
    let native = eframe::NativeOptions {
        viewport: builder(&options),
        // noise added to grey levels has no place in a viewer
        dithering: false,
        ..Default::default()
    };
    let start = move || {
        eframe::run_native(
            "reading-room",
            native,
            Box::new(move |cc| {
                let workers = Workers::start(&cc.egui_ctx);
                Ok(Box::new(ReadingRoomApp::new(&cc.egui_ctx, &options, Some(workers))))
            }),
        )
    };
    // libraries of the desktop are found while the window opens, and are missed by panicking
    match catch_unwind(AssertUnwindSafe(start)) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(from_eframe(&error)),
        Err(panic) => Err(from_message(&panic_message(panic.as_ref()))),
    }
}

fn builder(options: &AppOptions) -> ViewportBuilder {
    let (settings, _) = super::Settings::load(&options.data_dir);
    let size = settings.app_size.unwrap_or([1440.0, 900.0]);
    let builder = ViewportBuilder::default()
        .with_title("Reading Room")
        .with_app_id("reading-room")
        .with_inner_size(size)
        .with_min_inner_size([1100.0, 700.0])
        .with_drag_and_drop(true);
    match eframe::icon_data::from_png_bytes(include_bytes!("../../assets/icon.png")) {
        Ok(icon) => builder.with_icon(icon),
        Err(_) => builder,
    }
}

fn from_eframe(error: &eframe::Error) -> AppError {
    let text = error.to_string();
    match error {
        eframe::Error::Wgpu(_) => AppError::NoGraphics(text),
        _ => from_message(&text),
    }
}

fn from_message(text: &str) -> AppError {
    let has = |word: &str| text.contains(word);
    if has("DISPLAY") || has("compositor") || has("XOpenDisplay") || has("NotSupported") {
        AppError::NoScreen
    } else if has("libxkbcommon-x11") || has("xkbcommon") {
        AppError::MissingLibrary(short(text), "libxkbcommon-x11-0 and libxkbcommon0")
    } else if has("libX11") || has("libXcursor") || has("libXi") || has("libXrandr") {
        AppError::MissingLibrary(short(text), "libx11-6, libxcursor1, libxi6 and libxrandr2")
    } else if has("adapter") || has("Vulkan") || has("surface") {
        AppError::NoGraphics(short(text))
    } else {
        AppError::Other(short(text))
    }
}

fn short(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(160).collect()
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// Takes a picture of the window once everything has settled, and closes.
pub(crate) struct Screenshot {
    path: Option<PathBuf>,
    calm_since_secs: Option<f64>,
}

impl Screenshot {
    pub(crate) fn new(path: Option<PathBuf>) -> Self {
        Self { path, calm_since_secs: None }
    }

    pub(crate) fn run(&mut self, ctx: &Context, state: &AppState) {
        if self.path.is_none() {
            return;
        }
        ctx.request_repaint_after_secs(0.2);
        let is_busy = state.engine.is_busy()
            || state.scanning_models
            || state.jobs.visible().next().is_some()
            || state.frames.num_pending() > 0;
        if is_busy {
            self.calm_since_secs = None;
            return;
        }
        let since = *self.calm_since_secs.get_or_insert(state.now_secs);
        if state.now_secs - since < SETTLED_SECS {
            return;
        }
        let Some(path) = self.path.take() else { return };
        let closing = ctx.clone();
        let callback = egui::ScreenshotCallback::new(move |image| {
            save(&image, &path);
            closing.send_viewport_cmd(ViewportCommand::Close);
            closing.request_repaint();
        });
        ctx.send_viewport_cmd(ViewportCommand::Screenshot(callback));
        ctx.request_repaint();
    }
}

fn save(image: &Arc<ColorImage>, path: &Path) {
    let side = |n: usize| u32::try_from(n).unwrap_or(0);
    let picture = DisplayImage {
        width: side(image.size[0]),
        height: side(image.size[1]),
        channels: Channels::Rgb,
        pixels: image.pixels.iter().flat_map(|c| [c.r(), c.g(), c.b()]).collect(),
    };
    // a hidden option for making documents: nobody is there to be told
    picture.write_png(path).ok();
}
