//! How much memory the machine has, and how much of it is free.

/// Memory of a device, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MemorySize {
    pub(crate) total_bytes: Option<u64>,
    pub(crate) free_bytes: Option<u64>,
}

/// What this process may take in all and still take, where the system says so.
pub(crate) fn machine_memory() -> MemorySize {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let group = Group::read();
    let least = |all: Option<u64>, group: Option<u64>| match (all, group) {
        (Some(all), Some(group)) => Some(all.min(group)),
        (all, group) => all.or(group),
    };
    MemorySize {
        total_bytes: least(kilobytes(&text, "MemTotal:"), group.map(|group| group.limit)),
        free_bytes: least(kilobytes(&text, "MemAvailable:"), group.map(|group| group.free())),
    }
}

fn kilobytes(text: &str, key: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(key))?;
    let number: u64 = rest.trim().trim_end_matches("kB").trim().parse().ok()?;
    number.checked_mul(1024)
}

/// The limit a container or a session is under (cgroup v2).
#[derive(Clone, Copy)]
struct Group {
    limit: u64,
    used: u64,
}

impl Group {
    fn read() -> Option<Self> {
        let file = |name: &str| std::fs::read_to_string(format!("/sys/fs/cgroup/{name}")).ok();
        let number = |name: &str| file(name)?.trim().parse::<u64>().ok();
        let stat = file("memory.stat").unwrap_or_default();
        // files that were read count as used and are given up when memory is wanted
        let given_up = stat
            .lines()
            .find_map(|line| line.strip_prefix("inactive_file "))
            .and_then(|rest| rest.trim().parse::<u64>().ok())
            .unwrap_or(0);
        let used = number("memory.current")?.saturating_sub(given_up);
        Some(Self { limit: number("memory.max")?, used })
    }

    fn free(self) -> u64 {
        self.limit.saturating_sub(self.used)
    }
}
