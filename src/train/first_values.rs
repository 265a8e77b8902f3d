//! Numbers that tensors begin with when nothing was learnt yet.

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest as _, Sha256};

use crate::vlm::Trainee;

/// Width of the first values of embeddings (`initializer_range` of the published classes).
const EMBEDDING_WIDTH: f32 = 0.02;
/// Height of the waves that tell a tower's patches where they lie. As small as embeddings they
/// drown in the patches for a long time.
const WAVE_HEIGHT: f32 = 0.5;
/// Query and key of a tower begin as one matrix of this width over √inputs.
const ALIKE: f32 = 1.2;
/// The output of attention begins as −0.4 times the transposed values, and noise of width 0.7.
const AGAINST: f32 = -0.4;
const NOISE: f32 = 0.7;

/// As the published classes begin: ones for the weights of norms, zeros for biases and for the
/// second matrix of an adapter, small numbers for embeddings, 1/√inputs for matrices.
///
/// Towers learn from few pictures only when they begin like trained ones: positions are waves
/// (Vaswani et al. 2017, over rows and columns), patches attend to those like them, and attention
/// takes away from a patch what it passes on (Trockman and Kolter 2023, in a plainer form).
pub(super) fn first_values(name: &str, shape: &[usize], seed: u64) -> Vec<f32> {
    let len = shape.iter().product::<usize>();
    let mut random = random_of(name, seed);
    let is_norm = ["norm", "layrnorm", ".ln_q."].iter().any(|part| name.contains(part));
    let is_tower = Trainee::part_of(name) == "vision";
    match shape {
        _ if name.ends_with(".bias") || name.contains(".lora_B") => vec![0.0; len],
        _ if is_norm => vec![1.0; len],
        [rows, hidden] if is_tower && name.ends_with("position_embedding.weight") => {
            waves(*rows, *hidden)
        }
        [outputs, inputs] if is_tower && name.contains(".self_attn.") => {
            attention(name, *outputs, *inputs, seed)
        }
        _ if name.contains("embed_tokens") || shape.len() == 1 => {
            bell(&mut random, len, EMBEDDING_WIDTH)
        }
        _ => {
            let inputs: usize = shape.iter().skip(1).product();
            let bound = (inputs.max(1) as f32).sqrt().recip();
            (0..len).map(|_| random.random_range(-bound..bound)).collect()
        }
    }
}

/// Every tensor has its own numbers, whatever others there are.
fn random_of(name: &str, seed: u64) -> ChaCha8Rng {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    hash.update(name.as_bytes());
    ChaCha8Rng::from_seed(hash.finalize().into())
}

/// A class row of zeros, then a row a patch: sine and cosine of column and row.
fn waves(rows: usize, hidden: usize) -> Vec<f32> {
    let side = (rows.saturating_sub(1) as f32).sqrt().round().max(1.0) as usize;
    let quarter = (hidden / 4).max(1);
    let mut values = vec![0.0; hidden];
    for patch in 0..rows.saturating_sub(1) {
        values.extend((0..hidden).map(|at| {
            let place = if at / quarter < 2 { patch % side } else { patch / side } as f32;
            let frequency = 10_000.0_f32.powf(-((at % quarter) as f32) / quarter as f32);
            let angle = place * frequency;
            WAVE_HEIGHT * if (at / quarter).is_multiple_of(2) { angle.sin() } else { angle.cos() }
        }));
    }
    values
}

fn attention(name: &str, outputs: usize, inputs: usize, seed: u64) -> Vec<f32> {
    let width = (inputs.max(1) as f32).sqrt().recip();
    let other = |from: &str, to: &str| random_of(&name.replace(from, to), seed);
    let len = outputs * inputs;
    if name.contains(".q_proj") || name.contains(".k_proj") {
        return bell(&mut other(".k_proj", ".q_proj"), len, ALIKE * width);
    }
    if name.contains(".v_proj") {
        return bell(&mut random_of(name, seed), len, width);
    }
    let values = bell(&mut other(".out_proj", ".v_proj"), len, width);
    let noise = bell(&mut random_of(name, seed), len, NOISE * width);
    let turned = |at: usize| values.get(at % inputs * outputs + at / inputs).copied();
    let turned = (0..len).map(|at| turned(at).unwrap_or(0.0));
    turned.zip(noise).map(|(value, noise)| AGAINST * value + noise).collect()
}

/// Of mean 0 and this width (Box and Muller 1958).
fn bell(random: &mut ChaCha8Rng, len: usize, width: f32) -> Vec<f32> {
    let mut one = || {
        let (a, b): (f32, f32) = (random.random_range(f32::EPSILON..1.0), random.random());
        (-2.0 * a.ln()).sqrt() * (std::f32::consts::TAU * b).cos()
    };
    (0..len).map(|_| width * one()).collect()
}
