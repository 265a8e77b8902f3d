//! What is asked in a measurement, as positions of the sequence.

use crate::vlm::answer::prompt_of;
use crate::vlm::config::ImageExtent;
use crate::vlm::features::image_key;
use crate::vlm::measure::{Subject, WorkPrompt, Workload};
use crate::vlm::prompt::PromptImage;
use crate::vlm::slots::Slot;
use crate::vlm::{ModelError, Question, Task, Vlm};

/// A question and another about the same pictures.
pub(crate) struct Prompts {
    pub(crate) first: Vec<Slot>,
    pub(crate) second: Vec<Slot>,
    /// Of every picture.
    pub(crate) extents: Vec<ImageExtent>,
}

/// Text is put into the form of the model's family.
pub(super) fn of_model(vlm: &Vlm, work: &Workload) -> Result<Prompts, ModelError> {
    let subject = vlm.subject();
    let WorkPrompt::Text { question, other } = &work.prompt else {
        return of_ids(&subject, work);
    };
    let placed = placed(&subject, work)?;
    let slots = |text: &str| prompt_of(vlm, &asked(text, work), &placed).map(|prompt| prompt.slots);
    let prompts = Prompts {
        first: slots(question)?,
        second: slots(other)?,
        extents: placed.iter().map(|image| image.extent).collect(),
    };
    check_length(&subject, work, prompts)
}

/// Ids as they are.
pub(super) fn of_ids(subject: &Subject<'_>, work: &Workload) -> Result<Prompts, ModelError> {
    let vocab = subject.config.decoder.vocab_size;
    let (before, after) = match &work.prompt {
        WorkPrompt::Ids { before, after } => (before.clone(), after.clone()),
        WorkPrompt::Filler { tokens } => {
            let ids: Vec<u32> = (0..*tokens).map(|index| filler(index, vocab)).collect();
            let (before, after) = ids.split_at(tokens / 2);
            (before.to_vec(), after.to_vec())
        }
        WorkPrompt::Text { .. } => {
            let (name, allowed) = ("the prompt", "ids where there is no tokenizer");
            return Err(ModelError::BadParameter { name, allowed, given: "text".to_owned() });
        }
    };
    if let Some(id) = before.iter().chain(&after).find(|id| **id as usize >= vocab) {
        let (name, allowed) = ("an id of the prompt", "below the size of the vocabulary");
        return Err(ModelError::BadParameter { name, allowed, given: id.to_string() });
    }
    let placed = placed(subject, work)?;
    // every id another one: only what stands before it is common to both
    let others: Vec<u32> = after.iter().map(|id| (id + 1) % vocab.max(1) as u32).collect();
    let prompts = Prompts {
        first: around(&before, &placed, &after),
        second: around(&before, &placed, &others),
        extents: placed.iter().map(|image| image.extent).collect(),
    };
    check_length(subject, work, prompts)
}

fn placed(subject: &Subject<'_>, work: &Workload) -> Result<Vec<PromptImage>, ModelError> {
    let place = |image| {
        let extent = subject.config.vision.extent(image)?;
        Ok(PromptImage { key: image_key(image, Task::Question), extent })
    };
    work.images.iter().map(place).collect()
}

fn around(before: &[u32], images: &[PromptImage], after: &[u32]) -> Vec<Slot> {
    let ids = |ids: &[u32]| ids.iter().map(|id| Slot::Id(*id)).collect::<Vec<_>>();
    let rows = images.iter().enumerate().flat_map(|(image, PromptImage { key, extent })| {
        (0..extent.rows).map(move |row| Slot::Row { key: *key, image, row })
    });
    ids(before).into_iter().chain(rows).chain(ids(after)).collect()
}

/// Spread over the vocabulary.
fn filler(index: usize, vocab: usize) -> u32 {
    let spread = (index as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    (spread % vocab.max(1) as u64) as u32
}

fn asked(text: &str, work: &Workload) -> Question {
    Question {
        images: work.images.clone(),
        max_new_tokens: work.decode_tokens,
        ignore_eos: true,
        ..Question::new(text)
    }
}

fn check_length(
    subject: &Subject<'_>,
    work: &Workload,
    prompts: Prompts,
) -> Result<Prompts, ModelError> {
    let (prompt, context_len) = (&prompts.first, subject.config.context_len);
    let prompt_tokens = prompt.len().saturating_add(work.decode_tokens as usize);
    if prompt.is_empty() {
        return Err(ModelError::EmptyQuestion);
    }
    if prompt_tokens < context_len {
        return Ok(prompts);
    }
    let image_tokens = prompt.iter().filter(|slot| matches!(slot, Slot::Row { .. })).count();
    Err(ModelError::ContextTooLong { prompt_tokens, image_tokens, context_len })
}
