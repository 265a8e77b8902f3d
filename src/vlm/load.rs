//! From a described folder to networks on a device, every tensor accounted for.

use std::ops::ControlFlow;

use crate::checkpoint::{
    Checkpoint, CheckpointError, FileDtype, RawTensor, ReadEnd, find_weight_files,
};
use crate::nn::{ClipVit, Decoder, InitError, MissingTensor, Projector, WeightSource};
use crate::vlm::config::{LlavaConfig, config_error};
use crate::vlm::memory::available_bytes;
use crate::vlm::recognise::{PROJECTOR, VISION_PREFIX};
use crate::vlm::weights::{Conversion, Loaded, Plan};
use crate::vlm::{
    ComputeDevice, LoadProgress, LoadStage, ModelError, ModelSpec, Precision, PrecisionChoice,
};

/// Names listed in one error before "and N more".
const MAX_NAMES: usize = 8;

/// Room kept beside weights: cache, activations, the window.
const SPARE_BYTES: u64 = 1 << 30;

/// The three networks.
pub(crate) struct Networks {
    pub(crate) tower: ClipVit,
    pub(crate) projector: Projector,
    pub(crate) decoder: Decoder,
}

impl Networks {
    fn init(config: &LlavaConfig, weights: &mut impl WeightSource) -> Result<Self, InitError> {
        let tower = ClipVit::init(
            VISION_PREFIX,
            &config.vision,
            config.vision_blocks,
            config.select_feature,
            weights,
        )?;
        let projector = Projector::init(
            PROJECTOR,
            config.projector,
            config.vision.hidden_size,
            config.decoder.hidden_size,
            weights,
        )?;
        Ok(Self { tower, projector, decoder: Decoder::init(&config.decoder, weights)? })
    }
}

/// What loading gives.
pub(crate) struct LoadedWeights {
    pub(crate) networks: Networks,
    pub(crate) precision: Precision,
    pub(crate) weights_sha256: String,
    pub(crate) notes: Vec<String>,
}

/// Check names and shapes, then read everything once.
pub(crate) fn load_weights(
    spec: &ModelSpec,
    config: &LlavaConfig,
    device: &ComputeDevice,
    choice: PrecisionChoice,
    progress: &mut dyn FnMut(LoadProgress) -> ControlFlow<()>,
) -> Result<LoadedWeights, ModelError> {
    let checkpoint = Checkpoint::open(&spec.path, &find_weight_files(&spec.path)?)?;
    let mut plan = Plan::default();
    Networks::init(config, &mut plan)
        .map_err(|error| config_error(&spec.path, "config.json", &error))?;
    check_fit(&checkpoint, &plan, config)?;
    let numbers: u64 =
        plan.expected.values().map(|e| e.shape.iter().product::<usize>() as u64).sum();
    let precision = choose_precision(choice, device, numbers)?;
    let conversion = Conversion { device: device.clone(), precision };
    let mut loaded = Loaded::new(conversion.clone());
    let total = checkpoint.bytes();
    let wanted = |name: &str| plan.expected.contains_key(name);
    let prepare = |name: &str, raw: RawTensor<'_>| {
        let count = raw.count_not_finite();
        if count > 0 {
            let path = checkpoint.folder().to_owned();
            return Err(CheckpointError::NotFinite { tensor: name.to_owned(), count, path }.into());
        }
        match plan.expected.get(name) {
            Some(expected) => conversion.prepare(name, expected, raw),
            None => Err(InitError::from(MissingTensor(name.to_owned())))
                .map_err(|error| config_error(checkpoint.folder(), "config.json", &error)),
        }
    };
    let read = checkpoint.read_all(
        &wanted,
        &prepare,
        &mut |name, prepared| {
            loaded.place(name, prepared);
            Ok(())
        },
        &mut |bytes_done| {
            progress(LoadProgress { stage: LoadStage::Transfer, bytes_done, bytes_total: total })
        },
    );
    let weights_sha256 = read.map_err(|end| match end {
        ReadEnd::Checkpoint(error) => error.into(),
        ReadEnd::Caller(error) => error,
        ReadEnd::Cancelled => ModelError::Cancelled,
    })?;
    let networks = Networks::init(config, &mut loaded)
        .map_err(|error| config_error(&spec.path, "config.json", &error))?;
    Ok(LoadedWeights { networks, precision, weights_sha256, notes: notes(&checkpoint) })
}

fn notes(checkpoint: &Checkpoint) -> Vec<String> {
    let objects = checkpoint.ignored_objects();
    if objects.is_empty() {
        return Vec::new();
    }
    vec![format!("objects in the weight files were left unread: {}", objects.join(", "))]
}

/// Every tensor of the files is expected or an exception, every expected one is there and fits.
fn check_fit(checkpoint: &Checkpoint, plan: &Plan, config: &LlavaConfig) -> Result<(), ModelError> {
    let (mut missing, mut wrong, mut unused) = (Vec::new(), Vec::new(), Vec::new());
    for (name, expected) in &plan.expected {
        match checkpoint.tensors().get(name) {
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
    for name in checkpoint.tensors().keys() {
        if !plan.expected.contains_key(name) && exception(name, config).is_none() {
            unused.push(name.clone());
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
    let path = checkpoint.folder().to_owned();
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
fn exception(name: &str, config: &LlavaConfig) -> Option<&'static str> {
    if name.ends_with("rotary_emb.inv_freq") {
        return Some("computed anew: old files hold it rounded");
    }
    if name.ends_with("embeddings.position_ids") {
        return Some("a count from 0");
    }
    if name == "lm_head.weight" && config.decoder.tie_word_embeddings {
        return Some("the embedding is used");
    }
    let rest = name.strip_prefix(VISION_PREFIX)?;
    if rest.starts_with("post_layernorm.") {
        return Some("comes after the layer that is read");
    }
    let block = rest.strip_prefix("encoder.layers.")?.split('.').next()?.parse::<usize>().ok()?;
    (config.vision_blocks..config.vision.num_hidden_layers)
        .contains(&block)
        .then_some("comes after the layer that is read")
}

/// `auto` is f16 on a GPU that computes in it, and on the CPU f32 where it fits.
fn choose_precision(
    choice: PrecisionChoice,
    device: &ComputeDevice,
    numbers: u64,
) -> Result<Precision, ModelError> {
    let needed = |bytes: u64| numbers * bytes + SPARE_BYTES;
    let available = if device.gpu().is_none() { available_bytes() } else { None };
    let fits = |bytes| available.is_none_or(|available| needed(bytes) <= available);
    let precision = match choice {
        PrecisionChoice::Exactly(precision) => precision,
        PrecisionChoice::Auto if device.gpu().is_some_and(|gpu| !gpu.is_software) => {
            if device.supports(Precision::F16) { Precision::F16 } else { Precision::F32 }
        }
        PrecisionChoice::Auto if fits(4) => Precision::F32,
        PrecisionChoice::Auto => Precision::F16,
    };
    if !device.supports(precision) {
        return Err(ModelError::PrecisionUnsupported {
            device: device.label(),
            precision: precision.as_str().to_owned(),
        });
    }
    let bytes = if precision == Precision::F32 { 4 } else { 2 };
    match available {
        Some(available) if !fits(bytes) => Err(ModelError::OutOfMemory {
            needed_mb: needed(bytes) >> 20,
            available_mb: available >> 20,
            precision: precision.as_str().to_owned(),
        }),
        _ => Ok(precision),
    }
}
