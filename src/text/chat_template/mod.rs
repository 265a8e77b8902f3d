//! Turns become a prompt, exactly as each family's published code writes it.

mod clean;
mod healthgpt;
mod huatuo;
mod llava_med;
mod llava_med_v1;
mod qwen_vl;

use clean::{Tokens, without};

/// Stands in a prompt where a picture goes.
pub const IMAGE_MARKER: &str = "<image>";

/// Ends a prompt of HealthGPT that asks for a picture, directly after what [`ChatTemplate::render`]
/// gives; the answer consists of picture tokens.
pub const START_INDEX: &str = "<start_index>";

/// How a family writes a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChatTemplate {
    /// HuatuoGPT-Vision, `cli.py`: pieces are tokenised one by one.
    Huatuo,
    /// LLaVA-Med 1.5, template `mistral_instruct`: one piece, every chunk begins with BOS.
    MistralInstruct,
    /// LLaVA-Med 1.5, template `vicuna_v1`: a system sentence, then `USER:` and `ASSISTANT:`.
    VicunaV1,
    /// LLaVA-Med 1, template `multimodal` of its chat: pictures follow the question.
    LlavaMedV1,
    /// LLaVA-Med 1, template `simple` of its evaluation: the model itself writes `Assistant:`.
    LlavaMedV1Simple,
    /// HuatuoGPT-Vision on Qwen2.5-VL as it was trained: every picture on a line of its own.
    QwenVlTrained,
    /// Qwen2.5-VL as its chat template writes lists: the pictures directly before the question.
    QwenVlList,
    /// HealthGPT on Phi-3. Its authors ask once only; further turns repeat the form.
    Phi3Instruct,
    /// HealthGPT on phi-4. Its authors ask once only; further turns repeat the form.
    Phi4Instruct,
    /// HealthGPT on Qwen2.5. Its authors ask once only; further turns repeat the form.
    Qwen2Instruct,
}

/// How pictures stand among the ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageSpan {
    /// The text is cut at [`IMAGE_MARKER`] and each chunk tokenised by itself; the rows of a
    /// picture come between the ids of two chunks.
    Sentinel,
    /// The text is tokenised at once, with `span` in place of every [`ChatTemplate::image_marker`].
    /// Each id of `patch` then stands for one picture and is repeated as often as it has rows.
    Tokens {
        /// Stands in the text for a picture.
        span: &'static str,
        /// The token of it that becomes rows.
        patch: &'static str,
    },
}

/// One question, with its answer unless it is the open one.
#[derive(Clone, Copy, Debug)]
pub struct TemplateTurn<'a> {
    /// As typed.
    pub question: &'a str,
    /// As given; `None` for the question to be answered.
    pub answer: Option<&'a str>,
    /// Pictures of this turn.
    pub num_images: usize,
}

/// A part of a prompt that is tokenised by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// With a [`ChatTemplate::image_marker`] for every picture.
    pub text: String,
    /// Whether markers in it stand for pictures; those a model wrote itself do not.
    pub has_images: bool,
}

impl ChatTemplate {
    /// The pieces of the prompt; together they are the prompt.
    ///
    /// What a reader typed loses the strings that would change its structure: markers of pictures
    /// and tokens of the template. Nothing else of it is touched but what the authors strip.
    #[must_use]
    pub fn render(self, turns: &[TemplateTurn<'_>]) -> Vec<Piece> {
        self.render_with(turns, self.system_prompt().unwrap_or_default())
    }

    /// The same with another system prompt, of which it loses the same strings; it is left aside
    /// by families that have none.
    #[must_use]
    pub fn render_with(self, turns: &[TemplateTurn<'_>], system: &str) -> Vec<Piece> {
        let system = &without(system, self.structure());
        let text = match self {
            Self::Huatuo => return turns.iter().flat_map(huatuo::turn).collect(),
            Self::MistralInstruct => turns.iter().map(llava_med::mistral_turn).collect(),
            Self::VicunaV1 => llava_med::vicuna(turns, system),
            Self::LlavaMedV1 => llava_med_v1::chat(turns, system),
            Self::LlavaMedV1Simple => llava_med_v1::evaluation(turns, system),
            Self::QwenVlTrained => qwen_vl::chat(turns, system, qwen_vl::trained),
            Self::QwenVlList => qwen_vl::chat(turns, system, qwen_vl::list),
            Self::Phi3Instruct => healthgpt::PHI3.chat(turns, system),
            Self::Phi4Instruct => healthgpt::PHI4.chat(turns, system),
            Self::Qwen2Instruct => healthgpt::QWEN2.chat(turns, system),
        };
        vec![Piece { text, has_images: true }]
    }

    /// The authors' words before the first question; `None` where they have none.
    #[must_use]
    pub fn system_prompt(self) -> Option<&'static str> {
        match self {
            Self::Huatuo | Self::MistralInstruct => None,
            Self::VicunaV1 => Some(llava_med::VICUNA_SYSTEM),
            Self::LlavaMedV1 => Some(llava_med_v1::CHAT_SYSTEM),
            Self::LlavaMedV1Simple => Some(llava_med_v1::EVALUATION_SYSTEM),
            Self::QwenVlTrained | Self::QwenVlList => Some(qwen_vl::SYSTEM),
            Self::Phi3Instruct => Some(healthgpt::PHI3.system),
            Self::Phi4Instruct => Some(healthgpt::PHI4.system),
            Self::Qwen2Instruct => Some(healthgpt::QWEN2.system),
        }
    }

    /// Strings that would change a prompt's structure.
    fn structure(self) -> &'static [Tokens] {
        match self {
            Self::Huatuo => &[],
            Self::MistralInstruct | Self::VicunaV1 => &[llava_med::TOKENS],
            Self::LlavaMedV1 | Self::LlavaMedV1Simple => &[llava_med_v1::TOKENS],
            Self::QwenVlTrained | Self::QwenVlList => &[qwen_vl::TOKENS],
            Self::Phi3Instruct => healthgpt::PHI3.tokens,
            Self::Phi4Instruct => healthgpt::PHI4.tokens,
            Self::Qwen2Instruct => healthgpt::QWEN2.tokens,
        }
    }

    /// How pictures stand among the ids.
    #[must_use]
    pub fn image_span(self) -> ImageSpan {
        match self {
            Self::LlavaMedV1 | Self::LlavaMedV1Simple => {
                ImageSpan::Tokens { span: "<im_start><im_patch><im_end>", patch: "<im_patch>" }
            }
            Self::QwenVlTrained | Self::QwenVlList => {
                ImageSpan::Tokens { span: qwen_vl::PICTURE, patch: "<|image_pad|>" }
            }
            Self::Huatuo
            | Self::MistralInstruct
            | Self::VicunaV1
            | Self::Phi3Instruct
            | Self::Phi4Instruct
            | Self::Qwen2Instruct => ImageSpan::Sentinel,
        }
    }

    /// What [`Self::render`] writes for a picture.
    #[must_use]
    pub fn image_marker(self) -> &'static str {
        match self {
            Self::QwenVlTrained | Self::QwenVlList => qwen_vl::PICTURE,
            _ => IMAGE_MARKER,
        }
    }

    /// Whether a piece is tokenised with the ids put around a text; of several chunks only the
    /// first keeps the one in front.
    #[must_use]
    pub fn adds_special(self) -> bool {
        !matches!(self, Self::Huatuo | Self::QwenVlTrained | Self::QwenVlList)
    }

    /// Its name, the authors' own where they gave one.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Huatuo => "huatuo",
            Self::MistralInstruct => "mistral_instruct",
            Self::VicunaV1 => "vicuna_v1",
            Self::LlavaMedV1 => "multimodal",
            Self::LlavaMedV1Simple => "simple",
            Self::QwenVlTrained => "train",
            Self::QwenVlList => "list",
            Self::Phi3Instruct => "phi3_instruct",
            Self::Phi4Instruct => "phi4_instruct",
            Self::Qwen2Instruct => "qwen_2",
        }
    }
}
