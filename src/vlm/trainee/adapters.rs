//! Adapters that begin anew, and what a task begins with that has no files yet.

use std::path::Path;

use crate::checkpoint::Checkpoint;
use crate::nn::HLoraConfig;
use crate::vlm::config::config_error;
use crate::vlm::parts::{GENERATION, PROJECTOR, PartKind, Parts};
use crate::vlm::trainee::{EMBEDDING, HEAD, PlaceTensor, Trainee};
use crate::vlm::{Family, ModelError, Tasks};

/// Sizes of the adapters that begin anew; those of files are as the files have them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NewAdapters {
    /// One expert on every matrix of a model of the LLaVA layout, added to it in the end.
    pub plain: Option<HLoraConfig>,
    /// HealthGPT's for questions, with the projector beside it.
    pub questions: Option<HLoraConfig>,
    /// HealthGPT's for reconstruction, with its projector, and the words for codes.
    pub reconstruction: Option<HLoraConfig>,
}

impl NewAdapters {
    pub(super) fn check(&self, folder: &Path, family: Family) -> Result<(), ModelError> {
        let bad = |reason: &dyn std::fmt::Display| config_error(folder, "the adapter", reason);
        let title = family.title();
        let is_hlora = self.questions.is_some() || self.reconstruction.is_some();
        if is_hlora && !family.has_hlora() && family != Family::Nano {
            let reason =
                format!("only HealthGPT and nano have a place for several experts, not {title}");
            return Err(bad(&reason));
        }
        if self.plain.is_some() && (family.has_hlora() || is_hlora) {
            return Err(bad(&format!("the adapters of {title} are [model.hlora]")));
        }
        if self.reconstruction.is_some() && !family.reconstructs() && family != Family::Nano {
            return Err(bad(&format!("{title} does not draw")));
        }
        let all = [self.plain, self.questions, self.reconstruction];
        all.iter().flatten().try_for_each(|one| one.check().map_err(|error| bad(&error)))
    }

    /// The parts of all tasks that there are files for or that begin anew.
    pub(super) fn begin(
        &self,
        mut parts: Parts,
        folder: &Path,
        family: Family,
        vocab_size: usize,
    ) -> Result<Parts, ModelError> {
        if let Some(hlora) = self.questions {
            parts.begin_questions(folder, hlora);
        }
        if let Some(hlora) = self.reconstruction {
            parts.begin_generation(folder, hlora, vocab_size);
        }
        let missing = &parts.missing_for_reconstruction;
        if self.reconstruction.is_some() && !missing.is_empty() {
            let (missing, path) = (missing.clone(), folder.to_owned());
            return Err(ModelError::Incomplete { missing, path });
        }
        let tasks = Tasks {
            questions: parts.adapter.is_some() || !family.has_hlora(),
            reconstruction: parts.generation.is_some() && missing.is_empty(),
        };
        if tasks == Tasks::default() {
            let names = parts.missing_for_questions.iter();
            let missing = names.map(|name| format!("{name} (or [model.hlora] to begin anew)"));
            let (missing, path) = (missing.collect(), folder.to_owned());
            return Err(ModelError::Incomplete { missing, path });
        }
        parts.for_tasks(tasks)
    }
}

impl Trainee {
    /// Whether no file holds a tensor yet.
    #[must_use]
    pub fn begins_anew(&self, name: &str) -> bool {
        if name.starts_with(GENERATION) {
            return self.new.reconstruction.is_some();
        }
        let is_adapter = name.contains(".lora_");
        let NewAdapters { plain, questions, .. } = self.new;
        // nano's base has one
        let is_new_projector = name.starts_with(PROJECTOR) && self.family.has_hlora();
        (is_adapter && plain.is_some()) || (questions.is_some() && (is_adapter || is_new_projector))
    }

    /// Embedding and head of a new reconstruction: the base's words, and the mean of them for
    /// every other row, as the published programs begin.
    pub(super) fn begin_codes(
        &self,
        opened: &[(PartKind, Checkpoint)],
        place: PlaceTensor<'_>,
    ) -> Result<(), ModelError> {
        let Some(generation) = self.config.generation.as_ref() else { return Ok(()) };
        if self.new.reconstruction.is_none() {
            return Ok(());
        }
        for name in [EMBEDDING, HEAD] {
            for (_, part) in opened.iter().filter(|(kind, _)| *kind == PartKind::Model) {
                let Some(tensor) = part.read_tensor(name)? else { continue };
                let columns = tensor.shape.get(1).copied().unwrap_or(1).max(1);
                let known = self.tokenizer.base_len() * columns;
                let mut values = tensor.raw().to_f32();
                values.truncate(known);
                let mean = mean_row(&values, columns);
                let missing = generation.vocab_size - values.len() / columns;
                values.extend(std::iter::repeat_n(mean, missing).flatten());
                place(&format!("{GENERATION}{name}"), vec![generation.vocab_size, columns], values);
            }
        }
        Ok(())
    }
}

fn mean_row(values: &[f32], columns: usize) -> Vec<f32> {
    let mut sums = vec![0.0_f64; columns];
    for row in values.chunks(columns) {
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    let rows = (values.len() / columns).max(1) as f64;
    sums.iter().map(|sum| (sum / rows) as f32).collect()
}
