//! Codes that nothing is rounded to begin anew where vectors are.
//!
//! A row that is nearest to no vector has no gradient and would stay where it is for ever. The
//! idea is that of Jukebox (Dhariwal et al. 2020): after some steps without use it becomes one of
//! the vectors of the step, chosen by the seed.

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::train::codec::{CODEBOOK, CodecOutcome, IDLE};
use crate::train::{Parameters, TrainError};

/// Put the counters beside the tensors: `first` for every code.
pub(super) fn insert_counters(parameters: &mut Parameters, codes: usize, first: u32) {
    parameters.insert(IDLE, vec![codes], vec![first as f32; codes]);
}

/// Count the step, and begin rows anew that were idle for `after` steps; gives how many. With 0
/// nothing is counted.
pub(super) fn restart(
    parameters: &mut Parameters,
    outcome: &CodecOutcome,
    after: u32,
    seed: u64,
) -> Result<usize, TrainError> {
    if after == 0 {
        return Ok(0);
    }
    let mut idle = parameters.values(IDLE)?;
    let counts = outcome.counts(idle.len());
    for (idle, count) in idle.iter_mut().zip(counts) {
        *idle = if count > 0 { 0.0 } else { *idle + 1.0 };
    }
    let mut rows = parameters.values(CODEBOOK)?;
    let columns = (rows.len() / idle.len().max(1)).max(1);
    let places = outcome.vectors.len() / columns;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut restarted = 0;
    for (row, idle) in rows.chunks_mut(columns).zip(&mut idle) {
        if places > 0 && *idle >= after as f32 {
            let at = random.random_range(0..places) * columns;
            if let Some(vector) = outcome.vectors.get(at..at + columns) {
                row.copy_from_slice(vector);
            }
            *idle = 0.0;
            restarted += 1;
        }
    }
    parameters.change(IDLE, idle);
    if restarted > 0 {
        parameters.change(CODEBOOK, rows);
    }
    Ok(restarted)
}
