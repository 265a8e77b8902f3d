//! Tensors of random numbers that go the way of a file's tensors to the device.

use half::bf16;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::checkpoint::{FileDtype, RawTensor};
use crate::vlm::ModelError;
use crate::vlm::weights::{Expected, Loaded, Plan};

/// Numbers that are drawn; tensors repeat them. A prime, so that no two rows of a matrix begin at
/// the same place.
const DRAWN: usize = 1_048_573;

/// As published networks are initialised: values stay of a size through the layers.
const DEVIATION: f32 = 0.02;

/// Bytes of one number.
const BYTES: usize = size_of::<bf16>();

/// Give the networks every tensor they ask for, one after the other; `tell` hears the bytes that
/// are done and may refuse.
pub(super) fn fill(
    loaded: &mut Loaded,
    plan: &Plan,
    tell: &mut dyn FnMut(u64) -> Result<(), ModelError>,
) -> Result<(), ModelError> {
    let (conversion, drawn) = (loaded.conversion().clone(), drawn());
    let mut done = 0;
    for (index, (name, expected)) in plan.expected.iter().enumerate() {
        let bytes = if is_scale(name, expected) {
            bf16::ONE.to_le_bytes().repeat(expected.numbers() as usize)
        } else {
            repeated(&drawn, expected.numbers() as usize, index)
        };
        let raw = RawTensor { dtype: FileDtype::Bf16, shape: &expected.shape, bytes: &bytes };
        loaded.place(name, conversion.prepare(name, expected, raw)?);
        done += bytes.len() as u64;
        tell(done)?;
    }
    Ok(())
}

/// Bytes that [`fill`] will tell in the end.
pub(super) fn bytes_of(plan: &Plan) -> u64 {
    plan.expected.values().map(|expected| expected.numbers() * BYTES as u64).sum()
}

/// Whether it is what a normalisation multiplies by.
fn is_scale(name: &str, expected: &Expected) -> bool {
    expected.shape.len() == 1 && name.ends_with(".weight")
}

/// Evenly spread around 0.
fn drawn() -> Vec<u8> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let limit = DEVIATION * 3.0_f32.sqrt();
    (0..DRAWN).flat_map(|_| bf16::from_f32(rng.random_range(-limit..limit)).to_le_bytes()).collect()
}

/// So many numbers, from another place for every tensor.
fn repeated(drawn: &[u8], count: usize, index: usize) -> Vec<u8> {
    let from = index * 7919 % DRAWN * BYTES;
    let (before, after) = drawn.split_at(from);
    let mut bytes = vec![0; count * BYTES];
    bytes.par_chunks_mut(drawn.len()).for_each(|part| {
        let (head, tail) = part.split_at_mut(after.len().min(part.len()));
        for (place, source) in [(head, after), (tail, before)] {
            if let Some(source) = source.get(..place.len()) {
                place.copy_from_slice(source);
            }
        }
    });
    bytes
}
