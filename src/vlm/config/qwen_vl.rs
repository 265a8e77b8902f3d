//! Qwen2.5-VL folders: HuatuoGPT-Vision in its later release.

use serde_json::Value;

use crate::nn::{DecoderConfig, QwenVitConfig};
use crate::vlm::ModelError;
use crate::vlm::config::{
    QwenVision, VisionConfig, VlmConfig, config_error, eos_ids, need_json, need_keys, read_json,
};
use crate::vlm::parts::Parts;
use crate::vlm::preprocess::QwenImageProcessor;

/// Pixels of a picture in the release's own training (`max_pixels` 420·360).
const MAX_PIXELS: usize = 420 * 360;

const KEYS: &[&str] = &[
    "num_key_value_heads",
    "rms_norm_eps",
    "rope_theta",
    "rope_scaling",
    "max_position_embeddings",
];

/// Read the files of a folder.
pub(crate) fn read(parts: &Parts) -> Result<VlmConfig, ModelError> {
    let folder = &parts.language;
    let json = need_json(folder, "config.json")?;
    let bad = |error: &dyn std::fmt::Display| config_error(folder, "config.json", error);
    // newer libraries write the decoder's values apart
    let text = json.get("text_config").unwrap_or(&json);
    if json.get("text_config").is_none() {
        need_keys(folder, text, KEYS)?;
    }
    let mut decoder: DecoderConfig =
        serde_json::from_value(text.clone()).map_err(|error| bad(&error))?;
    decoder.qkv_bias = true;
    decoder.check().map_err(|error| bad(&error))?;
    let vit = json.get("vision_config").cloned().unwrap_or_default();
    let vit: QwenVitConfig = match vit {
        Value::Null => return Err(bad(&"it has no vision_config")),
        vit => serde_json::from_value(vit).map_err(|error| bad(&error))?,
    };
    vit.check().map_err(|error| bad(&error))?;
    if vit.out_hidden_size != decoder.hidden_size {
        let (out, hidden) = (vit.out_hidden_size, decoder.hidden_size);
        return Err(bad(&format!("out_hidden_size is {out} and hidden_size {hidden}")));
    }
    let generation = read_json(folder, "generation_config.json")?;
    Ok(VlmConfig {
        context_len: decoder.positions().unwrap_or(32_768),
        eos: eos_ids(
            [Some(&json), json.get("text_config"), generation.as_ref()].into_iter().flatten(),
        ),
        hlora: None,
        answers: true,
        generation: None,
        vocab_limit: None,
        vision: VisionConfig::Qwen(QwenVision { processor: processor(parts, &vit)?, vit }),
        decoder,
    })
}

fn processor(parts: &Parts, vit: &QwenVitConfig) -> Result<QwenImageProcessor, ModelError> {
    let (folder, name) = (&parts.language, "preprocessor_config.json");
    let json = need_json(folder, name)?;
    let bad = |reason: String| config_error(folder, name, &reason);
    let processor = QwenImageProcessor::from_json(&json).map_err(bad)?;
    let given = [processor.patch_size(), processor.temporal_patch_size(), processor.merge_size()];
    let wanted = [vit.patch_size, vit.temporal_patch_size, vit.spatial_merge_size];
    if given != wanted {
        return Err(config_error(
            folder,
            name,
            &format!("patch, frames and merge are {given:?}, those of the tower {wanted:?}"),
        ));
    }
    Ok(processor.with_max_pixels(parts.told.max_pixels.unwrap_or(MAX_PIXELS)))
}
