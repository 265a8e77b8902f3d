//! Wall time and the processor time of the whole process, between two moments.

use std::time::Instant;

/// Milliseconds of one tick of `/proc/self/stat`: 100 a second on every Linux in use.
const TICK_MS: f64 = 10.0;

/// How long something took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Span {
    /// By the clock on the wall, in milliseconds.
    pub ms: f64,
    /// By the processor, all threads of this process together, in milliseconds; `None` where the
    /// system does not say.
    pub cpu_ms: Option<f64>,
}

/// Runs from when it is made.
pub(crate) struct Stopwatch {
    started: Instant,
    cpu: Option<CpuTime>,
}

impl Stopwatch {
    pub(crate) fn start() -> Self {
        let cpu = CpuTime::now();
        Self { started: Instant::now(), cpu }
    }

    /// The time so far.
    pub(crate) fn read(&self) -> Span {
        let ms = self.started.elapsed().as_secs_f64() * 1e3;
        let cpu = self.cpu.zip(CpuTime::now());
        Span { ms, cpu_ms: cpu.map(|(from, to)| to.since(from)) }
    }
}

/// Processor time used up to now, in milliseconds.
#[derive(Clone, Copy)]
struct CpuTime {
    /// By the scheduler's own count of the threads that live.
    threads_ms: f64,
    /// Of all threads there ever were, in coarse steps.
    process_ms: f64,
}

impl CpuTime {
    fn now() -> Option<Self> {
        Some(Self { threads_ms: threads_ms().unwrap_or(0.0), process_ms: process_ms()? })
    }

    /// The fine count, unless it misses more than the coarse one cannot see: then threads have
    /// ended meanwhile.
    fn since(self, from: Self) -> f64 {
        let fine = self.threads_ms - from.threads_ms;
        let coarse = self.process_ms - from.process_ms;
        if (coarse - fine).abs() > 3.0 * TICK_MS { coarse } else { fine }
    }
}

/// Nanoseconds on a processor are the first number of every thread's `schedstat`.
fn threads_ms() -> Option<f64> {
    let mut sum = 0_u64;
    for thread in std::fs::read_dir("/proc/self/task").ok()?.flatten() {
        let text = std::fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
        let first = text.split_whitespace().next().and_then(|number| number.parse::<u64>().ok());
        sum = sum.saturating_add(first.unwrap_or(0));
    }
    Some(sum as f64 / 1e6)
}

/// Ticks in user and in system mode: the 14th and 15th field; the second may hold blanks and ends
/// with a bracket.
fn process_ms() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    let (user, system) = (ticks()?, ticks()?);
    Some(user.saturating_add(system) as f64 * TICK_MS)
}
