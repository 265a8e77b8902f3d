//! What was decided: which model, where its folder is, how tokens are chosen.

use std::path::{Path, PathBuf};

use anyhow::bail;
use directories::ProjectDirs;

use crate::vlm::{DeviceChoice, ModelSpec, NANO, PrecisionChoice, SamplingParams, nano, recognise};

use super::args::{MachineArgs, SamplingArgs, WindowArgs};

/// Longest answer when nothing is said, in tokens.
const DEFAULT_MAX_NEW_TOKENS: u32 = 512;

/// How the window shall open.
#[derive(Clone, Debug)]
pub struct WindowPlan {
    /// Studies to open.
    pub paths: Vec<PathBuf>,
    /// Open the bundled sample study.
    pub sample: bool,
    /// Where models are found by name.
    pub models_dir: PathBuf,
    /// Where settings and history are kept.
    pub data_dir: PathBuf,
    /// A model to load at once.
    pub model: Option<PathBuf>,
    /// What models run on.
    pub device: DeviceChoice,
    /// In what numbers.
    pub precision: PrecisionChoice,
    /// Whether converted weights are kept on disk.
    pub weights_cache: bool,
    /// Save a picture of the settled window here, and close.
    pub screenshot: Option<PathBuf>,
    /// Scroll through the study, write here how that went, and close.
    pub measure_scroll: Option<PathBuf>,
}

/// Where settings, history and, unless said otherwise, models are kept.
pub(super) fn data_dir(chosen: Option<PathBuf>) -> PathBuf {
    chosen.unwrap_or_else(|| {
        ProjectDirs::from("", "", "reading-room")
            .map_or_else(|| PathBuf::from(".reading-room"), |dirs| dirs.data_dir().to_owned())
    })
}

/// The folder in which models are found by name.
fn models_dir(machine: &MachineArgs) -> PathBuf {
    machine.models_dir.clone().unwrap_or_else(|| data_dir(None).join("models"))
}

/// A folder as typed, or a name in the models folder; nano when nothing is typed.
pub(super) fn find_model(typed: Option<&str>, machine: &MachineArgs) -> anyhow::Result<ModelSpec> {
    let Some(typed) = typed else { return Ok(nano()?) };
    let as_folder = Path::new(typed);
    if as_folder.is_dir() {
        return Ok(recognise(as_folder)?);
    }
    let models_dir = models_dir(machine);
    let named = models_dir.join(typed);
    if named.is_dir() {
        return Ok(recognise(&named)?);
    }
    if typed == NANO {
        return Ok(nano()?);
    }
    bail!("there is no model folder {typed}, here or in {}", models_dir.display())
}

/// How tokens are chosen, and how many at most.
pub(super) fn sampling(
    typed: &SamplingArgs,
    spec: &ModelSpec,
) -> anyhow::Result<(SamplingParams, u32)> {
    let (mut params, mut max_new_tokens) = (spec.greedy(), DEFAULT_MAX_NEW_TOKENS);
    if typed.author_defaults {
        (params, max_new_tokens) = spec.author_defaults();
    }
    if let Some(temperature) = typed.temperature {
        in_range("--temperature", temperature, 0.0, 100.0)?;
        params.temperature = temperature;
        params.top_p = typed.top_p;
        params.top_k = typed.top_k;
    }
    if let Some(top_p) = typed.top_p {
        in_range("--top-p", top_p, f32::MIN_POSITIVE, 1.0)?;
    }
    if let Some(penalty) = typed.repetition_penalty {
        in_range("--repetition-penalty", penalty, f32::MIN_POSITIVE, 100.0)?;
        params.repetition_penalty = penalty;
    }
    params.seed = typed.seed;
    Ok((params, typed.max_new_tokens.unwrap_or(max_new_tokens)))
}

fn in_range(name: &str, value: f32, low: f32, high: f32) -> anyhow::Result<()> {
    if value.is_finite() && (low..=high).contains(&value) {
        return Ok(());
    }
    bail!("{name} {value} is outside {low} to {high}")
}

/// Decide how the window opens.
pub(super) fn window(typed: WindowArgs, machine: &MachineArgs) -> anyhow::Result<WindowPlan> {
    let model = typed.model.as_deref().map(|model| find_model(Some(model), machine)).transpose()?;
    // Settings remember paths, and the next start may be from another folder.
    let paths = typed.paths.iter().map(std::path::absolute).collect::<Result<_, _>>()?;
    let model = model.map(|spec| std::path::absolute(spec.path)).transpose()?;
    Ok(WindowPlan {
        paths,
        sample: typed.sample,
        models_dir: models_dir(machine),
        data_dir: data_dir(machine.data_dir.clone()),
        model,
        device: machine.device,
        precision: machine.precision,
        weights_cache: !machine.no_weights_cache,
        screenshot: typed.screenshot,
        measure_scroll: typed.measure_scroll,
    })
}
