//! Whether the tensors of the files are those the networks want: every one is accounted for.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::checkpoint::{Checkpoint, CheckpointError, FileDtype, TensorInfo};
use crate::vlm::ModelError;
use crate::vlm::config::{VisionConfig, VlmConfig, config_error};
use crate::vlm::networks::Networks;
use crate::vlm::parts::{GENERATION, PartKind, Parts, VISION_PREFIX};
use crate::vlm::weights::Plan;

/// Names listed in one error before "and N more".
const MAX_NAMES: usize = 8;

/// What the networks ask for.
pub(crate) fn plan_of(parts: &Parts, config: &VlmConfig) -> Result<Plan, ModelError> {
    let mut plan = Plan::default();
    Networks::init(config, &mut plan)
        .map_err(|error| config_error(&parts.language, "config.json", &error))?;
    Ok(plan)
}

/// Wanted tensors that no file has.
pub(crate) fn missing_tensors(plan: &Plan, checkpoints: &[Checkpoint]) -> Vec<String> {
    let is_there = |name: &String| checkpoints.iter().any(|c| c.tensors().contains_key(name));
    plan.expected.keys().filter(|name| !is_there(name)).cloned().collect()
}

/// Which part gives each wanted tensor: the last that has it. A base gives what only it has.
pub(crate) fn sources(plan: &Plan, parts: &[(PartKind, Checkpoint)]) -> BTreeMap<String, usize> {
    plan.expected
        .keys()
        .filter_map(|name| {
            let at = parts.iter().rposition(|(_, part)| part.tensors().contains_key(name))?;
            Some((name.clone(), at))
        })
        .collect()
}

/// # Errors
/// With the names of all tensors that are missing, of the wrong shape, or not used.
pub(crate) fn check_fit(
    parts: &[(PartKind, Checkpoint)],
    plan: &Plan,
    sources: &BTreeMap<String, usize>,
    config: &VlmConfig,
) -> Result<(), ModelError> {
    let found = |name: &str| {
        let (_, part) = sources.get(name).and_then(|at| parts.get(*at))?;
        part.tensors().get(name)
    };
    let mut unused = Vec::new();
    for (kind, part) in parts {
        let is_unused = |name: &&String| {
            !plan.expected.contains_key(*name) && exception(*kind, name, config).is_none()
        };
        unused.extend(part.tensors().keys().filter(is_unused).cloned());
    }
    let path = parts.first().map(|(_, part)| part.folder().to_owned()).unwrap_or_default();
    check_tensors(plan, found, unused, path)
}

/// The same for whatever `found` gives.
pub(crate) fn check_tensors<'a>(
    plan: &Plan,
    found: impl Fn(&str) -> Option<&'a TensorInfo>,
    unused: Vec<String>,
    path: PathBuf,
) -> Result<(), ModelError> {
    let (mut missing, mut wrong) = (Vec::new(), Vec::new());
    for (name, expected) in &plan.expected {
        match found(name) {
            None => missing.push(name.clone()),
            Some(info) if matches!(info.dtype, FileDtype::Other { .. }) => {
                wrong.push(format!("{name} (not floating-point numbers)"));
            }
            Some(info) if !expected.fits(&info.shape) => {
                wrong.push(format!("{name} ({:?}, not {:?})", info.shape, expected.shape));
            }
            Some(_) => {}
        }
    }
    let faults: Vec<String> = [("missing", missing), ("wrong shape", wrong), ("unused", unused)]
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(fault, names)| format!("{fault}: {}", listed(&names)))
        .collect();
    if faults.is_empty() {
        return Ok(());
    }
    Err(CheckpointError::DoesNotFit { faults: faults.join("; "), path }.into())
}

fn listed(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(MAX_NAMES).map(String::as_str).collect();
    match names.len().saturating_sub(MAX_NAMES) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Why a tensor of the files is not used, for those that rightly are not.
fn exception(kind: PartKind, name: &str, config: &VlmConfig) -> Option<&'static str> {
    if matches!(kind, PartKind::Adapter | PartKind::Fusion) {
        return Some("the published programs load adapters by name and leave the rest");
    }
    if kind == PartKind::Tower && !name.starts_with(VISION_PREFIX) {
        return Some("the text half of CLIP");
    }
    if name.ends_with("rotary_emb.inv_freq") {
        return Some("computed anew: old files hold it rounded");
    }
    if name.ends_with("embeddings.position_ids") {
        return Some("a count from 0");
    }
    if name == "lm_head.weight" && config.decoder.tie_word_embeddings {
        return Some("the embedding is used");
    }
    let generation = config.generation.as_ref();
    if generation.is_some_and(|own| own.replaced.contains(&format!("{GENERATION}{name}"))) {
        return Some("only the task's own is used");
    }
    let VisionConfig::Clip(clip) = &config.vision else { return None };
    let rest = name.strip_prefix(VISION_PREFIX)?;
    if rest.starts_with("post_layernorm.") {
        return Some("comes after the layer that is read");
    }
    let block = rest.strip_prefix("encoder.layers.")?.split('.').next()?.parse::<usize>().ok()?;
    (config.tower_blocks(clip)..clip.config.num_hidden_layers)
        .contains(&block)
        .then_some("comes after the layer that is read")
}

/// What the reader should know of tensors that were left unused.
pub(crate) fn notes(parts: &[(PartKind, Checkpoint)], plan: &Plan) -> Vec<String> {
    let mut notes = Vec::new();
    for (kind, part) in parts {
        let objects = part.ignored_objects();
        if !objects.is_empty() {
            let objects = objects.join(", ");
            notes.push(format!("objects in the weight files were left unread: {objects}"));
        }
        if matches!(kind, PartKind::Adapter | PartKind::Fusion) {
            let names: Vec<String> = part
                .tensors()
                .keys()
                .filter(|name| !plan.expected.contains_key(*name))
                .cloned()
                .collect();
            if !names.is_empty() {
                notes.push(format!("tensors of the adapter were left unused: {}", listed(&names)));
            }
        }
    }
    notes
}
