//! Vision tower, projector and decoder: something that answers about a picture.

mod device;
mod error;
mod model;
mod question;
mod spec;

pub use device::{
    ComputeDevice, DeviceChoice, GpuInfo, Precision, PrecisionChoice, choose_device, detect_gpus,
};
pub use error::ModelError;
pub use model::{LoadProgress, LoadStage, ModelInfo, Vlm};
pub use question::{
    Answer, FinishReason, Progress, Question, SamplingParams, Timings, Trace, TraceTensor, Turn,
};
pub use spec::{Family, ModelSpec, Part, models_in, recognise};
