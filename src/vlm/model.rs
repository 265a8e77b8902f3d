//! A loaded model and its one conversation in progress.

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use crate::vlm::{
    Answer, ComputeDevice, ModelError, ModelSpec, PrecisionChoice, Progress, Question, Trace,
};

/// What loading is busy with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LoadStage {
    /// Names, shapes and the tokenizer are checked.
    Reading,
    /// Weights go to the device.
    Transfer,
    /// First computation.
    Warmup,
}

/// Progress of loading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadProgress {
    /// What it is busy with.
    pub stage: LoadStage,
    /// Of the weight files.
    pub bytes_done: u64,
    /// Of the weight files.
    pub bytes_total: u64,
}

/// What is loaded: part of the evidence of every answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// Folder name.
    pub name: String,
    /// `huatuo-vision-7b`, …
    pub family: String,
    /// Name for people.
    pub title: String,
    /// `f32`, `f16`, `bf16`.
    pub precision: String,
    /// Label of the device.
    pub device: String,
    /// Of all weight files.
    pub weights_sha256: String,
    /// Numbers in the weight files.
    pub parameters: u64,
    /// Of the weight files.
    pub weights_bytes: u64,
    /// Positions the model reads.
    pub context_len: u32,
    /// Positions a picture takes.
    pub image_tokens: u32,
    /// Pictures in one question.
    pub max_images: u32,
    /// What the reader should know about the files, such as objects left unread in a pickle.
    pub notes: Vec<String>,
}

/// A loaded model.
pub struct Vlm {
    info: ModelInfo,
}

impl Vlm {
    /// Read the weights onto the device.
    ///
    /// # Errors
    /// When files are missing, damaged or do not fit, when memory does not suffice, or when
    /// `progress` breaks.
    pub fn load(
        spec: &ModelSpec,
        _device: ComputeDevice,
        _precision: PrecisionChoice,
        _progress: &mut dyn FnMut(LoadProgress) -> ControlFlow<()>,
    ) -> Result<Self, ModelError> {
        Err(ModelError::NotSupportedYet { title: spec.title.clone(), path: spec.path.clone() })
    }

    /// What is loaded.
    #[must_use]
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// Answer one question; `emit` breaks to cancel, which gives what was said so far.
    ///
    /// # Errors
    /// When the question does not fit the model or the device fails.
    pub fn answer(
        &mut self,
        _question: &Question,
        _emit: &mut dyn FnMut(Progress) -> ControlFlow<()>,
        _trace: Option<&mut Trace>,
    ) -> Result<Answer, ModelError> {
        Err(ModelError::EmptyQuestion)
    }
}
