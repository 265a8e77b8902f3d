//! The VQGAN of taming-transformers with a Gumbel quantiser: pictures as grids of codes.
//!
//! A picture on its way is a matrix, a row for every pixel from the top left and a column for
//! every channel: 1×1 convolutions are then matrices like any other.

mod blocks;
mod codebook;
mod config;
mod conv;
mod decoder;
mod encoder;

pub use codebook::Codebook;
pub use config::{DdConfig, VqganConfig};
pub use decoder::VqganDecoder;
pub use encoder::VqganEncoder;
