//! What crosses the process boundary: one closed enum each way for each worker.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::imaging::{Aspect, Contents, Cut, DisplayImage, Frame, FrameRef, Opened, Stack};
use crate::vlm::{
    Answer, DeviceChoice, LoadProgress, ModelInfo, PrecisionChoice, Progress, Question,
    Reconstruction, Tasks,
};

use super::JobId;

/// Raised whenever a message changes; a child that answers with another one is not used.
pub(super) const PROTOCOL_VERSION: u32 = 8;

/// To the decode worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum DecodeRequest {
    /// Look through files and folders for studies.
    Open { job: JobId, paths: Vec<PathBuf> },
    /// Decode one frame.
    ReadFrame { job: JobId, frame_ref: FrameRef },
    /// Decode one frame and make it small.
    Thumbnail { job: JobId, frame_ref: FrameRef },
    /// Decode a picture that is not a file: pasted or dropped bytes.
    DecodePicture { job: JobId, bytes: Vec<u8> },
    /// Decode all slices of a stack and keep them as a volume, in place of the one before.
    BuildVolume { job: JobId, stack: Box<Stack> },
    /// Cut a plane from the volume of a stack, which is built where it is not at hand.
    ReadPlane { job: JobId, frame_ref: FrameRef, stack: Box<Stack>, cut: Cut },
    /// Read what else is in a file.
    ReadContents { job: JobId, path: PathBuf, aspect: Aspect },
    /// Let go of the volume.
    ForgetVolume,
    /// Stop a job, or forget it when it has not begun.
    Cancel { job: JobId },
}

/// From the decode worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum DecodeReply {
    /// The first message.
    Hello { version: u32 },
    /// The job left the queue.
    Started { job: JobId },
    /// How far an `Open` or a `BuildVolume` is.
    Opening { job: JobId, files_done: usize, files_total: usize },
    /// What an `Open` found.
    Opened { job: JobId, opened: Opened },
    /// The volume of a `BuildVolume` is at hand.
    VolumeBuilt { job: JobId },
    /// What a `ReadFrame`, `ReadPlane` or `DecodePicture` gave.
    Frame { job: JobId, frame_ref: Option<FrameRef>, frame: Box<Frame> },
    /// What a `ReadContents` gave.
    Contents { job: JobId, contents: Contents },
    /// What a `Thumbnail` gave.
    Thumbnail { job: JobId, frame_ref: FrameRef, image: DisplayImage },
    /// Last message of a job that worked.
    Finished { job: JobId },
    /// Last message of a job that did not; fit to show.
    Failed { job: JobId, message: String },
}

/// Which model, on what, how precise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadRequest {
    /// The model's folder.
    pub model: PathBuf,
    /// Where it shall run.
    pub device: DeviceChoice,
    /// In what numbers.
    pub precision: PrecisionChoice,
    /// For what; all that its files suffice for when nothing is said.
    pub tasks: Option<Tasks>,
    /// Whether converted weights are kept on disk for the next start.
    pub weights_cache: bool,
}

/// To the engine worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum EngineRequest {
    /// Load the one model of this process.
    Load { job: JobId, request: LoadRequest },
    /// Answer a question; with a path, also write the intermediate tensors there.
    Ask { job: JobId, question: Box<Question>, trace: Option<PathBuf> },
    /// Read the pictures of a question that is still being typed.
    ReadAhead { job: JobId, question: Box<Question> },
    /// Draw a picture of codes; with `only_codes` nothing else may follow until it is whole.
    Reconstruct { job: JobId, question: Box<Question>, only_codes: bool, trace: Option<PathBuf> },
    /// Stop a job between tokens, or between pieces of prefill.
    Cancel { job: JobId },
}

/// From the engine worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum EngineReply {
    /// The first message.
    Hello { version: u32 },
    /// How far a `Load` is.
    Loading { job: JobId, progress: LoadProgress },
    /// The model is ready.
    Loaded { job: JobId, info: Box<ModelInfo> },
    /// Work before the first token.
    Working { job: JobId, progress: Progress },
    /// More of the answer, never half a character; `elapsed_ms` since the question arrived.
    Text { job: JobId, text: String, tokens: usize, elapsed_ms: f64 },
    /// The whole answer.
    Answered { job: JobId, answer: Box<Answer>, peak_rss_mb: u64 },
    /// The whole picture and what it is compared with.
    Reconstructed { job: JobId, reconstruction: Box<Reconstruction>, peak_rss_mb: u64 },
    /// The question does not fit the model's context; the job's failure follows.
    TooLong { job: JobId, prompt_tokens: usize, context_len: usize },
    /// Last message of a job that worked.
    Finished { job: JobId },
    /// Last message of a job that did not; fit to show.
    Failed { job: JobId, message: String },
}
