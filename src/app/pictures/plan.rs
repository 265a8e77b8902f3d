//! What is to be written, put together from the state.

use super::super::corners::{patient_lines, series_lines, study_lines};
use super::super::frames::FrameState;
use super::super::state::AppState;
use super::super::viewport::{Place, View};
use super::{PictureItem, PictureScope, Pictures};
use crate::imaging::{Frame, TextInPixels};

/// Digits of a number in a file's name at least.
const DIGITS: usize = 4;

impl AppState {
    /// Whether there is something of this kind to write.
    pub(crate) fn has_pictures(&self, scope: PictureScope) -> bool {
        let viewport = self.active_viewport();
        let Some(place) = viewport.place.as_ref().filter(|_| self.has_viewports()) else {
            return false;
        };
        match scope {
            PictureScope::View => matches!(self.frame_state(viewport), FrameState::Ready(_)),
            // planes are cut one by one
            PictureScope::Series => !self.studies.is_plane(place) && self.num_frames() > 0,
            PictureScope::KeyImages => !self.key_images_shown().is_empty(),
        }
    }

    /// Where the pictures chosen are.
    pub(super) fn picture_places(&self) -> Vec<Place> {
        let Some(place) = &self.active_viewport().place else { return Vec::new() };
        match self.pictures.scope {
            PictureScope::View => vec![place.clone()],
            PictureScope::Series => {
                let at = |frame_idx| Place { frame_idx, ..place.clone() };
                (0..self.num_frames()).map(at).collect()
            }
            PictureScope::KeyImages => {
                self.key_images_shown().into_iter().map(|item| item.place.clone()).collect()
            }
        }
    }

    /// Something about the frame shown, where it is at hand.
    pub(crate) fn shown_frame<T>(&self, ask: impl FnOnce(&Frame) -> T) -> Option<T> {
        match self.frame_state(self.active_viewport()) {
            FrameState::Ready(loaded) => Some(ask(&loaded.frame)),
            _ => None,
        }
    }

    /// Whether the picture shown may have text in its pixels.
    pub(super) fn text_in_shown(&self) -> TextInPixels {
        self.shown_frame(|frame| frame.info().text_in_pixels).unwrap_or_default()
    }

    /// All that is to be written, as it is chosen and shown now.
    pub(super) fn planned_pictures(&self) -> Option<Pictures> {
        let mut choice = self.pictures;
        choice.names_patient &= !self.settings.privacy && choice.has_overlays;
        if !self.has_pictures(choice.scope) {
            return None;
        }
        let places = self.picture_places();
        let total = places.len();
        let items = places.iter().enumerate().filter_map(|(idx, place)| {
            let number = match choice.scope {
                PictureScope::Series | PictureScope::View => place.frame_idx + 1,
                PictureScope::KeyImages => idx + 1,
            };
            self.picture_item(place, number, total, !choice.names_patient)
        });
        let items: Vec<PictureItem> = items.collect();
        (!items.is_empty()).then_some(Pictures { choice, suv: self.settings.suv, items })
    }

    fn picture_item(
        &self,
        place: &Place,
        number: usize,
        total: usize,
        privacy: bool,
    ) -> Option<PictureItem> {
        let (open, _) = self.shown_series(place)?;
        let frame_ref = self.frame_ref(place)?;
        let shown = self.active_viewport();
        let is_series_shown = shown.place.as_ref().is_some_and(|other| {
            (&other.study_key, &other.series_key) == (&place.study_key, &place.series_key)
        });
        let is_at_hand = open.is_pasted() || self.pictures.scope == PictureScope::View;
        let loaded = self.frames.loaded(&frame_ref).filter(|_| is_at_hand);
        let shapes = self.measurements.on(&frame_ref);
        let digits = total.to_string().len().max(DIGITS);
        let stem = match self.pictures.scope {
            PictureScope::KeyImages => format!("key-image-{number:0digits$}"),
            PictureScope::Series | PictureScope::View => format!("{number:0digits$}"),
        };
        Some(PictureItem {
            label: format!("Image {}", place.frame_idx + 1),
            stem,
            frame: loaded.map(|loaded| loaded.frame.clone()),
            // another series is shown as its files say
            view: if is_series_shown { shown.view.clone() } else { View::default() },
            shapes: shapes.cloned().collect(),
            corners: [
                patient_lines(self, place, privacy),
                study_lines(self, place, privacy),
                series_lines(self, place, privacy),
            ],
            frame_ref,
        })
    }
}
