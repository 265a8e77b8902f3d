//! Weights in blocks of 32 numbers along the inputs, each block with a scale of its own.
//!
//! [`block`] is the arithmetic of one block and the same for every machine; [`HostMatrix`] is the
//! order in which the CPU reads a matrix of blocks, and the rest of the folder multiplies it there;
//! [`BlockMatrix`] is the order in which a graphics adapter reads it.

mod activations;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod block;
mod device;
mod kernel;
mod matrix;
mod memory;
mod pack;
mod portable;
mod product;

pub use block::{BLOCK, Block, BlockFormat};
pub use device::{BlockMatrix, BlockRows};
pub(crate) use device::{GROUP, GROUP_BLOCKS, LANES};
pub(crate) use kernel::kernels_of_this_processor;
pub use matrix::HostMatrix;
pub use memory::{HostArena, HostBytes};
pub use pack::pack_rows;
pub(crate) use product::product;
