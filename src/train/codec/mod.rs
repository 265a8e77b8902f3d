//! Training of a codec: pictures to a grid of codes and back (VQ-GAN without its adversary).
//!
//! An encoder gives every place of a grid a vector, the vector is rounded to the nearest row of a
//! codebook, and a decoder makes the picture again. The loss is that of taming-transformers'
//! `VQModel` with `VectorQuantizer2`, without the perceptual and the adversarial term. What comes
//! out is written in the layout of its `GumbelVQ`, which is the published one of the codecs here:
//! the nearest row e to z is the one with the highest z·e − |e|²/2, so `quantize.proj` is written
//! as the codebook with −|e|²/2 for a bias.

mod config;
mod export;
mod metrics;
mod pictures;
mod restart;
mod run;
mod source;
mod step;

pub use config::{CodecConfig, Quantiser};
pub use metrics::{CodecMetric, read_codec_metrics};
pub use run::train_codec;
pub use step::{CodecObjective, CodecOutcome};

/// The table of the codebook.
const CODEBOOK: &str = "quantize.embed.weight";

/// What the encoder's vectors are scored by; made of the codebook.
const PROJ: &str = "quantize.proj";

/// Steps that every code has not been used for: kept with the states, part of no model.
const IDLE: &str = "quantize.idle";
