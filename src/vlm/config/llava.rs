//! LLaVA-style folders: HuatuoGPT-Vision 7B and 34B, LLaVA-Med 1.0 and 1.5.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::nn::{BadConfig, ClipConfig, DecoderConfig, ProjectorKind, SelectFeature};
use crate::vlm::config::clip::{clip_config, processor};
use crate::vlm::config::healthgpt::{generation_of, hlora_of};
use crate::vlm::config::{
    ClipVision, TowerFiles, VisionConfig, VlmConfig, config_error, eos_ids, need_keys, read_json,
};
use crate::vlm::parts::Parts;
use crate::vlm::preprocess::{ImageProcessor, Squares};
use crate::vlm::{Family, ModelError};

/// What `config.json` says beside the decoder, under its own names.
#[derive(Clone, Debug, Deserialize)]
struct LlavaKeys {
    mm_hidden_size: Option<usize>,
    mm_projector_type: Option<String>,
    mm_vision_select_layer: Option<i64>,
    mm_vision_select_feature: Option<SelectFeature>,
    mm_patch_merge_type: Option<String>,
    image_aspect_ratio: Option<String>,
    tokenizer_model_max_length: Option<usize>,
    // "-hf" files
    vision_feature_layer: Option<i64>,
    vision_feature_select_strategy: Option<String>,
}

/// Keys all published files have.
const KEYS: &[&str] =
    &["rms_norm_eps", "mm_hidden_size", "mm_vision_select_layer", "mm_vision_tower"];
/// Keys that only the first LLaVA-Med leaves out.
const LATER_KEYS: &[&str] =
    &["num_key_value_heads", "rope_theta", "mm_projector_type", "max_position_embeddings"];

/// Read the files of a folder.
pub(crate) fn read(parts: &Parts, family: Family) -> Result<VlmConfig, ModelError> {
    let folder = &parts.language;
    let json = read_json(folder, "config.json")?
        .ok_or_else(|| ModelError::NotAModel { path: folder.clone() })?;
    let bad = |error: &dyn std::fmt::Display| config_error(folder, "config.json", error);
    let keys: LlavaKeys = serde_json::from_value(json.clone()).map_err(|error| bad(&error))?;
    keys.check().map_err(|error| bad(&error))?;
    if json.get("text_config").is_none() {
        need_keys(folder, &json, KEYS)?;
        if family != Family::LlavaMedV1 {
            need_keys(folder, &json, LATER_KEYS)?;
        }
    }
    let text = json.get("text_config").unwrap_or(&json);
    let mut decoder: DecoderConfig =
        serde_json::from_value(text.clone()).map_err(|error| bad(&error))?;
    decoder.qkv_bias = matches!(family, Family::HuatuoVision7b | Family::Nano);
    decoder.check().map_err(|error| bad(&error))?;
    let generation = read_json(folder, "generation_config.json")?;
    let eos = match family {
        // its files name other ids than its tokenizer has
        Family::LlavaMedV1 => Vec::new(),
        _ => eos_ids(
            [Some(&json), json.get("text_config"), generation.as_ref()].into_iter().flatten(),
        ),
    };
    let vision = keys.vision(folder, &json, parts.tower.as_ref(), family)?;
    let positions = decoder.positions().unwrap_or(2048);
    Ok(VlmConfig {
        context_len: keys.tokenizer_model_max_length.unwrap_or(4096).min(positions),
        eos,
        hlora: parts.adapter.as_ref().map(hlora_of).transpose()?,
        answers: true,
        generation: generation_of(parts, &vision)?,
        vocab_limit: None,
        vision: VisionConfig::Clip(vision),
        decoder,
    })
}

impl LlavaKeys {
    fn check(&self) -> Result<(), BadConfig> {
        if self.image_aspect_ratio.as_deref().is_some_and(|ratio| ratio.contains("anyres")) {
            return Err(BadConfig(
                "pictures in several tiles (anyres) are not supported".to_owned(),
            ));
        }
        match self.mm_patch_merge_type.as_deref() {
            None | Some("flat") => Ok(()),
            Some(other) => Err(BadConfig(format!("mm_patch_merge_type {other} is not supported"))),
        }
    }

    fn vision(
        &self,
        folder: &Path,
        json: &Value,
        tower: Option<&TowerFiles>,
        family: Family,
    ) -> Result<ClipVision, ModelError> {
        let bad = |error: &dyn std::fmt::Display| config_error(folder, "config.json", error);
        let (config, processor) = tower_of(folder, json, tower)?;
        if self.mm_hidden_size.is_some_and(|width| width != config.hidden_size) {
            if let Some(tower) = tower.filter(|tower| tower.is_assumed()) {
                return Err(tower.without_config(folder));
            }
            let (tower, wanted) = (config.hidden_size, self.mm_hidden_size.unwrap_or_default());
            return Err(bad(&format!("the tower is {tower} wide and mm_hidden_size is {wanted}")));
        }
        let select_layer = self.mm_vision_select_layer.or(self.vision_feature_layer).unwrap_or(-2);
        let projector = match &self.mm_projector_type {
            Some(kind) => kind.parse().map_err(|error: BadConfig| bad(&error))?,
            None if json.get("text_config").is_some() => ProjectorKind::Mlp { depth: 2 },
            None => ProjectorKind::Linear,
        };
        Ok(ClipVision {
            blocks: config.blocks_for(select_layer).map_err(|error| bad(&error))?,
            select_feature: self.select_feature(),
            config,
            projector,
            // the first LLaVA-Med crops
            squares: Squares { processor, pads_to_square: family != Family::LlavaMedV1 },
        })
    }

    fn select_feature(&self) -> SelectFeature {
        match self.vision_feature_select_strategy.as_deref() {
            Some("full") => SelectFeature::ClsPatch,
            _ => self.mm_vision_select_feature.unwrap_or_default(),
        }
    }
}

fn tower_of(
    folder: &Path,
    json: &Value,
    tower: Option<&TowerFiles>,
) -> Result<(ClipConfig, ImageProcessor), ModelError> {
    if let Some(tower) = tower {
        return tower.read(folder);
    }
    let config = clip_config(folder, json)?;
    let processor = processor(Some(folder), config.image_size)?;
    Ok((config, processor))
}
