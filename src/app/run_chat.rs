//! What commands about questions, answers and models do to the state.

use std::path::Path;

use super::effect::Effect;
use super::engine_state::{AnswerSlot, Asking, Loading, ModelStatus, Queued};
use super::notices::NoticeLevel;
use super::state::AppState;
use super::view_transform::ViewTransform;
use super::viewport::{Place, View, WindowMode};
use super::volume::Reformatted;
use crate::chat::{AnswerState, Evidence, HowAsked, Meter, Provenance};
use crate::imaging::{Alteration, Grayscale, REFORMATTED, Turned, VoiLut, window_words};
use crate::vlm::{Beginning, Question, Task};
use crate::worker::{JobId, LoadRequest};

const PICTURE_LOST: &str = "The picture of this question is missing: the file it was imported from \
    did not have it";

impl AppState {
    /// Puts a question into the chat and sends it, or keeps it until there is a model.
    pub(crate) fn ask(&mut self, question: &str, with_view: bool, again_of: Option<usize>) {
        let question = question.trim().to_owned();
        if question.is_empty() {
            return;
        }
        let evidence = match again_of.and_then(|idx| self.conversation().turns.get(idx)) {
            Some(turn) => turn.evidence.iter().cloned().map(Evidence::asked_anew).collect(),
            None if self.attached.is_some() => self.attached.take().into_iter().collect(),
            None if with_view => self.evidence_of_view().into_iter().collect(),
            None => Vec::new(),
        };
        let queued = Queued { conversation_id: self.conversation().id, question, evidence };
        let joins = again_of.is_none() && self.joins_sides(queued.conversation_id);
        if self.engine.must_wait() && !joins {
            self.engine.queue.push_back(queued);
            return;
        }
        if let Some(turn_idx) = again_of {
            let Queued { conversation_id, question, evidence } = queued;
            let turn_idx = self.conversation_mut().ask_instead(turn_idx, question, evidence);
            self.path_changed();
            self.send_first(AnswerSlot { conversation_id, turn_idx, answer_idx: 0 });
        } else {
            self.begin(queued);
        }
    }

    /// Puts a question into its chat and sends it.
    pub(crate) fn begin(&mut self, queued: Queued) {
        let Queued { conversation_id, question, evidence } = queued;
        let chat = self.conversations.iter_mut().find(|chat| chat.id == conversation_id);
        let Some(chat) = chat else { return };
        let turn_idx = chat.ask(question, evidence);
        let slot = AnswerSlot { conversation_id, turn_idx, answer_idx: 0 };
        if !self.repeat(slot) {
            self.send_first(slot);
        }
    }

    /// Sends a new question, to several models when they stand side by side.
    fn send_first(&mut self, slot: AnswerSlot) {
        self.vary_seed();
        if !self.ask_sides(slot) {
            self.send_or_keep(slot);
        }
    }

    pub(crate) fn send_or_keep(&mut self, slot: AnswerSlot) {
        if self.engine.can_answer() {
            self.send_question(slot);
            return;
        }
        if let Some(answer) = self.answer_at(slot) {
            answer.state = AnswerState::Waiting;
        }
        self.engine.waiting = Some(slot);
        if !self.engine.is_loading() {
            self.picker_open = true;
        }
    }

    pub(crate) fn send_question(&mut self, slot: AnswerSlot) {
        if self.lacks_picture(slot) {
            if let Some(answer) = self.answer_at(slot) {
                answer.state = AnswerState::Failed(PICTURE_LOST.to_owned());
            }
            return;
        }
        let Some(question) = self.question_at(slot) else { return };
        let left_out = self.left_out_at(slot);
        let own_words = self.hears_itself(slot);
        let of = |info| Provenance { left_out, own_words, ..Provenance::of(info, &question) };
        let provenance = self.engine.info().map(of);
        let earlier_tokens = match &question.beginning {
            Beginning::Ids(ids) => ids.len(),
            Beginning::Nothing | Beginning::Text(_) => 0,
        };
        let grid = self.engine.info().and_then(|info| info.picture_grid);
        if question.images.is_empty() || question.task == Task::Reconstruction {
            self.stop_reading_ahead();
        }
        let Some(answer) = self.answer_at(slot) else { return };
        answer.state = AnswerState::Reading("Sending".to_owned());
        answer.provenance = provenance;
        answer.meter = Meter { tokens: earlier_tokens, earlier_tokens, ..Meter::default() };
        let only_codes = answer.drawing.as_mut().map(|drawing| {
            drawing.grid = grid;
            drawing.only_codes
        });
        let job = JobId::next();
        let started_secs = self.now_secs;
        self.engine.asking = Some(Asking { job, slot, started_secs, stopping: false });
        let question = Box::new(question);
        self.effects.push(match only_codes {
            Some(only_codes) => Effect::Reconstruct(job, question, only_codes),
            None => Effect::Ask(job, question),
        });
    }

    /// Whether a question would be asked without a picture it is about.
    fn lacks_picture(&self, slot: AnswerSlot) -> bool {
        let chat = self.conversations.iter().find(|chat| chat.id == slot.conversation_id);
        chat.is_some_and(|chat| !chat.has_pictures_of(slot.turn_idx))
    }

    /// Everything said before in this chat, and the question; asked as is set now, or as the answer
    /// was that is replayed or goes on.
    fn question_at(&self, slot: AnswerSlot) -> Option<Question> {
        let chat = self.conversations.iter().find(|chat| chat.id == slot.conversation_id)?;
        let answer = chat.turns.get(slot.turn_idx)?.answers.get(slot.answer_idx)?;
        let max_images = self.engine.info().map_or(1, |info| info.max_images as usize);
        let how = match &answer.provenance {
            Some(made) => HowAsked::of(made, max_images),
            None => self.how_set(slot, answer.drawing.is_some(), max_images),
        };
        let mut question = chat.question(slot.turn_idx, &how)?;
        if let Some(tokens) = &answer.tokens {
            question.beginning = Beginning::Ids(tokens.ids());
        }
        Some(question)
    }

    /// As is set now, for all or for a column of its own.
    fn how_set(&self, slot: AnswerSlot, draws: bool, max_images: usize) -> HowAsked {
        let asked_as = self.sides.asked_as(slot).map(|to_ask| &to_ask.sampling);
        let sampling = asked_as.unwrap_or(&self.settings.sampling);
        let own = self.engine.info().filter(|_| self.hears_itself(slot));
        HowAsked {
            sampling: sampling.params(),
            // as many as the picture takes
            max_new_tokens: if draws { 0 } else { sampling.max_new_tokens },
            system: if draws { None } else { self.system_prompt() },
            left_out: self.left_out_at(slot),
            max_images,
            own_weights: own.map(|info| info.weights_sha256.clone()),
        }
    }

    /// Whether the model of an answer is told its own earlier answers: each of several models side
    /// by side goes on with what it said itself.
    fn hears_itself(&self, slot: AnswerSlot) -> bool {
        let chat = self.conversations.iter().find(|chat| chat.id == slot.conversation_id);
        let turn = chat.and_then(|chat| chat.turns.get(slot.turn_idx));
        let answer = turn.and_then(|turn| turn.answers.get(slot.answer_idx));
        match answer.and_then(|answer| answer.provenance.as_ref()) {
            Some(made) => made.own_words,
            None => self.sides.asked_as(slot).is_some(),
        }
    }

    /// The picture of the active viewport as the model would get it.
    pub(crate) fn evidence_of_view(&self) -> Option<Evidence> {
        self.evidence_with(None)
    }

    /// The same altered; none where that cannot be.
    pub(crate) fn altered_view(&self, how: Alteration) -> Option<Evidence> {
        self.evidence_with(Some(how))
    }

    fn evidence_with(&self, how: Option<Alteration>) -> Option<Evidence> {
        let viewport = self.active_viewport();
        let place = viewport.place.as_ref()?;
        let (open, series) = self.shown_series(place)?;
        let frame_ref = series.frame_ref(place.frame_idx)?;
        let marker = self.history.marker.as_ref().filter(|_| !open.is_pasted());
        let marks =
            marker.map(|marker| marker.marks(&place.study_key, &place.series_key, &frame_ref));
        let loaded = self.frames.loaded(&frame_ref)?;
        let grayscale = viewport.view.grayscale(&loaded);
        let turned = viewport.view.transform.turned;
        let stored = grayscale.render(&loaded.frame);
        let image = turned.apply(&stored);
        let evidence = Evidence {
            label: self.view_label()?,
            frame_ref: Some(frame_ref),
            marks,
            alias: open.alias.clone(),
            modality: series.modality.clone(),
            study_key: place.study_key.clone(),
            grayscale,
            turned,
            series_key: place.series_key.clone(),
            frame_idx: place.frame_idx,
            num_frames: series.num_frames(),
            image_sha256: image.sha256(),
            altered: None,
            image: None,
            thumbnail: None,
        };
        let Some(how) = how else { return Some(evidence.with_image(Some(image))) };
        // shapes lie in the pixels of the frame: what is done to them is turned with the rest
        let altered = turned.apply(&how.apply(&stored)?);
        Some(evidence.with_alteration(how, altered))
    }

    /// "CT · slice 61 of 312 · W 1500 L −600": names nobody.
    pub(crate) fn view_label(&self) -> Option<String> {
        let viewport = self.active_viewport();
        let place = viewport.place.as_ref()?;
        let (_, series) = self.shown_series(place)?;
        let loaded = self.frames.loaded(&series.frame_ref(place.frame_idx)?)?;
        let mut parts = vec![series.modality.replace("PIC", "Picture")];
        if series.num_frames() > 1 {
            parts.push(format!("slice {} of {}", place.frame_idx + 1, series.num_frames()));
        }
        if self.studies.is_plane(place) {
            parts.extend(series.description.clone());
        }
        if loaded.frame.is_monochrome() {
            parts.push(window_label(&viewport.view.grayscale(&loaded)));
        }
        if viewport.view.transform.turned != Turned::default() {
            parts.push("turned".to_owned());
        }
        Some(parts.join(" · "))
    }

    /// Whether the active view is the last one this chat was asked about.
    pub(crate) fn view_was_sent(&self) -> bool {
        let viewport = self.active_viewport();
        let Some(last) = self.conversation().last_evidence() else { return false };
        let Some(place) = &viewport.place else { return false };
        let Some(frame_ref) = self.frame_ref(place) else { return false };
        let Some(loaded) = self.frames.loaded(&frame_ref) else { return false };
        last.altered.is_none()
            && last.frame_ref.as_ref() == Some(&frame_ref)
            && last.grayscale == viewport.view.grayscale(&loaded)
            && last.turned == viewport.view.transform.turned
    }

    /// Shows the frame and the window a question was asked about.
    pub(crate) fn go_to_evidence(&mut self, turn_idx: usize, evidence_idx: usize) {
        let Some(turn) = self.conversation().turns.get(turn_idx) else { return };
        let Some(evidence) = turn.evidence.get(evidence_idx).cloned() else { return };
        let Some(place) = self.place_of(&evidence) else {
            let text = if evidence.label.contains(REFORMATTED) {
                "This question is about a plane: show the orthogonal planes of its series first, \
                 as thick as they were"
            } else {
                "The study of this question is not open: open its files to see it there"
            };
            self.notices.push(NoticeLevel::Warn, text);
            return;
        };
        let viewport = self.active_viewport_mut();
        let is_elsewhere =
            viewport.place.as_ref().is_none_or(|old| old.series_key != place.series_key);
        if is_elsewhere {
            viewport.show(place);
        } else {
            viewport.remember();
            viewport.place = Some(place);
        }
        let transform = ViewTransform { turned: evidence.turned, ..viewport.view.transform };
        viewport.view = View {
            window: mode_of(&evidence.grayscale),
            inverted: evidence.grayscale.inverted,
            color_map: viewport.view.color_map,
            transform,
        };
    }

    /// Where the frame of a question is among the open studies.
    fn place_of(&self, evidence: &Evidence) -> Option<Place> {
        let marker = self.history.marker.as_ref();
        self.studies.open().iter().find_map(|open| {
            let key = &open.study.key;
            let may_be = match (marker, &evidence.marks) {
                (Some(marker), Some(marks)) => marker.study(key) == marks.study,
                _ => true,
            };
            let volumes = self.studies.volumes().iter().filter(|v| v.study_key == *key);
            let planes = volumes.flat_map(Reformatted::planes);
            let series = open.study.series.iter().chain(planes).filter(|_| may_be);
            series.into_iter().find_map(|series| {
                // where it was before, else wherever it is now
                let frames = std::iter::once(evidence.frame_idx).chain(0..series.num_frames());
                let mut frames = frames.filter_map(|idx| Some((idx, series.frame_ref(idx)?)));
                let (frame_idx, _) =
                    frames.find(|(_, frame_ref)| self.is_frame_of(evidence, frame_ref))?;
                Some(Place { study_key: key.clone(), series_key: series.key.clone(), frame_idx })
            })
        })
    }

    pub(crate) fn stop_answer(&mut self) {
        if let Some(asking) = &mut self.engine.asking {
            asking.stopping = true;
            self.effects.push(Effect::CancelEngine(asking.job));
        }
    }

    pub(crate) fn new_chat(&mut self) {
        self.conversation_idx = self.empty_chat();
        self.history.opening = None;
        self.focus_question = true;
    }

    /// A model, computed where and as the reader chose.
    pub(crate) fn load_request(&self, model: &Path) -> LoadRequest {
        LoadRequest {
            tasks: None,
            model: model.to_owned(),
            device: self.settings.device,
            precision: self.settings.precision,
            weights_cache: self.settings.weights_cache,
        }
    }

    /// Loads a model in place of all others.
    pub(crate) fn load_model(&mut self, request: LoadRequest) {
        self.engine.kept.clear();
        let job = self.begin_load(&request, false);
        self.effects.push(Effect::Load(job, request));
    }

    /// What a load changes here before the engine says a word.
    pub(crate) fn begin_load(&mut self, request: &LoadRequest, is_beside: bool) -> JobId {
        let title = self
            .models
            .iter()
            .find(|spec| spec.path == request.model)
            .map(|spec| spec.title.clone())
            .or_else(|| Some(request.model.file_name()?.to_string_lossy().into_owned()));
        if let Some(asking) = &self.engine.asking {
            self.effects.push(Effect::CancelEngine(asking.job));
        }
        self.engine.ahead = None;
        let job = JobId::next();
        self.engine.model = ModelStatus::Loading(Loading {
            job,
            title: title.unwrap_or_else(|| "Model".to_owned()),
            progress: None,
            started_secs: self.now_secs,
            cancelled: false,
            is_beside,
        });
        self.engine.last_request = Some(request.clone());
        self.settings.device = request.device;
        self.settings.precision = request.precision;
        self.picker_open = false;
        job
    }

    pub(crate) fn cancel_load(&mut self) {
        if let ModelStatus::Loading(loading) = &mut self.engine.model {
            loading.cancelled = true;
            self.effects.push(Effect::CancelEngine(loading.job));
        }
    }
}

/// "W 400 L 40", or what stands for it.
pub(crate) fn window_label(grayscale: &Grayscale) -> String {
    window_words(grayscale)
}

fn mode_of(grayscale: &Grayscale) -> WindowMode {
    match &grayscale.voi_lut {
        VoiLut::Window(window) => WindowMode::Custom(*window),
        VoiLut::Table(_) | VoiLut::Range { .. } => WindowMode::File(0),
    }
}
