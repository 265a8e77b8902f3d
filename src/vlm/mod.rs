//! Vision tower, projector and decoder: something that answers about a picture.

mod ahead;
mod answer;
mod closed;
mod codec;
mod codes;
mod config;
mod conversion;
mod delta;
mod device;
mod embedded;
mod error;
mod eye;
mod family;
mod features;
mod fit;
mod generate;
mod licence;
mod load;
mod measure;
mod memory;
mod model;
mod networks;
mod parts;
mod preprocess;
mod prompt;
mod question;
mod recognise;
mod reconstruct;
mod reply;
mod sampling;
mod slots;
mod spec;
mod steps;
mod storage;
mod synthetic;
mod tower;
mod trainee;
mod weights;
mod weights_cache;

pub(crate) use codec::highest;
pub use codec::{Codec, CodecTrainee, Decoded, resize_lanczos};
pub use delta::apply_delta;
pub use device::{
    ComputeDevice, ComputeKind, DeviceChoice, DeviceInfo, GpuInfo, Precision, PrecisionChoice,
    choose_device, detect_gpus, set_threads,
};
pub use embedded::{NANO, nano};
pub use error::ModelError;
pub use eye::{Cells, Eye, EyeFacts, EyeReport, Padded, Sight};
pub use measure::{Measured, RunTimes, SecondQuestion, Span, WorkPrompt, Workload};
pub use memory::{
    Activations, Fit, MemoryNeed, MemoryPlan, gigabytes, gigabytes_of, likely_precision,
    parameters_text, usual_context, why_this_precision,
};
pub use model::{LoadOptions, LoadProgress, LoadStage, ModelInfo, Vlm};
pub use preprocess::{
    ImageProcessor, QwenImageProcessor, RgbPixels, center_crop, pad_to_square, resize_bicubic,
};
pub use question::{
    Answer, Beginning, FinishReason, Likely, Progress, Question, SamplingParams, Step, Task,
    Timings, Trace, TraceTensor, Turn, YesNo,
};
pub use recognise::{models_in, recognise};
pub use reconstruct::{Ceiling, Reconstruction};
pub use sampling::{log_prob, next_token};
pub use spec::{Abilities, Family, ModelSpec, Part, Tasks};
pub use storage::MatrixSizes;
pub use synthetic::{Synthetic, SyntheticModel};
pub use trainee::{
    EMBEDDING, Exchange, LossOn, NewAdapters, Place, PlaceTensor, Sequence, TargetCodec,
    TensorShape, TowerPicture, Trainee, TraineeNetworks, WeightFile,
};
pub use weights_cache::WeightsCache;
