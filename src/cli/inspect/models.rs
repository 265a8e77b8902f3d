//! Models as `inspect --json` describes them.

use serde::Serialize;

use crate::vlm::{
    Abilities, DeviceInfo, Fit, MemoryNeed, Part, PrecisionChoice, likely_precision,
    why_this_precision,
};

use super::{Described, text};

/// A model folder.
#[derive(Serialize)]
pub(super) struct ModelReport {
    path: String,
    name: String,
    title: String,
    family: String,
    parts: Vec<PartReport>,
    missing: Vec<String>,
    /// Only for families that reconstruct.
    missing_for_reconstruction: Option<Vec<String>>,
    abilities: Abilities,
    parameters: u64,
    weights_bytes: u64,
    context_len: u32,
    image_tokens: u32,
    max_images: u32,
    languages: Vec<String>,
    licence: Option<String>,
    repetition_penalty: f32,
    /// Positions the memory is reckoned for.
    context: u32,
    kv_bytes_per_token: Option<u64>,
    /// The embedding: beside a card's memory, and counted in the weights of any other device.
    host_bytes: Option<u64>,
    precisions: Vec<PrecisionReport>,
    /// What is taken when nobody asks for a precision, and why.
    auto_precision: Option<&'static str>,
    auto_reason: Option<String>,
}

#[derive(Serialize)]
struct PartReport {
    name: String,
    path: String,
    bytes: u64,
}

/// One way of loading it on the report's device.
#[derive(Serialize)]
struct PrecisionReport {
    precision: &'static str,
    /// Whether the device computes so.
    supported: bool,
    weights_bytes: u64,
    kv_cache_bytes: u64,
    activation_bytes: u64,
    total_bytes: u64,
    /// Whether the total is free; not known on every device.
    fits: Option<bool>,
}

impl From<&Described> for ModelReport {
    fn from(described: &Described) -> Self {
        let Described { spec, device, context } = described;
        let part = |part: &Part| PartReport {
            name: part.name.clone(),
            path: text(&part.path),
            bytes: part.bytes,
        };
        let needs = spec.memory_needs(*context, device);
        Self {
            path: text(&spec.path),
            name: spec.name.clone(),
            title: spec.title.clone(),
            family: spec.family.as_str().to_owned(),
            parts: spec.parts.iter().map(part).collect(),
            missing: spec.missing.clone(),
            missing_for_reconstruction: spec
                .draws()
                .then(|| spec.missing_for_reconstruction.clone()),
            abilities: spec.abilities,
            parameters: spec.parameters,
            weights_bytes: spec.weights_bytes,
            context_len: spec.context_len,
            image_tokens: spec.image_tokens,
            max_images: spec.max_images,
            languages: spec.languages.clone(),
            licence: spec.licence.clone(),
            repetition_penalty: spec.repetition_penalty,
            context: *context,
            kv_bytes_per_token: spec.memory.as_ref().map(|plan| plan.kv_bytes_per_token),
            host_bytes: spec.memory.as_ref().map(|plan| plan.host_bytes),
            auto_precision: likely_precision(PrecisionChoice::Auto, &needs, device)
                .map(|need| need.precision.as_str()),
            auto_reason: why_this_precision(PrecisionChoice::Auto, &needs, device),
            precisions: needs.iter().map(|need| PrecisionReport::new(need, device)).collect(),
        }
    }
}

impl PrecisionReport {
    fn new(need: &MemoryNeed, device: &DeviceInfo) -> Self {
        Self {
            precision: need.precision.as_str(),
            supported: device.supports(need.precision),
            weights_bytes: need.weights_bytes,
            kv_cache_bytes: need.kv_cache_bytes,
            activation_bytes: need.activation_bytes,
            total_bytes: need.total_bytes(),
            fits: need.fit(device).map(|fit| fit != Fit::TooLarge),
        }
    }
}
