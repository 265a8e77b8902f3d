//! Has the model read the shown picture while the question is still being typed.

use super::effect::Effect;
use super::state::AppState;
use super::strip::Strip;
use super::viewport::{Place, WindowMode};
use crate::chat::told_before;
use crate::imaging::Turned;
use crate::vlm::Question;
use crate::worker::JobId;

/// A view that rests this long is likely to be asked about; scrolling past a slice is not.
const REST_SECS: f64 = 0.6;

/// The view that is, or will be, read ahead.
#[derive(Debug)]
pub struct ReadAhead {
    what: ComingView,
    since_secs: f64,
    /// Once it was sent.
    job: Option<JobId>,
    is_done: bool,
}

/// All that the beginning of the next question depends on.
#[derive(Clone, Debug, PartialEq)]
struct ComingView {
    place: Place,
    window: WindowMode,
    inverted: bool,
    turned: Turned,
    conversation_id: u64,
    turns: usize,
}

impl AppState {
    /// Sends what rests, and stops what is not shown any more.
    pub(crate) fn read_ahead(&mut self) {
        if self.engine.must_wait() || self.strip.as_ref().is_some_and(Strip::is_under_way) {
            return;
        }
        let what = self.coming_view();
        if self.engine.ahead.as_ref().map(|ahead| &ahead.what) != what.as_ref() {
            self.stop_reading_ahead();
            let since_secs = self.now_secs;
            self.engine.ahead =
                what.map(|what| ReadAhead { what, since_secs, job: None, is_done: false });
        }
        if self.ahead_in().is_some_and(|secs| secs <= 0.0) {
            self.send_ahead();
        }
    }

    /// Seconds until the view has rested.
    pub(crate) fn ahead_in(&self) -> Option<f64> {
        let ahead = self.engine.ahead.as_ref().filter(|ahead| ahead.job.is_none())?;
        Some(ahead.since_secs + REST_SECS - self.now_secs)
    }

    /// The view that would go with the next question, when a model waits for one.
    fn coming_view(&self) -> Option<ComingView> {
        if !self.settings.read_ahead
            || !self.engine.is_loaded()
            || self.view_was_sent()
            || self.attached.is_some()
        {
            return None;
        }
        let viewport = self.active_viewport();
        let place = viewport.place.clone()?;
        self.frames.loaded(&self.frame_ref(&place)?)?;
        let conversation = self.conversation();
        Some(ComingView {
            place,
            window: viewport.view.window.clone(),
            inverted: viewport.view.inverted,
            turned: viewport.view.transform.turned,
            conversation_id: conversation.id,
            turns: conversation.turns.len(),
        })
    }

    fn send_ahead(&mut self) {
        let Some(evidence) = self.evidence_of_view() else { return };
        let images: Vec<_> = evidence.image.as_deref().cloned().into_iter().collect();
        let conversation = self.conversation();
        let room = self.engine.info().map_or(1, |info| info.max_images as usize);
        let room = room.saturating_sub(images.len());
        let question = Question {
            history: told_before(&conversation.turns, room, None),
            images,
            sampling: self.settings.sampling.params(),
            max_new_tokens: 1,
            system: self.system_prompt(),
            ..Question::new("")
        };
        let job = JobId::next();
        if let Some(ahead) = &mut self.engine.ahead {
            ahead.job = Some(job);
        }
        self.effects.push(Effect::ReadAhead(job, Box::new(question)));
    }

    /// A question about something else does not wait for a picture nobody asks about.
    pub(crate) fn stop_reading_ahead(&mut self) {
        if let Some(ahead) = self.engine.ahead.take()
            && let Some(job) = ahead.job.filter(|_| !ahead.is_done)
        {
            self.effects.push(Effect::CancelEngine(job));
        }
    }

    /// A failure is not worth a word: the question itself will meet it.
    pub(crate) fn ahead_ended(&mut self, job: JobId) {
        if let Some(ahead) = self.engine.ahead.as_mut().filter(|ahead| ahead.job == Some(job)) {
            ahead.is_done = true;
        }
    }
}
