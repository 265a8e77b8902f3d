//! What a model reads and what it is to say after it: conversations, and pictures to be drawn.

use crate::nn::Position;
use crate::text::{IMAGE_MARKER, TemplateTurn};
use crate::vlm::config::ImageExtent;
use crate::vlm::prompt::{PromptImage, write_prompt};
use crate::vlm::slots::{Slot, positions_of};
use crate::vlm::trainee::{TowerPicture, Trainee};
use crate::vlm::{Family, ModelError, Task};

/// One question and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// As typed.
    pub question: String,
    /// What is to be learnt.
    pub answer: String,
    /// Pictures of this question.
    pub num_images: usize,
}

/// Which answers of a conversation count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossOn {
    /// All of them.
    #[default]
    AllAnswers,
    /// The last (HuatuoGPT-Vision's own training of Qwen2.5-VL).
    LastAnswer,
}

/// What stands at a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A token.
    Id(u32),
    /// A row of a picture.
    Row {
        /// Which picture of the sequence.
        image: usize,
        /// Which of its rows.
        row: usize,
    },
}

/// Positions of one conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sequence {
    /// Which of the model's tasks it is part of.
    pub task: Task,
    /// What is read.
    pub places: Vec<Place>,
    /// What is to be said after each; nothing where the loss does not look.
    pub labels: Vec<Option<u32>>,
    /// Where the decoder is told each stands.
    pub positions: Vec<Position>,
}

impl Trainee {
    /// A conversation about these pictures as the model reads it when it answers, with what it
    /// should say.
    ///
    /// Every answer is learnt after exactly the positions that stand before it when the model is
    /// asked. Where the form of a finished turn begins as the open one does, several answers share
    /// one sequence; an end is learnt after each, whatever the form writes there.
    ///
    /// # Errors
    /// When there are more pictures or fewer than the exchanges say, or the tokenizer fails.
    pub fn sequences(
        &self,
        exchanges: &[Exchange],
        pictures: &[TowerPicture],
        loss_on: LossOn,
    ) -> Result<Vec<Sequence>, ModelError> {
        let said: usize = exchanges.iter().map(|exchange| exchange.num_images).sum();
        if said != pictures.len() {
            let given = pictures.len();
            let reason = format!("a conversation about {said} pictures came with {given}");
            return Err(ModelError::BadPicture { reason });
        }
        let extents: Vec<ImageExtent> = pictures.iter().map(TowerPicture::extent).collect();
        let mut done: Vec<Sequence> = Vec::new();
        let mut open: Option<Sequence> = None;
        for (at, exchange) in exchanges.iter().enumerate() {
            let (read, before) = self.read_until(exchanges, at, Task::Question, &extents)?;
            let counts = loss_on == LossOn::AllAnswers || at + 1 == exchanges.len();
            let mut sequence = Sequence { labels: vec![None; read.len()], ..Sequence::default() };
            if let Some(past) = open.take() {
                if read.starts_with(&past.places) {
                    let shared = sequence.labels.iter_mut().zip(past.labels);
                    shared.for_each(|(label, past)| *label = past);
                } else {
                    done.push(past);
                }
            }
            sequence.places = read;
            let ids = self.ids_of_answer(&before, exchange.answer.trim())?;
            sequence.say(&ids, self.end_of_answers(), counts);
            open = Some(sequence);
        }
        done.extend(open);
        done.retain(|sequence| sequence.labels.iter().any(Option::is_some));
        done.iter_mut().for_each(|sequence| sequence.count_positions(&extents));
        Ok(done)
    }

    /// A question that asks for a picture, and the codes of that picture, row by row; then the
    /// end of the picture and of the answer.
    ///
    /// # Errors
    /// When the model does not draw, or the tokenizer fails.
    pub fn drawing(&self, exchange: &Exchange, codes: &[u32]) -> Result<Sequence, ModelError> {
        let task = Task::Reconstruction;
        let Some(known) = self.codes else {
            return Err(ModelError::TaskNotLoaded { task: task.title() });
        };
        let extents = self.extents(exchange.num_images);
        let (places, _) = self.read_until(std::slice::from_ref(exchange), 0, task, &extents)?;
        let labels = vec![None; places.len()];
        let mut sequence = Sequence { task, places, labels, positions: Vec::new() };
        let ids: Vec<u32> = codes.iter().map(|code| known.id(*code)).chain([known.end]).collect();
        sequence.say(&ids, self.end_of_answers(), true);
        sequence.count_positions(&extents);
        Ok(sequence)
    }

    /// The ids of an answer after this text. The tokenizers of HealthGPT were given question and
    /// answer as one text, in which an answer does not begin a text of its own.
    fn ids_of_answer(&self, before: &str, answer: &str) -> Result<Vec<u32>, ModelError> {
        if self.family.has_hlora() {
            let adds_special = self.template.adds_special();
            let alone = self.tokenizer.encode(before, adds_special)?;
            let both = self.tokenizer.encode(&format!("{before}{answer}"), adds_special)?;
            if let Some(said) = both.strip_prefix(alone.as_slice()) {
                return Ok(said.to_vec());
            }
        }
        Ok(self.tokenizer.encode(answer, false)?)
    }

    /// What a model is taught to end with: the mark its prompt ends turns with, else the first
    /// of the ids that end an answer.
    fn end_of_answers(&self) -> Option<u32> {
        let marks: &[&str] = match self.family {
            Family::HealthGptM3 => &["<|end|>"],
            Family::HealthGptL14 | Family::HealthGptXl32 | Family::HuatuoVisionQwen25Vl => {
                &["<|im_end|>"]
            }
            _ => &[],
        };
        let ends = |id: &u32| self.config.eos.contains(id);
        let mark = marks.iter().filter_map(|mark| self.tokenizer.id_of(mark)).find(ends);
        mark.or_else(|| self.config.eos.first().copied())
    }

    /// What stands before the answer of an exchange, and the text of it after the last picture.
    fn read_until(
        &self,
        exchanges: &[Exchange],
        at: usize,
        task: Task,
        extents: &[ImageExtent],
    ) -> Result<(Vec<Place>, String), ModelError> {
        let turns: Vec<TemplateTurn<'_>> = exchanges
            .iter()
            .take(at + 1)
            .enumerate()
            .map(|(index, exchange)| TemplateTurn {
                question: &exchange.question,
                answer: (index < at).then_some(exchange.answer.trim()),
                num_images: exchange.num_images,
            })
            .collect();
        let count = turns.iter().map(|turn| turn.num_images).sum();
        let pictures = extents.iter().take(count);
        let images: Vec<PromptImage> =
            pictures.map(|extent| PromptImage { key: [0; 32], extent: *extent }).collect();
        let prompt = write_prompt(&turns, None, task, self.template, &self.tokenizer, &images)?;
        let text = prompt.text.rsplit(IMAGE_MARKER).next().unwrap_or_default().to_owned();
        let place = |slot: &Slot| match slot {
            Slot::Id(id) => Place::Id(*id),
            Slot::Row { image, row, .. } => Place::Row { image: *image, row: *row },
        };
        Ok((prompt.slots.iter().map(place).collect(), text))
    }
}

impl Sequence {
    /// Append what is said; it and the end are to be learnt when it counts.
    fn say(&mut self, ids: &[u32], end: Option<u32>, counts: bool) {
        let said = ids.iter().copied().map(Some).chain([end]);
        // what follows the last position of the prompt is the first id
        self.labels.pop();
        self.labels.extend(said.filter(|_| counts));
        self.places.extend(ids.iter().map(|id| Place::Id(*id)));
        self.labels.resize(self.places.len(), None);
    }

    fn count_positions(&mut self, extents: &[ImageExtent]) {
        let row_of = |place: &Place| match place {
            Place::Row { image, row } => Some((*image, *row)),
            Place::Id(_) => None,
        };
        (self.positions, _) = positions_of(self.places.iter().map(row_of), extents);
    }
}
