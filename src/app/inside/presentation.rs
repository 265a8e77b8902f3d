//! Presentation states applied to the images they are for.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::command::Command;
use super::super::notices::NoticeLevel;
use super::super::state::AppState;
use super::super::viewport::{Place, WindowMode};
use super::place::Places;
use super::state::Found;
use crate::imaging::{Document, DocumentKind, Presentation, ReferencedImage};

/// Presentation states of one study that are offered.
const MOST: usize = 64;

impl AppState {
    /// Files of an open study that say how images are to be shown.
    pub(crate) fn presentation_files(&self, study_key: &str) -> Vec<&Path> {
        let Some(open) = self.studies.get(study_key) else { return Vec::new() };
        let instances = open.study.series.iter().flat_map(|series| &series.instances);
        let of_kind = instances.filter(|one| {
            DocumentKind::of(&one.sop_class_uid) == Some(DocumentKind::PresentationState)
        });
        of_kind.map(|one| one.path.as_path()).take(MOST).collect()
    }

    /// Applies it, or has it read first.
    pub(super) fn use_presentation(&mut self, path: PathBuf) {
        match self.inside.document(&path) {
            Some(Found::Ready(document)) => {
                let document = Arc::clone(document);
                self.apply_presentation(&path, &document);
            }
            _ => {
                self.inside.to_apply = Some(path.clone());
                self.read_document(path);
            }
        }
    }

    pub(super) fn apply_presentation(&mut self, path: &Path, document: &Document) {
        let Some(presentation) = &document.presentation else { return };
        let Some((place, image)) = self.place_for(presentation) else {
            let text = "None of the images of this presentation state is open";
            self.notices.push(NoticeLevel::Warn, text);
            return;
        };
        if self.active_viewport().place.as_ref() != Some(&place) {
            self.run(Command::ShowReferenced(place));
        }
        let frame_number = image.frame_number.unwrap_or(1);
        let window = presentation.window_of(&image.sop_instance_uid, frame_number);
        // the state says what is white, whatever the image says (PS3.3 C.11.6)
        let inverted = presentation.inverse != self.is_monochrome1();
        let viewport = self.active_viewport_mut();
        viewport.remember();
        if let Some(window) = window {
            viewport.view.window = WindowMode::Custom(window);
        }
        viewport.view.inverted = inverted;
        viewport.view.transform.turned = presentation.turned;
        self.inside.presented = Some(path.to_owned());
        if !presentation.not_taken.is_empty() {
            let text = format!("Not applied: {}", presentation.not_taken.join(", "));
            self.notices.push(NoticeLevel::Warn, text);
        }
    }

    fn is_monochrome1(&self) -> bool {
        let place = self.active_viewport().place.as_ref();
        let series = place.and_then(|place| Some((self.shown_series(place)?.1, place.frame_idx)));
        let instance = series.and_then(|(series, frame_idx)| series.instance_of(frame_idx));
        instance.is_some_and(|(one, _)| one.photometric_interpretation == "MONOCHROME1")
    }

    /// The frame shown where it is one of the images, else the first that is open.
    fn place_for(&self, presentation: &Presentation) -> Option<(Place, ReferencedImage)> {
        let shown = self.active_viewport().place.as_ref();
        if let Some(frame_ref) = shown.and_then(|place| self.frame_ref(place))
            && presentation.is_for(&frame_ref.sop_instance_uid, frame_ref.frame_number)
        {
            let image = ReferencedImage {
                sop_instance_uid: frame_ref.sop_instance_uid,
                frame_number: Some(frame_ref.frame_number),
            };
            return shown.map(|place| (place.clone(), image));
        }
        let places = Places::of(self);
        let mut images = presentation.images.iter();
        images.find_map(|image| Some((places.find(image)?, image.clone())))
    }

    /// The presentation state whose annotations are drawn.
    pub(super) fn presented(&self) -> Option<&Presentation> {
        match self.inside.document(self.inside.presented.as_ref()?) {
            Some(Found::Ready(document)) => document.presentation.as_deref(),
            _ => None,
        }
    }
}
