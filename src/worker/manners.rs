//! How an engine computes on a machine that others use too.

use rayon::ThreadPoolBuilder;

/// Below what the window, the reader's archive and browser run at, and still well above idle work.
#[cfg(unix)]
const PRIORITY: i32 = 5;

/// Threads that compute run at a lower priority, and one core stays free for the window when there
/// are more than two. Called by the engine worker's computing thread, which is one of them, before
/// anything is computed.
pub(super) fn leave_room_for_the_window() {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = if cores > 2 { cores - 1 } else { cores };
    let mut pool =
        ThreadPoolBuilder::new().num_threads(threads).start_handler(|_| yield_to_others());
    if threads > 1 {
        // alone it would wait for work that is handed to itself
        pool = pool.use_current_thread();
        yield_to_others();
    }
    // a pool that is there already computes as well
    pool.build_global().ok();
}

/// Of this thread where the system counts by thread, else of the process.
#[cfg(unix)]
fn yield_to_others() {
    use rustix::process::{getpriority_process, setpriority_process};
    if getpriority_process(None).is_ok_and(|priority| priority < PRIORITY) {
        setpriority_process(None, PRIORITY).ok();
    }
}

/// Other systems take no wish of a thread without unsafe code.
#[cfg(not(unix))]
fn yield_to_others() {}
