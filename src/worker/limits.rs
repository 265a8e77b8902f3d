//! What a worker may use, set once when it starts.

/// Address space of the decode worker: a frame of 1 GiB, its copy on the way out, what the allocator
/// reserves without using it, and room.
#[cfg(any(unix, windows))]
const DECODE_MEMORY: u64 = 4 << 30;

/// Cap memory, forbid file writes and core dumps. Called by the decode worker on itself.
///
/// A limit that the system refuses is not fatal: the supervisor's watchdog still stands.
#[cfg(unix)]
pub(super) fn limit_decode_worker() {
    use rlimit::Resource;
    let limits = [(Resource::AS, DECODE_MEMORY), (Resource::FSIZE, 0), (Resource::CORE, 0)];
    for (resource, limit) in limits {
        resource.set(limit, limit).ok();
    }
}

/// Cap memory by a job object. Called by the decode worker on itself.
#[cfg(windows)]
pub(super) fn limit_decode_worker() {
    let Ok(job) = win32job::Job::create() else { return };
    let Ok(mut info) = job.query_extended_limit_info() else { return };
    info.limit_kill_on_job_close();
    if let Ok(limit) = usize::try_from(DECODE_MEMORY) {
        info.limit_process_memory(limit);
    }
    job.set_extended_limit_info(&info).ok();
    job.assign_current_process().ok();
    std::mem::forget(job); // closing the handle would end this process
}

/// Other systems have no such limits here.
#[cfg(not(any(unix, windows)))]
pub(super) fn limit_decode_worker() {}

/// As the decode worker, but that it writes. Called by the copying worker on itself.
#[cfg(unix)]
pub(super) fn limit_copying_worker() {
    use rlimit::Resource;
    for (resource, limit) in [(Resource::AS, DECODE_MEMORY), (Resource::CORE, 0)] {
        resource.set(limit, limit).ok();
    }
}

/// The same elsewhere.
#[cfg(not(unix))]
pub(super) fn limit_copying_worker() {
    limit_decode_worker();
}

/// Core dumps hold patient data; an engine writes none.
pub(super) fn limit_engine_worker() {
    #[cfg(unix)]
    rlimit::Resource::CORE.set(0, 0).ok();
}

/// Most memory this process ever held, in MiB; 0 where the system does not say.
#[must_use]
pub fn peak_rss_mb() -> u64 {
    peak_rss_of("self").unwrap_or(0)
}

/// The same of another process.
#[must_use]
pub fn peak_rss_mb_of(pid: u32) -> Option<u64> {
    peak_rss_of(&pid.to_string())
}

fn peak_rss_of(process: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? / 1024)
}
