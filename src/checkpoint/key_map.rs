//! One name for a tensor whatever library wrote the file.

/// Beginnings of names and what they become: the names of the published LLaVA-style files.
const RENAMES: &[(&str, &str)] = &[
    // "-hf" files
    ("language_model.model.", "model."),
    ("language_model.lm_head.", "lm_head."),
    ("multi_modal_projector.linear_1.", "model.mm_projector.0."),
    ("multi_modal_projector.linear_2.", "model.mm_projector.2."),
    ("vision_tower.vision_model.", "model.vision_tower.vision_tower.vision_model."),
    // files of newer libraries
    ("model.language_model.", "model."),
    ("model.multi_modal_projector.linear_1.", "model.mm_projector.0."),
    ("model.multi_modal_projector.linear_2.", "model.mm_projector.2."),
    ("model.vision_tower.vision_model.", "model.vision_tower.vision_tower.vision_model."),
    ("model.visual.", "visual."),
    // adapters, as their library wraps the model
    ("base_model.model.", ""),
    // a repository of the tower alone
    ("vision_model.", "model.vision_tower.vision_tower.vision_model."),
];

/// The published name of a tensor.
#[must_use]
pub fn canonical_name(name: &str) -> String {
    RENAMES
        .iter()
        .find_map(|(from, to)| name.strip_prefix(from).map(|rest| format!("{to}{rest}")))
        .unwrap_or_else(|| name.to_owned())
}
