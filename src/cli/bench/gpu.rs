//! Memory taken of a graphics card, as its driver tells it.

use crate::vlm::{ComputeDevice, ComputeKind, GpuInfo, detect_gpus};

/// Watches the free memory of the card that computes.
///
/// What was taken is seldom given back while a program runs, so that looking between the runs
/// finds the most of it.
pub(super) struct GpuMeter {
    /// The card before anything was loaded.
    before: Option<GpuInfo>,
    least_free: Option<u64>,
}

impl GpuMeter {
    /// Only a card with memory of its own can be told apart from the rest of the machine.
    pub(super) fn new(device: &ComputeDevice) -> Self {
        let is_card = device.kind() == ComputeKind::Gpu;
        Self { before: device.gpu().filter(|_| is_card).cloned(), least_free: None }
    }

    /// Ask the driver now.
    pub(super) fn look(&mut self) {
        let Some(before) = &self.before else { return };
        let now = detect_gpus().into_iter().find(|gpu| gpu.name == before.name);
        let free = now.and_then(|gpu| gpu.free_bytes);
        self.least_free = self.least_free.into_iter().chain(free).min();
    }

    /// Most memory that was taken, in MiB; `None` where nobody says.
    pub(super) fn peak_mb(&self) -> Option<u64> {
        let before = self.before.as_ref()?.free_bytes?;
        Some(before.saturating_sub(self.least_free?) >> 20)
    }
}
