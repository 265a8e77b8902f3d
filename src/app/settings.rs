//! What survives a restart.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::imaging::SuvKind;
use crate::vlm::{DeviceChoice, PrecisionChoice, SamplingParams};

const FILE_NAME: &str = "settings.toml";
/// Room for a few large pictures.
const LEAST_FRAMES_MB: u32 = 128;
const MAX_RECENT: usize = 8;

/// The reader's choices, kept in one small file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Light or dark.
    pub theme: ThemeChoice,
    /// 1.0 is the system's own scale.
    pub ui_scale: f32,
    /// Names of patients are replaced by aliases everywhere.
    pub privacy: bool,
    /// The left panel is shown.
    pub left_open: bool,
    /// The chat is shown.
    pub right_open: bool,
    /// Pixels are shown as squares, not blended.
    pub nearest: bool,
    /// Nothing blinks or slides by itself.
    pub less_motion: bool,
    /// What decoded slices may take of the memory, in mebibytes.
    pub frames_mb: u32,
    /// The model reads the shown picture while the question is being typed.
    pub read_ahead: bool,
    /// Where models are looked for.
    pub models_dir: Option<PathBuf>,
    /// The model loaded last.
    pub last_model: Option<PathBuf>,
    /// Where a model is computed.
    pub device: DeviceChoice,
    /// Number format of its weights in memory.
    pub precision: PrecisionChoice,
    /// Weights converted to q8 and q4 are kept on disk.
    pub weights_cache: bool,
    /// How answers are sampled.
    pub sampling: Sampling,
    /// In place of the authors' system prompts, by family.
    pub system_prompts: BTreeMap<String, String>,
    /// Models side by side: all questions are asked of one, then of the next.
    pub sides_by_model: bool,
    /// Kept under names.
    pub presets: Vec<Preset>,
    /// What PET values are shown as beside themselves.
    pub suv: SuvKind,
    /// What was opened, newest first.
    pub recent: Vec<Recent>,
    /// Keyed hashes of slices that were starred.
    pub key_images: Vec<String>,
    /// Version of the program whose research-use statement was acknowledged.
    pub acknowledged: Option<String>,
    /// Size of the app on the screen, in points.
    pub app_size: Option<[f32; 2]>,
}

/// Light or dark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ThemeChoice {
    /// Light on dark.
    Dark,
    /// Dark on light.
    Light,
    /// As the system has it.
    System,
}

/// How answers are sampled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sampling {
    /// Greedy: the same question gets the same answer.
    pub deterministic: bool,
    /// Spread of the choice between words.
    pub temperature: f32,
    /// Share of probability kept.
    pub top_p: f32,
    /// Candidates kept; 0 is all.
    pub top_k: u32,
    /// 1 is none.
    pub repetition_penalty: f32,
    /// Token budget of one answer.
    pub max_new_tokens: u32,
    /// Seed of the generator.
    pub seed: u64,
    /// Every answer has this seed; else each gets the next.
    pub seed_locked: bool,
}

/// Parameters kept under a name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preset {
    /// What the reader called it.
    pub name: String,
    /// In place of the authors' system prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// How answers are sampled.
    pub sampling: Sampling,
}

/// Something that was opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recent {
    /// The files or folders.
    pub paths: Vec<PathBuf>,
    /// Numbers of the aliases of the studies found in them.
    #[serde(default)]
    pub cases: Vec<usize>,
    /// What was found, with nothing about a patient in it.
    #[serde(default)]
    pub what: String,
}

impl Recent {
    /// Output folders, in which no study is.
    pub(crate) fn results(paths: Vec<PathBuf>, what: &str) -> Self {
        Self { paths, cases: Vec::new(), what: what.to_owned() }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            theme: ThemeChoice::Dark,
            ui_scale: 1.0,
            privacy: true,
            left_open: true,
            right_open: true,
            nearest: false,
            less_motion: false,
            frames_mb: 1024,
            read_ahead: true,
            models_dir: None,
            last_model: None,
            device: DeviceChoice::Auto,
            precision: PrecisionChoice::Auto,
            weights_cache: true,
            sampling: Sampling::default(),
            system_prompts: BTreeMap::new(),
            sides_by_model: false,
            presets: Vec::new(),
            suv: SuvKind::default(),
            recent: Vec::new(),
            key_images: Vec::new(),
            acknowledged: None,
            app_size: None,
        }
    }
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            deterministic: true,
            temperature: 0.2,
            top_p: 1.0,
            top_k: 0,
            repetition_penalty: 1.0,
            max_new_tokens: 512,
            seed: 0,
            seed_locked: true,
        }
    }
}

impl Sampling {
    /// What the engine is asked for.
    pub(crate) fn params(&self) -> SamplingParams {
        if self.deterministic {
            return SamplingParams {
                repetition_penalty: self.repetition_penalty,
                seed: self.seed,
                ..SamplingParams::greedy()
            };
        }
        SamplingParams {
            temperature: self.temperature,
            top_p: (self.top_p < 1.0).then_some(self.top_p),
            top_k: (self.top_k > 0).then_some(self.top_k),
            repetition_penalty: self.repetition_penalty,
            seed: self.seed,
        }
    }

    /// Another seed, far from this one.
    pub(crate) fn next_seed(&mut self) {
        let next = self.seed.wrapping_mul(6_364_136_223_846_793_005);
        self.seed = next.wrapping_add(1_442_695_040_888_963_407) >> 33;
    }

    /// Takes over what a model's authors recommend.
    pub(crate) fn take_over(&mut self, params: &SamplingParams, max_new_tokens: u32) {
        self.deterministic = params.temperature <= 0.0;
        self.temperature = if self.deterministic { 0.2 } else { params.temperature };
        self.top_p = params.top_p.unwrap_or(1.0);
        self.top_k = params.top_k.unwrap_or(0);
        self.repetition_penalty = params.repetition_penalty;
        self.max_new_tokens = max_new_tokens;
        self.seed = params.seed;
    }
}

impl Settings {
    /// Reads them from the data folder; the sentence says what was wrong, and defaults stand in.
    pub(crate) fn load(data_dir: &Path) -> (Self, Option<String>) {
        let path = data_dir.join(FILE_NAME);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return (Self::default(), None);
            }
            Err(error) => {
                return (Self::default(), Some(format!("Settings could not be read: {error}")));
            }
        };
        match toml::from_str::<Self>(&text) {
            Ok(mut settings) => {
                settings.ui_scale = settings.ui_scale.clamp(0.8, 2.0);
                settings.recent.truncate(MAX_RECENT);
                (settings, None)
            }
            Err(error) => (
                Self::default(),
                Some(format!(
                    "Settings were not understood, defaults are used: {}",
                    error.message()
                )),
            ),
        }
    }

    /// Writes them beside the old ones and then puts them in their place.
    pub(crate) fn save(&self, data_dir: &Path) -> io::Result<()> {
        fs::create_dir_all(data_dir)?;
        let text = toml::to_string_pretty(self).map_err(io::Error::other)?;
        let mut file = tempfile::NamedTempFile::new_in(data_dir)?;
        file.write_all(text.as_bytes())?;
        file.persist(data_dir.join(FILE_NAME)).map_err(|error| error.error)?;
        Ok(())
    }

    /// What decoded slices may take, in bytes.
    pub(crate) fn frames_bytes(&self) -> usize {
        (self.frames_mb.max(LEAST_FRAMES_MB) as usize) << 20
    }

    /// Remembers what was opened.
    pub(crate) fn remember(&mut self, recent: Recent) {
        self.recent.retain(|other| other.paths != recent.paths);
        self.recent.insert(0, recent);
        self.recent.truncate(MAX_RECENT);
    }
}
