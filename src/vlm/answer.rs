//! The way of one question: prompt, pictures, prefill, steps, text.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use crate::imaging::DisplayImage;
use crate::nn::Position;
use crate::text::ChatTemplate;
use crate::vlm::config::{ImageExtent, VisionConfig};
use crate::vlm::features::{SeenPicture, image_key};
use crate::vlm::generate::{Engine, Pulse, Scores};
use crate::vlm::model::Session;
use crate::vlm::networks::Encoded;
use crate::vlm::prompt::{Prompt, PromptImage, build_prompt};
use crate::vlm::reply::{Reply, ms_since};
use crate::vlm::slots::{Slot, positions};
use crate::vlm::steps::{Place, Steps};
use crate::vlm::{
    Answer, Beginning, FinishReason, ModelError, Progress, Question, RgbPixels, Task, Trace,
    TraceTensor, Vlm,
};
use burn::tensor::Tensor;

/// Positions beside the prompt that the cache gets room for at once.
const FIRST_ROOM: usize = 256;

pub(crate) fn answer(
    vlm: &mut Vlm,
    question: &Question,
    emit: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    trace: Option<&mut Trace>,
) -> Result<Answer, ModelError> {
    let asked = Instant::now();
    check_question(vlm, question)?;
    let images: Vec<&DisplayImage> =
        question.history.iter().flat_map(|turn| &turn.images).chain(&question.images).collect();
    let task = question.task;
    let placed = placed_images(vlm, &images, task)?;
    let extents: Vec<ImageExtent> = placed.iter().map(|image| image.extent).collect();
    let mut prompt = prompt_of(vlm, question, &placed)?;
    let beginning = beginning_of(vlm, question)?;
    prompt.slots.extend(beginning.iter().copied().map(Slot::Id));
    check_length(vlm, &prompt.slots)?;
    let (positions, next_position) = positions(&prompt.slots, &extents);
    let mut pulse = Pulse::new(emit);
    let mut trace = trace;
    let mut reply = Reply::new(vlm, question, prompt);
    reply.begin_with(vlm, &beginning)?;
    let encoded = encode_images(vlm, task, &images, &placed, &mut pulse, trace.as_deref_mut())?;
    reply.timings.image_encode_ms = ms_since(asked);
    if matches!(question.beginning, Beginning::Text(_)) && reply.repeat(&mut pulse).is_break() {
        return Ok(reply.finish(FinishReason::Cancelled));
    }
    let ControlFlow::Continue(seen) = encoded else {
        return Ok(reply.finish(FinishReason::Cancelled));
    };
    let own = seen.iter().skip(images.len() - question.images.len());
    reply.seen = own.filter_map(|seen| seen.facts.as_deref().cloned()).collect();
    let features: Vec<Tensor<2>> = seen.into_iter().map(|seen| seen.features).collect();
    let session = vlm.session.take();
    let (engine, slots) = (vlm.engine(task)?, &reply.prompt.slots);
    let mut session = resume(&engine, task, session, slots, trace.is_some());
    let ahead = Ahead { slots, positions: &positions, features: &features, budget: reply.budget };
    reply.timings.prefill_tokens = ahead.count(&session);
    reply.prefill_started = Instant::now();
    let first = prefill(&engine, &mut session, &ahead, &mut pulse)?;
    let outcome = match first {
        ControlFlow::Continue(logits) => {
            if let Some(trace) = trace {
                trace.prefill_logits = Some((vec![logits.len()], logits.clone()));
            }
            reply.started(asked);
            decode(vlm, &mut session, logits, next_position, &mut pulse, &mut reply)
        }
        ControlFlow::Break(()) => Ok(FinishReason::Cancelled),
    };
    // steps that were taken ahead and not needed
    session.cache.truncate(session.slots.len());
    vlm.session = Some(session);
    let reason = outcome?;
    reply.end_text(vlm, &mut pulse)?;
    Ok(reply.finish(reason))
}

fn check_question(vlm: &Vlm, question: &Question) -> Result<(), ModelError> {
    question.sampling.check()?;
    if question.text.trim().is_empty() && question.images.is_empty() {
        return Err(ModelError::EmptyQuestion);
    }
    let template = template_of(vlm, question)?;
    if let Some(system) = &question.system
        && template.system_prompt().is_none()
    {
        return Err(ModelError::BadParameter {
            name: "the system prompt",
            allowed: "left out, because this model's authors use none",
            given: format!("\"{system}\""),
        });
    }
    let (given, max_images) = (question.images.len(), vlm.rules.max_images);
    if given > max_images as usize {
        return Err(ModelError::TooManyImages { given, max_images });
    }
    Ok(())
}

/// Ids that the answer begins with.
fn beginning_of(vlm: &Vlm, question: &Question) -> Result<Vec<u32>, ModelError> {
    let ids = match &question.beginning {
        Beginning::Nothing => Vec::new(),
        Beginning::Ids(ids) => ids.clone(),
        Beginning::Text(text) => vlm.tokenizer.encode(text, false)?,
    };
    let known = vlm.config.decoder.vocab_size;
    if let Some(id) = ids.iter().find(|id| **id as usize >= known) {
        return Err(ModelError::BadParameter {
            name: "the beginning of an answer",
            allowed: "made of the model's own ids",
            given: id.to_string(),
        });
    }
    Ok(ids)
}

pub(crate) fn placed_images(
    vlm: &Vlm,
    images: &[&DisplayImage],
    task: Task,
) -> Result<Vec<PromptImage>, ModelError> {
    let place = |image: &&DisplayImage| {
        let extent = vlm.config.vision.extent(image)?;
        Ok(PromptImage { key: image_key(image, task), extent })
    };
    images.iter().map(place).collect()
}

pub(crate) fn prompt_of(
    vlm: &Vlm,
    question: &Question,
    images: &[PromptImage],
) -> Result<Prompt, ModelError> {
    Ok(build_prompt(question, template_of(vlm, question)?, &vlm.tokenizer, images)?)
}

fn template_of(vlm: &Vlm, question: &Question) -> Result<ChatTemplate, ModelError> {
    match &question.template {
        Some(name) => vlm.family.template(Some(name)),
        None => Ok(vlm.template),
    }
}

fn check_length(vlm: &Vlm, slots: &[Slot]) -> Result<(), ModelError> {
    let (prompt_tokens, context_len) = (slots.len(), vlm.config.context_len);
    // one position stays for the answer
    if prompt_tokens < context_len {
        return Ok(());
    }
    let image_tokens = slots.iter().filter(|slot| matches!(slot, Slot::Row { .. })).count();
    Err(ModelError::ContextTooLong { prompt_tokens, image_tokens, context_len })
}

/// Every picture as the tower saw it, its features `[tokens, hidden]`.
pub(crate) fn encode_images(
    vlm: &mut Vlm,
    task: Task,
    images: &[&DisplayImage],
    placed: &[PromptImage],
    pulse: &mut Pulse<'_>,
    trace: Option<&mut Trace>,
) -> Result<ControlFlow<(), Vec<SeenPicture>>, ModelError> {
    let count = images.len();
    let mut all = Vec::with_capacity(count);
    let mut traced = TracedImages::default();
    for (index, (image, PromptImage { key, .. })) in images.iter().zip(placed).enumerate() {
        let known = if trace.is_none() { vlm.features.get(key) } else { None };
        if let Some(seen) = known {
            all.push(seen);
            continue;
        }
        let progress = Progress::EncodingImage { index, count };
        if pulse.tell(progress.clone()).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        let pixels = RgbPixels::from(*image);
        let between = &mut || pulse.between(&progress);
        let (config, device) = (&vlm.config.vision, &vlm.device.device);
        let (vision, own) = (&vlm.networks.vision, vlm.networks.task(task)?);
        let encoded = vision.encode(own, config, &pixels, device, between)?;
        let ControlFlow::Continue(encoded) = encoded else { return Ok(ControlFlow::Break(())) };
        let given = [image.width, image.height];
        let facts = vlm.config.vision.eye().facts(given, &encoded.prepared);
        let seen =
            SeenPicture { features: encoded.projected.clone(), facts: Some(Arc::new(facts)) };
        if trace.is_some() {
            traced.add(vlm, encoded)?;
        }
        vlm.device.sync("encoding a picture")?;
        vlm.features.insert(*key, seen.clone());
        all.push(seen);
    }
    if let Some(trace) = trace.filter(|_| count > 0) {
        traced.put(trace, count, &vlm.config.vision);
    }
    Ok(ControlFlow::Continue(all))
}

/// Values of all pictures, one after the other, and the extents of one.
#[derive(Default)]
struct TracedImages {
    pixel_values: (Vec<usize>, Vec<f32>),
    vision_features: (Vec<usize>, Vec<f32>),
    projected: (Vec<usize>, Vec<f32>),
}

impl TracedImages {
    fn add(&mut self, vlm: &Vlm, encoded: Encoded) -> Result<(), ModelError> {
        let Encoded { prepared, seen, projected } = encoded;
        self.pixel_values.0 = prepared.shape;
        self.pixel_values.1.extend(prepared.values);
        self.vision_features.0 = seen.dims().to_vec();
        self.vision_features.1.extend(vlm.device.read(seen, "encoding a picture")?);
        self.projected.0 = projected.dims().to_vec();
        self.projected.1.extend(vlm.device.read(projected, "encoding a picture")?);
        Ok(())
    }

    /// Pictures of one size get a dimension of their own; others follow each other.
    fn put(self, trace: &mut Trace, count: usize, vision: &VisionConfig) {
        let whole = |(shape, values): (Vec<usize>, Vec<f32>)| -> TraceTensor {
            if vision.has_one_size() {
                return Some((std::iter::once(count).chain(shape).collect(), values));
            }
            let columns = shape.get(1).copied().unwrap_or(1).max(1);
            Some((vec![values.len() / columns, columns], values))
        };
        trace.pixel_values = whole(self.pixel_values);
        trace.vision_features = whole(self.vision_features);
        trace.projected = whole(self.projected);
    }
}

/// The last conversation as far as this one begins the same, else an empty one.
pub(crate) fn resume(
    engine: &Engine<'_>,
    task: Task,
    session: Option<Session>,
    slots: &[Slot],
    from_nothing: bool,
) -> Session {
    let same_task = session.filter(|session| !from_nothing && session.task == task);
    let Some(mut session) = same_task else {
        return Session { task, slots: Vec::new(), cache: engine.new_cache() };
    };
    let known = session.slots.iter().take(session.cache.len());
    let same = known.zip(slots).take_while(|(a, b)| a.is_same(b)).count();
    // the scores after the last position are always computed
    let same = same.min(slots.len().saturating_sub(1));
    session.slots.truncate(same);
    session.cache.truncate(same);
    session
}

/// A whole prompt, of which the beginning may be in the cache.
pub(crate) struct Ahead<'a> {
    pub(crate) slots: &'a [Slot],
    pub(crate) positions: &'a [Position],
    /// Of every picture, `[tokens, hidden]`.
    pub(crate) features: &'a [Tensor<2>],
    /// Tokens that may follow.
    pub(crate) budget: usize,
}

impl Ahead<'_> {
    /// Positions that are not in the cache.
    pub(crate) fn count(&self, session: &Session) -> u32 {
        self.slots.len().saturating_sub(session.cache.len()) as u32
    }
}

/// Read the positions that are not in the cache; gives the scores after the last.
pub(crate) fn prefill(
    engine: &Engine<'_>,
    session: &mut Session,
    ahead: &Ahead<'_>,
    pulse: &mut Pulse<'_>,
) -> Result<ControlFlow<(), Vec<f32>>, ModelError> {
    Ok(match read(engine, session, ahead, pulse)? {
        ControlFlow::Continue(Some(state)) => ControlFlow::Continue(engine.logits(state)?),
        ControlFlow::Continue(None) => ControlFlow::Continue(Vec::new()),
        ControlFlow::Break(()) => ControlFlow::Break(()),
    })
}

/// Read the positions that are not in the cache; gives the state after the last chunk of them.
pub(crate) fn read(
    engine: &Engine<'_>,
    session: &mut Session,
    ahead: &Ahead<'_>,
    pulse: &mut Pulse<'_>,
) -> Result<ControlFlow<(), Option<Tensor<2>>>, ModelError> {
    let start = session.cache.len();
    let slots = ahead.slots.get(start..).unwrap_or_default();
    let positions = ahead.positions.get(start..).unwrap_or_default();
    let total = slots.len();
    session.cache.reserve(start + total + FIRST_ROOM.min(ahead.budget));
    let mut last = None;
    let len = engine.chunk_len();
    for (chunk, positions) in slots.chunks(len).zip(positions.chunks(len)) {
        if last.take().is_some() {
            engine.device.sync("reading the prompt")?;
        }
        let progress = Progress::Prefill { done: session.cache.len() - start, total };
        if pulse.tell(progress.clone()).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        let embeds = embed_slots(engine, chunk, ahead.features);
        let between = &mut || pulse.between(&progress);
        let state = engine.decoder.forward(embeds, positions, &mut session.cache, between);
        let ControlFlow::Continue(state) = state else { return Ok(ControlFlow::Break(())) };
        session.slots.extend_from_slice(chunk);
        last = Some(state);
    }
    Ok(ControlFlow::Continue(last))
}

/// # Shapes
/// positions → `[seq, hidden]`.
fn embed_slots(engine: &Engine<'_>, chunk: &[Slot], features: &[Tensor<2>]) -> Tensor<2> {
    let mut parts = Vec::new();
    let same_part = |a: &Slot, b: &Slot| match (a, b) {
        (Slot::Id(_), Slot::Id(_)) => true,
        (Slot::Row { image: x, .. }, Slot::Row { image: y, .. }) => x == y,
        _ => false,
    };
    for run in chunk.chunk_by(same_part) {
        match run.first() {
            Some(Slot::Row { image, row, .. }) => {
                if let Some(features) = features.get(*image) {
                    parts.push(features.clone().narrow(0, *row, run.len()));
                }
            }
            _ => {
                let ids: Vec<u32> = run
                    .iter()
                    .filter_map(|slot| if let Slot::Id(id) = slot { Some(*id) } else { None })
                    .collect();
                parts.push(engine.embed(&ids));
            }
        }
    }
    if parts.len() == 1 { parts.remove(0) } else { Tensor::cat(parts, 0) }
}

/// Step by step until a stop token, a stop text, the budget or the reader ends it.
fn decode(
    vlm: &Vlm,
    session: &mut Session,
    logits: Vec<f32>,
    next_position: u32,
    pulse: &mut Pulse<'_>,
    reply: &mut Reply,
) -> Result<FinishReason, ModelError> {
    let engine = vlm.engine(session.task)?;
    let mut scores = Scores::All(logits);
    let mut steps = Steps::new(vlm.steps_at_once);
    for position in next_position.. {
        if reply.output_ids.len() >= reply.budget {
            return Ok(FinishReason::Length);
        }
        let id = reply.choose(vlm, &scores)?;
        if reply.stops.contains(&id) {
            return Ok(FinishReason::Stop);
        }
        let text = reply.detokenizer.push(&vlm.tokenizer, id)?;
        if reply.tell(vlm, id, &text, pulse).is_break() {
            return Ok(FinishReason::Cancelled);
        }
        if reply.stop_text.has_come {
            return Ok(FinishReason::Stop);
        }
        let left = reply.budget.saturating_sub(reply.output_ids.len());
        let left = left.min(vlm.config.context_len.saturating_sub(session.slots.len()));
        if left == 0 {
            return Ok(FinishReason::Length);
        }
        let waiting = Progress::Text { text: String::new(), tokens: reply.output_ids.len() };
        let between = &mut || pulse.between(&waiting);
        let wanted = reply.wanted(vlm);
        let place = Place { id, position, left };
        match steps.next(&engine, place, wanted, &mut session.cache, between)? {
            ControlFlow::Continue(next) => scores = next,
            ControlFlow::Break(()) => return Ok(FinishReason::Cancelled),
        }
        session.slots.push(Slot::Id(id));
    }
    Ok(FinishReason::Length)
}
