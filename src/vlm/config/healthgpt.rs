//! HealthGPT: a base language model, a CLIP tower, and a file with adapters and projector.

use crate::nn::{DecoderConfig, HLoraConfig, ProjectorKind, SelectFeature};
use crate::vlm::config::{
    ClipVision, GenerationConfig, VisionConfig, VlmConfig, config_error, eos_ids, need_json,
    need_keys,
};
use crate::vlm::parts::{Adapter, Parts};
use crate::vlm::preprocess::Squares;
use crate::vlm::{Family, ModelError};

/// The state of the tower that questions are answered from (`mm_vision_select_layer`).
const SELECT_LAYER: i64 = -2;
/// The one that pictures are reconstructed from.
const GENERATION_LAYER: i64 = 1;

const KEYS: &[&str] =
    &["num_key_value_heads", "rms_norm_eps", "rope_theta", "max_position_embeddings"];

/// Read the files of all folders.
pub(crate) fn read(parts: &Parts, family: Family) -> Result<VlmConfig, ModelError> {
    let folder = &parts.language;
    if !parts.missing.is_empty() {
        return Err(ModelError::Incomplete {
            missing: parts.missing.clone(),
            path: folder.clone(),
        });
    }
    let json = need_json(folder, "config.json")?;
    // it stays in force in the published programs: stop ids, repetition penalty
    let defaults = need_json(folder, "generation_config.json")?;
    let bad = |error: &dyn std::fmt::Display| config_error(folder, "config.json", error);
    need_keys(folder, &json, KEYS)?;
    let mut decoder: DecoderConfig =
        serde_json::from_value(json.clone()).map_err(|error| bad(&error))?;
    match family {
        Family::HealthGptXl32 => decoder.qkv_bias = true,
        _ => {
            decoder.fused_projections = true;
            decoder.window_excludes_self = true;
        }
    }
    decoder.check().map_err(|error| bad(&error))?;
    let Some(tower) = parts.tower.as_ref().filter(|_| parts.has_adapter()) else {
        let missing = parts.missing_for_questions.clone();
        return Err(ModelError::Incomplete { missing, path: folder.clone() });
    };
    let hlora = parts.adapter.as_ref().map(hlora_of).transpose()?;
    let (config, processor) = tower.read(folder)?;
    let vision = ClipVision {
        blocks: config.blocks_for(SELECT_LAYER).map_err(|error| bad(&error))?,
        select_feature: SelectFeature::Patch,
        config,
        projector: ProjectorKind::Mlp { depth: 2 },
        squares: Squares { processor, pads_to_square: true },
    };
    let generation = generation_of(parts, &vision)?;
    Ok(VlmConfig {
        context_len: decoder.positions().unwrap_or(4096),
        eos: eos_ids([&defaults]),
        answers: hlora.is_some(),
        hlora,
        generation,
        vocab_limit: None,
        vision: VisionConfig::Clip(vision),
        decoder,
    })
}

/// How pictures are drawn, by the files of that task.
pub(super) fn generation_of(
    parts: &Parts,
    vision: &ClipVision,
) -> Result<Option<GenerationConfig>, ModelError> {
    let Some(found) = &parts.generation else { return Ok(None) };
    let bad = |error| config_error(&parts.language, "config.json", &error);
    Ok(Some(GenerationConfig {
        hlora: hlora_of(&found.adapter)?,
        blocks: vision.config.blocks_for(GENERATION_LAYER).map_err(bad)?,
        vocab_size: found.vocab_size,
        replaced: found.replaced.clone(),
    }))
}

pub(super) fn hlora_of(adapter: &Adapter) -> Result<HLoraConfig, ModelError> {
    adapter.config().map_err(|error| config_error(&adapter.folder, "the adapter", &error))
}
