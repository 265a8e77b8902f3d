//! The published families and the description of a model on disk.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::vlm::{DeviceInfo, MemoryNeed, MemoryPlan, SamplingParams, usual_context};

/// A model on disk, described without reading its weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelSpec {
    /// Folder name.
    pub name: String,
    /// The folder.
    pub path: PathBuf,
    /// Which published family.
    pub family: Family,
    /// Name for people.
    pub title: String,
    /// What it is made of.
    pub parts: Vec<Part>,
    /// Files that are not there, by name.
    pub missing: Vec<String>,
    /// Of the weight files.
    pub weights_bytes: u64,
    /// Numbers in the weight files.
    pub parameters: u64,
    /// Positions the model reads.
    pub context_len: u32,
    /// Positions a picture takes.
    pub image_tokens: u32,
    /// Pictures in one question.
    pub max_images: u32,
    /// As published.
    pub licence: Option<String>,
    /// Codes such as `en`.
    pub languages: Vec<String>,
    /// Of `generation_config.json`; 1 when it says nothing.
    pub repetition_penalty: f32,
    /// What it can be used for.
    pub abilities: Abilities,
    /// Files by name that reconstruction wants and that are not there, for a family that
    /// reconstructs.
    pub missing_for_reconstruction: Vec<String>,
    /// What decides its memory; `None` when its configuration cannot be read.
    pub memory: Option<MemoryPlan>,
}

/// What a model can be used for in this version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Abilities {
    /// Answers questions: its family is supported and nothing is missing.
    pub questions: bool,
    /// Was trained with several pictures in one question.
    pub several_images: bool,
    /// Gives pictures.
    pub reconstruction: bool,
}

impl ModelSpec {
    /// Whether this version can load the family (not whether its files are complete).
    #[must_use]
    pub fn is_supported(&self) -> bool {
        self.family.is_supported()
    }

    /// What it needs on a device for conversations of `context` positions, in every precision.
    #[must_use]
    pub fn memory_needs(&self, context: u32, device: &DeviceInfo) -> Vec<MemoryNeed> {
        self.memory.as_ref().map_or_else(Vec::new, |plan| plan.needs(context, device))
    }

    /// Positions its memory is reckoned with when nobody says.
    #[must_use]
    pub fn usual_context(&self) -> u32 {
        usual_context(self.context_len as usize)
    }

    /// Whether it gives pictures, or would with all its files.
    #[must_use]
    pub fn draws(&self) -> bool {
        self.family.reconstructs()
            || self.abilities.reconstruction
            || !self.missing_for_reconstruction.is_empty()
    }

    /// How reconstruction stands, for families that were published with it.
    #[must_use]
    pub fn reconstruction_status(&self) -> Option<String> {
        if !self.draws() {
            return None;
        }
        if self.missing_for_reconstruction.is_empty() {
            return Some("files complete".to_owned());
        }
        Some(format!("missing {}", self.missing_for_reconstruction.join(", ")))
    }

    /// What its files suffice for.
    #[must_use]
    pub fn tasks(&self) -> Tasks {
        Tasks { questions: self.abilities.questions, reconstruction: self.abilities.reconstruction }
    }

    /// Always the most likely id, as the authors' own programs do it.
    ///
    /// `HealthGPT` decodes greedily and leaves the base model's file in force, so that its
    /// repetition penalty counts even then.
    #[must_use]
    pub fn greedy(&self) -> SamplingParams {
        match self.family {
            Family::HealthGptM3 | Family::HealthGptL14 | Family::HealthGptXl32 => SamplingParams {
                repetition_penalty: self.repetition_penalty,
                ..SamplingParams::greedy()
            },
            _ => SamplingParams::greedy(),
        }
    }

    /// What the authors ship: sampling and the budget of an answer.
    ///
    /// `top_k` 50 is the default of the library all of them use, though none of their files says so.
    #[must_use]
    pub fn author_defaults(&self) -> (SamplingParams, u32) {
        let shared =
            SamplingParams { temperature: 0.2, top_k: Some(50), ..SamplingParams::greedy() };
        let repetition_penalty = self.repetition_penalty;
        match self.family {
            Family::HuatuoVision7b | Family::HuatuoVision34b => {
                (SamplingParams { repetition_penalty: 1.2, ..shared }, 512)
            }
            Family::Nano => (SamplingParams::greedy(), 128),
            Family::HuatuoVisionQwen25Vl => {
                (SamplingParams { temperature: 1e-6, repetition_penalty, ..shared }, 512)
            }
            // its worker samples from all ids
            Family::LlavaMedV1 => (SamplingParams { top_k: None, ..shared }, 512),
            Family::LlavaMedV15 => (shared, 512),
            Family::HealthGptM3 | Family::HealthGptL14 | Family::HealthGptXl32 => {
                (self.greedy(), 2048)
            }
            Family::HealthGptPro => (SamplingParams { temperature: 0.7, ..shared }, 512),
        }
    }
}

/// A part of a model and where it lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// "language model", "vision tower", "projector", "tokenizer".
    pub name: String,
    /// File or folder.
    pub path: PathBuf,
    /// On disk.
    pub bytes: u64,
}

/// The published families.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Family {
    /// HuatuoGPT-Vision 7B (Qwen2).
    HuatuoVision7b,
    /// HuatuoGPT-Vision 34B (Yi).
    HuatuoVision34b,
    /// HuatuoGPT-Vision 7B on Qwen2.5-VL.
    HuatuoVisionQwen25Vl,
    /// LLaVA-Med of release 1.0 (`LLaMA`).
    LlavaMedV1,
    /// LLaVA-Med of release 1.5 (Mistral).
    LlavaMedV15,
    /// HealthGPT M3 (Phi-3).
    HealthGptM3,
    /// HealthGPT L14 (phi-4).
    HealthGptL14,
    /// HealthGPT XL32 (Qwen2.5).
    HealthGptXl32,
    /// HealthGPT-Pro (Qwen3-VL).
    HealthGptPro,
    /// The small model that is part of the program, in the layout of HuatuoGPT-Vision 7B.
    Nano,
}

impl Family {
    /// Short name for scripts.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HuatuoVision7b => "huatuo-vision-7b",
            Self::HuatuoVision34b => "huatuo-vision-34b",
            Self::HuatuoVisionQwen25Vl => "huatuo-vision-qwen2.5vl",
            Self::LlavaMedV1 => "llava-med-v1",
            Self::LlavaMedV15 => "llava-med-v1.5",
            Self::HealthGptM3 => "healthgpt-m3",
            Self::HealthGptL14 => "healthgpt-l14",
            Self::HealthGptXl32 => "healthgpt-xl32",
            Self::HealthGptPro => "healthgpt-pro",
            Self::Nano => "nano",
        }
    }

    /// Name for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::HuatuoVision7b => "HuatuoGPT-Vision 7B",
            Self::HuatuoVision34b => "HuatuoGPT-Vision 34B",
            Self::HuatuoVisionQwen25Vl => "HuatuoGPT-Vision 7B (Qwen2.5-VL)",
            Self::LlavaMedV1 => "LLaVA-Med 1.0",
            Self::LlavaMedV15 => "LLaVA-Med 1.5",
            Self::HealthGptM3 => "HealthGPT M3",
            Self::HealthGptL14 => "HealthGPT L14",
            Self::HealthGptXl32 => "HealthGPT XL32",
            Self::HealthGptPro => "HealthGPT-Pro",
            Self::Nano => "nano (demonstration)",
        }
    }

    /// Whether this version can load it.
    #[must_use]
    pub fn is_supported(self) -> bool {
        self.rules().is_some()
    }

    /// Whether it was trained with several pictures in one question; the others take them too.
    #[must_use]
    pub fn knows_several_images(self) -> bool {
        match self {
            Self::HuatuoVision7b
            | Self::HuatuoVision34b
            | Self::HuatuoVisionQwen25Vl
            | Self::HealthGptPro => true,
            Self::Nano
            | Self::LlavaMedV1
            | Self::LlavaMedV15
            | Self::HealthGptM3
            | Self::HealthGptL14
            | Self::HealthGptXl32 => false,
        }
    }

    /// Whether it was published with weights that give pictures.
    #[must_use]
    pub fn reconstructs(self) -> bool {
        self == Self::HealthGptM3
    }
}

/// What a model is loaded for; tasks of one model share its base.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tasks {
    /// Answers in words.
    pub questions: bool,
    /// Pictures.
    pub reconstruction: bool,
}
