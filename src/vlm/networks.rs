//! The networks of a model, built from whatever gives their tensors.

use std::ops::ControlFlow;

use burn::tensor::{Device, Tensor};

use crate::nn::{
    Adapted, CacheType, ClipVit, Decoder, DecoderConfig, InitError, MissingTensor, Projector,
    QwenVit, Replaced, WeightSource,
};
use crate::vlm::config::{ClipVision, GenerationConfig, VisionConfig, VlmConfig};
use crate::vlm::generate::Engine;
use crate::vlm::parts::{GENERATION, PROJECTOR, QWEN_VISION, VISION_PREFIX};
use crate::vlm::preprocess::{Prepared, RgbPixels};
use crate::vlm::{ComputeDevice, MemoryNeed, ModelError, Task};

/// Parts of names that a task never shares: adapters, projector, embedding and head.
const ALWAYS_OWN: &[&str] = &[".lora_", "mm_projector", "embed_tokens", "lm_head"];

/// Everything with weights; what several tasks use is there once.
pub(crate) struct Networks {
    pub(crate) vision: Vision,
    questions: Option<TaskNetworks>,
    reconstruction: Option<TaskNetworks>,
    /// How conversations are kept.
    cache_type: CacheType,
}

/// A picture becomes features.
#[expect(clippy::large_enum_variant, reason = "one a model")]
pub(crate) enum Vision {
    /// CLIP.
    Clip(ClipVit),
    /// Qwen2.5-VL's, which has its projector inside.
    Qwen(QwenVit),
}

/// What one task has of its own.
pub(crate) struct TaskNetworks {
    /// Blocks of the tower before the state that is read.
    pub(crate) blocks: usize,
    pub(crate) projector: Option<Projector>,
    pub(crate) decoder: Decoder,
}

/// A picture on its way: extents and values.
pub(crate) struct Encoded {
    /// As the tower took it.
    pub(crate) prepared: Prepared,
    /// `[patches, width]`
    pub(crate) seen: Tensor<2>,
    /// `[rows, hidden]`
    pub(crate) projected: Tensor<2>,
}

impl Networks {
    pub(crate) fn init(
        config: &VlmConfig,
        weights: &mut impl WeightSource,
    ) -> Result<Self, InitError> {
        let vision = match &config.vision {
            VisionConfig::Clip(clip) => Vision::Clip(ClipVit::init(
                VISION_PREFIX,
                &clip.config,
                config.tower_blocks(clip),
                clip.select_feature,
                weights,
            )?),
            VisionConfig::Qwen(qwen) => {
                Vision::Qwen(QwenVit::init(QWEN_VISION, &qwen.vit, weights)?)
            }
        };
        let questions = match config.answers {
            true => Some(TaskNetworks::for_questions(config, weights)?),
            false => None,
        };
        let reconstruction = match &config.generation {
            Some(generation) => Some(TaskNetworks::for_pictures(config, generation, weights)?),
            None => None,
        };
        Ok(Self { vision, questions, reconstruction, cache_type: CacheType::default() })
    }

    /// What the need for memory that was settled on says beside the weights.
    pub(crate) fn settle(&mut self, need: &MemoryNeed, device: &ComputeDevice) {
        self.cache_type = device.kind().cache_type(need.precision);
        if need.keeps_embedding {
            for task in self.questions.iter_mut().chain(&mut self.reconstruction) {
                task.decoder.keep_embedding(&device.device, device.max_tensor_bytes());
            }
        }
    }

    /// The decoder of a task.
    ///
    /// # Errors
    /// When the model was not loaded for the task.
    pub(crate) fn engine<'a>(
        &'a self,
        task: Task,
        device: &'a ComputeDevice,
    ) -> Result<Engine<'a>, ModelError> {
        let decoder = &self.task(task)?.decoder;
        Ok(Engine { decoder, device, cache_type: self.cache_type })
    }

    /// # Errors
    /// When the model was not loaded for the task.
    pub(crate) fn task(&self, task: Task) -> Result<&TaskNetworks, ModelError> {
        let networks = match task {
            Task::Question => &self.questions,
            Task::Reconstruction => &self.reconstruction,
        };
        networks.as_ref().ok_or(ModelError::TaskNotLoaded { task: task.title() })
    }

    /// Those that are there.
    pub(crate) fn tasks(&self) -> impl Iterator<Item = Task> {
        let questions = self.questions.iter().map(|_| Task::Question);
        questions.chain(self.reconstruction.iter().map(|_| Task::Reconstruction))
    }
}

impl TaskNetworks {
    fn for_questions(
        config: &VlmConfig,
        weights: &mut impl WeightSource,
    ) -> Result<Self, InitError> {
        let (blocks, projector) = match &config.vision {
            VisionConfig::Clip(clip) => (clip.blocks, Some(projector(config, clip, weights)?)),
            VisionConfig::Qwen(_) => (0, None),
        };
        let decoder = match config.hlora {
            Some(hlora) => Decoder::init(&config.decoder, &mut Adapted::new(weights, hlora))?,
            None => Decoder::init(&config.decoder, weights)?,
        };
        Ok(Self { blocks, projector, decoder })
    }

    /// The base's tensors, but for those that the task's files have.
    fn for_pictures(
        config: &VlmConfig,
        generation: &GenerationConfig,
        weights: &mut impl WeightSource,
    ) -> Result<Self, InitError> {
        let mut replaced = Replaced::new(weights, GENERATION, &generation.replaced, ALWAYS_OWN);
        let projector = match &config.vision {
            VisionConfig::Clip(clip) => Some(projector(config, clip, &mut replaced)?),
            VisionConfig::Qwen(_) => None,
        };
        let decoder = DecoderConfig { vocab_size: generation.vocab_size, ..config.decoder.clone() };
        let decoder = Decoder::init(&decoder, &mut Adapted::new(&mut replaced, generation.hlora))?;
        Ok(Self { blocks: generation.blocks, projector, decoder })
    }
}

fn projector(
    config: &VlmConfig,
    clip: &ClipVision,
    weights: &mut impl WeightSource,
) -> Result<Projector, MissingTensor> {
    let (inputs, hidden) = (clip.config.hidden_size, config.decoder.hidden_size);
    Projector::init(PROJECTOR, clip.projector, inputs, hidden, weights)
}

impl VlmConfig {
    /// Blocks that any task reads.
    pub(crate) fn tower_blocks(&self, clip: &ClipVision) -> usize {
        let for_questions = if self.answers { clip.blocks } else { 0 };
        let for_pictures = self.generation.as_ref().map_or(0, |generation| generation.blocks);
        for_questions.max(for_pictures)
    }
}

impl Vision {
    /// `between` is asked before every block.
    pub(crate) fn encode(
        &self,
        task: &TaskNetworks,
        config: &VisionConfig,
        image: &RgbPixels,
        device: &Device,
        between: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<ControlFlow<(), Encoded>, ModelError> {
        match (self, config) {
            (Self::Clip(tower), VisionConfig::Clip(clip)) => {
                let prepared = clip.squares.prepare(image);
                let values = &prepared.values;
                let seen = match tower.forward(values, task.blocks, device, between) {
                    ControlFlow::Continue(seen) => seen,
                    ControlFlow::Break(()) => return Ok(ControlFlow::Break(())),
                };
                let projected = match &task.projector {
                    Some(projector) => projector.forward(seen.clone()),
                    None => seen.clone(),
                };
                Ok(ControlFlow::Continue(Encoded { prepared, seen, projected }))
            }
            (Self::Qwen(vit), VisionConfig::Qwen(qwen)) => {
                let bad = |reason| ModelError::BadPicture { reason };
                let prepared = qwen.processor.prepare(image).map_err(bad)?;
                let grid = prepared.size.map(|side| side / qwen.processor.patch_size());
                let seen = match vit.forward(&prepared.values, grid, device, between) {
                    ControlFlow::Continue(seen) => seen,
                    ControlFlow::Break(()) => return Ok(ControlFlow::Break(())),
                };
                Ok(ControlFlow::Continue(Encoded {
                    prepared,
                    seen: seen.pre_merger,
                    projected: seen.merged,
                }))
            }
            // both are built from one configuration
            _ => Err(ModelError::NotFinite { doing: "encoding a picture" }),
        }
    }
}
