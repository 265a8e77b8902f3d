//! `--save`: a headless answer is kept in the history, written as it streams.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;

use crate::chat::history::{History, HistoryEvent, Opened, Request};
use crate::chat::{
    Answer, AnswerState, CodecAlone, Conversation, Drawing, Evidence, Finish, Provenance,
    chat_id_text,
};
use crate::imaging::{Turned, VoiLut, alias};
use crate::vlm::{self, ModelInfo, Question, Reconstruction};

use super::images::{Decoder, Seen};
use super::terminal::{one_line, warn};

/// While an answer grows; less than half of what may be lost at worst, as writing takes time too.
const EVERY: Duration = Duration::from_millis(750);
/// The history has so long to be opened, and to be written at the end.
const PATIENCE: Duration = Duration::from_secs(60);

/// Keeps one chat in step with the answer that is being written.
pub(super) struct Recorder {
    history: History,
    chat: Conversation,
    saved_at: Instant,
    opened: Opened,
    /// The turn that is answered.
    turn_idx: usize,
    /// Earlier turns were told to each model in its own words.
    own_words: bool,
    /// What the model takes for a picture; known once it is loaded.
    image_tokens: u32,
}

impl Recorder {
    /// Opens the history.
    ///
    /// # Errors
    /// When nothing can be kept in it: better said before the work than after.
    pub(super) fn start(folder: &Path) -> anyhow::Result<Self> {
        let mut history = History::start(folder, Arc::new(|| ()));
        let opened = loop {
            match history.wait(PATIENCE) {
                Some(HistoryEvent::Opened(opened)) => break *opened,
                Some(HistoryEvent::Trouble(error)) => bail!(error),
                Some(event) => tell(&event),
                None => bail!("the history could not be opened in time"),
            }
        };
        let (chat, saved_at) = (Conversation::begin(), Instant::now());
        Ok(Self { history, chat, saved_at, opened, turn_idx: 0, own_words: false, image_tokens: 0 })
    }

    /// A turn of before, as `--history` has it.
    pub(super) fn told(&mut self, question: &str, answer: &str, pictures: Vec<Evidence>) {
        self.turn_idx = self.chat.ask(question.to_owned(), pictures);
        if let Some(told) = self.answer() {
            told.text = answer.to_owned();
            told.state = AnswerState::Done(Finish::Stop);
        }
    }

    /// The question itself.
    pub(super) fn asked(&mut self, question: &str, pictures: Vec<Evidence>, draws: bool) {
        self.turn_idx = self.chat.ask(question.to_owned(), pictures);
        if draws && let Some(turn) = self.chat.turns.get_mut(self.turn_idx) {
            turn.wants_picture = true;
            turn.answers = vec![Answer::waiting_for_picture()];
        }
        self.save();
    }

    /// Several models answer, each a chat of its own words.
    pub(super) fn hear_themselves(&mut self) {
        self.own_words = true;
    }

    /// A model, or another one, is asked the question of a turn.
    pub(super) fn ask_another(&mut self, turn_idx: usize) {
        self.turn_idx = turn_idx;
        if let Some(turn) = self.chat.turns.get_mut(turn_idx) {
            // the first answer waits already
            let is_asked = turn.shown().is_some_and(|answer| !is_fresh(answer));
            if is_asked {
                turn.add_answer();
            }
        }
    }

    /// Pictures as evidence: by their marks, never by their names.
    pub(super) fn evidence(&self, decoder: &Decoder, seen: &[Seen]) -> Vec<Evidence> {
        seen.iter().map(|seen| self.evidence_of(decoder, seen)).collect()
    }

    fn evidence_of(&self, decoder: &Decoder, seen: &Seen) -> Evidence {
        // a picture that is no part of a study still has itself
        let studies = decoder.open(vec![seen.frame_ref.path.clone()]).map(|o| o.studies);
        let study = studies.unwrap_or_default().into_iter().next();
        let place = study.and_then(|study| {
            let frame = |series: &crate::imaging::Series| series.frame_ref(0);
            let series = study.series.into_iter().next()?;
            let first = frame(&series)?;
            let frame_ref = crate::imaging::FrameRef { path: first.path, ..seen.frame_ref.clone() };
            Some((study.key, series.key, frame_ref))
        });
        let marks = place.map(|(study, series, frame_ref)| {
            self.opened.marker.marks(&study, &series, &frame_ref)
        });
        let number = marks.as_ref().map(|marks| {
            let known = self.opened.studies.iter().find(|(mark, _)| *mark == marks.study);
            let last = self.opened.studies.iter().map(|(_, number)| *number).max().unwrap_or(0);
            known.map_or(last + 1, |(_, number)| *number)
        });
        let evidence = Evidence {
            frame_ref: None,
            marks,
            alias: number.map(|number| alias(number as usize)).unwrap_or_default(),
            modality: seen.modality.clone(),
            grayscale: seen.grayscale.clone(),
            turned: Turned::default(),
            study_key: String::new(),
            series_key: String::new(),
            frame_idx: seen.frame_ref.frame_number.saturating_sub(1) as usize,
            num_frames: seen.num_frames as usize,
            label: label_of(seen),
            altered: seen.altered.clone(),
            image: None,
            thumbnail: None,
            image_sha256: seen.image.sha256(),
        };
        evidence.with_image(Some(seen.image.clone()))
    }

    /// The model is there and begins.
    pub(super) fn began(&mut self, info: &ModelInfo, question: &Question) {
        self.image_tokens = info.image_tokens;
        let own_words = self.own_words && !question.history.is_empty();
        let provenance = Provenance { own_words, ..Provenance::of(info, question) };
        if let Some(answer) = self.answer() {
            answer.provenance = Some(provenance);
            answer.state = AnswerState::Reading("Sending".to_owned());
        }
        self.save();
    }

    /// More of the answer.
    pub(super) fn text(&mut self, text: &str) {
        let Some(answer) = self.answer() else { return };
        let is_first = answer.state != AnswerState::Streaming;
        if answer.drawing.is_none() {
            answer.state = AnswerState::Streaming;
        }
        answer.text.push_str(text);
        if is_first || self.saved_at.elapsed() >= EVERY {
            self.save();
        }
    }

    /// The whole answer.
    pub(super) fn answered(&mut self, whole: &vlm::Answer) {
        let image_tokens = self.image_tokens;
        if let Some(answer) = self.answer() {
            answer.take(whole, image_tokens);
        }
    }

    /// The whole picture.
    pub(super) fn drawn(&mut self, made: &Reconstruction, only_codes: bool) {
        self.answered(&made.answer);
        let Some(answer) = self.answer() else { return };
        answer.drawing = Some(Drawing {
            codes: made.answer.codes.clone(),
            grid: Some(made.grid),
            picture: Some(Arc::new(made.picture.clone())),
            pictured: made.answer.codes.len(),
            original: made.original.clone().map(Arc::new),
            similarity: made.similarity,
            ceiling: made.ceiling.as_ref().map(|alone| CodecAlone {
                codes: alone.codes.clone(),
                picture: Arc::new(alone.picture.clone()),
                similarity: alone.similarity,
            }),
            only_codes,
            shortfall: made.shortfall(),
        });
    }

    /// Nothing more comes, and why.
    pub(super) fn failed(&mut self, why: &str) {
        let Some(answer) = self.answer() else { return };
        answer.state = if answer.has_content() {
            AnswerState::Interrupted(one_line(why))
        } else {
            AnswerState::Failed(one_line(why))
        };
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// When it could not be written.
    pub(super) fn finish(mut self) -> anyhow::Result<()> {
        self.save();
        while let Some(event) = self.history.poll() {
            tell(&event);
        }
        let id = chat_id_text(self.chat.id);
        self.history
            .close(PATIENCE)
            .map_err(|error| anyhow::anyhow!("the answer could not be kept as chat {id}: {error}"))
    }

    fn save(&mut self) {
        self.saved_at = Instant::now();
        self.history.send(Request::Save(Box::new(self.chat.clone())));
    }

    fn answer(&mut self) -> Option<&mut Answer> {
        self.chat.turns.get_mut(self.turn_idx)?.answers.last_mut()
    }
}

/// Whether nothing was asked for it yet.
fn is_fresh(answer: &Answer) -> bool {
    answer.provenance.is_none() && matches!(answer.state, AnswerState::Waiting)
}

fn tell(event: &HistoryEvent) {
    match event {
        HistoryEvent::SetAside(name, taken_over) => warn(&format!(
            "the history was damaged: it is kept as {name}, and chats taken over from it: {taken_over}"
        )),
        HistoryEvent::Trouble(error) => warn(&error.to_string()),
        _ => {}
    }
}

/// As the window labels its pictures: "CT · frame 2 of 8 · W 1500 L −600".
fn label_of(seen: &Seen) -> String {
    let mut parts = vec![seen.modality.replace("PIC", "Picture")];
    if seen.num_frames > 1 {
        parts.push(format!("frame {} of {}", seen.frame_ref.frame_number, seen.num_frames));
    }
    if seen.is_monochrome {
        parts.push(match &seen.grayscale.voi_lut {
            VoiLut::Window(w) => format!("W {} L {}", number(w.width), number(w.center)),
            VoiLut::Table(_) => "VOI table".to_owned(),
            VoiLut::Range { .. } => "full range".to_owned(),
        });
    }
    if seen.grayscale.inverted {
        parts.push("inverted".to_owned());
    }
    if let Some(altered) = &seen.altered {
        parts.push(altered.how.label());
    }
    parts.join(" · ")
}

fn number(value: f64) -> String {
    let rounded = (value * 10.0).round() / 10.0;
    // a true minus sign, as in the window
    rounded.to_string().replace('-', "−")
}
