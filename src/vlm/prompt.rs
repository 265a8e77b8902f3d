//! A conversation becomes positions: ids of text and rows of pictures.

use crate::text::{ChatTemplate, IMAGE_MARKER, TemplateTurn, TextError, Tokenizer};
use crate::vlm::Question;

/// Stands for a picture in `prompt_ids`, as in the references.
pub(crate) const IMAGE_SENTINEL: i64 = -200;

/// Hash of a picture and of all that preprocessing depends on.
pub(crate) type ImageKey = [u8; 32];

/// What a position of the sequence is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// A token.
    Id(u32),
    /// A row of a picture.
    Row { key: ImageKey, image: usize, row: usize },
}

impl Slot {
    /// Whether it puts the same into the sequence, wherever the picture stands in the list.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Id(a), Self::Id(b)) => a == b,
            (Self::Row { key: a, row: x, .. }, Self::Row { key: b, row: y, .. }) => {
                a == b && x == y
            }
            _ => false,
        }
    }
}

/// A prompt as text and as ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Prompt {
    pub(crate) text: String,
    /// With [`IMAGE_SENTINEL`]s.
    pub(crate) ids: Vec<i64>,
}

/// # Errors
/// When the tokenizer's own code fails.
pub(crate) fn build_prompt(
    question: &Question,
    template: ChatTemplate,
    tokenizer: &Tokenizer,
) -> Result<Prompt, TextError> {
    let mut turns: Vec<TemplateTurn<'_>> = question
        .history
        .iter()
        .map(|turn| TemplateTurn {
            question: &turn.question,
            answer: Some(&turn.answer),
            num_images: turn.images.len(),
        })
        .collect();
    turns.push(TemplateTurn {
        question: &question.text,
        answer: None,
        num_images: question.images.len(),
    });
    let pieces = template.render(&turns);
    let mut ids = Vec::new();
    for piece in &pieces {
        let chunks: Vec<&str> = if piece.has_images {
            piece.text.split(IMAGE_MARKER).collect()
        } else {
            vec![&piece.text]
        };
        for (index, chunk) in chunks.iter().enumerate() {
            if index > 0 {
                ids.push(IMAGE_SENTINEL);
            }
            let chunk_ids = tokenizer.encode(chunk, template.adds_special())?;
            // a later chunk's own beginning-of-sequence is dropped
            let bos = tokenizer.bos().filter(|_| index > 0 && template.adds_special());
            let skip = usize::from(bos.is_some() && chunk_ids.first().copied() == bos);
            ids.extend(chunk_ids.into_iter().skip(skip).map(i64::from));
        }
    }
    let text = pieces.into_iter().map(|piece| piece.text).collect();
    Ok(Prompt { text, ids })
}

/// The positions of a prompt; pictures take `rows` each, in order.
pub(crate) fn slots(ids: &[i64], keys: &[ImageKey], rows: usize) -> Vec<Slot> {
    let mut images = keys.iter().enumerate();
    let mut slots = Vec::with_capacity(ids.len() + keys.len() * rows);
    for id in ids {
        match u32::try_from(*id) {
            Ok(id) => slots.push(Slot::Id(id)),
            Err(_sentinel) => {
                if let Some((image, key)) = images.next() {
                    slots.extend((0..rows).map(|row| Slot::Row { key: *key, image, row }));
                }
            }
        }
    }
    slots
}
