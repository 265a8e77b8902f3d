//! One id after the other: prefill, then steps. Knows ids and scores, and text only to stop at it.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use burn::tensor::{Device, Tensor, TensorData};

use crate::nn::{CacheType, Decoder, KvCache, Position};
use crate::vlm::{ComputeDevice, ComputeKind, ModelError, Progress};

/// What fails when a step does.
const NEXT_WORD: &str = "computing the next word";

/// How often the caller is asked between layers.
const ASK_EVERY: Duration = Duration::from_millis(40);

/// Asks the caller whether to go on, not more often than makes sense.
pub(crate) struct Pulse<'a> {
    emit: &'a mut dyn FnMut(Progress) -> ControlFlow<()>,
    last: Instant,
    broken: bool,
}

impl<'a> Pulse<'a> {
    pub(crate) fn new(emit: &'a mut dyn FnMut(Progress) -> ControlFlow<()>) -> Self {
        Self { emit, last: Instant::now(), broken: false }
    }

    /// Tell the caller.
    pub(crate) fn tell(&mut self, progress: Progress) -> ControlFlow<()> {
        self.last = Instant::now();
        let answer = (self.emit)(progress);
        self.broken |= answer.is_break();
        if self.broken { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Tell the caller when it has not been told for a while.
    pub(crate) fn between(&mut self, progress: &Progress) -> ControlFlow<()> {
        if self.last.elapsed() < ASK_EVERY {
            return ControlFlow::Continue(());
        }
        self.tell(progress.clone())
    }
}

/// What is known of the scores after a position.
pub(crate) enum Scores {
    /// Each of them.
    All(Vec<f32>),
    /// The highest: all that was asked for.
    Best {
        /// The first id that has it.
        id: u32,
        /// Logarithm of its probability.
        log_prob: f32,
    },
}

impl Scores {
    /// From what the device tells of the highest.
    pub(crate) fn best(read: &[f32]) -> Result<Self, ModelError> {
        match read {
            // an id as a number is exact: there are fewer than 2²⁴
            [id, log_prob, 0.0] => Ok(Self::Best { id: *id as u32, log_prob: *log_prob }),
            _ => Err(ModelError::NotFinite { doing: NEXT_WORD }),
        }
    }
}

/// Which of the scores after a position are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Each of them.
    All,
    /// The highest of the first so many.
    Best(usize),
}

/// A decoder on its device.
pub(crate) struct Engine<'a> {
    pub(crate) decoder: &'a Decoder,
    pub(crate) device: &'a ComputeDevice,
    pub(crate) cache_type: CacheType,
}

impl Engine<'_> {
    /// An empty cache for one conversation.
    pub(crate) fn new_cache(&self) -> KvCache {
        self.decoder.new_cache(&self.device.device, self.cache_type)
    }

    /// Positions read at once.
    pub(crate) fn chunk_len(&self) -> usize {
        self.device.kind().chunk_len()
    }

    /// # Shapes
    /// ids → `[seq, hidden]`.
    pub(crate) fn embed(&self, ids: &[u32]) -> Tensor<2> {
        let hidden = self.decoder.config().hidden_size;
        let mut rows = Vec::with_capacity(ids.len() * hidden);
        for id in ids {
            self.decoder.push_embedding(*id, &mut rows);
        }
        let data = TensorData::new(rows, [ids.len(), hidden]);
        Tensor::from_data(data, &self.burn_device())
    }

    fn burn_device(&self) -> Device {
        self.device.device.clone()
    }

    /// Scores after the last of these positions, read back.
    pub(crate) fn logits(&self, hidden_state: Tensor<2>) -> Result<Vec<f32>, ModelError> {
        let logits = self.device.read(self.decoder.logits(hidden_state), NEXT_WORD)?;
        if logits.iter().any(|score| score.is_nan()) || logits.is_empty() {
            return Err(ModelError::NotFinite { doing: NEXT_WORD });
        }
        Ok(logits)
    }

    /// On a graphics adapter the highest score is found where the scores are; the processor has
    /// them at hand.
    fn scores(&self, hidden_state: Tensor<2>, wanted: Wanted) -> Result<Scores, ModelError> {
        let limit = match wanted {
            Wanted::Best(limit) if self.device.kind() != ComputeKind::Cpu => limit,
            _ => return Ok(Scores::All(self.logits(hidden_state)?)),
        };
        let best = self.decoder.best(hidden_state, limit);
        Scores::best(&self.device.read(best, NEXT_WORD)?)
    }

    /// Scores after one further id, unless the caller breaks off.
    pub(crate) fn step(
        &self,
        id: u32,
        position: Position,
        wanted: Wanted,
        cache: &mut KvCache,
        between: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<ControlFlow<(), Scores>, ModelError> {
        match self.decoder.forward(self.embed(&[id]), &[position], cache, between) {
            ControlFlow::Break(()) => Ok(ControlFlow::Break(())),
            ControlFlow::Continue(state) => Ok(ControlFlow::Continue(self.scores(state, wanted)?)),
        }
    }

    /// One further id and those that the device finds after it, a position each; read back at
    /// once, as [`Scores::best`] takes them.
    pub(crate) fn steps(
        &self,
        id: u32,
        positions: &[Position],
        limit: usize,
        cache: &mut KvCache,
        between: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<ControlFlow<(), Vec<Vec<f32>>>, ModelError> {
        let first = self.embed(&[id]);
        match self.decoder.best_of_each(first, positions, limit, cache, between) {
            ControlFlow::Break(()) => Ok(ControlFlow::Break(())),
            ControlFlow::Continue(found) => {
                Ok(ControlFlow::Continue(self.device.read_all(found, NEXT_WORD)?))
            }
        }
    }
}

/// Holds back text that may become one of the stop texts.
#[derive(Debug, Default)]
pub(crate) struct StopText {
    stops: Vec<String>,
    held: String,
    /// Whether one has come; nothing is let through after it.
    pub(crate) has_come: bool,
}

impl StopText {
    /// Empty texts would stop everything and do not count.
    pub(crate) fn new(stops: Vec<String>) -> Self {
        let stops = stops.into_iter().filter(|stop| !stop.is_empty()).collect();
        Self { stops, ..Self::default() }
    }

    /// Further text; gives what is certain not to be a stop text.
    pub(crate) fn push(&mut self, text: &str) -> String {
        if self.has_come {
            return String::new();
        }
        self.held.push_str(text);
        if let Some(at) = self.stops.iter().filter_map(|stop| self.held.find(stop)).min() {
            self.has_come = true;
            self.held.truncate(at);
            return std::mem::take(&mut self.held);
        }
        let keep = self.stops.iter().map(|stop| begun(&self.held, stop)).max();
        let rest = self.held.split_off(self.held.len() - keep.unwrap_or(0));
        std::mem::replace(&mut self.held, rest)
    }

    /// What was held back after all.
    pub(crate) fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }
}

/// Bytes at the end of a text that are the beginning of the stop text.
fn begun(held: &str, stop: &str) -> usize {
    let begins = |len: &usize| stop.get(..*len).is_some_and(|start| held.ends_with(start));
    (1..stop.len()).rev().find(begins).unwrap_or(0)
}
