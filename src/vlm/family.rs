//! What is particular to each published family and cannot be said by its files.

use crate::text::{ChatTemplate, TokenizerKind};
use crate::vlm::{Family, ModelError};

/// Rules of a family that answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FamilyRules {
    /// Forms of the prompt its authors use, the usual one first.
    pub(crate) templates: &'static [ChatTemplate],
    /// Files beside the weights without which something would silently differ; one of each set.
    pub(crate) files: &'static [&'static [&'static str]],
    /// How its authors' code reads the tokenizer's files.
    pub(crate) tokenizer: TokenizerKind,
    /// Pictures in one question.
    pub(crate) max_images: u32,
    /// Text that ends an answer though no stop token came.
    pub(crate) stop_text: Option<&'static str>,
    /// New tokens before an answer may end.
    pub(crate) min_new_tokens: usize,
    /// Codes of pictures are part of the vocabulary.
    pub(crate) has_codes: bool,
    /// The repetition penalty looks at the prompt too: its ids are known to the authors' code,
    /// where the others hand over embeddings.
    pub(crate) penalises_prompt: bool,
}

/// Stop ids and the repetition penalty stand in the second.
const WITH_GENERATION: &[&[&str]] = &[&["tokenizer.json"], &["generation_config.json"]];

/// What most families share.
const USUAL: FamilyRules = FamilyRules {
    templates: &[],
    files: &[&["tokenizer.json", "tokenizer.model"]],
    tokenizer: TokenizerKind::AsShipped,
    max_images: 6,
    stop_text: None,
    min_new_tokens: 0,
    has_codes: false,
    penalises_prompt: false,
};

impl Family {
    /// `None` for families this version cannot load.
    pub(crate) fn rules(self) -> Option<FamilyRules> {
        match self {
            // `cli.py` of HuatuoGPT-Vision: "at most 6" pictures; `<|user|>` is plain text there
            // and a model that runs on would write the reader's next question
            Self::HuatuoVision7b | Self::HuatuoVision34b | Self::Nano => Some(FamilyRules {
                templates: &[ChatTemplate::Huatuo],
                stop_text: Some("<|user|>"),
                min_new_tokens: 1,
                ..USUAL
            }),
            Self::LlavaMedV1 => Some(FamilyRules {
                templates: &[ChatTemplate::LlavaMedV1, ChatTemplate::LlavaMedV1Simple],
                // the first id of a prompt and those of pictures stand in the last two
                files: &[
                    &["tokenizer.model"],
                    &["special_tokens_map.json"],
                    &["added_tokens.json"],
                ],
                tokenizer: TokenizerKind::LlamaSlow,
                // the separator of its template
                stop_text: Some("###"),
                ..USUAL
            }),
            // LLaVA-Med 1.5: as many pictures as fit into the context
            Self::LlavaMedV15 => Some(FamilyRules {
                templates: &[ChatTemplate::MistralInstruct, ChatTemplate::VicunaV1],
                files: &[&["tokenizer.model", "tokenizer.json"]],
                ..USUAL
            }),
            Self::HealthGptM3 => Some(FamilyRules {
                templates: &[ChatTemplate::Phi3Instruct],
                // says whether a prompt begins with a token of its own
                files: &[
                    &["tokenizer.json", "tokenizer.model"],
                    &["tokenizer_config.json"],
                    &["generation_config.json"],
                ],
                tokenizer: TokenizerKind::Phi3Slow,
                has_codes: true,
                ..USUAL
            }),
            Self::HealthGptL14 => Some(FamilyRules {
                templates: &[ChatTemplate::Phi4Instruct],
                files: WITH_GENERATION,
                tokenizer: TokenizerKind::Gpt2Slow,
                has_codes: true,
                ..USUAL
            }),
            Self::HealthGptXl32 => Some(FamilyRules {
                templates: &[ChatTemplate::Qwen2Instruct],
                files: WITH_GENERATION,
                ..USUAL
            }),
            Self::HuatuoVisionQwen25Vl => Some(FamilyRules {
                templates: &[ChatTemplate::QwenVlTrained, ChatTemplate::QwenVlList],
                files: &[
                    &["tokenizer.json"],
                    &["preprocessor_config.json"],
                    &["generation_config.json"],
                ],
                penalises_prompt: true,
                ..USUAL
            }),
            // the facts that are known do not suffice to compute as its authors do
            Self::HealthGptPro => None,
        }
    }

    /// The form of the prompt by its name, or the usual one.
    pub(crate) fn template(self, name: Option<&str>) -> Result<ChatTemplate, ModelError> {
        let templates = self.rules().map_or(&[][..], |rules| rules.templates);
        let Some(name) = name else {
            return Ok(templates.first().copied().unwrap_or(ChatTemplate::Huatuo));
        };
        templates.iter().copied().find(|template| template.name() == name).ok_or_else(|| {
            let known: Vec<&str> = templates.iter().map(|template| template.name()).collect();
            ModelError::UnknownTemplate { name: name.to_owned(), known: known.join(", ") }
        })
    }

    /// Whether its tasks are adapters of several experts on one base.
    pub(crate) fn has_hlora(self) -> bool {
        matches!(self, Self::HealthGptM3 | Self::HealthGptL14 | Self::HealthGptXl32)
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
