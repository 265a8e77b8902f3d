//! A conversation becomes ids of text, with places for the rows of pictures.

use crate::text::{
    ChatTemplate, IMAGE_MARKER, ImageSpan, Piece, START_INDEX, TemplateTurn, TextError, Tokenizer,
};
use crate::vlm::config::ImageExtent;
use crate::vlm::slots::{ImageKey, Slot};
use crate::vlm::{Question, Task};

/// Stands for a picture in `prompt_ids`, as in the references.
const IMAGE_SENTINEL: i64 = -200;

/// A prompt as text, as ids, and as what stands at each position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Prompt {
    pub(crate) text: String,
    /// As the references have them: a sentinel for a picture, or an id for each of its rows.
    pub(crate) ids: Vec<i64>,
    pub(crate) slots: Vec<Slot>,
}

/// A picture of the conversation: which, and what it takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PromptImage {
    pub(crate) key: ImageKey,
    pub(crate) extent: ImageExtent,
}

/// # Errors
/// When the tokenizer's own code fails.
pub(crate) fn build_prompt(
    question: &Question,
    template: ChatTemplate,
    tokenizer: &Tokenizer,
    images: &[PromptImage],
) -> Result<Prompt, TextError> {
    let system = question.system.as_deref();
    write_prompt(&turns(question), system, question.task, template, tokenizer, images)
}

/// The same of turns, of which the last is open; a system prompt in place of the authors'.
///
/// # Errors
/// When the tokenizer's own code fails.
pub(crate) fn write_prompt(
    turns: &[TemplateTurn<'_>],
    system: Option<&str>,
    task: Task,
    template: ChatTemplate,
    tokenizer: &Tokenizer,
    images: &[PromptImage],
) -> Result<Prompt, TextError> {
    let mut pieces = match system {
        Some(system) => template.render_with(turns, system),
        None => template.render(turns),
    };
    if let (Task::Reconstruction, Some(last)) = (task, pieces.last_mut()) {
        last.text.push_str(START_INDEX);
    }
    let mut writer = Writer { images, next_image: 0, ids: Vec::new(), slots: Vec::new() };
    for piece in &pieces {
        match template.image_span() {
            ImageSpan::Sentinel => writer.chunks(piece, template, tokenizer)?,
            ImageSpan::Tokens { span, patch } => {
                let text = piece.text.replace(template.image_marker(), span);
                let ids = tokenizer.encode(&text, template.adds_special())?;
                writer.expand(&ids, tokenizer.id_of(patch));
            }
        }
    }
    let text = pieces.into_iter().map(|piece| piece.text).collect();
    Ok(Prompt { text, ids: writer.ids, slots: writer.slots })
}

fn turns(question: &Question) -> Vec<TemplateTurn<'_>> {
    let past = question.history.iter().map(|turn| TemplateTurn {
        question: &turn.question,
        answer: Some(&turn.answer),
        num_images: turn.images.len(),
    });
    let open =
        TemplateTurn { question: &question.text, answer: None, num_images: question.images.len() };
    past.chain([open]).collect()
}

/// Ids and positions while they grow.
struct Writer<'a> {
    images: &'a [PromptImage],
    next_image: usize,
    ids: Vec<i64>,
    slots: Vec<Slot>,
}

impl Writer<'_> {
    /// The text between pictures is tokenised by itself, a sentinel stands for each picture.
    fn chunks(
        &mut self,
        piece: &Piece,
        template: ChatTemplate,
        tokenizer: &Tokenizer,
    ) -> Result<(), TextError> {
        let chunks: Vec<&str> = if piece.has_images {
            piece.text.split(IMAGE_MARKER).collect()
        } else {
            vec![&piece.text]
        };
        for (index, chunk) in chunks.iter().enumerate() {
            if index > 0 {
                self.ids.push(IMAGE_SENTINEL);
                self.image(|_| {});
            }
            let ids = tokenizer.encode(chunk, template.adds_special())?;
            // a later chunk's own beginning-of-sequence is dropped
            let bos = tokenizer.bos().filter(|_| index > 0 && template.adds_special());
            let skip = usize::from(bos.is_some() && ids.first().copied() == bos);
            ids.iter().skip(skip).for_each(|id| self.text(*id));
        }
        Ok(())
    }

    /// One id of the text stands for a picture and becomes as many as the picture has rows.
    fn expand(&mut self, ids: &[u32], patch: Option<u32>) {
        for id in ids {
            if patch == Some(*id) && self.next_image < self.images.len() {
                let patch = i64::from(*id);
                self.image(|ids| ids.push(patch));
            } else {
                self.text(*id);
            }
        }
    }

    fn text(&mut self, id: u32) {
        self.ids.push(i64::from(id));
        self.slots.push(Slot::Id(id));
    }

    fn image(&mut self, mut on_row: impl FnMut(&mut Vec<i64>)) {
        let image = self.next_image;
        self.next_image += 1;
        let Some(PromptImage { key, extent }) = self.images.get(image) else { return };
        for row in 0..extent.rows {
            on_row(&mut self.ids);
            self.slots.push(Slot::Row { key: *key, image, row });
        }
    }
}
