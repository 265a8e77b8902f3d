//! The JSON files of a model as one description of its networks.

mod clip;
mod healthgpt;
mod json_file;
mod llava;
mod qwen_vl;
mod toml_file;

use std::collections::BTreeSet;

use crate::checkpoint::TensorInfo;
use crate::imaging::DisplayImage;
use crate::nn::{
    ClipConfig, DecoderConfig, HLoraConfig, ProjectorKind, QwenVitConfig, SelectFeature,
};
use crate::text::Tokenizer;
use crate::vlm::parts::Parts;
use crate::vlm::preprocess::{ImageProcessor, QwenImageProcessor, Squares};
use crate::vlm::{Eye, Family, ModelError};

pub(crate) use clip::TowerFiles;
pub(crate) use json_file::{config_error, eos_ids, need_json, need_keys, read_json};
pub(crate) use toml_file::{AdapterToml, RoomToml, VisionWeights};

/// Everything about a model that is not a weight.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct VlmConfig {
    pub(crate) decoder: DecoderConfig,
    /// Adapters on the decoder's matrices.
    pub(crate) hlora: Option<HLoraConfig>,
    /// Whether questions are answered in words.
    pub(crate) answers: bool,
    /// How pictures are reconstructed.
    pub(crate) generation: Option<GenerationConfig>,
    pub(crate) vision: VisionConfig,
    /// Positions of prompt and answer together.
    pub(crate) context_len: usize,
    /// Ids that end an answer: all that any of the files names.
    pub(crate) eos: Vec<u32>,
    /// Ids from this one on are never said: rows of the head that stand for nothing.
    pub(crate) vocab_limit: Option<usize>,
}

/// How pictures become rows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum VisionConfig {
    /// Squares of one size through CLIP and a projector.
    Clip(ClipVision),
    /// Pictures of about their own size through Qwen2.5-VL's tower.
    Qwen(QwenVision),
}

/// A tower that merges patches itself.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct QwenVision {
    pub(crate) vit: QwenVitConfig,
    pub(crate) processor: QwenImageProcessor,
}

/// A CLIP tower, the state that is read, and the projector.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ClipVision {
    pub(crate) config: ClipConfig,
    /// Blocks of the tower that are needed.
    pub(crate) blocks: usize,
    pub(crate) select_feature: SelectFeature,
    pub(crate) projector: ProjectorKind,
    /// How pictures become its squares.
    pub(crate) squares: Squares,
}

/// What is particular to reconstruction; the rest is as for questions.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GenerationConfig {
    pub(crate) hlora: HLoraConfig,
    /// Blocks of the tower before the state that is read.
    pub(crate) blocks: usize,
    /// Rows of embedding and head, those of the codes included.
    pub(crate) vocab_size: usize,
    /// Names that stand under [`GENERATION`](crate::vlm::parts::GENERATION), with it.
    pub(crate) replaced: BTreeSet<String>,
}

/// What a picture takes in the sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ImageExtent {
    /// Positions.
    pub(crate) rows: usize,
    /// Rows and columns they stand in, where the decoder is told of them.
    pub(crate) grid: Option<[usize; 2]>,
}

impl VlmConfig {
    /// Read the files of a model whose parts were found.
    pub(crate) fn read(parts: &Parts, family: Family) -> Result<Self, ModelError> {
        let config = match family {
            Family::HealthGptM3 | Family::HealthGptL14 | Family::HealthGptXl32 => {
                healthgpt::read(parts, family)
            }
            Family::HuatuoVisionQwen25Vl => qwen_vl::read(parts),
            _ => llava::read(parts, family),
        }?;
        // an answer would never end; the first LLaVA-Med's ids come from its tokenizer
        if config.eos.is_empty() && family != Family::LlavaMedV1 {
            let file = "generation_config.json";
            return Err(config_error(&parts.language, file, &"it has no eos_token_id"));
        }
        Ok(config)
    }
}

impl VlmConfig {
    /// What only the tokenizer knows.
    pub(crate) fn settle(&mut self, family: Family, tokenizer: &Tokenizer) {
        match family {
            // the ids in its configuration are those of another vocabulary
            Family::LlavaMedV1 => self.eos = tokenizer.id_of("</s>").into_iter().collect(),
            // the published programs put the mean of the others into every row after the
            // tokenizer's last, which is never the highest
            Family::HealthGptM3 | Family::HealthGptL14 => {
                self.vocab_limit = Some(tokenizer.base_len());
            }
            // the vocabulary has words for codes that the base does not say
            Family::Nano if self.generation.is_some() => {
                self.vocab_limit = Some(tokenizer.base_len());
            }
            _ => {}
        }
    }
}

impl VisionConfig {
    /// What this picture takes.
    pub(crate) fn extent(&self, image: &DisplayImage) -> Result<ImageExtent, ModelError> {
        match self {
            Self::Clip(clip) => Ok(ImageExtent { rows: clip.rows(), grid: None }),
            Self::Qwen(qwen) => qwen
                .extent(image.height as usize, image.width as usize)
                .map_err(|reason| ModelError::BadPicture { reason }),
        }
    }

    /// What stands around a picture made square.
    pub(crate) fn pad_color(&self) -> [u8; 3] {
        match self {
            Self::Clip(clip) => clip.squares.processor.pad_color(),
            Self::Qwen(_) => ImageProcessor::clip(224).pad_color(),
        }
    }

    /// All of preprocessing.
    pub(crate) fn eye(&self) -> Eye {
        match self {
            Self::Clip(clip) => Eye::of_squares(clip.squares.clone(), clip.rows()),
            Self::Qwen(qwen) => Eye::patches(qwen.processor.clone()),
        }
    }

    /// Whether all pictures take the same.
    pub(crate) fn has_one_size(&self) -> bool {
        matches!(self, Self::Clip(_))
    }

    /// What a picture takes at most.
    pub(crate) fn max_rows(&self) -> usize {
        match self {
            Self::Clip(clip) => clip.rows(),
            Self::Qwen(qwen) => qwen.processor.max_cells(),
        }
    }
}

impl QwenVision {
    fn extent(&self, height: usize, width: usize) -> Result<ImageExtent, String> {
        let [rows, columns] = self.processor.cells(height, width)?;
        Ok(ImageExtent { rows: rows * columns, grid: Some([rows, columns]) })
    }
}

impl ClipVision {
    /// Positions a picture takes.
    pub(crate) fn rows(&self) -> usize {
        let class = usize::from(self.select_feature == SelectFeature::ClsPatch);
        self.config.num_patches() + class
    }
}

impl VisionConfig {
    /// Whether a tensor of positions is of a tower of these sizes.
    pub(crate) fn has_positions(&self, found: &TensorInfo) -> bool {
        match self {
            Self::Clip(clip) => {
                found.shape == [clip.config.num_patches() + 1, clip.config.hidden_size]
            }
            Self::Qwen(_) => true,
        }
    }
}
