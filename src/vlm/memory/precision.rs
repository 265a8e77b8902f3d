//! Which precision a model is loaded in.

use crate::vlm::memory::{Fit, MemoryNeed, gigabytes};
use crate::vlm::{ComputeKind, DeviceInfo, ModelError, Precision, PrecisionChoice};

/// The need that loading will try, of those of a model; `None` when the device cannot compute so.
///
/// What is asked for, or of what the device computes in the first that goes in with room to spare,
/// else the smallest:
///
/// - on a GPU f16 before f32: a step takes its time for reading weights, and those are half;
/// - on the CPU, and on a rasteriser that runs on it, f32 before f16: it holds every published
///   weight exactly and is multiplied as it is. f16 is for models that do not go in otherwise.
///   bf16 is never chosen: every product would convert the weights first.
#[must_use]
pub fn likely_precision<'a>(
    choice: PrecisionChoice,
    needs: &'a [MemoryNeed],
    device: &DeviceInfo,
) -> Option<&'a MemoryNeed> {
    let of = |precision: &Precision| {
        let need = needs.iter().find(|need| need.precision == *precision)?;
        Some(need).filter(|_| device.supports(*precision))
    };
    let order = match (choice, device.kind) {
        (PrecisionChoice::Exactly(precision), _) => return of(&precision),
        (_, ComputeKind::Gpu | ComputeKind::IntegratedGpu) => [Precision::F16, Precision::F32],
        (_, ComputeKind::Cpu | ComputeKind::SoftwareGpu) => [Precision::F32, Precision::F16],
    };
    let candidates: Vec<&MemoryNeed> = order.iter().filter_map(of).collect();
    let fits = |need: &&&MemoryNeed| matches!(need.fit(device), None | Some(Fit::Comfortable));
    let smallest = || candidates.iter().min_by_key(|need| need.total_bytes());
    candidates.iter().find(fits).or_else(smallest).copied()
}

/// The same as a decision.
///
/// # Errors
/// When the device cannot compute so, or its memory surely does not suffice.
pub(crate) fn choose_precision(
    choice: PrecisionChoice,
    needs: &[MemoryNeed],
    device: &DeviceInfo,
) -> Result<Precision, ModelError> {
    let Some(need) = likely_precision(choice, needs, device) else {
        let asked = match choice {
            PrecisionChoice::Exactly(precision) => precision,
            PrecisionChoice::Auto => Precision::F32,
        };
        return Err(ModelError::PrecisionUnsupported {
            device: device.label.clone(),
            precision: asked.as_str().to_owned(),
        });
    };
    if need.fit(device) != Some(Fit::TooLarge) {
        return Ok(need.precision);
    }
    Err(ModelError::OutOfMemory {
        needed: format!("{} in {}", gigabytes(need.total_bytes()), need.precision.as_str()),
        parts: need.in_words(),
        available: device.room().unwrap_or_default(),
        advice: advice(need, needs, device),
    })
}

fn advice(need: &MemoryNeed, needs: &[MemoryNeed], device: &DeviceInfo) -> &'static str {
    let fits = |other: &&MemoryNeed| {
        device.supports(other.precision) && other.fit(device) != Some(Fit::TooLarge)
    };
    match needs.iter().find(fits) {
        Some(other) if need.precision == Precision::F32 && other.precision == Precision::F16 => {
            "choose f16"
        }
        _ if device.has_own_memory() => {
            "close what else uses the GPU, compute on the CPU, or choose a smaller model"
        }
        _ if device.memory_bytes.is_some_and(|all| need.total_bytes() > all) => {
            "choose a smaller model"
        }
        _ => "close other programs or choose a smaller model",
    }
}
