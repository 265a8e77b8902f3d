//! Whether the blocks of a vision tower may be stored in eight bits: seen on a picture when the
//! weights are converted, before anything is kept of them.
//!
//! Half the bytes and half the products are worth much, and what a picture shows must not change
//! with them. Towers differ: some have channels far larger than the rest, beside which eight bits
//! leave little.

use std::ops::ControlFlow;
use std::path::Path;

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::nn::BlockFormat;
use crate::vlm::config::{VisionConfig, VlmConfig, config_error};
use crate::vlm::networks::Networks;
use crate::vlm::parts::VISION_PREFIX;
use crate::vlm::preprocess::RgbPixels;
use crate::vlm::storage::{Role, Storage};
use crate::vlm::weights::Loaded;
use crate::vlm::{ComputeDevice, ModelError};

/// What is made of every patch stays the same to at least this cosine, or the tower stays as it is.
const LEAST_COSINE: f64 = 0.9999;

/// What was seen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct TowerCheck {
    /// Of the features of a patch with those in fourteen bits, the least of all patches, before
    /// and after the projector.
    pub(crate) cosine: f64,
    /// Whether the tower is stored in eight bits.
    pub(crate) in_eight_bits: bool,
}

impl TowerCheck {
    /// For the reader.
    pub(crate) fn note(self) -> String {
        let Self { cosine, in_eight_bits } = self;
        if in_eight_bits {
            format!(
                "the vision tower is in 8 bits: the features of a test picture stay the same to a \
                 cosine of {cosine:.6}"
            )
        } else {
            format!(
                "the vision tower stays in 14 bits: in 8 the features of a test picture would only \
                 stay the same to a cosine of {cosine:.6}"
            )
        }
    }
}

/// Whether a matrix is one of those blocks. What comes before and after them is small and stays.
pub(crate) fn is_of_a_block(name: &str) -> bool {
    name.strip_prefix(VISION_PREFIX).is_some_and(|rest| rest.starts_with("encoder.layers."))
}

/// Rows of features.
pub(crate) struct Rows {
    pub(crate) values: Vec<f32>,
    pub(crate) width: usize,
}

impl Rows {
    pub(crate) fn read(features: Tensor<2>, device: &ComputeDevice) -> Result<Self, ModelError> {
        let [_, width] = features.dims();
        Ok(Self { values: device.read(features, "checking the vision tower")?, width })
    }
}

/// Store the blocks of a model's tower in eight bits if hardly anything changes by it: neither
/// what the tower gives nor what the decoder reads of it, for any of the tasks. `None` for towers
/// that are not looked at.
pub(crate) fn settle_tower(
    config: &VlmConfig,
    folder: &Path,
    loaded: &mut Loaded,
    between: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<Option<TowerCheck>, ModelError> {
    let VisionConfig::Clip(clip) = &config.vision else { return Ok(None) };
    let picture = test_picture(clip.config.image_size);
    let device = loaded.conversion().device.clone();
    settle(loaded, &mut |loaded| {
        let networks = Networks::init(config, loaded)
            .map_err(|error| config_error(folder, "config.json", &error))?;
        let mut all = Vec::new();
        for task in networks.tasks() {
            let task = networks.task(task)?;
            let (vision, of_vision) = (&networks.vision, &config.vision);
            let encoded = vision.encode(task, of_vision, &picture, &device.device, between)?;
            let ControlFlow::Continue(encoded) = encoded else {
                return Err(ModelError::Cancelled);
            };
            for features in [encoded.seen, encoded.projected] {
                all.push(Rows::read(features, &device)?);
            }
        }
        Ok(all)
    })
}

/// The same for whatever `look` gives of a tower.
pub(crate) fn settle(
    loaded: &mut Loaded,
    look: &mut dyn FnMut(&mut Loaded) -> Result<Vec<Rows>, ModelError>,
) -> Result<Option<TowerCheck>, ModelError> {
    if loaded.conversion().storage_of(Role::Vision) != Storage::Host(BlockFormat::Q14) {
        return Ok(None);
    }
    let exact = look(loaded)?;
    let before = loaded.round_tower()?;
    let rounded = look(loaded)?;
    let pairs = exact.iter().zip(&rounded).flat_map(|(a, b)| {
        let rows = a.values.chunks(a.width.max(1)).zip(b.values.chunks(b.width.max(1)));
        rows.map(|(a, b)| cosine(a, b))
    });
    let cosine = pairs.fold(1.0, least);
    let in_eight_bits = cosine >= LEAST_COSINE;
    if !in_eight_bits {
        loaded.put_back(before);
    }
    Ok(Some(TowerCheck { cosine, in_eight_bits }))
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// Beside what is no number nothing stays the same.
fn least(a: f64, b: f64) -> f64 {
    if b.is_nan() { -1.0 } else { a.min(b) }
}

/// What pictures are made of, a quarter each: slopes, discs as in a slice of a body, noise, and
/// edges as of text.
pub(crate) fn test_picture(side: usize) -> RgbPixels {
    let half = side.div_ceil(2).max(1);
    let mut pixels = Vec::with_capacity(3 * side * side);
    let mut state = 1_u32;
    for (y, x) in (0..side).flat_map(|y| (0..side).map(move |x| (y, x))) {
        let [right, down] = [x % half, y % half].map(|at| at as f32 / half as f32);
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let color = match (x < half, y < half) {
            (true, true) => [right, down, 1.0 - right],
            (false, true) => [disc(right - 0.5, down - 0.5); 3],
            (true, false) => [8, 16, 24].map(|shift| (state >> shift) as u8 as f32 / 255.0),
            (false, false) => [stroke(x, y); 3],
        };
        pixels.extend(color.map(|value| (value * 255.0) as u8));
    }
    RgbPixels { width: side, height: side, pixels }
}

/// Bright rim, grey inside, two darker discs in it.
fn disc(right: f32, down: f32) -> f32 {
    match right.hypot(down) {
        _ if (right.abs() - 0.18).hypot(down) < 0.12 => 0.2,
        far if far < 0.38 => 0.55,
        far if far < 0.44 => 0.95,
        _ => 0.02,
    }
}

/// Lines of upright strokes of unequal widths and gaps, dark on light.
fn stroke(x: usize, y: usize) -> f32 {
    let (line, letter) = (y / 12, x / 3);
    let is_line = y % 12 < 8;
    let is_dark =
        (letter * letter + 5 * line + letter / 4) % 7 < 3 || (y % 12 == 3 && letter % 5 < 3);
    if is_line && is_dark { 0.05 } else { 0.97 }
}
