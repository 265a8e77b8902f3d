//! A loaded model and its one conversation in progress.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::nn::KvCache;
use crate::text::{ChatTemplate, ImageSpan, Tokenizer, TokenizerOptions};
use crate::vlm::ahead::read_ahead;
use crate::vlm::answer::answer;
use crate::vlm::codec::Codec;
use crate::vlm::codes::Codes;
use crate::vlm::config::{VlmConfig, config_error};
use crate::vlm::family::FamilyRules;
use crate::vlm::features::FeatureCache;
use crate::vlm::generate::{Engine, Wanted};
use crate::vlm::load::{LoadedWeights, load_weights};
use crate::vlm::networks::Networks;
use crate::vlm::parts::Parts;
use crate::vlm::slots::Slot;
use crate::vlm::weights_cache::Keeping;
use crate::vlm::{
    Answer, ComputeDevice, Eye, Family, ModelError, ModelSpec, PrecisionChoice, Progress, Question,
    Task, Tasks, Trace, WeightsCache,
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

/// How a model is loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadOptions {
    /// For what; all that its files suffice for when nothing is said.
    pub tasks: Option<Tasks>,
    /// How its weights are stored.
    pub precision: PrecisionChoice,
    /// Where converted weights are kept for the next start.
    pub cache: Option<WeightsCache>,
    /// A window shares the adapter, which is then given less to do at once.
    pub beside_window: bool,
}

/// Progress of loading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadProgress {
    /// What it is busy with.
    pub stage: LoadStage,
    /// Of the weight files, or of what was kept of them.
    pub bytes_done: u64,
    /// Of the same.
    pub bytes_total: u64,
}

/// What is loaded: part of the evidence of every answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// Folder name.
    pub name: String,
    /// `huatuo-vision-7b`, …
    pub family: String,
    /// Name for people.
    pub title: String,
    /// `f32`, `f16`, `bf16`, `q8`, `q4`.
    pub precision: String,
    /// Label of the device.
    pub device: String,
    /// Name and version of its driver; of the CPU the instructions used.
    pub driver: String,
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
    /// How pictures are prepared for it.
    pub eye: Box<Eye>,
    /// Rows and columns of codes of a picture, when it reconstructs.
    pub picture_grid: Option<[usize; 2]>,
    /// The authors' words before the first question; none where they have none.
    pub system_prompt: Option<String>,
    /// What the reader should know: why this precision was chosen, objects of a pickle that were
    /// left unread.
    pub notes: Vec<String>,
}

/// A loaded model.
///
/// It keeps the features of the last pictures and the positions of the last conversation: a
/// further question about the same picture neither encodes nor reads it again.
pub struct Vlm {
    info: ModelInfo,
    pub(crate) family: Family,
    pub(crate) device: ComputeDevice,
    pub(crate) rules: FamilyRules,
    pub(crate) config: VlmConfig,
    /// Form of the prompt unless a question asks for another.
    pub(crate) template: ChatTemplate,
    pub(crate) tokenizer: Tokenizer,
    /// Ids of the codes of pictures, when it reconstructs.
    pub(crate) codes: Option<Codes>,
    /// Makes pictures of codes.
    pub(crate) codec: Option<Codec>,
    pub(crate) networks: Networks,
    pub(crate) features: FeatureCache,
    pub(crate) session: Option<Session>,
    /// Converted weights on their way to the disk.
    keeping: Option<Keeping>,
    /// How long loading took.
    pub(crate) load_ms: f64,
    /// Steps between two looks at a graphics adapter; by the time they take when nothing is said.
    pub(crate) steps_at_once: Option<usize>,
}

/// Positions in a cache and what they were computed from.
pub(crate) struct Session {
    pub(crate) task: Task,
    pub(crate) slots: Vec<Slot>,
    pub(crate) cache: KvCache,
}

impl Vlm {
    /// Read the weights onto the device, for all that the files suffice for.
    ///
    /// # Errors
    /// When files are missing, damaged or do not fit, when memory does not suffice, or when
    /// `progress` breaks.
    pub fn load(
        spec: &ModelSpec,
        device: ComputeDevice,
        precision: PrecisionChoice,
        progress: &mut dyn FnMut(LoadProgress) -> ControlFlow<()>,
    ) -> Result<Self, ModelError> {
        let options = LoadOptions { precision, ..LoadOptions::default() };
        Self::load_with(&options, spec, device, progress)
    }

    /// The same for these tasks only.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_for(
        tasks: Tasks,
        spec: &ModelSpec,
        device: ComputeDevice,
        precision: PrecisionChoice,
        progress: &mut dyn FnMut(LoadProgress) -> ControlFlow<()>,
    ) -> Result<Self, ModelError> {
        let options = LoadOptions { tasks: Some(tasks), precision, ..LoadOptions::default() };
        Self::load_with(&options, spec, device, progress)
    }

    /// The same, and converted weights may be kept for the next start.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_with(
        options: &LoadOptions,
        spec: &ModelSpec,
        device: ComputeDevice,
        progress: &mut dyn FnMut(LoadProgress) -> ControlFlow<()>,
    ) -> Result<Self, ModelError> {
        let (label, started) = (device.label(), Instant::now());
        let work = || Self::load_unguarded(options, spec, device, progress);
        let mut vlm = guarded(&label, "loading the model", work)?;
        vlm.load_ms = started.elapsed().as_secs_f64() * 1e3;
        Ok(vlm)
    }

    fn load_unguarded(
        options: &LoadOptions,
        spec: &ModelSpec,
        device: ComputeDevice,
        progress: &mut dyn FnMut(LoadProgress) -> ControlFlow<()>,
    ) -> Result<Self, ModelError> {
        let offered = spec.tasks();
        let is_any = offered.questions || offered.reconstruction;
        let usual = if is_any { offered } else { Tasks { questions: true, ..offered } };
        let tasks = options.tasks.unwrap_or(usual);
        let Some(rules) = spec.family.rules() else {
            let (title, path) = (spec.title.clone(), spec.path.clone());
            return Err(ModelError::NotSupportedYet { title, path });
        };
        check_complete(tasks, spec)?;
        device.start(options.beside_window);
        let bytes_total = spec.weights_bytes;
        let mut tell =
            |stage, bytes_done| match progress(LoadProgress { stage, bytes_done, bytes_total }) {
                ControlFlow::Continue(()) => Ok(()),
                ControlFlow::Break(()) => Err(ModelError::Cancelled),
            };
        tell(LoadStage::Reading, 0)?;
        let parts = Parts::find(&spec.path, spec.family)?.for_tasks(tasks)?;
        let mut config = VlmConfig::read(&parts, spec.family)?;
        let template = spec.family.template(parts.told.template.as_deref())?;
        let vq_tokens = Codes::asked_for(spec.family, &parts);
        let reading = TokenizerOptions { kind: rules.tokenizer, vq_tokens };
        let tokenizer = Tokenizer::load_with(&parts.language, reading)?;
        config.settle(spec.family, &tokenizer);
        check_span(template, &tokenizer, &parts)?;
        let codes = Codes::of(&parts, &config, &tokenizer)?;
        let weights = load_weights(&parts, &config, &device, options, progress)?;
        let codec = load_codec(&parts, &device, codes)?;
        let mut tell =
            |stage| progress(LoadProgress { stage, bytes_done: bytes_total, bytes_total });
        if tell(LoadStage::Warmup).is_break() {
            return Err(ModelError::Cancelled);
        }
        let vlm = Self {
            info: info_of(spec, &device, &weights, config.vision.eye(), codec.as_ref(), template),
            family: spec.family,
            device,
            rules,
            config,
            template,
            tokenizer,
            codes,
            codec,
            networks: weights.networks,
            keeping: weights.keeping,
            features: FeatureCache::default(),
            session: None,
            load_ms: 0.0,
            steps_at_once: None,
        };
        vlm.warm_up()?;
        Ok(vlm)
    }

    /// One step: faults of the device show themselves here and not at the first question.
    fn warm_up(&self) -> Result<(), ModelError> {
        for task in self.networks.tasks() {
            let engine = self.engine(task)?;
            let mut cache = engine.new_cache();
            let go_on = &mut || ControlFlow::Continue(());
            let (ControlFlow::Continue(_) | ControlFlow::Break(())) =
                engine.step(0, [0; 3], Wanted::Best(usize::MAX), &mut cache, go_on)?;
        }
        Ok(())
    }

    /// # Errors
    /// When the model was not loaded for the task.
    pub(crate) fn engine(&self, task: Task) -> Result<Engine<'_>, ModelError> {
        self.networks.engine(task, &self.device)
    }

    /// What is loaded.
    #[must_use]
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// Take so many steps between two looks at a graphics adapter, instead of as many as the time
    /// they take allows. The answers are the same.
    pub fn set_steps_at_once(&mut self, count: Option<usize>) {
        self.steps_at_once = count;
    }

    /// Wait until converted weights are on the disk, where they are kept; a sentence when that
    /// failed.
    pub fn finish_keeping(&mut self) -> Option<String> {
        self.keeping.take()?.wait()
    }

    /// Answer one question; `emit` breaks to cancel, which gives what was said so far.
    ///
    /// # Errors
    /// When the question does not fit the model or the device fails.
    pub fn answer(
        &mut self,
        question: &Question,
        emit: &mut dyn FnMut(Progress) -> ControlFlow<()>,
        trace: Option<&mut Trace>,
    ) -> Result<Answer, ModelError> {
        self.guard("answering", |vlm| answer(vlm, question, emit, trace))
    }

    /// Encode the pictures of a question that is still being typed and read them: the answer then
    /// begins sooner. What stands in `text` does not matter; `emit` breaks to leave it there.
    ///
    /// # Errors
    /// When the pictures do not fit the model or the device fails.
    pub fn read_ahead(
        &mut self,
        question: &Question,
        emit: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), ModelError> {
        self.guard("reading a picture", |vlm| read_ahead(vlm, question, emit))
    }

    pub(crate) fn guard<T>(
        &mut self,
        doing: &'static str,
        work: impl FnOnce(&mut Self) -> Result<T, ModelError>,
    ) -> Result<T, ModelError> {
        let label = self.device.label();
        guarded(&label, doing, || work(self))
    }
}

fn load_codec(
    parts: &Parts,
    device: &ComputeDevice,
    codes: Option<Codes>,
) -> Result<Option<Codec>, ModelError> {
    let Some((found, codes)) = parts.generation.as_ref().zip(codes) else { return Ok(None) };
    let codec = Codec::load(&found.vqgan, device, &mut |_| ControlFlow::Continue(()))?;
    if codec.num_codes() != codes.count as usize {
        let (has, wanted) = (codec.num_codes(), codes.count);
        let reason = format!("it has {has} codes and the vocabulary {wanted}");
        return Err(config_error(&found.vqgan, "model.yaml", &reason));
    }
    Ok(Some(codec))
}

fn check_complete(tasks: Tasks, spec: &ModelSpec) -> Result<(), ModelError> {
    for (is_wanted, missing) in
        [(tasks.questions, &spec.missing), (tasks.reconstruction, &spec.missing_for_reconstruction)]
    {
        if is_wanted && !missing.is_empty() {
            let (missing, path) = (missing.clone(), spec.path.clone());
            return Err(ModelError::Incomplete { missing, path });
        }
    }
    Ok(())
}

fn info_of(
    spec: &ModelSpec,
    device: &ComputeDevice,
    weights: &LoadedWeights,
    eye: Eye,
    codec: Option<&Codec>,
    template: ChatTemplate,
) -> ModelInfo {
    ModelInfo {
        name: spec.name.clone(),
        family: spec.family.as_str().to_owned(),
        title: spec.title.clone(),
        precision: weights.precision.as_str().to_owned(),
        device: device.label(),
        driver: device.driver(),
        weights_sha256: weights.weights_sha256.clone(),
        parameters: spec.parameters,
        weights_bytes: spec.weights_bytes,
        context_len: spec.context_len,
        image_tokens: spec.image_tokens,
        max_images: spec.max_images,
        eye: Box::new(eye),
        picture_grid: codec.map(Codec::grid),
        system_prompt: template.system_prompt().map(str::to_owned),
        notes: weights.notes.clone(),
    }
}

/// Without the token that stands for a row of a picture, pictures would silently be left out.
fn check_span(
    template: ChatTemplate,
    tokenizer: &Tokenizer,
    parts: &Parts,
) -> Result<(), ModelError> {
    match template.image_span() {
        ImageSpan::Tokens { patch, .. } if tokenizer.id_of(patch).is_none() => {
            let missing = vec![format!("the token {patch} of the tokenizer")];
            Err(ModelError::Incomplete { missing, path: parts.language.clone() })
        }
        _ => Ok(()),
    }
}

/// Drivers and kernels panic when a device is lost or its memory is used up.
pub(crate) fn guarded<T>(
    device: &str,
    doing: &'static str,
    work: impl FnOnce() -> Result<T, ModelError>,
) -> Result<T, ModelError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let reason = text.unwrap_or_else(|| "the computation broke off".to_owned());
        Err(ModelError::Device { device: device.to_owned(), doing, reason })
    })
}
