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
        let device = device_without_model(state)?;
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

/// Loading one model unloads the other, whose weights count as free.
fn device_without_model(state: &AppState) -> Option<DeviceInfo> {
    let engine = &state.engine;
    let mut device = engine.device_info.clone()?;
    let request = engine.last_request.as_ref().filter(|_| engine.is_loaded());
    let info = engine.info().filter(|info| info.device == device.label);
    if let (Some(request), Some(info), Some(free)) = (request, info, device.free_bytes) {
        let spec = state.models.iter().find(|spec| spec.path == request.model);
        let needs = spec.map(|spec| spec.memory_needs(0, &device)).unwrap_or_default();
        let loaded = needs.iter().find(|need| need.precision.as_str() == info.precision);
        let more = free.saturating_add(loaded.map_or(0, |need| need.weights_bytes));
        device.free_bytes = Some(device.memory_bytes.map_or(more, |all| more.min(all)));
    }
    Some(device)
}
