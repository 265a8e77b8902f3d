//! One run: pictures, prompt, tokens, with nothing kept from the run before.

use std::ops::ControlFlow;

use burn::tensor::Tensor;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use crate::vlm::answer::{Ahead, prefill, resume};
use crate::vlm::config::VlmConfig;
use crate::vlm::features::{FeatureCache, SeenPicture, image_key};
use crate::vlm::generate::{Engine, Pulse, Scores, Wanted};
use crate::vlm::measure::prompt::Prompts;
use crate::vlm::measure::{KEPT_TOKENS, Measured, RunTimes, SecondQuestion, Stopwatch, Workload};
use crate::vlm::model::Session;
use crate::vlm::networks::Networks;
use crate::vlm::sampling::next_token;
use crate::vlm::slots::{Slot, positions};
use crate::vlm::steps::{Place, Steps};
use crate::vlm::{ComputeDevice, ModelError, RgbPixels, SamplingParams, Task};

/// What is measured: networks on a device, wherever their weights came from.
pub(crate) struct Subject<'a> {
    pub(crate) config: &'a VlmConfig,
    pub(crate) device: &'a ComputeDevice,
    pub(crate) networks: &'a Networks,
}

/// What a run leaves behind.
struct Run {
    times: RunTimes,
    tokens: Vec<u32>,
    logits: Vec<f32>,
    features: FeatureCache,
    session: Session,
}

/// Scores after a prompt and the best id.
struct Read {
    logits: Vec<f32>,
    id: u32,
    next_position: u32,
    prefill_tokens: u32,
}

impl Subject<'_> {
    /// One run to warm up, then those that count, then another question.
    pub(super) fn measure(
        &self,
        work: &Workload,
        prompts: &Prompts,
        tell: &mut dyn FnMut(),
    ) -> Result<Measured, ModelError> {
        let mut measured = Measured {
            prefill_tokens: prompts.first.len() as u32,
            decode_tokens: work.decode_tokens,
            ..Measured::default()
        };
        let mut last = self.run(work, prompts)?;
        measured.cold = last.times;
        tell();
        for _ in 0..work.repeat {
            drop(last); // its memory is the next run's
            last = self.run(work, prompts)?;
            measured.runs.push(last.times);
            tell();
        }
        measured.tokens.clone_from(&last.tokens);
        measured.logits.clone_from(&last.logits);
        measured.second_question = Some(self.second(last, work, prompts)?);
        tell();
        Ok(measured)
    }

    fn run(&self, work: &Workload, prompts: &Prompts) -> Result<Run, ModelError> {
        let mut features = FeatureCache::default();
        let clock = Stopwatch::start();
        let rows = self.encode(work, &mut features, false)?;
        let image_encode = clock.read();
        let clock = Stopwatch::start();
        let mut session = resume(&self.engine()?, Task::Question, None, &prompts.first, true);
        let first = self.read(&mut session, &prompts.first, prompts, &rows, work)?;
        let prefill = clock.read();
        let clock = Stopwatch::start();
        let mut tokens = vec![first.id];
        self.decode(&mut session, &first, work.decode_tokens, &mut tokens)?;
        let times = RunTimes {
            image_encode,
            prefill: Some(prefill),
            decode: Some(clock.read()),
            picture_decode: None,
        };
        tokens.truncate(KEPT_TOKENS);
        Ok(Run { times, tokens, logits: first.logits, features, session })
    }

    /// The other question, with all that the last run left.
    fn second(
        &self,
        last: Run,
        work: &Workload,
        prompts: &Prompts,
    ) -> Result<SecondQuestion, ModelError> {
        let Run { mut features, session, .. } = last;
        let clock = Stopwatch::start();
        let rows = self.encode(work, &mut features, true)?;
        let engine = self.engine()?;
        let mut session = resume(&engine, Task::Question, Some(session), &prompts.second, false);
        let read = self.read(&mut session, &prompts.second, prompts, &rows, work)?;
        let first_token_ms = clock.read().ms;
        Ok(SecondQuestion { prefill_tokens: read.prefill_tokens, first_token_ms })
    }

    fn engine(&self) -> Result<Engine<'_>, ModelError> {
        self.networks.engine(Task::Question, self.device)
    }

    /// Features of every picture, also of the same picture twice unless those at hand may be used.
    fn encode(
        &self,
        work: &Workload,
        features: &mut FeatureCache,
        use_known: bool,
    ) -> Result<Vec<Tensor<2>>, ModelError> {
        let (vision, own) = (&self.networks.vision, self.networks.task(Task::Question)?);
        let mut all = Vec::with_capacity(work.images.len());
        for image in &work.images {
            let key = image_key(image, Task::Question);
            let known = if use_known { features.get(&key) } else { None };
            let rows = match known {
                Some(seen) => seen.features,
                None => {
                    let pixels = RgbPixels::from(image);
                    let (config, device) = (&self.config.vision, &self.device.device);
                    let encoded = vision.encode(own, config, &pixels, device, &mut go_on)?;
                    finished(encoded)?.projected
                }
            };
            self.device.sync("encoding a picture")?;
            features.insert(key, SeenPicture { features: rows.clone(), facts: None });
            all.push(rows);
        }
        Ok(all)
    }

    fn read(
        &self,
        session: &mut Session,
        slots: &[Slot],
        prompts: &Prompts,
        rows: &[Tensor<2>],
        work: &Workload,
    ) -> Result<Read, ModelError> {
        let engine = self.engine()?;
        let (positions, next_position) = positions(slots, &prompts.extents);
        let budget = work.decode_tokens as usize + 1;
        let ahead = Ahead { slots, positions: &positions, features: rows, budget };
        let prefill_tokens = ahead.count(session);
        let mut emit = |_| ControlFlow::Continue(());
        let logits = finished(prefill(&engine, session, &ahead, &mut Pulse::new(&mut emit))?)?;
        Ok(Read { id: self.best(&logits), logits, next_position, prefill_tokens })
    }

    fn decode(
        &self,
        session: &mut Session,
        first: &Read,
        count: u32,
        tokens: &mut Vec<u32>,
    ) -> Result<(), ModelError> {
        let engine = self.engine()?;
        let wanted = Wanted::Best(self.config.vocab_limit.unwrap_or(usize::MAX));
        let (mut id, mut steps) = (first.id, Steps::new(None));
        for (position, left) in (first.next_position..).zip((1..=count as usize).rev()) {
            let place = Place { id, position, left };
            let cache = &mut session.cache;
            let step = steps.next(&engine, place, wanted, cache, &mut go_on)?;
            session.slots.push(Slot::Id(id));
            id = match finished(step)? {
                Scores::All(logits) => self.best(&logits),
                Scores::Best { id, .. } => id,
            };
            tokens.push(id);
        }
        Ok(())
    }

    /// The most likely id, chosen as an answer's ids are.
    fn best(&self, logits: &[f32]) -> u32 {
        let known = self.config.vocab_limit.and_then(|limit| logits.get(..limit));
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        next_token(known.unwrap_or(logits), &[], &[], &SamplingParams::greedy(), &mut rng)
    }
}

/// Nobody breaks off a measurement.
fn go_on() -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn finished<T>(outcome: ControlFlow<(), T>) -> Result<T, ModelError> {
    match outcome {
        ControlFlow::Continue(value) => Ok(value),
        ControlFlow::Break(()) => Err(ModelError::Cancelled),
    }
}
