//! Which precision a model is loaded in.

use crate::vlm::memory::{Fit, MemoryNeed, gigabytes};
use crate::vlm::{ComputeKind, DeviceInfo, ModelError, Precision, PrecisionChoice};

/// Weights up to this size are read as f32 on the CPU within a fraction of a second a token.
const SMALL_WEIGHTS: u64 = 2_000_000_000;

/// The need that loading will try, of those of a model; `None` when the device cannot compute so.
///
/// What is asked for, or of what the device computes in the first that goes in with room to spare,
/// else the smallest:
///
/// - on a GPU f16, then q8, then q4: each loses a little against the one before and is chosen only
///   where that does not go in. f32 is for cards without f16;
/// - on the CPU q8, then q4: a step takes its time for reading weights, and q8 is a quarter of f32
///   while it moves the scores of the vocabulary by a twentieth of their spread. Small models,
///   which are quick in any precision, stay in f32, which holds every published weight exactly.
///   f16 and bf16 are never chosen: they would be widened first;
/// - on a rasteriser that runs on the CPU f32, then f16.
#[must_use]
pub fn likely_precision<'a>(
    choice: PrecisionChoice,
    needs: &'a [MemoryNeed],
    device: &DeviceInfo,
) -> Option<&'a MemoryNeed> {
    if let PrecisionChoice::Exactly(precision) = choice {
        return find(precision, needs, device);
    }
    let candidates = candidates(needs, device);
    let fits = |need: &&&MemoryNeed| matches!(need.fit(device), None | Some(Fit::Comfortable));
    let smallest = || candidates.iter().min_by_key(|need| need.total_bytes());
    candidates.iter().find(fits).or_else(smallest).copied()
}

fn find<'a>(
    precision: Precision,
    needs: &'a [MemoryNeed],
    device: &DeviceInfo,
) -> Option<&'a MemoryNeed> {
    let need = needs.iter().find(|need| need.precision == precision)?;
    Some(need).filter(|_| device.supports(precision))
}

/// What is chosen from when nobody asks, the best first.
fn candidates<'a>(needs: &'a [MemoryNeed], device: &DeviceInfo) -> Vec<&'a MemoryNeed> {
    use Precision::{F16, F32, Q4, Q8};
    let is_small = |need: &MemoryNeed| need.weights_bytes <= SMALL_WEIGHTS;
    let order: &[Precision] = match device.kind {
        ComputeKind::Gpu | ComputeKind::IntegratedGpu if device.supports(F16) => &[F16, Q8, Q4],
        ComputeKind::Gpu | ComputeKind::IntegratedGpu => &[F32],
        ComputeKind::SoftwareGpu => &[F32, F16],
        ComputeKind::Cpu if find(F32, needs, device).is_some_and(is_small) => &[F32, Q8, Q4],
        ComputeKind::Cpu => &[Q8, Q4],
    };
    order.iter().filter_map(|precision| find(*precision, needs, device)).collect()
}

/// Why this precision was chosen when nobody asked for one, where it is not the exact one that a
/// reader would expect: "q8: f16 would need 15.9 GB and 11.2 GB are free".
#[must_use]
pub fn why_this_precision(
    choice: PrecisionChoice,
    needs: &[MemoryNeed],
    device: &DeviceInfo,
) -> Option<String> {
    if choice != PrecisionChoice::Auto {
        return None;
    }
    let chosen = likely_precision(choice, needs, device)?;
    let name = chosen.precision.as_str();
    let candidates = candidates(needs, device);
    let at = candidates.iter().position(|need| need.precision == chosen.precision)?;
    if let Some(better) = at.checked_sub(1).and_then(|before| candidates.get(before)) {
        let other = better.precision.as_str();
        let mut needed = gigabytes(better.total_bytes());
        if better.fit(device) == Some(Fit::Tight) {
            needed = format!("{needed}, {} to load it,", gigabytes(better.headroom_bytes));
        }
        let room = match (device.free_bytes, device.memory_bytes) {
            (Some(free), _) => format!(" and {} are free", gigabytes(free)),
            (None, Some(all)) => format!(" of {}", gigabytes(all)),
            (None, None) => String::new(),
        };
        return Some(format!("{name}: {other} would need {needed}{room}"));
    }
    if device.kind != ComputeKind::Cpu || chosen.precision == Precision::F32 {
        return None;
    }
    let exact = find(Precision::F32, needs, device)?;
    let times = exact.weights_bytes as f64 / chosen.weights_bytes.max(1) as f64;
    let total = gigabytes(exact.total_bytes());
    Some(format!(
        "{name}: the CPU reads all weights for every token, and f32 would be {times:.1} times as \
         much ({total})"
    ))
}

/// The same as a decision, with its reason.
///
/// # Errors
/// When the device cannot compute so, or its memory surely does not suffice.
pub(crate) fn choose_precision(
    choice: PrecisionChoice,
    needs: &[MemoryNeed],
    device: &DeviceInfo,
) -> Result<(MemoryNeed, Option<String>), ModelError> {
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
        return Ok((*need, why_this_precision(choice, needs, device)));
    }
    Err(ModelError::OutOfMemory {
        needed: format!("{} in {}", gigabytes(need.total_bytes()), need.precision.as_str()),
        parts: need.in_words(),
        available: device.room().unwrap_or_default(),
        advice: advice(need, needs, device),
    })
}

/// The best precision that goes in, else what else can be done.
fn advice(need: &MemoryNeed, needs: &[MemoryNeed], device: &DeviceInfo) -> String {
    let fits = |other: &&MemoryNeed| other.fit(device) != Some(Fit::TooLarge);
    if let Some(other) = candidates(needs, device).into_iter().find(fits) {
        return format!("choose {}", other.precision.as_str());
    }
    let advice = if device.has_own_memory() {
        "close what else uses the GPU, compute on the CPU, or choose a smaller model"
    } else if device.memory_bytes.is_some_and(|all| need.total_bytes() > all) {
        "choose a smaller model"
    } else {
        "close other programs or choose a smaller model"
    };
    advice.to_owned()
}
