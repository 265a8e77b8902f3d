//! What the decode worker says, taken into the state; what is asked of it, decided here.

use std::path::PathBuf;
use std::sync::Arc;

use super::effect::Effect;
use super::frames::FrameState;
use super::jobs::Purpose;
use super::notices::NoticeLevel;
use super::state::AppState;
use super::studies::{PASTED, Thumbnail, cannot_show, count, document_kind, middle_frame_idx};
use super::viewport::Place;
use crate::imaging::{Frame, FrameRef, Instance, Opened, Patient, Series, Study};
use crate::worker::{DecodeEvent, JobId};

/// Frames read ahead on each side of the one shown.
const PREFETCH: usize = 20;
/// Reads under way before reading ahead waits.
const MAX_READS: usize = 4;
const MAX_THUMBNAILS_AT_ONCE: usize = 2;

impl AppState {
    pub(crate) fn apply_decode(&mut self, event: DecodeEvent) {
        match event {
            DecodeEvent::Opening { job, files_done, files_total } => {
                if let Some(job) = self.jobs.get_mut(job) {
                    job.progress = Some((files_done, files_total));
                }
            }
            DecodeEvent::Opened { job, opened } => self.apply_opened(job, opened),
            DecodeEvent::Frame { job, frame_ref, frame } => {
                let asked_for = self.frames.ended(job);
                if let Some(frame_ref) = frame_ref.or(asked_for) {
                    self.frames.insert(frame_ref, frame);
                }
            }
            DecodeEvent::Thumbnail { frame_ref, image, .. } => {
                self.studies.set_thumbnail(frame_ref, Thumbnail::Ready(Arc::new(image)));
            }
            DecodeEvent::Contents { job, contents } => self.apply_contents(job, contents),
            DecodeEvent::VolumeBuilt { job } => self.apply_volume_built(job),
            DecodeEvent::Finished { job } => {
                self.jobs.end(job);
                self.frames.ended(job);
            }
            DecodeEvent::Failed { job, message } => self.apply_decode_failed(job, message),
            DecodeEvent::Restarted { message } => {
                self.notices.push(NoticeLevel::Warn, message);
            }
        }
    }

    fn apply_decode_failed(&mut self, job: JobId, message: String) {
        self.inside_failed(job, &message);
        // a read that was cancelled is no longer listed
        if let Some(frame_ref) = self.frames.ended(job) {
            let text = without_paths(&message, std::slice::from_ref(&frame_ref.path));
            self.frames.fail(frame_ref, text);
        }
        match self.jobs.end(job).map(|job| job.purpose) {
            Some(Purpose::Open(paths)) => {
                let hidden = if self.settings.privacy { paths.as_slice() } else { &[] };
                self.notices.push(NoticeLevel::Error, without_paths(&message, hidden));
            }
            Some(Purpose::Thumbnail(frame_ref)) => {
                let text = without_paths(&message, std::slice::from_ref(&frame_ref.path));
                self.studies.set_thumbnail(frame_ref, Thumbnail::Failed(text));
            }
            Some(Purpose::Volume) => self.volume_failed(job, &message),
            Some(Purpose::Training | Purpose::Evaluation | Purpose::Copies | Purpose::Pictures)
            | None => {}
        }
    }

    /// Opens files and folders in the worker.
    pub(crate) fn open_paths(&mut self, paths: Vec<PathBuf>) {
        if paths.is_empty() {
            return;
        }
        let job = JobId::next();
        self.jobs.start(job, Purpose::Open(paths.clone()));
        self.frames.forget_failures();
        self.effects.push(Effect::Open(job, paths));
    }

    fn apply_opened(&mut self, job: JobId, opened: Opened) {
        self.tell_opened(&opened);
        let first = opened.studies.first().map(|study| study.key.clone());
        let keys = opened.studies.iter().map(|study| study.key.as_str());
        let fresh = self.studies.number(keys);
        self.keep_numbers(fresh);
        if let Some(Purpose::Open(paths)) = self.jobs.get_mut(job).map(|job| job.purpose.clone())
            && !opened.studies.is_empty()
        {
            self.remember_opened(paths, &opened);
        }
        for study in opened.studies.into_iter().rev() {
            let study_key = study.key.clone();
            let fresh = self.studies.insert(study);
            self.keep_numbers(fresh);
            self.find_key_images(&study_key);
        }
        self.bring_measurements_back();
        if let Some(study_key) = first {
            self.results.shown = None;
            self.show_first_series(&study_key);
        }
    }

    fn tell_opened(&mut self, opened: &Opened) {
        let series: Vec<&Series> = opened.studies.iter().flat_map(|study| &study.series).collect();
        let images: usize = series.iter().map(|series| series.num_frames()).sum();
        let documents = series.iter().filter(|series| document_kind(series).is_some());
        let documents: usize = documents.map(|series| series.instances.len()).sum();
        let mut parts =
            vec![count(images, "image", "images"), count(series.len(), "series", "series")];
        if documents > 0 {
            parts.push(count(documents, "document", "documents"));
        }
        if opened.skipped > 0 {
            parts.push(format!("{} skipped", count(opened.skipped, "file", "files")));
        }
        if !opened.warnings.is_empty() {
            parts.push(count(opened.warnings.len(), "warning", "warnings"));
        }
        let level = match (images + documents, opened.warnings.is_empty()) {
            (0, _) => NoticeLevel::Error,
            (_, true) => NoticeLevel::Ok,
            (_, false) => NoticeLevel::Warn,
        };
        let text = match images + documents {
            0 => format!("Nothing to show here: {}", parts.join(", ")),
            _ => parts.join(", "),
        };
        let privacy = self.settings.privacy;
        let details = opened.warnings.iter().map(|warning| {
            // folder names often carry names of patients
            let name = warning.path.file_name().unwrap_or(warning.path.as_os_str());
            if privacy {
                return without_paths(&warning.message, std::slice::from_ref(&warning.path));
            }
            format!("{} — {}", name.to_string_lossy(), warning.message)
        });
        self.notices.push(level, text).with_details(details.collect());
    }

    /// Shows the first series of a study that has something to show.
    pub(crate) fn show_first_series(&mut self, study_key: &str) {
        let Some(open) = self.studies.get(study_key) else { return };
        let series = &open.study.series;
        let best =
            series.iter().find(|series| cannot_show(series).is_none() && series.num_frames() > 0);
        if let Some(series) = best.or(series.first()) {
            let series_key = series.key.clone();
            self.show_series(study_key, &series_key);
        }
    }

    /// Shows a series in the active viewport, at its middle.
    pub(crate) fn show_series(&mut self, study_key: &str, series_key: &str) {
        let Some((_, series)) = self.studies.series(study_key, series_key) else { return };
        let place = Place {
            study_key: study_key.to_owned(),
            series_key: series_key.to_owned(),
            frame_idx: middle_frame_idx(series),
        };
        self.active_viewport_mut().show(place);
    }

    /// Makes a pasted picture a study of its own.
    pub(crate) fn open_picture(&mut self, frame: Frame) {
        let number = JobId::next().0;
        let key = format!("{PASTED}{number}");
        let info = frame.info().clone();
        let instance = Instance {
            path: PathBuf::from(&key),
            sop_instance_uid: key.clone(),
            sop_class_uid: String::new(),
            instance_number: None,
            rows: frame.rows(),
            columns: frame.columns(),
            num_frames: 1,
            transfer_syntax: info.transfer_syntax,
            photometric_interpretation: info.photometric_interpretation,
            bits_stored: info.bits_stored,
            slice_thickness_mm: None,
            geometry: Vec::new(),
            cannot_show: None,
            frame_time_ms: None,
        };
        let series = Series {
            key: key.clone(),
            series_number: None,
            description: Some("Pasted picture".to_owned()),
            modality: "PIC".to_owned(),
            body_part: None,
            frame_of_reference_uid: None,
            plane: None,
            slice_spacing_mm: None,
            uniform: false,
            duplicate_positions: false,
            instances: vec![instance],
        };
        if let Some(frame_ref) = series.frame_ref(0) {
            let image = frame.default_grayscale().render(&frame).resized_to_fit(128);
            self.studies.set_thumbnail(frame_ref.clone(), Thumbnail::Ready(Arc::new(image)));
            self.frames.pin(frame_ref, Arc::new(frame));
        }
        // a picture without a file is not remembered: nothing comes back
        let _ = self.studies.insert(Study {
            key: key.clone(),
            patient: Patient::default(),
            study_date: None,
            description: None,
            institution: None,
            series: vec![series],
        });
        self.show_first_series(&key);
    }

    /// Closes a study and forgets its frames.
    pub(crate) fn close_study(&mut self, study_key: &str) {
        let planes = self.studies.volumes().iter().filter(|v| v.study_key == study_key);
        let planes: Vec<Series> = planes.flat_map(|volume| volume.planes().clone()).collect();
        let Some(study) = self.studies.close(study_key) else { return };
        self.forget_planes(study_key);
        let files = study.series.iter().chain(&planes).flat_map(|series| &series.instances);
        let paths: std::collections::HashSet<PathBuf> =
            files.map(|instance| instance.path.clone()).collect();
        self.frames.drop_frames(|frame_ref| paths.contains(&frame_ref.path));
        self.inside.forget(&paths);
        self.put_measurements_away(study_key);
        self.forget_key_images(study_key);
        self.strip.take_if(|strip| strip.study_key == study_key);
        self.attached.take_if(|evidence| evidence.study_key == study_key);
        for viewport in &mut self.viewports {
            if viewport.place.as_ref().is_some_and(|place| place.study_key == study_key) {
                *viewport = super::viewport::Viewport::default();
            }
        }
        if self.active_viewport().place.is_none()
            && let Some(next) = self.studies.open().first().map(|open| open.study.key.clone())
        {
            self.show_first_series(&next);
        }
    }

    /// Asks the worker for what is shown, then for what may be shown next, then for previews.
    pub(crate) fn request_frames(&mut self) {
        let mut shown: Vec<FrameRef> = self
            .viewports
            .iter()
            .filter(|viewport| !matches!(self.frame_state(viewport), FrameState::Failed(_)))
            .filter_map(|viewport| self.frame_ref(viewport.place.as_ref()?))
            .collect();
        shown.extend_from_slice(self.frames_of_question());
        shown.extend(self.strip_frame());
        let ahead = self.frames_ahead();
        self.cancel_stale_reads(&shown, &ahead);
        for frame_ref in &shown {
            self.frames.touch(frame_ref);
            self.read_frame(frame_ref);
        }
        for frame_ref in &ahead {
            if self.frames.num_pending() >= MAX_READS {
                break;
            }
            self.read_frame(frame_ref);
        }
        // previews come after what is looked at, and beside what is only read ahead
        if shown
            .iter()
            .all(|frame_ref| !matches!(self.frames.state(frame_ref), FrameState::Pending))
        {
            self.request_thumbnails();
        }
    }

    fn read_frame(&mut self, frame_ref: &FrameRef) {
        if matches!(self.frames.state(frame_ref), FrameState::Unknown) {
            let job = JobId::next();
            self.frames.started(job, frame_ref.clone());
            let effect = match self.studies.cut_of(frame_ref) {
                Some((stack, cut)) => {
                    Effect::ReadPlane(job, frame_ref.clone(), Box::new(stack.clone()), cut)
                }
                None => Effect::ReadFrame(job, frame_ref.clone()),
            };
            self.effects.push(effect);
        }
    }

    fn request_thumbnails(&mut self) {
        let room = MAX_THUMBNAILS_AT_ONCE.saturating_sub(self.jobs.num_thumbnails());
        for frame_ref in self.studies.thumbnails_to_make().into_iter().take(room) {
            let job = JobId::next();
            self.jobs.start(job, Purpose::Thumbnail(frame_ref.clone()));
            self.studies.set_thumbnail(frame_ref.clone(), Thumbnail::Pending);
            self.effects.push(Effect::MakeThumbnail(job, frame_ref));
        }
    }

    /// Neighbours of the frame shown in the active viewport, nearest first.
    fn frames_ahead(&self) -> Vec<FrameRef> {
        let Some(place) = &self.active_viewport().place else { return Vec::new() };
        let Some((_, series)) = self.shown_series(place) else { return Vec::new() };
        let Some(loaded) = series.frame_ref(place.frame_idx).and_then(|f| self.frames.loaded(&f))
        else {
            return Vec::new();
        };
        let fits = self.frames.max_bytes() / 4 / loaded.frame.bytes().max(1);
        let last = series.num_frames().saturating_sub(1);
        let reach = PREFETCH.min(fits).min(last);
        let mut ahead = Vec::with_capacity(2 * reach);
        for step in 1..=reach {
            let later = place.frame_idx.checked_add(step).filter(|idx| *idx <= last);
            let earlier = place.frame_idx.checked_sub(step);
            for idx in [later, earlier].into_iter().flatten() {
                let readable =
                    series.instance_of(idx).is_some_and(|(i, _)| i.cannot_show.is_none());
                ahead.extend(series.frame_ref(idx).filter(|_| readable));
            }
        }
        ahead
    }

    fn cancel_stale_reads(&mut self, shown: &[FrameRef], ahead: &[FrameRef]) {
        let stale: Vec<JobId> = self
            .frames
            .pending_jobs()
            .iter()
            .filter(|(_, frame_ref)| !shown.contains(frame_ref) && !ahead.contains(frame_ref))
            .map(|(job, _)| *job)
            .collect();
        for job in stale {
            self.frames.ended(job);
            self.effects.push(Effect::CancelDecode(job));
        }
    }

    /// Stops a job of either worker.
    pub(crate) fn cancel_job(&mut self, job: JobId) {
        let purpose = self.jobs.end(job).map(|job| job.purpose);
        self.give_up_volume(job);
        self.effects.push(match purpose {
            Some(Purpose::Copies) => Effect::CancelCopies(job),
            Some(Purpose::Pictures) => Effect::CancelPictures(job),
            _ => Effect::CancelDecode(job),
        });
    }
}

/// Folders and files are often called after patients: a message need not name them.
pub(crate) fn without_paths(message: &str, paths: &[PathBuf]) -> String {
    let mut text = message.to_owned();
    for path in paths {
        text = text.replace(&path.display().to_string(), "this file");
    }
    sentence(text.trim_end_matches(": this file"))
}

/// Messages of errors begin in lower case; on the screen they stand alone.
pub(crate) fn sentence(message: &str) -> String {
    let mut chars = message.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => "Something went wrong".to_owned(),
    }
}
