//! Training as the authors describe it: data, stages, the loop, and a state that resumes exactly.
//!
//! A step builds the very networks that answer questions, of tensors that record what is done to
//! them. Whatever is learnt is therefore learnt by the code that runs it.

mod arithmetic;
mod augment;
mod batch;
mod codec;
mod config;
mod error;
mod export;
mod fingerprint;
mod first_values;
mod labels;
mod lessons;
mod metrics;
mod optimizer;
mod parameters;
mod pictures;
mod pieces;
mod place;
mod records;
mod run;
mod schedule;
mod source;
mod state;
mod step;
mod targets;

pub use arithmetic::{Arithmetic, LossScale};
pub use augment::Augment;
pub use batch::Example;
pub use codec::{
    CodecConfig, CodecMetric, CodecObjective, CodecOutcome, Quantiser, read_codec_metrics,
    train_codec,
};
pub use config::{
    Goal, HLoraSection, HLoraSections, Init, LoraSection, Part, Stage, Taught, TrainConfig,
};
pub use error::TrainError;
pub use labels::{LabelObjective, LabelSet, Labelled};
pub use metrics::{Metric, read_metrics};
pub use optimizer::{AdamW, GradientSums, Moments, Update};
pub use parameters::{Parameter, Parameters};
pub use records::{Record, read_records};
pub use run::{Report, Trained, train};
pub use schedule::Schedule;
pub use step::{Objective, Outcome};
