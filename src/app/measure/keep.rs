//! Measurements last: those of a study come back when it is opened again.

use super::super::effect::Effect;
use super::super::notices::NoticeLevel;
use super::super::state::AppState;
use super::super::viewport::Place;
use super::kept_file::{KeptMeasurement, KeptStudies};
use super::state::Measurement;
use crate::chat::Marker;
use crate::imaging::{FrameRef, Study};

/// What is kept on disk, and what of it is not on any frame yet.
#[derive(Debug, Default)]
pub struct Kept {
    /// The file was read, or cannot be.
    is_read: bool,
    /// As the file has it.
    known: KeptStudies,
    /// Of studies that are not open, and of frames that are not among those opened.
    waiting: KeptStudies,
    /// The state of the measurements that was handed over last.
    revision: u64,
}

impl AppState {
    pub(crate) fn apply_measurements_read(&mut self, read: Result<KeptStudies, String>) {
        match read {
            Ok(studies) => {
                self.kept.known.clone_from(&studies);
                self.kept.waiting = studies;
            }
            Err(why) => {
                self.notices.push(NoticeLevel::Error, why);
            }
        }
        self.kept.is_read = true;
        self.bring_measurements_back();
    }

    /// Puts what waits for an open study on its frames.
    pub(crate) fn bring_measurements_back(&mut self) {
        let Some(marker) = self.history.marker.clone() else { return };
        if self.kept.waiting.is_empty() {
            return;
        }
        let mut found = Vec::new();
        for open in self.studies.open().iter().filter(|open| !open.is_pasted()) {
            let mark = marker.study(&open.study.key);
            let Some(items) = self.kept.waiting.remove(&mark) else { continue };
            let (mut placed, rest) = place_items(&marker, &open.study, items);
            found.append(&mut placed);
            if !rest.is_empty() {
                self.kept.waiting.insert(mark, rest);
            }
        }
        for (place, frame_ref, item) in found {
            if let Some(shape) = item.shape() {
                self.measurements.restore(place, frame_ref, shape, item.text);
            }
        }
        self.measure_what_changed();
    }

    /// What was measured in a study waits until it is opened again.
    pub(crate) fn put_measurements_away(&mut self, study_key: &str) {
        if let Some(marker) = self.history.marker.clone().filter(|_| is_kept(study_key)) {
            let items = self.measurements.all().iter();
            let own = items.filter(|item| item.place.study_key == study_key);
            let own: Vec<_> = own.filter_map(|item| kept(&marker, item)).collect();
            self.kept.waiting.entry(marker.study(study_key)).or_default().extend(own);
        }
        self.measurements.forget_study(study_key);
    }

    /// Hands over what changed since the last time, once nothing is being moved or written.
    pub(crate) fn keep_measurements(&mut self) {
        let revision = self.measurements.revision();
        if revision == self.kept.revision || !self.kept.is_read || self.measurements.is_busy() {
            return;
        }
        let Some(marker) = self.history.marker.clone() else { return };
        self.kept.revision = revision;
        let mut now = self.kept.waiting.clone();
        for open in self.studies.open().iter().filter(|open| !open.is_pasted()) {
            now.entry(marker.study(&open.study.key)).or_default();
        }
        let items = self.measurements.all().iter();
        for item in items.filter(|item| is_kept(&item.place.study_key)) {
            let mark = marker.study(&item.place.study_key);
            now.entry(mark).or_default().extend(kept(&marker, item));
        }
        let none = Vec::new();
        now.retain(|mark, items| self.kept.known.get(mark).unwrap_or(&none) != items);
        if !now.is_empty() {
            self.kept.known.extend(now.clone());
            self.effects.push(Effect::KeepMeasurements(now));
        }
    }
}

/// A picture from the clipboard has nothing by which it would be known again.
fn is_kept(study_key: &str) -> bool {
    !study_key.starts_with(super::super::studies::PASTED)
}

fn kept(marker: &Marker, item: &Measurement) -> Option<KeptMeasurement> {
    let (series, frame) = (marker.series(&item.place.series_key), marker.frame(&item.frame_ref));
    KeptMeasurement::new(series, frame, &item.shape, &item.text)
}

type Placed = (Place, FrameRef, KeptMeasurement);

/// Those whose frame is there, with it, and the others.
fn place_items(
    marker: &Marker,
    study: &Study,
    items: Vec<KeptMeasurement>,
) -> (Vec<Placed>, Vec<KeptMeasurement>) {
    let (mut placed, mut rest) = (Vec::new(), items);
    for series in &study.series {
        let mark = marker.series(&series.key);
        if !rest.iter().any(|item| item.series == mark) {
            continue;
        }
        for frame_idx in 0..series.num_frames() {
            let Some(frame_ref) = series.frame_ref(frame_idx) else { continue };
            let frame = marker.frame(&frame_ref);
            let is_here = |item: &mut KeptMeasurement| item.series == mark && item.frame == frame;
            for item in rest.extract_if(.., is_here) {
                let (study_key, series_key) = (study.key.clone(), series.key.clone());
                let place = Place { study_key, series_key, frame_idx };
                placed.push((place, frame_ref.clone(), item));
            }
        }
    }
    (placed, rest)
}
