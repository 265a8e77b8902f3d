//! A model as training sees it: names and shapes of its tensors, sequences with what is to be said
//! at each position, and its networks built of tensors that record what is done to them.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor};

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::imaging::DisplayImage;
use crate::nn::{HLoraConfig, Position, WeightSource};
use crate::text::{TemplateTurn, Tokenizer, TokenizerOptions};
use crate::vlm::config::{ClipVision, ImageExtent, VisionConfig, VlmConfig, config_error};
use crate::vlm::delta::copy_small_files;
use crate::vlm::fit::{check_fit, plan_of, sources};
use crate::vlm::networks::{Networks, Vision};
use crate::vlm::parts::{PROJECTOR, Parts, VISION_PREFIX};
use crate::vlm::prompt::{PromptImage, write_prompt};
use crate::vlm::recognise::family_of;
use crate::vlm::slots::Slot;
use crate::vlm::{Family, ModelError, RgbPixels, Task, Tasks};

/// A model of a published layout that can be trained: CLIP, projector, decoder.
pub struct Trainee {
    folder: PathBuf,
    family: Family,
    parts: Parts,
    config: VlmConfig,
    clip: ClipVision,
    template: crate::text::ChatTemplate,
    tokenizer: Tokenizer,
}

/// The name of the table of embeddings.
pub const EMBEDDING: &str = "model.embed_tokens.weight";

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
    /// What is read.
    pub places: Vec<Place>,
    /// What is to be said after each; nothing where the loss does not look.
    pub labels: Vec<Option<u32>>,
    /// Where the decoder is told each stands.
    pub positions: Vec<Position>,
}

/// Takes a tensor that was read: name, shape, numbers.
pub type PlaceTensor<'a> = &'a mut dyn FnMut(&str, Vec<usize>, Vec<f32>);

/// A tensor of the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorShape {
    /// As in the files.
    pub name: String,
    /// As the files have it, outermost first.
    pub shape: Vec<usize>,
    /// Whether it is multiplied with.
    pub is_matrix: bool,
}

impl Trainee {
    /// Open a folder of a published layout; weights need not be there yet.
    ///
    /// # Errors
    /// When it holds no such model, or one whose parts are not trained here.
    pub fn open(folder: &Path, adapter: Option<HLoraConfig>) -> Result<Self, ModelError> {
        let family = family_of(folder)?;
        let rules = family.rules().filter(|_| {
            matches!(
                family,
                Family::Nano
                    | Family::HuatuoVision7b
                    | Family::HuatuoVision34b
                    | Family::LlavaMedV1
                    | Family::LlavaMedV15
            )
        });
        let Some(rules) = rules else {
            let (title, path) = (format!("training of {}", family.title()), folder.to_owned());
            return Err(ModelError::NotSupportedYet { title, path });
        };
        let mut parts = Parts::find(folder, family)?;
        parts.missing.clear();
        let parts = parts.for_tasks(Tasks { questions: true, reconstruction: false })?;
        let mut config = VlmConfig::read(&parts, family)?;
        let template = family.template(parts.told.template.as_deref())?;
        let options = TokenizerOptions { kind: rules.tokenizer, vq_tokens: None };
        let tokenizer = Tokenizer::load_with(&parts.language, options)?;
        config.settle(family, &tokenizer);
        if let Some(adapter) = adapter {
            let bad = |error| config_error(folder, "the adapter", &error);
            adapter.check().map_err(bad)?;
            config.hlora = Some(adapter);
        }
        let VisionConfig::Clip(clip) = config.vision.clone() else {
            let title = format!("training of {}", family.title());
            return Err(ModelError::NotSupportedYet { title, path: folder.to_owned() });
        };
        let folder = folder.to_owned();
        Ok(Self { folder, family, parts, config, clip, template, tokenizer })
    }

    /// Name of the family for people.
    #[must_use]
    pub fn title(&self) -> &'static str {
        self.family.title()
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Width of the tower's rows.
    #[must_use]
    pub fn tower_width(&self) -> usize {
        self.clip.config.hidden_size
    }

    /// Positions it reads at most.
    #[must_use]
    pub fn context_len(&self) -> usize {
        self.config.context_len
    }

    /// All tensors, adapters included.
    ///
    /// # Errors
    /// When the configuration describes no networks.
    pub fn tensors(&self) -> Result<Vec<TensorShape>, ModelError> {
        let plan = plan_of(&self.parts, &self.config)?;
        let patch = format!("{VISION_PREFIX}embeddings.patch_embedding.weight");
        let clip = &self.clip.config;
        let kernel = [clip.hidden_size, clip.num_channels, clip.patch_size, clip.patch_size];
        let shape_of = |name: &String, shape: &Vec<usize>| {
            if *name == patch { kernel.to_vec() } else { shape.clone() }
        };
        let entries = plan.expected.iter();
        Ok(entries
            .map(|(name, expected)| TensorShape {
                name: name.clone(),
                shape: shape_of(name, &expected.shape),
                is_matrix: expected.is_matrix,
            })
            .collect())
    }

    /// Every tensor of the weight files in f32; those of an adapter are not in them.
    ///
    /// # Errors
    /// When files are missing, damaged or do not fit.
    pub fn read_weights(&self, place: PlaceTensor<'_>) -> Result<(), ModelError> {
        let plain = VlmConfig { hlora: None, ..self.config.clone() };
        let plan = plan_of(&self.parts, &plain)?;
        let mut opened = Vec::new();
        for part in &self.parts.weights {
            let checkpoint = Checkpoint::open_as(part.prefix, &part.folder, &part.files)?;
            opened.push((part.kind, checkpoint));
        }
        if opened.is_empty() {
            return Err(CheckpointError::NoWeights { path: self.folder.clone() }.into());
        }
        let sources = sources(&plan, &opened);
        check_fit(&opened, &plan, &sources, &plain)?;
        for name in plan.expected.keys() {
            let part = sources.get(name).and_then(|at| opened.get(*at));
            let tensor = part.map(|(_, part)| part.read_tensor(name)).transpose()?.flatten();
            if let Some(tensor) = tensor {
                place(name, tensor.shape.clone(), tensor.raw().to_f32());
            }
        }
        Ok(())
    }

    /// Rows a picture takes.
    #[must_use]
    pub fn rows_of_a_picture(&self) -> usize {
        self.config.vision.max_rows()
    }

    /// A picture as the tower takes it, `[3, height, width]`.
    #[must_use]
    pub fn pixel_values(&self, image: &DisplayImage) -> Vec<f32> {
        let pixels = self.clip.pixels(&RgbPixels::from(image));
        self.clip.processor.values(&pixels)
    }

    /// A conversation as the model reads it when it answers, with what it should say.
    ///
    /// Every answer is learnt after exactly the positions that stand before it when the model is
    /// asked. Where the form of a finished turn begins as the open one does, several answers share
    /// one sequence; an end is learnt after each, whatever the form writes there.
    ///
    /// # Errors
    /// When the tokenizer fails.
    pub fn sequences(
        &self,
        exchanges: &[Exchange],
        loss_on: LossOn,
    ) -> Result<Vec<Sequence>, ModelError> {
        let mut done: Vec<Sequence> = Vec::new();
        let mut open: Option<Sequence> = None;
        for (at, exchange) in exchanges.iter().enumerate() {
            let read = self.read_until(exchanges, at)?;
            let counts = loss_on == LossOn::AllAnswers || at + 1 == exchanges.len();
            let mut sequence = Sequence { labels: vec![None; read.len()], ..Sequence::default() };
            if let Some(before) = open.take() {
                if read.starts_with(&before.places) {
                    let shared = sequence.labels.iter_mut().zip(before.labels);
                    shared.for_each(|(label, before)| *label = before);
                } else {
                    done.push(before);
                }
            }
            sequence.places = read;
            self.add_answer(&mut sequence, &exchange.answer, counts)?;
            open = Some(sequence);
        }
        done.extend(open);
        done.retain(|sequence| sequence.labels.iter().any(Option::is_some));
        for sequence in &mut done {
            sequence.positions = (0..sequence.places.len() as u32).map(|at| [at; 3]).collect();
        }
        Ok(done)
    }

    fn add_answer(
        &self,
        sequence: &mut Sequence,
        answer: &str,
        counts: bool,
    ) -> Result<(), ModelError> {
        let ids = self.tokenizer.encode(answer.trim(), false)?;
        let end = self.config.eos.first().copied();
        let said = ids.iter().copied().map(Some).chain([end]);
        // what follows the last position of the prompt is the first id
        sequence.labels.pop();
        sequence.labels.extend(said.filter(|_| counts));
        sequence.places.extend(ids.iter().map(|id| Place::Id(*id)));
        sequence.labels.resize(sequence.places.len(), None);
        Ok(())
    }

    /// What stands before the answer of an exchange.
    fn read_until(&self, exchanges: &[Exchange], at: usize) -> Result<Vec<Place>, ModelError> {
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
        let rows = self.rows_of_a_picture();
        let extent = ImageExtent { rows, grid: None };
        let count = turns.iter().map(|turn| turn.num_images).sum();
        let images = vec![PromptImage { key: [0; 32], extent }; count];
        let prompt = write_prompt(&turns, Task::Question, self.template, &self.tokenizer, &images)?;
        Ok(prompt
            .slots
            .iter()
            .map(|slot| match slot {
                Slot::Id(id) => Place::Id(*id),
                Slot::Row { image, row, .. } => Place::Row { image: *image, row: *row },
            })
            .collect())
    }

    /// The networks of these tensors.
    ///
    /// # Errors
    /// When a tensor is not there.
    pub fn networks(&self, weights: &mut impl WeightSource) -> Result<TraineeNetworks, ModelError> {
        let device = weights.device();
        let networks = Networks::init(&self.config, weights)
            .map_err(|error| config_error(&self.folder, "config.json", &error))?;
        Ok(TraineeNetworks { networks, device })
    }

    /// Copy everything but the weights into a new folder.
    ///
    /// # Errors
    /// When a file cannot be copied.
    pub fn copy_files(&self, to: &Path) -> Result<(), ModelError> {
        copy_small_files(&self.folder, to)?;
        let told = self.folder.join("reading-room.toml");
        if told.is_file() {
            let copy = to.join("reading-room.toml");
            std::fs::copy(&told, &copy).map_err(|source| ModelError::Io { source, path: copy })?;
        }
        let Some(tower) = self.parts.tower.as_ref().and_then(|tower| tower.folder.as_ref()) else {
            return Ok(());
        };
        let Ok(inside) = tower.strip_prefix(&self.folder) else { return Ok(()) };
        let to = to.join(inside);
        std::fs::create_dir_all(&to)
            .map_err(|source| ModelError::Io { source, path: to.clone() })?;
        copy_small_files(tower, &to)
    }

    /// Which part of the model a tensor belongs to.
    #[must_use]
    pub fn part_of(name: &str) -> &'static str {
        match name {
            _ if name.starts_with("labels.") => "labels",
            _ if name.contains(".lora_") => "adapter",
            _ if name.starts_with(VISION_PREFIX) => "vision",
            _ if name.starts_with(PROJECTOR) => "projector",
            _ => "language",
        }
    }
}

/// Networks built for training.
pub struct TraineeNetworks {
    networks: Networks,
    device: Device,
}

impl TraineeNetworks {
    /// Pictures as rows of the decoder.
    ///
    /// # Shapes
    /// `[pictures, 3, height, width]` → `[pictures·rows, hidden]`.
    ///
    /// # Errors
    /// When the model has no such tower.
    pub fn encode(&self, pixel_values: &[f32], pictures: usize) -> Result<Tensor<2>, ModelError> {
        let seen = self.look(pixel_values, pictures)?;
        let projector = &self.networks.task(Task::Question)?.projector;
        Ok(projector.as_ref().map_or_else(|| seen.clone(), |one| one.forward(seen.clone())))
    }

    /// Pictures as the tower leaves them.
    ///
    /// # Shapes
    /// `[pictures, 3, height, width]` → `[pictures·rows, width of the tower]`.
    ///
    /// # Errors
    /// When the model has no such tower.
    pub fn look(&self, pixel_values: &[f32], pictures: usize) -> Result<Tensor<2>, ModelError> {
        let task = self.networks.task(Task::Question)?;
        let Vision::Clip(tower) = &self.networks.vision else {
            return Err(ModelError::TaskNotLoaded { task: Task::Question.title() });
        };
        let go_on = &mut || ControlFlow::Continue(());
        match tower.forward_many(pixel_values, pictures, task.blocks, &self.device, go_on) {
            ControlFlow::Continue(seen) => Ok(seen),
            ControlFlow::Break(()) => Err(ModelError::Cancelled),
        }
    }

    /// Scores after some rows of whole sequences.
    ///
    /// # Shapes
    /// embeddings `[sequences·seq, hidden]` → `[rows of choose, vocab]`.
    ///
    /// # Errors
    /// When the model does not answer questions.
    pub fn scores(
        &self,
        embeds: Tensor<2>,
        positions: &[Position],
        sequences: usize,
        choose: impl FnOnce(Tensor<2>) -> Tensor<2>,
    ) -> Result<Tensor<2>, ModelError> {
        let decoder = &self.networks.task(Task::Question)?.decoder;
        let state = decoder.forward_whole(embeds, positions, sequences);
        Ok(decoder.scores(choose(state)))
    }
}
