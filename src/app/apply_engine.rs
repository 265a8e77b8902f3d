//! What the engine worker says, taken into the state.

use super::apply_decode::sentence;
use super::command::Command;
use super::engine_state::{AnswerSlot, Asking, Loading, ModelStatus, TooLong};
use super::notices::NoticeLevel;
use super::state::AppState;
use crate::chat::{Answer, AnswerState};
use crate::vlm::{Answer as ModelAnswer, LoadProgress, ModelInfo, Progress};
use crate::worker::{EngineEvent, JobId};

impl AppState {
    pub(crate) fn apply_engine(&mut self, event: EngineEvent) {
        if self.strip_took(&event) {
            return;
        }
        match event {
            EngineEvent::Loading { job, progress } => self.apply_loading(job, progress),
            EngineEvent::Loaded { job, info } => self.apply_loaded(job, *info),
            EngineEvent::Working { job, progress } => self.apply_working(job, progress),
            EngineEvent::Text { job, text, tokens, elapsed_ms } => {
                if let Some(answer) = self.answer_of(job) {
                    // words beside a picture are not what was asked for
                    if answer.drawing.is_none() {
                        answer.state = AnswerState::Streaming;
                    }
                    answer.text.push_str(&text);
                    answer.meter.tokens = tokens;
                    answer.meter.elapsed_ms = elapsed_ms;
                    answer.meter.first_token_ms.get_or_insert(elapsed_ms);
                }
            }
            EngineEvent::Answered { job, answer, peak_rss_mb } => {
                self.note_side_memory(job, peak_rss_mb);
                self.apply_answered(job, *answer);
            }
            EngineEvent::Reconstructed { job, reconstruction, .. } => {
                self.apply_reconstructed(job, *reconstruction);
            }
            EngineEvent::TooLong { job, prompt_tokens, context_len } => {
                let asking = self.engine.asking.as_ref().filter(|asking| asking.job == job);
                self.engine.too_long =
                    asking.map(|a| TooLong { slot: a.slot, prompt_tokens, context_len });
            }
            EngineEvent::Finished { job } => self.end_engine_job(job),
            EngineEvent::Failed { job, message } => self.apply_engine_failed(job, &message),
            EngineEvent::Unloaded => self.engine.model = ModelStatus::Unloaded,
            EngineEvent::Restarted { message } => self.apply_engine_restarted(&message),
        }
    }

    fn apply_loading(&mut self, job: JobId, progress: LoadProgress) {
        let started_secs = self.now_secs;
        // a load that was given up may still say a word
        match &mut self.engine.model {
            ModelStatus::Loading(loading) if loading.job == job => {
                loading.progress = Some(progress);
            }
            ModelStatus::Lost(info)
                if self.engine.asking.as_ref().is_some_and(|a| a.job == job) =>
            {
                self.engine.model = ModelStatus::Loading(Loading {
                    job,
                    title: info.title.clone(),
                    progress: Some(progress),
                    started_secs,
                    cancelled: false,
                    is_beside: false,
                });
            }
            _ => {}
        }
    }

    fn apply_loaded(&mut self, job: JobId, info: ModelInfo) {
        let expected = match &self.engine.model {
            ModelStatus::Loading(loading) => loading.job == job,
            ModelStatus::Lost(_) => true,
            ModelStatus::Unloaded | ModelStatus::Ready(_) | ModelStatus::Failed(_) => false,
        };
        if !expected {
            return;
        }
        self.note_side_loaded();
        self.settings.last_model = self.engine.last_request.as_ref().map(|r| r.model.clone());
        self.engine.model = ModelStatus::Ready(info);
        if let Some(slot) = self.engine.waiting.take() {
            self.send_question(slot);
        }
    }

    fn apply_working(&mut self, job: JobId, progress: Progress) {
        let doing = match progress {
            Progress::EncodingImage { index, count } if count > 1 => {
                format!("Reading image {} of {count}", index + 1)
            }
            Progress::EncodingImage { .. } => "Reading image".to_owned(),
            Progress::Prefill { done, total } => {
                format!("Reading question, {done} of {total} tokens")
            }
            Progress::Code { code, done } => {
                self.apply_code(job, code, done);
                "Drawing".to_owned()
            }
            Progress::Glimpse { picture, done } => return self.apply_glimpse(job, picture, done),
            Progress::Measuring => "Comparing with the original".to_owned(),
            Progress::Text { .. } => return,
        };
        if let Some(answer) = self.answer_of(job)
            && matches!(answer.state, AnswerState::Reading(_) | AnswerState::Waiting)
        {
            answer.state = AnswerState::Reading(doing);
        }
    }

    fn apply_answered(&mut self, job: JobId, whole: ModelAnswer) {
        let stopping = self.engine.asking.as_ref().is_some_and(|a| a.job == job && a.stopping);
        let Some(answer) = self.take_answer(job, &whole) else { return };
        if answer.text.trim().is_empty() && !stopping {
            answer.state =
                AnswerState::Failed("The model ended without writing anything".to_owned());
        }
    }

    /// Text, end and figures of an answer, whatever it is made of.
    pub(crate) fn take_answer(&mut self, job: JobId, whole: &ModelAnswer) -> Option<&mut Answer> {
        let image_tokens = self.engine.info().map_or(0, |info| info.image_tokens);
        let answer = self.answer_of(job)?;
        answer.take(whole, image_tokens);
        Some(answer)
    }

    fn apply_engine_failed(&mut self, job: JobId, message: &str) {
        if self.loading_job() == Some(job) && self.asking_job() != Some(job) {
            self.apply_load_failed(message);
            return;
        }
        self.ahead_ended(job);
        if self.asking_job() != Some(job) {
            return;
        }
        let stopping = self.engine.asking.as_ref().is_some_and(|asking| asking.stopping);
        let lost = matches!(self.engine.model, ModelStatus::Lost(_));
        if let Some(answer) = self.answer_of(job) {
            answer.state = if stopping {
                AnswerState::Stopped
            } else if lost || answer.has_content() {
                AnswerState::Interrupted(sentence(message))
            } else {
                AnswerState::Failed(sentence(message))
            };
        }
        if self.loading_job() == Some(job) {
            self.engine.model = ModelStatus::Failed(sentence(message));
        }
        self.end_engine_job(job);
    }

    fn apply_load_failed(&mut self, message: &str) {
        if self.load_alone() {
            return;
        }
        let cancelled = matches!(&self.engine.model, ModelStatus::Loading(l) if l.cancelled);
        if cancelled {
            self.engine.model = ModelStatus::Unloaded;
        } else {
            self.notices
                .push(NoticeLevel::Error, sentence(message))
                .with_action("Choose model…", Command::ToggleModelPicker);
            self.engine.model = ModelStatus::Failed(sentence(message));
        }
        if let Some(slot) = self.engine.waiting.take()
            && let Some(answer) = self.answer_at(slot)
        {
            answer.state = if cancelled {
                AnswerState::Failed("Loading was cancelled; the question is kept".to_owned())
            } else {
                AnswerState::Failed(sentence(message))
            };
        }
    }

    fn apply_engine_restarted(&mut self, message: &str) {
        if let Some(info) = self.engine.info().cloned() {
            self.engine.model = ModelStatus::Lost(info);
        }
        if let Some(job) = self.asking_job() {
            if let Some(answer) = self.answer_of(job) {
                answer.state = AnswerState::Interrupted(sentence(message));
            }
            self.end_engine_job(job);
        } else {
            // the failure of the question came first and was taken for its own fault
            let turn = self.conversation_mut().turns.last_mut();
            let idx = turn.as_ref().map_or(0, |turn| turn.shown_idx);
            if let Some(answer) = turn.and_then(|turn| turn.answers.get_mut(idx))
                && matches!(&answer.state, AnswerState::Failed(_))
                && answer.meter.tokens > 0
            {
                answer.state = AnswerState::Interrupted(sentence(message));
            }
        }
        self.notices.push(
            NoticeLevel::Error,
            format!(
                "{}. The text so far is kept; your next question loads the model again",
                sentence(message).trim_end_matches('.')
            ),
        );
    }

    fn end_engine_job(&mut self, job: JobId) {
        self.ahead_ended(job);
        let Some(asking) = self.engine.asking.take_if(|asking| asking.job == job) else { return };
        // every job ends: an answer must not look as if more came
        if let Some(answer) = self.answer_at(asking.slot)
            && answer.is_open()
        {
            answer.state = if asking.stopping {
                AnswerState::Stopped
            } else {
                AnswerState::Interrupted("The engine ended without an answer".to_owned())
            };
        }
    }

    fn loading_job(&self) -> Option<JobId> {
        match &self.engine.model {
            ModelStatus::Loading(loading) => Some(loading.job),
            ModelStatus::Unloaded
            | ModelStatus::Ready(_)
            | ModelStatus::Lost(_)
            | ModelStatus::Failed(_) => None,
        }
    }

    fn asking_job(&self) -> Option<JobId> {
        self.engine.asking.as_ref().map(|asking| asking.job)
    }

    /// The answer a job writes to; none when it was abandoned.
    pub(crate) fn answer_of(&mut self, job: JobId) -> Option<&mut Answer> {
        let Asking { slot, .. } = self.engine.asking.as_ref().filter(|asking| asking.job == job)?;
        self.answer_at(*slot)
    }

    pub(crate) fn answer_at(&mut self, slot: AnswerSlot) -> Option<&mut Answer> {
        self.conversations
            .iter_mut()
            .find(|conversation| conversation.id == slot.conversation_id)?
            .answer_mut(slot.turn_idx, slot.answer_idx)
    }
}
