//! Starts the window, a headless command, or one of the two workers.

use std::process::ExitCode;

use reading_room::{
    app::{self, AppOptions},
    cli::{self, Next, WindowPlan},
};

/// Keeps memory that layer after layer asks for again, where the system's would give it back and
/// have every page cleared anew.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match cli::main() {
        Next::Exit(code) => code,
        Next::OpenWindow(plan) => open_window(*plan),
    }
}

fn open_window(plan: WindowPlan) -> ExitCode {
    let options = AppOptions {
        paths: plan.paths,
        sample: plan.sample,
        models_dir: plan.models_dir,
        data_dir: plan.data_dir,
        model: plan.model,
        device: plan.device,
        precision: plan.precision,
        nano: true,
        weights_cache: plan.weights_cache,
        screenshot: plan.screenshot,
        measure_scroll: plan.measure_scroll,
    };
    match app::run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => cli::fail(&error.to_string()),
    }
}
