//! What is particular to each published family and cannot be said by its files.

use crate::text::ChatTemplate;
use crate::vlm::Family;

/// Rules of a family that answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FamilyRules {
    pub(crate) template: ChatTemplate,
    /// Pictures are made square before anything else, whatever the configuration says.
    pub(crate) pads_to_square: bool,
    /// Pictures in one question.
    pub(crate) max_images: u32,
    /// Text that ends an answer though no stop token came.
    pub(crate) stop_text: Option<&'static str>,
    /// New tokens before an answer may end.
    pub(crate) min_new_tokens: usize,
}

impl Family {
    /// `None` for families this version cannot load.
    pub(crate) fn rules(self) -> Option<FamilyRules> {
        match self {
            // `cli.py` of HuatuoGPT-Vision: "at most 6" pictures; `<|user|>` is plain text there
            // and a model that runs on would write the reader's next question
            Self::HuatuoVision7b | Self::HuatuoVision34b => Some(FamilyRules {
                template: ChatTemplate::Huatuo,
                pads_to_square: true,
                max_images: 6,
                stop_text: Some("<|user|>"),
                min_new_tokens: 1,
            }),
            // LLaVA-Med 1.5: as many pictures as fit into the context
            Self::LlavaMedV15 => Some(FamilyRules {
                template: ChatTemplate::MistralInstruct,
                pads_to_square: true,
                max_images: 6,
                stop_text: None,
                min_new_tokens: 0,
            }),
            Self::HuatuoVisionQwen25Vl
            | Self::LlavaMedV1
            | Self::HealthGptM3
            | Self::HealthGptL14
            | Self::HealthGptXl32 => None,
        }
    }

    /// Languages it was trained to answer in.
    pub(crate) fn languages(self) -> &'static [&'static str] {
        match self {
            Self::HuatuoVision7b | Self::HuatuoVision34b | Self::HuatuoVisionQwen25Vl => {
                &["en", "zh"]
            }
            _ => &["en"],
        }
    }
}
