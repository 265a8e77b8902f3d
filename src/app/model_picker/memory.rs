//! What a model would need on the device that is chosen, in words.

use super::super::state::AppState;
use crate::vlm::{
    DeviceInfo, Fit, MemoryNeed, ModelSpec, gigabytes, likely_precision, why_this_precision,
};

/// A model's needs beside the device they are reckoned for.
pub(super) struct Reckoned {
    pub(super) device: DeviceInfo,
    pub(super) context: u32,
    pub(super) needs: Vec<MemoryNeed>,
    likely: Option<MemoryNeed>,
    /// Why it is likely, where that is not plain.
    pub(super) why: Option<String>,
}

impl Reckoned {
    /// `None` until the device is known, or when the model's configuration is not.
    pub(super) fn new(state: &AppState, spec: &ModelSpec) -> Option<Self> {
        let device = state.device_without_models()?;
        let context = spec.usual_context();
        let needs = spec.memory_needs(context, &device);
        if needs.is_empty() {
            return None;
        }
        let likely = likely_precision(state.settings.precision, &needs, &device).copied();
        let why = why_this_precision(state.settings.precision, &needs, &device);
        Some(Self { device, context, needs, likely, why })
    }

    /// Whether the model goes in; `None` where that cannot be known.
    pub(super) fn fit(&self) -> Option<Fit> {
        self.likely.as_ref()?.fit(&self.device)
    }

    /// "Needs 17.1 GB at f16 · 22.3 of 24.0 GB free on the GPU".
    pub(super) fn line(&self) -> String {
        let Some(need) = &self.likely else {
            return format!("{} does not compute in this precision", self.device.name);
        };
        let total = gigabytes(need.total_bytes());
        let needs = format!("Needs {total} at {}", need.precision.as_str());
        match self.device.room() {
            Some(room) => format!("{needs} · {room}"),
            None => needs,
        }
    }

    /// Why loading may fail, when it may.
    pub(super) fn doubt(&self) -> Option<String> {
        let advice = "Loading may fail. A smaller model or other precision may fit.";
        match self.fit()? {
            Fit::Comfortable => None,
            Fit::Tight => Some(format!("{}, with little to spare.\n{advice}", self.line())),
            Fit::TooLarge => Some(format!("{}: too little.\n{advice}", self.line())),
        }
    }
}
