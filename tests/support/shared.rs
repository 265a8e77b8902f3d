//! The folder of large data beside the project, when it is there.

use std::{
    env,
    path::{Path, PathBuf},
};

/// A part of it; prints why the test is skipped when it is not there.
pub(crate) fn shared(part: &str) -> Option<PathBuf> {
    let named = env::var_os("READING_ROOM_SHARED").map(PathBuf::from);
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let folder = named.unwrap_or_else(beside).join(part);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: there is no {part} in ../shared (READING_ROOM_SHARED)");
    None
}
