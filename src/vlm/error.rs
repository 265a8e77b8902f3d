//! What can go wrong with a model: one clear sentence each, cause first, path last.

use std::path::PathBuf;

use crate::checkpoint::CheckpointError;
use crate::text::TextError;

/// Why a model cannot be recognised, loaded or asked.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The folder holds nothing that looks like a model.
    #[error("no model is in this folder (it has no config.json): {}", .path.display())]
    NotAModel {
        /// The folder.
        path: PathBuf,
    },
    /// `config.json` names an architecture that no family here has.
    #[error("the architecture {architecture} is not one of the supported models: {}", .path.display())]
    UnknownArchitecture {
        /// As written in `config.json`.
        architecture: String,
        /// The folder.
        path: PathBuf,
    },
    /// Known, but this version cannot load it.
    #[error("{title} is recognised but not supported yet: {}", .path.display())]
    NotSupportedYet {
        /// Name for people.
        title: String,
        /// The folder.
        path: PathBuf,
    },
    /// A configuration file is damaged or asks for something that is not implemented.
    #[error("{file} cannot be used: {reason}: {}", .path.display())]
    Config {
        /// File name.
        file: String,
        /// The fault.
        reason: String,
        /// The folder.
        path: PathBuf,
    },
    /// Files that the model needs are not there.
    #[error("the model is incomplete, missing: {}: {}", .missing.join(", "), .path.display())]
    Incomplete {
        /// By name.
        missing: Vec<String>,
        /// The folder.
        path: PathBuf,
    },
    /// A weight file is damaged or does not fit the architecture.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The tokenizer is damaged.
    #[error(transparent)]
    Text(#[from] TextError),
    /// No such device on this machine.
    #[error("no GPU was found on this machine; choose --device cpu or auto")]
    NoGpu,
    /// The device cannot compute in the wanted precision.
    #[error("{device} cannot compute in {precision}; choose f32 or auto")]
    PrecisionUnsupported {
        /// Label of the device.
        device: String,
        /// Name of the precision.
        precision: String,
    },
    /// The model is larger than the memory of the device.
    #[error("not enough memory: the model needs {needed} ({parts}), {available}; {advice}")]
    OutOfMemory {
        /// How much, in which precision.
        needed: String,
        /// What for.
        parts: String,
        /// What the device has.
        available: String,
        /// What can be done.
        advice: String,
    },
    /// The conversation does not fit in front of the model.
    #[error(
        "the conversation is too long: {prompt_tokens} tokens, of which {image_tokens} for pictures, and the model reads at most {context_len}; shorten it or remove pictures"
    )]
    ContextTooLong {
        /// After the pictures are put in.
        prompt_tokens: usize,
        /// Part of them that are picture rows.
        image_tokens: usize,
        /// Limit of the model.
        context_len: usize,
    },
    /// More pictures in one question than the model takes.
    #[error("{given} pictures were given and this model takes at most {max_images}")]
    TooManyImages {
        /// In this question.
        given: usize,
        /// Limit of the model.
        max_images: u32,
    },
    /// Nothing was asked.
    #[error("the question is empty")]
    EmptyQuestion,
    /// The model in memory lacks what this needs.
    #[error("this model was not loaded for {task}; load one whose files are complete for it")]
    TaskNotLoaded {
        /// In words.
        task: &'static str,
    },
    /// A form of the prompt this family does not have.
    #[error("there is no template {name} for this model; it has: {known}")]
    UnknownTemplate {
        /// As given.
        name: String,
        /// Those it has.
        known: String,
    },
    /// A picture the model cannot take.
    #[error("the picture cannot be used: {reason}")]
    BadPicture {
        /// The fault.
        reason: String,
    },
    /// A sampling parameter is out of its range.
    #[error("{name} must be {allowed}, not {given}")]
    BadParameter {
        /// Of the parameter.
        name: &'static str,
        /// In words.
        allowed: &'static str,
        /// As given.
        given: String,
    },
    /// A tensor the device cannot hold in one piece.
    #[error(
        "{device} cannot hold {what}: {bytes} bytes in one piece, its limit is {limit}; use --device cpu"
    )]
    TensorTooLarge {
        /// Label of the device.
        device: String,
        /// What it is for.
        what: String,
        /// Wanted.
        bytes: u64,
        /// Allowed.
        limit: u64,
    },
    /// The computation failed: a lost GPU, memory, a driver fault.
    #[error("{device} failed while {doing}: {reason}; load the model again or use --device cpu")]
    Device {
        /// Label of the device.
        device: String,
        /// What was going on.
        doing: &'static str,
        /// From the driver.
        reason: String,
    },
    /// The result is not a number, so the answer would be noise.
    #[error("the model computed values that are not numbers while {doing}; try --precision f32")]
    NotFinite {
        /// What was going on.
        doing: &'static str,
    },
    /// A folder that was to be written is in use.
    #[error("the folder is not empty, choose a new one: {}", .path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// Stopped while loading.
    #[error("cancelled")]
    Cancelled,
    /// A file could not be read or written.
    #[error("{source}: {}", .path.display())]
    Io {
        /// From the system.
        source: std::io::Error,
        /// The file.
        path: PathBuf,
    },
}
