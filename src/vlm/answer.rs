//! The way of one question: prompt, pictures, prefill, steps, text.

use std::ops::ControlFlow;
use std::time::Instant;

use burn::tensor::Tensor;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use crate::imaging::DisplayImage;
use crate::text::Detokenizer;
use crate::vlm::features::image_key;
use crate::vlm::generate::{Pulse, StopText};
use crate::vlm::model::Session;
use crate::vlm::prompt::{ImageKey, Prompt, Slot, build_prompt, slots};
use crate::vlm::sampling::{log_prob, next_token};
use crate::vlm::{
    Answer, FinishReason, ModelError, Progress, Question, RgbPixels, SamplingParams, Timings,
    Trace, Vlm, pad_to_square,
};

/// Positions beside the prompt that the cache gets room for at once.
const FIRST_ROOM: usize = 256;

pub(crate) fn answer(
    vlm: &mut Vlm,
    question: &Question,
    emit: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    trace: Option<&mut Trace>,
) -> Result<Answer, ModelError> {
    let asked = Instant::now();
    let prompt = checked_prompt(vlm, question)?;
    let images: Vec<&DisplayImage> =
        question.history.iter().flat_map(|turn| &turn.images).chain(&question.images).collect();
    let keys: Vec<ImageKey> = images.iter().map(|image| image_key(image)).collect();
    let positions = slots(&prompt.ids, &keys, vlm.config.image_tokens());
    check_length(vlm, &positions)?;
    let mut pulse = Pulse::new(emit);
    let mut reply = Reply::new(vlm, question, prompt);
    let mut trace = trace;
    let encoded = encode_images(vlm, &images, &keys, &mut pulse, trace.as_deref_mut())?;
    reply.timings.image_encode_ms = ms_since(asked);
    let ControlFlow::Continue(features) = encoded else {
        return Ok(reply.finish(FinishReason::Cancelled));
    };
    let session = vlm.session.take();
    let mut session = resume(vlm, session, &positions, trace.is_some());
    let first = prefill(vlm, &mut session, &positions, &features, &mut pulse, &mut reply)?;
    let outcome = match first {
        ControlFlow::Continue(logits) => {
            if let Some(trace) = trace {
                trace.prefill_logits = Some((vec![logits.len()], logits.clone()));
            }
            reply.started(asked);
            decode(vlm, &mut session, logits, &mut pulse, &mut reply)
        }
        ControlFlow::Break(()) => Ok(FinishReason::Cancelled),
    };
    vlm.session = Some(session);
    let reason = outcome?;
    reply.end_text(vlm, &mut pulse)?;
    Ok(reply.finish(reason))
}

fn ms_since(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}

fn checked_prompt(vlm: &Vlm, question: &Question) -> Result<Prompt, ModelError> {
    question.sampling.check()?;
    if question.text.trim().is_empty() && question.images.is_empty() {
        return Err(ModelError::EmptyQuestion);
    }
    let (given, max_images) = (question.images.len(), vlm.rules.max_images);
    if given > max_images as usize {
        return Err(ModelError::TooManyImages { given, max_images });
    }
    Ok(build_prompt(question, vlm.rules.template, &vlm.tokenizer)?)
}

fn check_length(vlm: &Vlm, positions: &[Slot]) -> Result<(), ModelError> {
    let (prompt_tokens, context_len) = (positions.len(), vlm.config.context_len);
    // one position stays for the answer
    if prompt_tokens < context_len {
        return Ok(());
    }
    let image_tokens = positions.iter().filter(|slot| matches!(slot, Slot::Row { .. })).count();
    Err(ModelError::ContextTooLong { prompt_tokens, image_tokens, context_len })
}

/// Projected features of every picture, `[tokens, hidden]` each.
fn encode_images(
    vlm: &mut Vlm,
    images: &[&DisplayImage],
    keys: &[ImageKey],
    pulse: &mut Pulse<'_>,
    trace: Option<&mut Trace>,
) -> Result<ControlFlow<(), Vec<Tensor<2>>>, ModelError> {
    let count = images.len();
    let mut all = Vec::with_capacity(count);
    let mut traced = TracedImages::default();
    for (index, (image, key)) in images.iter().zip(keys).enumerate() {
        let known = if trace.is_none() { vlm.features.get(key) } else { None };
        if let Some(features) = known {
            all.push(features);
            continue;
        }
        let progress = Progress::EncodingImage { index, count };
        if pulse.tell(progress.clone()).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        let pixels = preprocess(vlm, image);
        let values = vlm.config.processor.values(&pixels);
        let tower = &vlm.networks.tower;
        let seen = tower.forward(&values, &vlm.device.device, &mut || pulse.between(&progress));
        let ControlFlow::Continue(seen) = seen else { return Ok(ControlFlow::Break(())) };
        let projected = vlm.networks.projector.forward(seen.clone());
        if trace.is_some() {
            traced.add(vlm, values, pixels.height, seen, projected.clone())?;
        }
        vlm.device.sync("encoding a picture")?;
        vlm.features.insert(*key, projected.clone());
        all.push(projected);
    }
    if let Some(trace) = trace.filter(|_| count > 0) {
        traced.put(trace, count);
    }
    Ok(ControlFlow::Continue(all))
}

fn preprocess(vlm: &Vlm, image: &DisplayImage) -> RgbPixels {
    let pixels = RgbPixels::from(image);
    let processor = &vlm.config.processor;
    if vlm.rules.pads_to_square {
        processor.pixels(&pad_to_square(&pixels, processor.pad_color()))
    } else {
        processor.pixels(&pixels)
    }
}

/// Values of all pictures, one after the other, and the extents of one.
#[derive(Default)]
struct TracedImages {
    pixel_values: (Vec<usize>, Vec<f32>),
    vision_features: (Vec<usize>, Vec<f32>),
    projected: (Vec<usize>, Vec<f32>),
}

impl TracedImages {
    fn add(
        &mut self,
        vlm: &Vlm,
        values: Vec<f32>,
        side: usize,
        seen: Tensor<2>,
        projected: Tensor<2>,
    ) -> Result<(), ModelError> {
        self.pixel_values.0 = vec![3, side, side];
        self.pixel_values.1.extend(values);
        self.vision_features.0 = seen.dims().to_vec();
        self.vision_features.1.extend(vlm.device.read(seen, "encoding a picture")?);
        self.projected.0 = projected.dims().to_vec();
        self.projected.1.extend(vlm.device.read(projected, "encoding a picture")?);
        Ok(())
    }

    fn put(self, trace: &mut Trace, count: usize) {
        let whole = |(shape, values): (Vec<usize>, Vec<f32>)| {
            Some((std::iter::once(count).chain(shape).collect(), values))
        };
        trace.pixel_values = whole(self.pixel_values);
        trace.vision_features = whole(self.vision_features);
        trace.projected = whole(self.projected);
    }
}

/// The last conversation as far as this one begins the same, else an empty one.
fn resume(vlm: &Vlm, session: Option<Session>, positions: &[Slot], from_nothing: bool) -> Session {
    let Some(mut session) = session.filter(|_| !from_nothing) else {
        let cache = vlm.networks.decoder.new_cache(&vlm.device.device);
        return Session { slots: Vec::new(), cache };
    };
    let known = session.slots.iter().take(session.cache.len());
    let same = known.zip(positions).take_while(|(a, b)| a.is_same(b)).count();
    // the scores after the last position are always computed
    let same = same.min(positions.len().saturating_sub(1));
    session.slots.truncate(same);
    session.cache.truncate(same);
    session
}

/// Read the positions that are not in the cache; gives the scores after the last.
fn prefill(
    vlm: &Vlm,
    session: &mut Session,
    positions: &[Slot],
    features: &[Tensor<2>],
    pulse: &mut Pulse<'_>,
    reply: &mut Reply,
) -> Result<ControlFlow<(), Vec<f32>>, ModelError> {
    let engine = vlm.engine();
    let start = session.cache.len();
    let total = positions.len() - start;
    reply.prefill_started = Instant::now();
    reply.timings.prefill_tokens = total as u32;
    session.cache.reserve(positions.len() + FIRST_ROOM.min(reply.budget));
    let mut logits = Vec::new();
    let chunks: Vec<&[Slot]> =
        positions.get(start..).unwrap_or_default().chunks(engine.chunk_len()).collect();
    for (index, chunk) in chunks.iter().enumerate() {
        let progress = Progress::Prefill { done: session.cache.len() - start, total };
        if pulse.tell(progress.clone()).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        let embeds = embed_slots(vlm, chunk, features);
        let between = &mut || pulse.between(&progress);
        let state = vlm.networks.decoder.forward(embeds, &mut session.cache, between);
        let ControlFlow::Continue(state) = state else { return Ok(ControlFlow::Break(())) };
        session.slots.extend_from_slice(chunk);
        if index + 1 == chunks.len() {
            logits = engine.logits(state)?;
        } else {
            vlm.device.sync("reading the prompt")?;
        }
    }
    Ok(ControlFlow::Continue(logits))
}

/// # Shapes
/// positions → `[seq, hidden]`.
fn embed_slots(vlm: &Vlm, chunk: &[Slot], features: &[Tensor<2>]) -> Tensor<2> {
    let engine = vlm.engine();
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
    mut logits: Vec<f32>,
    pulse: &mut Pulse<'_>,
    reply: &mut Reply,
) -> Result<FinishReason, ModelError> {
    let engine = vlm.engine();
    loop {
        if reply.output_ids.len() >= reply.budget {
            return Ok(FinishReason::Length);
        }
        let id = reply.choose(vlm, &logits);
        if reply.stops.contains(&id) {
            return Ok(FinishReason::Stop);
        }
        let text = reply.detokenizer.push(&vlm.tokenizer, id)?;
        if reply.say(&text, pulse).is_break() {
            return Ok(FinishReason::Cancelled);
        }
        if reply.stop_text.has_come {
            return Ok(FinishReason::Stop);
        }
        if reply.output_ids.len() >= reply.budget || session.slots.len() >= vlm.config.context_len {
            return Ok(FinishReason::Length);
        }
        let waiting = Progress::Text { text: String::new(), tokens: reply.output_ids.len() };
        match engine.step(id, &mut session.cache, &mut || pulse.between(&waiting))? {
            ControlFlow::Continue(next) => logits = next,
            ControlFlow::Break(()) => return Ok(FinishReason::Cancelled),
        }
        session.slots.push(Slot::Id(id));
    }
}

/// An answer while it grows.
struct Reply {
    prompt: Prompt,
    output_ids: Vec<u32>,
    logprobs: Vec<f32>,
    text: String,
    detokenizer: Detokenizer,
    stop_text: StopText,
    stops: Vec<u32>,
    forbidden_at_first: usize,
    sampling: SamplingParams,
    rng: ChaCha8Rng,
    budget: usize,
    timings: Timings,
    prefill_started: Instant,
    decode_started: Instant,
}

impl Reply {
    fn new(vlm: &Vlm, question: &Question, prompt: Prompt) -> Self {
        let stops = if question.ignore_eos { Vec::new() } else { vlm.config.eos.clone() };
        let stop_text = vlm.rules.stop_text.filter(|_| !question.ignore_eos);
        Self {
            prompt,
            output_ids: Vec::new(),
            logprobs: Vec::new(),
            text: String::new(),
            detokenizer: Detokenizer::new(),
            stop_text: StopText::new(stop_text),
            stops,
            forbidden_at_first: vlm.rules.min_new_tokens,
            sampling: question.sampling,
            rng: ChaCha8Rng::seed_from_u64(question.sampling.seed),
            budget: question.max_new_tokens as usize,
            timings: Timings::default(),
            prefill_started: Instant::now(),
            decode_started: Instant::now(),
        }
    }

    fn started(&mut self, asked: Instant) {
        self.timings.prefill_ms = ms_since(self.prefill_started);
        self.timings.first_token_ms = ms_since(asked);
        self.decode_started = Instant::now();
    }

    fn choose(&mut self, vlm: &Vlm, logits: &[f32]) -> u32 {
        let too_early = self.output_ids.len() < self.forbidden_at_first;
        let forbidden = if too_early { vlm.config.eos.as_slice() } else { &[] };
        let id = next_token(logits, &self.output_ids, forbidden, &self.sampling, &mut self.rng);
        self.output_ids.push(id);
        self.logprobs.push(log_prob(logits, id));
        id
    }

    fn say(&mut self, text: &str, pulse: &mut Pulse<'_>) -> ControlFlow<()> {
        let text = self.stop_text.push(text);
        self.text.push_str(&text);
        pulse.tell(Progress::Text { text, tokens: self.output_ids.len() })
    }

    /// What was held back, now that nothing follows.
    fn end_text(&mut self, vlm: &Vlm, pulse: &mut Pulse<'_>) -> Result<(), ModelError> {
        let last = self.detokenizer.finish(&vlm.tokenizer)?;
        let mut rest = self.stop_text.push(&last);
        rest.push_str(&self.stop_text.finish());
        if !rest.is_empty() {
            self.text.push_str(&rest);
            let tokens = self.output_ids.len();
            // it is the end either way
            let (ControlFlow::Continue(()) | ControlFlow::Break(())) =
                pulse.tell(Progress::Text { text: rest, tokens });
        }
        Ok(())
    }

    fn finish(mut self, finish_reason: FinishReason) -> Answer {
        self.timings.decode_tokens = self.output_ids.len().saturating_sub(1) as u32;
        if !self.output_ids.is_empty() {
            self.timings.decode_ms = ms_since(self.decode_started);
        }
        Answer {
            prompt: self.prompt.text,
            prompt_ids: self.prompt.ids,
            output_ids: self.output_ids,
            text: self.text,
            finish_reason,
            logprobs: self.logprobs,
            timings: self.timings,
        }
    }
}
