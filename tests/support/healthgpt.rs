//! The cases of HealthGPT, which have a layout of their own.

use std::path::{Path, PathBuf};

use reading_room::vlm::{Question, SamplingParams, Task, recognise};
use serde_json::Value;

use crate::models::{Golden, picture, read_golden, read_json};

/// A case folder: the model's folders, a picture, and two questions.
pub(crate) struct HealthCase {
    pub(crate) folder: PathBuf,
    pub(crate) json: Value,
    pub(crate) golden: Golden,
}

impl HealthCase {
    pub(crate) fn read(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            json: read_json(&folder.join("case.json")),
            golden: read_golden(&folder.join("goldens.safetensors")),
        }
    }

    /// The folder with the adapters.
    pub(crate) fn model(&self) -> PathBuf {
        let entries = std::fs::read_dir(&self.folder).unwrap();
        let mut folders = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
        folders
            .find(|path| path.file_name().unwrap().to_string_lossy().starts_with("HealthGPT"))
            .unwrap()
    }

    pub(crate) fn runs(&self) -> &[Value] {
        self.json["runs"].as_array().unwrap()
    }

    /// As `ask` puts it when nothing is said about sampling.
    pub(crate) fn question(&self, run: &Value) -> Question {
        let image = run["image"].as_str().map(|name| picture(&self.folder.join(name)));
        Question {
            images: image.into_iter().collect(),
            sampling: self.sampling(),
            max_new_tokens: run["max_new_tokens"].as_u64().unwrap() as u32,
            task: self.task(),
            ..Question::new(run["question"].as_str().unwrap())
        }
    }

    fn task(&self) -> Task {
        match self.json["task"].as_str().unwrap() {
            "generation" => Task::Reconstruction,
            _ => Task::Question,
        }
    }

    fn sampling(&self) -> SamplingParams {
        let greedy = recognise(&self.model()).unwrap().greedy();
        let penalty = self.json["repetition_penalty"].as_f64().unwrap() as f32;
        assert_eq!(
            greedy,
            SamplingParams { repetition_penalty: penalty, ..SamplingParams::greedy() }
        );
        greedy
    }
}

/// Runs a test with as much stack as the engine's thread has; unoptimised code outgrows a test's.
pub(crate) fn with_room(test: fn()) {
    let thread = std::thread::Builder::new().stack_size(64 << 20).spawn(test).unwrap();
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}
