//! Asks for looks with the model's eye, one at a time, and takes in what was seen.

use std::sync::Arc;

use super::super::effect::Effect;
use super::super::notices::NoticeLevel;
use super::super::state::AppState;
use super::state::{EyeRequest, EyeSource, EyeView, Stored};
use crate::worker::JobId;

impl AppState {
    /// Asks for what is looked at now unless it is known or another look is still under way.
    pub(crate) fn look(&mut self) {
        let Some(request) = self.look_wanted() else {
            self.eye.is_current = false;
            return;
        };
        self.eye.is_current = self.eye.seen.as_ref().is_some_and(|seen| seen.request == request);
        if self.eye.is_current || self.eye.job.is_some() {
            return;
        }
        let job = JobId::next();
        self.eye.job = Some(job);
        self.effects.push(Effect::Look(job, Box::new(request)));
    }

    /// What is to be looked at, with a model to look with.
    fn look_wanted(&self) -> Option<EyeRequest> {
        if !self.eye.is_on && self.eye.stored.is_none() {
            return None;
        }
        let info = self.engine.info()?;
        let (label, source) = match &self.eye.stored {
            Some(stored) => (stored.label.clone(), EyeSource::Stored(Arc::clone(&stored.picture))),
            None => (self.view_label()?, self.source_of_view()?),
        };
        let (model, family) = (info.name.clone(), info.family.clone());
        Some(EyeRequest { model, family, eye: info.eye.as_ref().clone(), label, source })
    }

    fn source_of_view(&self) -> Option<EyeSource> {
        let viewport = self.active_viewport();
        let place = viewport.place.as_ref()?;
        let loaded = self.frames.loaded(&self.frame_ref(place)?)?;
        Some(EyeSource::View {
            frame: Arc::clone(&loaded.frame),
            series_key: place.series_key.clone(),
            grayscale: viewport.view.grayscale(&loaded),
            turned: viewport.view.transform.turned,
        })
    }

    pub(crate) fn apply_looked(&mut self, job: JobId, seen: EyeView) {
        if self.eye.job == Some(job) {
            self.eye.job = None;
            self.eye.seen = Some(Arc::new(seen));
        }
    }

    /// On and off; from the picture of a question back to where it was.
    pub(crate) fn toggle_eye(&mut self) {
        if self.eye.stored.take().is_none() {
            self.eye.is_on = !self.eye.is_on;
        }
    }

    /// Shows what the model is given of the picture of a question.
    pub(crate) fn look_at_evidence(&mut self, turn_idx: usize, evidence_idx: usize) {
        let turn = self.conversation().turns.get(turn_idx);
        let Some(evidence) = turn.and_then(|turn| turn.evidence.get(evidence_idx)) else { return };
        let Some(picture) = evidence.image.clone() else {
            let text = "The picture of this question is missing: there is nothing to look at";
            self.notices.push(NoticeLevel::Warn, text);
            return;
        };
        self.eye.stored = Some(Stored { picture, label: evidence.label.clone() });
        self.comparing = None;
        self.sides.is_shown = false;
    }

    /// Whether the picture of a question is shown in place of the viewports.
    pub(crate) fn is_looking_at_evidence(&self) -> bool {
        self.eye.stored.is_some()
    }

    /// Why the model's eye sees nothing; none when it does or soon will.
    pub(crate) fn cannot_look(&self) -> Option<&'static str> {
        match () {
            () if self.engine.info().is_some() => None,
            () if self.engine.is_loading() => Some("The model is being loaded; then this is shown"),
            () => Some("A model has to be loaded before what it sees can be shown"),
        }
    }
}
