//! What one way of loading a model needs, against what a device has.

use serde::{Deserialize, Serialize};

use crate::vlm::{DeviceInfo, Precision};

/// Memory of a loaded model, by what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryNeed {
    /// Of its matrices.
    pub precision: Precision,
    /// All tensors on the device, exactly.
    pub weights_bytes: u64,
    /// Whether a copy of the embedding is among them: there is room for it, and with it several
    /// steps follow each other without the host.
    pub keeps_embedding: bool,
    /// Keys and values of all positions.
    pub kv_cache_bytes: u64,
    /// Values between weights; an upper estimate.
    pub activation_bytes: u64,
    /// What should stay free beside all these.
    pub headroom_bytes: u64,
}

/// How a need goes into a memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// With room to spare.
    Comfortable,
    /// By the figures, and it may still fail.
    Tight,
    /// Not at all.
    TooLarge,
}

impl MemoryNeed {
    /// Weights, cache and activations.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        let rest = self.kv_cache_bytes.saturating_add(self.activation_bytes);
        self.weights_bytes.saturating_add(rest)
    }

    /// Against what is free, else against all there is; `None` where neither is known.
    #[must_use]
    pub fn fit(&self, device: &DeviceInfo) -> Option<Fit> {
        let room = device.free_bytes.or(device.memory_bytes)?;
        Some(match self.total_bytes() {
            total if total > room => Fit::TooLarge,
            total if total.saturating_add(self.headroom_bytes) > room => Fit::Tight,
            _ => Fit::Comfortable,
        })
    }

    /// "weights 15.9 GB, cache 0.5 GB, working 0.7 GB".
    #[must_use]
    pub fn in_words(&self) -> String {
        format!(
            "weights {}, cache {}, working {}",
            gigabytes(self.weights_bytes),
            gigabytes(self.kv_cache_bytes),
            gigabytes(self.activation_bytes)
        )
    }
}

/// "22.3 of 24.0 GB", "340 of 800 MB".
#[must_use]
pub fn gigabytes_of(part: u64, whole: u64) -> String {
    let (part, whole) = (gigabytes(part), gigabytes(whole));
    match (part.split_once(' '), whole.split_once(' ')) {
        (Some((number, unit)), Some((_, same))) if unit == same => format!("{number} of {whole}"),
        _ => format!("{part} of {whole}"),
    }
}

/// "7.6 B parameters", "3.8 M parameters".
#[must_use]
pub fn parameters_text(count: u64) -> String {
    let value = count as f64;
    match count {
        1_000_000_000.. => format!("{:.1} B parameters", value / 1e9),
        1_000_000.. => format!("{:.1} M parameters", value / 1e6),
        _ => format!("{:.0} k parameters", value / 1e3),
    }
}

/// "15.2 GB", "340 MB".
#[must_use]
pub fn gigabytes(bytes: u64) -> String {
    let bytes = bytes as f64;
    if bytes >= 1e9 {
        format!("{:.1} GB", bytes / 1e9)
    } else if bytes >= 1e6 {
        format!("{:.0} MB", bytes / 1e6)
    } else {
        format!("{:.0} kB", bytes / 1e3)
    }
}
