//! Weight files become tensors in host memory: found, checked, read one at a time, hashed on the way.

mod error;
mod files;
mod header;
mod key_map;
mod pickle;
mod reader;
mod shards;
mod storages;
mod tensor;
mod unpickle;
mod write;

pub use error::{CheckpointError, said_by_system};
pub use files::{WeightFiles, find_weight_files};
pub use key_map::canonical_name;
pub use reader::{Checkpoint, ReadEnd, TensorInfo, combined_hash};
pub use shards::{Listed, write_file, write_shards};
pub use tensor::{FileDtype, OwnedTensor, RawTensor};
pub use write::{WrittenValues, write_safetensors};
