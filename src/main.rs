//! Starts the window, a headless command, or one of the two workers.
fn main() {}
