//! Steps taken ahead: several on the device before anything is read back, given out one by one.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use crate::nn::{KvCache, Position};
use crate::vlm::ModelError;
use crate::vlm::generate::{Engine, Scores, Wanted};

/// Steps at once at most: what they save is the wait between two, and that is little by then.
const MOST: usize = 8;

/// How long the steps between two looks at the device may take together: text still comes evenly,
/// and a reader who stops an answer waits no longer.
const AT_ONCE: Duration = Duration::from_millis(30);

/// Scores position by position, of which the device may know the next already.
///
/// What is given out is what single steps would have given. Positions of steps that nobody asked
/// for are left in the cache, behind those that count.
pub(crate) struct Steps {
    /// As read back.
    found: VecDeque<Vec<f32>>,
    at_once: usize,
    /// Whether their number follows the time they take.
    is_measured: bool,
}

/// A step's place in the conversation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// What is read; the best after the step before when that took more than one.
    pub(crate) id: u32,
    /// Of the id.
    pub(crate) position: u32,
    /// Steps that may still follow, this one included.
    pub(crate) left: usize,
}

impl Steps {
    /// As many at once as `fixed` says, else as the time they take allows.
    pub(crate) fn new(fixed: Option<usize>) -> Self {
        let at_once = fixed.unwrap_or(1).max(1);
        Self { found: VecDeque::new(), at_once, is_measured: fixed.is_none() }
    }

    /// Scores after one further id, unless the caller breaks off.
    pub(crate) fn next(
        &mut self,
        engine: &Engine<'_>,
        Place { id, position, left }: Place,
        wanted: Wanted,
        cache: &mut KvCache,
        between: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<ControlFlow<(), Scores>, ModelError> {
        if let Some(found) = self.found.pop_front() {
            return Scores::best(&found).map(ControlFlow::Continue);
        }
        let limit = match wanted {
            Wanted::Best(limit) if engine.decoder.keeps_embedding() => limit,
            _ => return engine.step(id, [position; 3], wanted, cache, between),
        };
        let started = Instant::now();
        let count = self.at_once.min(left).max(1);
        let positions: Vec<Position> =
            (position..).take(count).map(|position| [position; 3]).collect();
        let found = match engine.steps(id, &positions, limit, cache, between)? {
            ControlFlow::Continue(found) => found,
            ControlFlow::Break(()) => return Ok(ControlFlow::Break(())),
        };
        self.took(count, started.elapsed());
        self.found.extend(found);
        let first = self.found.pop_front().unwrap_or_default();
        Scores::best(&first).map(ControlFlow::Continue)
    }

    /// Twice as many as before at most: the first steps of all are slow.
    fn took(&mut self, count: usize, time: Duration) {
        if self.is_measured {
            let each = time.as_secs_f64() / count as f64;
            let fit = (AT_ONCE.as_secs_f64() / each.max(1e-6)) as usize;
            self.at_once = fit.min(2 * self.at_once).clamp(1, MOST);
        }
    }
}
