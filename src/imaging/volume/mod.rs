//! A regular stack of slices as a volume, and the planes cut through it.
//!
//! [`Stack::of`] decides from the files' headers alone whether the slices of a series make a
//! volume, and says why where they do not. [`Volume::read`] decodes them into modality values;
//! [`Volume::cut`] resamples a plane of it, or a slab, as a [`Frame`](super::Frame) like any other:
//! windows, letters, measurements and models treat it as they treat a slice of a file.

mod aligned;
mod cut;
mod error;
mod grid;
mod planes;
mod read;
mod resample;
mod stack;
mod values;

pub use cut::{Cut, CutPlane, Projection, Slab};
pub use error::{NoVolume, VolumeError};
pub use grid::VolumeGrid;
pub use planes::PlaneStack;
pub use read::Volume;
pub use stack::{REFORMATTED, Stack};

/// Fewer slices than these show nothing worth looking at from the side.
pub const LEAST_SLICES: usize = 5;
/// Most memory the values of one volume may take.
pub const MAX_VOLUME_BYTES: u64 = 1 << 30;
