//! The model, how its loading goes, and the question it is at.

use std::collections::VecDeque;

use super::read_ahead::ReadAhead;
use crate::chat::Evidence;
use crate::vlm::{DeviceInfo, LoadProgress, ModelInfo};
use crate::worker::{JobId, LoadRequest};

/// What the window knows about the engine worker.
#[derive(Debug, Default)]
pub struct EngineState {
    /// The model.
    pub model: ModelStatus,
    /// The last load asked for.
    pub last_request: Option<LoadRequest>,
    /// The question being answered.
    pub asking: Option<Asking>,
    /// A question kept until a model is loaded.
    pub waiting: Option<AnswerSlot>,
    /// Questions that are asked when the model is free, in this order.
    pub queue: VecDeque<Queued>,
    /// The last question that did not fit the model's context.
    pub too_long: Option<TooLong>,
    /// The view that the model reads before it is asked about.
    pub ahead: Option<ReadAhead>,
    /// What a model would be computed on.
    pub device_label: Option<String>,
    /// The same in numbers.
    pub device_info: Option<DeviceInfo>,
    /// What our models held of its memory when it was looked at, in bytes.
    pub held_at_probe: u64,
    /// Models that stay in memory while another answers.
    pub kept: Vec<KeptModel>,
}

/// Where the model stands.
#[derive(Debug, Default)]
pub enum ModelStatus {
    /// None.
    #[default]
    Unloaded,
    /// On its way.
    Loading(Loading),
    /// In memory, ready to answer.
    Ready(ModelInfo),
    /// Its engine died; the next question loads it again.
    Lost(ModelInfo),
    /// Could not be loaded, and why.
    Failed(String),
}

/// A model on its way.
#[derive(Debug)]
pub struct Loading {
    /// The job that loads it; a question's job when the engine loads a lost model again.
    pub job: JobId,
    /// What it is called.
    pub title: String,
    /// How far.
    pub progress: Option<LoadProgress>,
    /// When it began.
    pub started_secs: f64,
    /// The reader gave it up.
    pub cancelled: bool,
    /// The models before it stay in memory.
    pub is_beside: bool,
}

/// A model that stays in memory while another answers.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptModel {
    /// How it was loaded.
    pub request: LoadRequest,
    /// What it is.
    pub info: ModelInfo,
}

/// A question being answered.
#[derive(Debug)]
pub struct Asking {
    /// Its job.
    pub job: JobId,
    /// Where the answer goes.
    pub slot: AnswerSlot,
    /// When it was sent.
    pub started_secs: f64,
    /// The reader asked to stop.
    pub stopping: bool,
}

/// Where an answer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerSlot {
    /// Chat.
    pub conversation_id: u64,
    /// Turn.
    pub turn_idx: usize,
    /// Among its answers.
    pub answer_idx: usize,
}

/// A question that waits for the model, with the view it was typed for.
#[derive(Clone, Debug)]
pub struct Queued {
    /// Chat.
    pub conversation_id: u64,
    /// As typed.
    pub question: String,
    /// Its pictures.
    pub evidence: Vec<Evidence>,
}

/// A question that did not fit.
#[derive(Clone, Copy, Debug)]
pub struct TooLong {
    /// Which.
    pub slot: AnswerSlot,
    /// Positions it takes.
    pub prompt_tokens: usize,
    /// Positions there are.
    pub context_len: usize,
}

impl EngineState {
    /// A question asked now would have to wait.
    pub fn must_wait(&self) -> bool {
        self.asking.is_some() || self.waiting.is_some()
    }

    /// The model is in memory.
    pub fn is_loaded(&self) -> bool {
        matches!(self.model, ModelStatus::Ready(_))
    }

    /// The model is on its way.
    pub fn is_loading(&self) -> bool {
        matches!(self.model, ModelStatus::Loading(_))
    }

    /// A question sent now would be answered, if only after loading the model again.
    pub fn can_answer(&self) -> bool {
        matches!(self.model, ModelStatus::Ready(_) | ModelStatus::Lost(_))
    }

    /// The model that answers.
    pub fn info(&self) -> Option<&ModelInfo> {
        match &self.model {
            ModelStatus::Ready(info) | ModelStatus::Lost(info) => Some(info),
            ModelStatus::Unloaded | ModelStatus::Loading(_) | ModelStatus::Failed(_) => None,
        }
    }

    /// What computes, or would compute, the answers.
    pub fn device(&self) -> &str {
        match self.info() {
            Some(info) => &info.device,
            None => self.device_label.as_deref().unwrap_or("finding device…"),
        }
    }

    /// Whether the model of a request is the one that is asked.
    pub(crate) fn is_asked(&self, request: &LoadRequest) -> bool {
        let last = self.last_request.as_ref().filter(|_| self.can_answer());
        last.is_some_and(|last| last.model == request.model)
    }

    /// Whether the model of a request need not be loaded.
    pub(crate) fn is_in_memory(&self, request: &LoadRequest) -> bool {
        let is_kept = self.kept.iter().any(|kept| kept.request.model == request.model);
        is_kept || (self.is_loaded() && self.is_asked(request))
    }

    pub(crate) fn device_found(&mut self, found: Result<DeviceInfo, String>, held: u64) {
        self.held_at_probe = held;
        self.device_label = Some(match &found {
            Ok(info) => info.label.clone(),
            Err(why) => why.clone(),
        });
        self.device_info = found.ok();
    }

    /// Something is under way that changes by itself.
    pub fn is_busy(&self) -> bool {
        self.is_loading() || self.asking.is_some()
    }
}

impl Loading {
    /// Share done of the stage under way.
    pub fn fraction(&self) -> Option<f32> {
        let progress = self.progress.as_ref()?;
        (progress.bytes_total > 0)
            .then(|| (progress.bytes_done as f64 / progress.bytes_total as f64) as f32)
    }
}
