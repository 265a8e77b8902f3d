//! What commands about key images do to the state.

use std::collections::HashSet;
use std::sync::Arc;

use super::super::command::Command;
use super::super::effect::Effect;
use super::super::state::AppState;
use super::super::viewport::Place;
use super::state::KeyImage;
use super::table::{KeyImageRow, key_images_table};
use crate::imaging::{FrameRef, Series};

/// The settings file keeps no more stars than these, the newest.
const MAX_KEPT: usize = 5000;

impl AppState {
    pub(crate) fn run_key_images(&mut self, command: Command) -> Option<Command> {
        match command {
            Command::ToggleKeyImage => self.toggle_key_image(),
            Command::StepKeyImage(step) => self.step_key_image(step),
            Command::ShowKeyImage(place) => self.show_key_image(place),
            Command::ToggleKeyOnly => self.key_images.only = !self.key_images.only,
            Command::ExportKeyImages => {
                let table = key_images_table(&self.key_image_rows());
                self.effects.push(Effect::PickPlaceForKeyImages(Arc::from(table)));
            }
            other => return Some(other),
        }
        None
    }

    /// Slices of files can be starred; planes come and go.
    pub(crate) fn can_star(&self) -> bool {
        let place = self.active_viewport().place.as_ref().filter(|_| self.has_viewports());
        place.is_some_and(|place| !self.studies.is_plane(place))
    }

    /// Key images of the study shown: series by series, slice by slice.
    pub(crate) fn key_images_shown(&self) -> Vec<&KeyImage> {
        let Some(place) = &self.active_viewport().place else { return Vec::new() };
        let Some(open) = self.studies.get(&place.study_key) else { return Vec::new() };
        let all = self.key_images.all().iter();
        let mut shown: Vec<&KeyImage> =
            all.filter(|item| item.place.study_key == place.study_key).collect();
        shown.sort_by_key(|item| {
            let series = &open.study.series;
            let idx = series.iter().position(|series| series.key == item.place.series_key);
            (idx, item.place.frame_idx)
        });
        shown
    }

    fn toggle_key_image(&mut self) {
        let Some(place) = self.active_viewport().place.clone() else { return };
        let Some((open, series)) = self.shown_series(&place) else { return };
        let Some(frame_ref) = series.frame_ref(place.frame_idx) else { return };
        let marker = self.history.marker.as_ref().filter(|_| !open.is_pasted());
        let mark = marker.map(|marker| marker.frame(&frame_ref));
        let is_key = self.key_images.toggle(KeyImage { place, frame_ref });
        let Some(mark) = mark else { return };
        let kept = &mut self.settings.key_images;
        kept.retain(|other| *other != mark);
        if is_key {
            kept.push(mark);
            let too_many = kept.len().saturating_sub(MAX_KEPT);
            kept.drain(..too_many);
        }
    }

    /// To the next one of the study, and from the last to the first.
    fn step_key_image(&mut self, step: isize) {
        let Some(here) = self.active_viewport().place.clone() else { return };
        let places: Vec<Place> =
            self.key_images_shown().into_iter().map(|item| item.place.clone()).collect();
        let Some(open) = self.studies.get(&here.study_key) else { return };
        let order = |place: &Place| {
            let series = &open.study.series;
            let idx = series.iter().position(|series| series.key == place.series_key);
            (idx, place.frame_idx)
        };
        let next = if step >= 0 {
            places.iter().find(|place| order(place) > order(&here)).or(places.first())
        } else {
            places.iter().rev().find(|place| order(place) < order(&here)).or(places.last())
        };
        if let Some(place) = next.cloned() {
            self.show_key_image(place);
        }
    }

    fn show_key_image(&mut self, place: Place) {
        if self.shown_series(&place).is_none() {
            return;
        }
        let viewport = self.active_viewport_mut();
        match &mut viewport.place {
            Some(shown) if shown.series_key == place.series_key => *shown = place,
            _ => viewport.show(place),
        }
    }

    /// Where a step leads while only key images are gone through; none while all slices are.
    pub(crate) fn step_among_keys(&self, step: isize) -> Option<usize> {
        let place = self.active_viewport().place.as_ref().filter(|_| self.key_images.only)?;
        let keys = self.key_images.in_series(place);
        let last = keys.len().checked_sub(1)?;
        let here = place.frame_idx;
        let at = match step >= 0 {
            true => keys.partition_point(|idx| *idx <= here).saturating_add_signed(step - 1),
            false => keys.partition_point(|idx| *idx < here).saturating_add_signed(step),
        };
        // beyond the last or the first one nothing moves
        let to = keys.get(at.min(last)).copied()?;
        let is_onward = if step >= 0 { to > here } else { to < here };
        Some(if is_onward { to } else { here })
    }

    /// Finds the starred slices of a study again: by the marks kept, and those of this run.
    pub(crate) fn find_key_images(&mut self, study_key: &str) {
        let Some(open) = self.studies.get(study_key) else { return };
        let kept: HashSet<&str> = self.settings.key_images.iter().map(String::as_str).collect();
        let known: HashSet<&FrameRef> =
            self.key_images.all().iter().map(|item| &item.frame_ref).collect();
        let marker = self.history.marker.as_ref().filter(|_| !open.is_pasted());
        let is_key = |frame_ref: &FrameRef| {
            let is_kept = |marker: &crate::chat::Marker| kept.contains(&*marker.frame(frame_ref));
            known.contains(frame_ref) || (!kept.is_empty() && marker.is_some_and(is_kept))
        };
        let mut found = Vec::new();
        for series in &open.study.series {
            for (frame_idx, frame_ref) in frames_of(series).enumerate() {
                if is_key(&frame_ref) {
                    let (study_key, series_key) = (study_key.to_owned(), series.key.clone());
                    let place = Place { study_key, series_key, frame_idx };
                    found.push(KeyImage { place, frame_ref });
                }
            }
        }
        self.key_images.replace(study_key, found);
    }

    /// The same for all open studies.
    pub(crate) fn find_all_key_images(&mut self) {
        let keys = self.studies.open().iter().map(|open| open.study.key.clone());
        for study_key in keys.collect::<Vec<String>>() {
            self.find_key_images(&study_key);
        }
    }

    /// A closed study has none here; those kept are found when it is opened again.
    pub(crate) fn forget_key_images(&mut self, study_key: &str) {
        self.key_images.replace(study_key, Vec::new());
    }

    fn key_image_rows(&self) -> Vec<KeyImageRow> {
        let row = |item: &KeyImage| {
            let (open, series) = self.shown_series(&item.place)?;
            let marker = self.history.marker.as_ref().filter(|_| !open.is_pasted());
            let Place { study_key, series_key, frame_idx } = &item.place;
            Some(KeyImageRow {
                case: open.alias.clone(),
                marks: marker.map(|marker| marker.marks(study_key, series_key, &item.frame_ref)),
                modality: series.modality.clone(),
                slice: frame_idx + 1,
                num_slices: series.num_frames(),
            })
        };
        self.key_images_shown().into_iter().filter_map(row).collect()
    }
}

/// Every frame of a series in order.
fn frames_of(series: &Series) -> impl Iterator<Item = FrameRef> {
    series.instances.iter().flat_map(|instance| {
        (1..=instance.num_frames).map(|frame_number| FrameRef {
            path: instance.path.clone(),
            sop_instance_uid: instance.sop_instance_uid.clone(),
            frame_number,
        })
    })
}
