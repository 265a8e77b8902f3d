//! Weight files become tensors in host memory: found, checked, read one at a time, hashed on the way.

mod error;
mod write;

pub use error::CheckpointError;
pub use write::write_f32_safetensors;
