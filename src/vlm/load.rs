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
use crate::vlm::tower::{TowerCheck, is_of_a_block, settle_tower};
use crate::vlm::weights::{Loaded, Plan};
use crate::vlm::weights_cache::{Found, Keeping};
use crate::vlm::{
    ComputeDevice, LoadOptions, LoadProgress, LoadStage, MemoryNeed, ModelError, Precision,
};

/// What loading gives.
pub(crate) struct LoadedWeights {
    pub(crate) networks: Networks,
    pub(crate) precision: Precision,
    pub(crate) weights_sha256: String,
    pub(crate) notes: Vec<String>,
    /// The converted weights on their way to the disk.
    pub(crate) keeping: Option<Keeping>,
}

/// Check names and shapes, then read everything once: the weight files, or what was kept of them.
pub(crate) fn load_weights(
    parts: &Parts,
    config: &VlmConfig,
    device: &ComputeDevice,
    options: &LoadOptions,
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
    let needs = needs(config, &plan, &opened, device);
    let (need, why) = choose_precision(options.precision, &needs, &device.info())?;
    let precision = need.precision;
    let mut notes: Vec<String> = why.into_iter().chain(notes(&opened, &plan)).collect();
    let conversion = Conversion::new(device.clone(), precision);
    let entry = options.cache.as_ref().and_then(|cache| cache.entry(parts, &plan, &conversion));
    let mut loaded = Loaded::new(conversion.clone());
    let mut keeping = None;
    let found = match &entry {
        Some(entry) => entry.read(&plan, &mut loaded, progress)?,
        None => Found::Nothing(None),
    };
    let (weights_sha256, tower) = match found {
        Found::All { weights_sha256, tower } => (weights_sha256, tower),
        Found::Nothing(why) => {
            notes.extend(why);
            // not what a useless file left there
            loaded = Loaded::new(conversion);
            match entry.map(|entry| entry.keep(plan.expected.len(), need.weights_bytes)) {
                Some(Ok(begun)) => keeping = Some(begun),
                Some(Err(why)) => notes.push(why),
                None => {}
            }
            let reading = Reading {
                opened: &opened,
                plan: &plan,
                sources: &sources,
                keeping: keeping.as_ref(),
                total: opened.iter().map(|(_, part)| part.bytes()).sum(),
            };
            let weights_sha256 = reading.read(&mut loaded, progress)?;
            let (stage, bytes_done, bytes_total) =
                (LoadStage::Warmup, reading.total, reading.total);
            let mut between = || progress(LoadProgress { stage, bytes_done, bytes_total });
            let tower = settle_tower(config, &parts.language, &mut loaded, &mut between)?;
            if let Some(keeping) = &mut keeping {
                for name in plan.expected.keys().filter(|name| is_of_a_block(name)) {
                    keeping.add(name, loaded.held(name));
                }
                notes.extend(keeping.finish(&weights_sha256, tower));
            }
            (weights_sha256, tower)
        }
    };
    notes.extend(tower.map(TowerCheck::note));
    let mut networks = Networks::init(config, &mut loaded)
        .map_err(|error| config_error(&parts.language, "config.json", &error))?;
    networks.settle(&need, device);
    Ok(LoadedWeights { networks, precision, weights_sha256, notes, keeping })
}

fn needs(
    config: &VlmConfig,
    plan: &Plan,
    opened: &[(PartKind, Checkpoint)],
    device: &ComputeDevice,
) -> Vec<MemoryNeed> {
    let tensors = opened.iter().map(|(_, part)| part.tensors());
    let context = usual_context(config.context_len);
    memory_plan(config, plan, tensors).needs(context, &device.info())
}

/// All parts, read one after the other.
struct Reading<'a> {
    opened: &'a [(PartKind, Checkpoint)],
    plan: &'a Plan,
    /// Which part gives a tensor.
    sources: &'a BTreeMap<String, usize>,
    keeping: Option<&'a Keeping>,
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
                // the tower's blocks wait for what is seen of them
                if let Some(keeping) = self.keeping.filter(|_| !is_of_a_block(name)) {
                    keeping.add(name, loaded.held(name));
                }
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
