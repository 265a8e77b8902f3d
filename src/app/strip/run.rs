//! One slice after the other is asked, outside of every chat: each alone, with one word of answer.

use super::super::command::Command;
use super::super::effect::Effect;
use super::super::frames::FrameState;
use super::super::notices::NoticeLevel;
use super::super::state::AppState;
use super::super::tokens_ui::closed_share;
use super::super::viewport::Place;
use super::state::Strip;
use crate::chat::{Provenance, SliceAnswer, Turn};
use crate::imaging::FrameRef;
use crate::vlm::Question;
use crate::worker::{EngineEvent, JobId};

/// More slices are asked with gaps between them.
const MOST: usize = 24;

const ONE_SLICE: &str = "Open a series of several slices first";
const NO_MODEL: &str = "Load a model first";
const NOT_CLOSED: &str = "Ask a question for yes or no about this view first: then it can be asked \
    of the other slices";

impl AppState {
    pub(crate) fn run_strip(&mut self, command: Command) -> Option<Command> {
        match command {
            Command::AskSlices => self.ask_slices(),
            Command::StopSlices => self.stop_slices(),
            Command::CloseSlices => {
                self.stop_slices();
                self.close_slices();
            }
            Command::ShowSlices(turn_idx) => self.show_slices(turn_idx),
            other => return Some(other),
        }
        None
    }

    /// Why slices cannot be asked now.
    pub(crate) fn cannot_ask_slices(&self) -> Option<&'static str> {
        let place = self.active_viewport().place.as_ref();
        let series = place.and_then(|place| self.shown_series(place));
        if series.is_none_or(|(_, series)| series.num_frames() < 2) {
            return Some(ONE_SLICE);
        }
        if !self.engine.is_loaded() {
            return Some(NO_MODEL);
        }
        self.closed_question().is_none().then_some(NOT_CLOSED)
    }

    /// The last question about the view, if the model was about to say yes or no.
    fn closed_question(&self) -> Option<&Turn> {
        let turn = self.conversation().turns.get(self.last_about_view()?)?;
        closed_share(turn.shown()?.tokens.as_ref()?.yes_no)?;
        Some(turn)
    }

    fn ask_slices(&mut self) {
        if self.cannot_ask_slices().is_some() {
            return;
        }
        let viewport = self.active_viewport();
        let (Some(place), Some(turn)) = (viewport.place.clone(), self.closed_question()) else {
            return;
        };
        let num_frames = self.shown_series(&place).map_or(0, |(_, series)| series.num_frames());
        let Some(info) = self.engine.info() else { return };
        let asked = Question {
            sampling: self.settings.sampling.params(),
            max_new_tokens: 1,
            system: self.system_prompt(),
            ..Question::new(&turn.question)
        };
        let marker = self.history.marker.as_ref();
        let strip = Strip {
            question: turn.question.clone(),
            todo: (0..num_frames).step_by(num_frames.div_ceil(MOST).max(1)).collect(),
            answers: Vec::new(),
            view: viewport.view.clone(),
            made: Provenance::of(info, &asked),
            asked: Box::new(asked),
            num_frames,
            series_mark: marker.map(|marker| marker.series(&place.series_key)),
            kept_with: (self.conversation().id, turn.id),
            study_key: place.study_key,
            series_key: place.series_key,
            asking: None,
        };
        self.closed_slices.remove(&strip.kept_with.1);
        self.stop_slices();
        self.strip = Some(strip);
    }

    /// What was asked stays.
    fn stop_slices(&mut self) {
        let Some(strip) = &mut self.strip else { return };
        strip.todo.clear();
        if let Some((job, _)) = strip.asking.take() {
            self.effects.push(Effect::CancelEngine(job));
        }
    }

    /// The frame that is asked next.
    pub(crate) fn strip_frame(&self) -> Option<FrameRef> {
        let strip = self.strip.as_ref()?;
        let (study_key, series_key) = (strip.study_key.clone(), strip.series_key.clone());
        let frame_idx = *strip.todo.front()?;
        let frame_ref = self.frame_ref(&Place { study_key, series_key, frame_idx })?;
        let is_readable = !matches!(self.frames.state(&frame_ref), FrameState::Failed(_));
        is_readable.then_some(frame_ref)
    }

    /// Asks the next slice when the model is free and the slice was read.
    pub(crate) fn advance_strip(&mut self) {
        let weights = self.engine.info().map(|info| info.weights_sha256.clone());
        let is_free = !self.engine.must_wait() && self.engine.is_loaded();
        let frame_ref = self.strip_frame();
        let Some(strip) = self.strip.as_mut().filter(|strip| strip.asking.is_none()) else {
            return;
        };
        if weights.as_ref() != Some(&strip.made.weights_sha256) {
            strip.todo.clear();
        }
        let Some(&frame_idx) = strip.todo.front().filter(|_| is_free) else { return };
        let Some(frame_ref) = frame_ref else {
            strip.todo.pop_front();
            strip.answers.push(SliceAnswer { frame_idx, yes: None });
            self.keep_slices();
            return;
        };
        let Some(loaded) = self.frames.loaded(&frame_ref) else { return };
        let picture = strip.view.grayscale(&loaded).render(&loaded.frame);
        let image = strip.view.transform.turned.apply(&picture);
        let job = JobId::next();
        strip.todo.pop_front();
        strip.asking = Some((job, frame_idx));
        let question = Question { images: vec![image], ..(*strip.asked).clone() };
        self.effects.push(Effect::Ask(job, Box::new(question)));
    }

    /// Takes in what the engine says of a slice; whether it was about one.
    pub(crate) fn strip_took(&mut self, event: &EngineEvent) -> bool {
        let Some(strip) = &mut self.strip else { return false };
        let Some((asked, frame_idx)) = strip.asking else { return false };
        match event {
            EngineEvent::Working { job, .. } | EngineEvent::Text { job, .. } => *job == asked,
            EngineEvent::Answered { job, answer, .. } if *job == asked => {
                let yes = closed_share(answer.yes_no);
                strip.answers.push(SliceAnswer { frame_idx, yes });
                self.keep_slices();
                true
            }
            EngineEvent::Finished { job } if *job == asked => {
                strip.asking = None;
                true
            }
            EngineEvent::Failed { job, message } if *job == asked => {
                let text = format!("The slices are not asked any further: {message}");
                strip.asking = None;
                strip.todo.clear();
                self.notices.push(NoticeLevel::Error, text);
                true
            }
            EngineEvent::Unloaded | EngineEvent::Restarted { .. } => {
                strip.asking = None;
                strip.todo.clear();
                false
            }
            _ => false,
        }
    }
}
