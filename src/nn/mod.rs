//! Networks, nothing else: a configuration, weights, and `forward` on plain tensors.
//!
//! A network is a struct of tensors whose fields are named after the checkpoint's keys. Where the
//! weights come from is behind [`WeightSource`]: a checkpoint, or the list of what is expected.
//! Activations are f32 everywhere; only the weights of [`Linear`] may be stored shorter. One
//! sequence is computed at a time, so shapes start with `seq` or `patches`, without a batch.

mod activation;
mod attention;
mod clip_vit;
mod decoder;
mod decoder_config;
mod device_table;
mod hlora;
mod host_layer;
mod kernel;
mod kv_cache;
mod linear;
mod mlp;
mod norm;
mod projector;
mod quant;
mod qwen_vit;
mod replaced;
mod rope;
mod vqgan;
mod weights;

pub use activation::Activation;
pub use clip_vit::{ClipConfig, ClipVit, SelectFeature};
pub use decoder::{Decoder, InitError};
pub use decoder_config::DecoderConfig;
pub use hlora::{Adapted, HLoraConfig};
pub(crate) use kernel::{ROWS_AT_ONCE, VISION_ROWS_AT_ONCE, vectors_of_this_processor};
pub use kv_cache::{CacheType, KvCache};
pub use linear::Linear;
pub use projector::{Projector, ProjectorKind};
pub(crate) use quant::kernels_of_this_processor;
pub use quant::{
    BLOCK, Block, BlockFormat, BlockMatrix, BlockRows, HostArena, HostBytes, HostMatrix, pack_rows,
};
pub(crate) use qwen_vit::MAX_WINDOW_SCORES;
pub use qwen_vit::{QwenFeatures, QwenVit, QwenVitConfig};
pub use replaced::Replaced;
pub use rope::Position;
pub use vqgan::{Codebook, DdConfig, VqganConfig, VqganDecoder, VqganEncoder};
pub use weights::{BadConfig, MissingTensor, Table, TableValues, WeightSource};
