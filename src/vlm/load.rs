//! From the parts of a model to networks on a device, every tensor accounted for.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::checkpoint::{
    Checkpoint, CheckpointError, OwnedTensor, RawTensor, ReadEnd, combined_hash,
};
use crate::nn::{InitError, MissingTensor};
use crate::vlm::config::{VlmConfig, config_error};
use crate::vlm::conversion::{Conversion, Prepared};
use crate::vlm::delta::added;
use crate::vlm::fit::{check_fit, notes, plan_of, sources};
use crate::vlm::memory::{choose_precision, memory_plan, usual_context};
use crate::vlm::networks::Networks;
use crate::vlm::parts::{PartKind, Parts};
use crate::vlm::weights::{Loaded, Plan};
use crate::vlm::{ComputeDevice, LoadProgress, LoadStage, ModelError, Precision, PrecisionChoice};

/// What loading gives.
pub(crate) struct LoadedWeights {
    pub(crate) networks: Networks,
    pub(crate) precision: Precision,
    pub(crate) weights_sha256: String,
    pub(crate) notes: Vec<String>,
}

/// Check names and shapes, then read everything once.
pub(crate) fn load_weights(
    parts: &Parts,
    config: &VlmConfig,
    device: &ComputeDevice,
    choice: PrecisionChoice,
    progress: &mut dyn FnMut(LoadProgress) -> ControlFlow<()>,
) -> Result<LoadedWeights, ModelError> {
    let mut opened = Vec::new();
    for part in &parts.weights {
        let checkpoint = Checkpoint::open_as(part.prefix, &part.folder, &part.files)?;
        opened.push((part.kind, checkpoint));
    }
    let plan = plan_of(parts, config)?;
    let sources = sources(&plan, &opened);
    check_fit(&opened, &plan, &sources, config)?;
    let (precision, why) = precision_for(choice, config, &plan, &opened, device)?;
    let mut loaded = Loaded::new(Conversion::new(device.clone(), precision));
    let reading = Reading {
        opened: &opened,
        plan: &plan,
        sources: &sources,
        total: opened.iter().map(|(_, part)| part.bytes()).sum(),
    };
    let weights_sha256 = reading.read(&mut loaded, progress)?;
    let networks = Networks::init(config, &mut loaded)
        .map_err(|error| config_error(&parts.language, "config.json", &error))?;
    let notes = why.into_iter().chain(notes(&opened, &plan)).collect();
    Ok(LoadedWeights { networks, precision, weights_sha256, notes })
}

fn precision_for(
    choice: PrecisionChoice,
    config: &VlmConfig,
    plan: &Plan,
    opened: &[(PartKind, Checkpoint)],
    device: &ComputeDevice,
) -> Result<(Precision, Option<String>), ModelError> {
    let tensors = opened.iter().map(|(_, part)| part.tensors());
    let device = device.info();
    let needs =
        memory_plan(config, plan, tensors).needs(usual_context(config.context_len), &device);
    choose_precision(choice, &needs, &device)
}

/// All parts, read one after the other.
struct Reading<'a> {
    opened: &'a [(PartKind, Checkpoint)],
    plan: &'a Plan,
    /// Which part gives a tensor.
    sources: &'a BTreeMap<String, usize>,
    total: u64,
}

impl Reading<'_> {
    fn read(
        &self,
        loaded: &mut Loaded,
        progress: &mut dyn FnMut(LoadProgress) -> ControlFlow<()>,
    ) -> Result<String, ModelError> {
        let (mut done, mut hashes) = (0, Vec::new());
        let conversion = loaded.conversion().clone();
        for (at, (kind, part)) in self.opened.iter().enumerate() {
            let wanted = |name: &str| self.sources.get(name) == Some(&at);
            let prepare =
                |name: &str, raw: RawTensor<'_>| self.prepare(*kind, part, name, raw, &conversion);
            let mut place = |name: &str, prepared: Prepared| {
                loaded.place(name, prepared);
                Ok(())
            };
            let mut tell = |bytes: u64| {
                let (stage, bytes_done) = (LoadStage::Transfer, done + bytes);
                progress(LoadProgress { stage, bytes_done, bytes_total: self.total })
            };
            let hash = part.read_all(&wanted, &prepare, &mut place, &mut tell);
            let hash = hash.map_err(|end| match end {
                ReadEnd::Checkpoint(error) => error.into(),
                ReadEnd::Caller(error) => error,
                ReadEnd::Cancelled => ModelError::Cancelled,
            })?;
            hashes.push((part.folder().to_owned(), hash));
            done += part.bytes();
        }
        Ok(combined_hash(&hashes))
    }

    fn prepare(
        &self,
        kind: PartKind,
        part: &Checkpoint,
        name: &str,
        raw: RawTensor<'_>,
        conversion: &Conversion,
    ) -> Result<Prepared, ModelError> {
        let refuse = |count| {
            let (tensor, path) = (name.to_owned(), part.folder().to_owned());
            ModelError::from(CheckpointError::NotFinite { tensor, count, path })
        };
        let Some(expected) = self.plan.expected.get(name) else {
            let error = InitError::from(MissingTensor(name.to_owned()));
            return Err(config_error(part.folder(), "config.json", &error));
        };
        let base = match kind {
            PartKind::Delta => self.base_tensor(name)?,
            _ => None,
        };
        let sum = added(name, base.as_ref(), raw, part.folder())?;
        let raw = sum.as_ref().map_or(raw, |sum| sum.raw());
        match raw.count_not_finite() {
            0 => conversion.prepare(name, expected, raw),
            count => Err(refuse(count)),
        }
    }

    fn base_tensor(&self, name: &str) -> Result<Option<OwnedTensor>, ModelError> {
        let base = self.opened.iter().find(|(kind, _)| *kind == PartKind::DeltaBase);
        Ok(base.map(|(_, base)| base.read_tensor(name)).transpose()?.flatten())
    }
}
