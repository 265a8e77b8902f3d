//! Ids that stand for codes of a picture (HealthGPT's extended vocabulary).

use crate::text::{START_INDEX, Tokenizer};
use crate::vlm::config::{VlmConfig, config_error};
use crate::vlm::parts::Parts;
use crate::vlm::{Family, ModelError};

/// Codes of the published decoder of pictures.
const PUBLISHED_CODES: u32 = 8192;

/// Which ids are codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Codes {
    first: u32,
    pub(crate) count: u32,
    pub(crate) end: u32,
}

impl Codes {
    /// How many codes the vocabulary is to have words for.
    pub(crate) fn asked_for(family: Family, parts: &Parts) -> Option<u32> {
        let told = parts.told.vq_tokens;
        match family {
            // only when something draws with it
            Family::Nano => told,
            _ => family.rules()?.has_codes.then(|| told.unwrap_or(PUBLISHED_CODES)),
        }
    }

    /// `None` for a model that does not reconstruct.
    ///
    /// # Errors
    /// When the vocabulary and the rows of the embedding do not belong together.
    pub(crate) fn of(
        parts: &Parts,
        config: &VlmConfig,
        tokenizer: &Tokenizer,
    ) -> Result<Option<Self>, ModelError> {
        let (Some(generation), Some(found)) = (&config.generation, &parts.generation) else {
            return Ok(None);
        };
        let ids = [START_INDEX, "<idx_0>", "<end_index>"].map(|name| tokenizer.id_of(name));
        let [Some(_), Some(first), Some(end)] = ids else {
            let missing = vec!["the picture tokens of the vocabulary".to_owned()];
            return Err(ModelError::Incomplete { missing, path: parts.language.clone() });
        };
        let wanted = tokenizer.vocab_size();
        if generation.vocab_size != wanted {
            let rows = generation.vocab_size;
            let reason = format!(
                "its embedding has {rows} rows and the vocabulary with {} codes has {wanted}; \
                 vq_tokens in reading-room.toml says how many codes there are",
                end - first
            );
            return Err(config_error(&found.adapter.folder, "the fusion file", &reason));
        }
        Ok(Some(Self { first, count: end - first, end }))
    }

    /// The id that stands for a code.
    pub(crate) fn id(&self, code: u32) -> u32 {
        self.first + code.min(self.count.saturating_sub(1))
    }

    /// The code an id stands for.
    pub(crate) fn code(&self, id: u32) -> Option<u32> {
        id.checked_sub(self.first).filter(|code| *code < self.count)
    }

    /// The scores with all but codes out of reach.
    pub(crate) fn only(&self, logits: &[f32]) -> Vec<f32> {
        let keep = self.first as usize..self.end as usize;
        let kept = |(id, score): (usize, &f32)| {
            if keep.contains(&id) { *score } else { f32::NEG_INFINITY }
        };
        logits.iter().enumerate().map(kept).collect()
    }
}
