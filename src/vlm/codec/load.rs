//! From a codec's files to its networks, every tensor they need accounted for.

use std::ops::ControlFlow;
use std::path::Path;

use crate::checkpoint::{Checkpoint, CheckpointError, RawTensor, ReadEnd, WeightFiles};
use crate::nn::{Codebook, MissingTensor, VqganConfig, VqganDecoder, VqganEncoder, WeightSource};
use crate::vlm::codec::files;
use crate::vlm::config::config_error;
use crate::vlm::conversion::{Conversion, Prepared};
use crate::vlm::fit::check_tensors;
use crate::vlm::weights::{Loaded, Plan};
use crate::vlm::{ComputeDevice, LoadProgress, LoadStage, ModelError, Precision};

/// Beginnings of the names of what decoding needs; the rest of a file is of no use here, such as
/// what only training needs (`loss.`).
const DECODER: &[&str] = &["decoder.", "post_quant_conv.", "quantize."];

/// And of what only encoding needs.
const ENCODER: &[&str] = &["encoder.", "quant_conv.", "quantize.proj."];

/// The networks of a codec.
pub(super) struct Networks {
    pub(super) codebook: Codebook,
    pub(super) decoder: VqganDecoder,
    pub(super) encoder: Option<VqganEncoder>,
}

impl Networks {
    pub(super) fn init(
        config: &VqganConfig,
        with_encoder: bool,
        weights: &mut impl WeightSource,
    ) -> Result<Self, MissingTensor> {
        Ok(Self {
            codebook: Codebook::init(config, weights)?,
            decoder: VqganDecoder::init(config, weights)?,
            encoder: match with_encoder {
                true => Some(VqganEncoder::init(config, weights)?),
                false => None,
            },
        })
    }
}

/// Read a codec's folder; also the SHA-256 of its weights.
pub(super) fn load(
    folder: &Path,
    config: &VqganConfig,
    device: &ComputeDevice,
    progress: &mut dyn FnMut(LoadProgress) -> ControlFlow<()>,
) -> Result<(Networks, String), ModelError> {
    let present = files::weights(folder).into_iter().collect();
    let checkpoint = Checkpoint::open(folder, &WeightFiles { present, missing: Vec::new() })?;
    let holds_encoder = checkpoint.tensors().keys().any(|name| begins(name, &["encoder."]));
    let with_encoder = config.can_encode() && holds_encoder;
    let refuse = |error: MissingTensor| config_error(folder, files::CONFIG, &error);
    let mut plan = Plan::default();
    Networks::init(config, with_encoder, &mut plan).map_err(refuse)?;
    check_fit(&checkpoint, &plan, with_encoder)?;
    let mut loaded = Loaded::new(Conversion::new(device.clone(), Precision::F32));
    let hash = read(&checkpoint, &plan, &mut loaded, progress)?;
    let networks = Networks::init(config, with_encoder, &mut loaded).map_err(refuse)?;
    Ok((networks, hash))
}

fn begins(name: &str, beginnings: &[&str]) -> bool {
    beginnings.iter().any(|beginning| name.starts_with(beginning))
}

/// Every expected tensor is there, and nothing of ours is left over.
pub(super) fn check_fit(
    checkpoint: &Checkpoint,
    plan: &Plan,
    with_encoder: bool,
) -> Result<(), ModelError> {
    let is_unused = |name: &&String| {
        let is_encoders = begins(name, ENCODER);
        let is_ours = if is_encoders { with_encoder } else { begins(name, DECODER) };
        is_ours && !plan.expected.contains_key(*name)
    };
    let tensors = checkpoint.tensors();
    let unused = tensors.keys().filter(is_unused).cloned().collect();
    check_tensors(plan, |name| tensors.get(name), unused, checkpoint.folder().to_owned())
}

fn read(
    checkpoint: &Checkpoint,
    plan: &Plan,
    loaded: &mut Loaded,
    progress: &mut dyn FnMut(LoadProgress) -> ControlFlow<()>,
) -> Result<String, ModelError> {
    let conversion = loaded.conversion().clone();
    let wanted = |name: &str| plan.expected.contains_key(name);
    let prepare = |name: &str, raw: RawTensor<'_>| {
        let (tensor, path) = (name.to_owned(), checkpoint.folder().to_owned());
        match (raw.count_not_finite(), plan.expected.get(name)) {
            (0, Some(expected)) => conversion.prepare(name, expected, raw),
            (count, _) => Err(CheckpointError::NotFinite { tensor, count, path }.into()),
        }
    };
    let mut place = |name: &str, prepared: Prepared| {
        loaded.place(name, prepared);
        Ok(())
    };
    let mut tell = |bytes_done: u64| {
        let (stage, bytes_total) = (LoadStage::Transfer, checkpoint.bytes());
        progress(LoadProgress { stage, bytes_done, bytes_total })
    };
    checkpoint.read_all(&wanted, &prepare, &mut place, &mut tell).map_err(|end| match end {
        ReadEnd::Checkpoint(error) => error.into(),
        ReadEnd::Caller(error) => error,
        ReadEnd::Cancelled => ModelError::Cancelled,
    })
}
