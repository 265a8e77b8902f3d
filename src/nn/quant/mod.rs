//! Weights in blocks of 32 numbers along the inputs, each block with a scale of its own.
//!
//! [`block`] is the arithmetic of one block and the same for every machine; [`HostMatrix`] is the
//! order in which the CPU reads a matrix of blocks, [`BlockMatrix`] that of a graphics adapter.

mod block;
mod device;
mod matrix;
mod memory;
mod pack;
mod product;

pub use block::{BLOCK, Block, BlockFormat};
pub(crate) use device::{GROUP, GROUP_BLOCKS, LANES};
pub use device::{BlockMatrix, BlockRows};
pub use matrix::HostMatrix;
pub use memory::{HostArena, HostBytes};
pub use pack::pack_rows;
