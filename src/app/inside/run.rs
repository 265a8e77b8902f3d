//! What is read of files besides pictures, and what commands about it do.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::apply_decode::without_paths;
use super::super::command::Command;
use super::super::effect::Effect;
use super::super::notices::NoticeLevel;
use super::super::state::{AppState, Sheet};
use super::super::viewport::{Place, Viewport};
use super::state::{Found, Wanted};
use crate::imaging::{Aspect, Contents, Document, DocumentKind, Instance};
use crate::worker::JobId;

/// Documents of one series that are shown below each other.
pub(super) const MOST_DOCUMENTS: usize = 20;

impl AppState {
    pub(crate) fn run_inside(&mut self, command: Command) -> Option<Command> {
        match command {
            Command::SearchTags(text) => self.inside.tags.search = text,
            Command::TogglePrivateTags => self.inside.tags.private = !self.inside.tags.private,
            Command::CopyTags => {
                let shown = Vec::from(self.inside.tags.shown());
                self.copy_tags(&shown);
            }
            Command::CopyTag(idx) => self.copy_tags(&[idx]),
            Command::ExportDocument(idx) => self.export_document(idx),
            Command::ShowReferenced(place) => self.show_referenced(place),
            Command::UsePresentation(path) => self.use_presentation(path),
            Command::DropPresentation => self.inside.presented = None,
            Command::ToggleSegments => {
                self.inside.segments.is_on = !self.inside.segments.is_on;
            }
            Command::ToggleSegment(path, number) => self.inside.segments.toggle(path, number),
            Command::SetSegmentOpacity(percent) => self.inside.segments.opacity = percent,
            other => return Some(other),
        }
        self.inside.tags.refresh(self.settings.privacy);
        None
    }

    /// Whether one of the commands above would do anything now.
    pub(crate) fn can_do_inside(&self, command: &Command) -> bool {
        match command {
            Command::ToggleSheet(_) => self.file_shown().is_some() || self.sheet.is_some(),
            Command::CopyTags => self.inside.tags.elements().is_some(),
            Command::ExportDocument(idx) => self.can_export_document(*idx),
            Command::ToggleSegments => self.has_segmentations() || self.inside.segments.is_on,
            Command::DropPresentation => self.inside.presented.is_some(),
            _ => true,
        }
    }

    /// The DICOM file behind what the active viewport shows.
    pub(crate) fn file_shown(&self) -> Option<PathBuf> {
        let place = self.active_viewport().place.as_ref().filter(|_| self.has_viewports())?;
        if self.studies.is_plane(place) {
            return None;
        }
        let (open, series) = self.shown_series(place)?;
        if open.is_pasted() || series.modality == "PIC" {
            return None;
        }
        let shown = series.instance_of(place.frame_idx).map(|(instance, _)| instance);
        shown.or(series.instances.first()).map(|instance| instance.path.clone())
    }

    /// The documents that a viewport shows in place of pictures.
    pub(crate) fn documents_in(&self, viewport: &Viewport) -> &[Instance] {
        let place = viewport.place.as_ref();
        let Some((_, series)) = place.and_then(|place| self.shown_series(place)) else {
            return &[];
        };
        let is_document = |one: &Instance| DocumentKind::of(&one.sop_class_uid).is_some();
        let all_are = series.num_frames() == 0 && series.instances.iter().all(is_document);
        let shown = series.instances.len().min(MOST_DOCUMENTS);
        if all_are { series.instances.get(..shown).unwrap_or_default() } else { &[] }
    }

    /// Whether a document of the active viewport can be written out.
    fn can_export_document(&self, idx: usize) -> bool {
        let documents = self.documents_in(self.active_viewport());
        let kind = documents.get(idx).and_then(|one| DocumentKind::of(&one.sop_class_uid));
        self.has_viewports() && kind.is_some_and(DocumentKind::is_embedded)
    }

    /// Asks the worker for what is shown and not known yet.
    pub(crate) fn request_inside(&mut self) {
        let paths: Vec<PathBuf> = self
            .viewports
            .iter()
            .flat_map(|viewport| self.documents_in(viewport))
            .map(|instance| instance.path.clone())
            .filter(|path| self.inside.document(path).is_none())
            .collect();
        for path in paths {
            self.read_document(path);
        }
        self.request_segments();
        if self.sheet == Some(Sheet::Tags) {
            let path = self.file_shown();
            if let Some(path) = path.filter(|path| self.inside.tags.path.as_ref() != Some(path)) {
                self.inside.tags.begin(path.clone());
                self.read_inside(path.clone(), Aspect::Elements, Wanted::Elements(path));
            }
            self.inside.tags.refresh(self.settings.privacy);
        }
    }

    /// Segments are read when they are to be seen.
    fn request_segments(&mut self) {
        if !self.inside.segments.is_on {
            return;
        }
        let places = self.viewports.iter().filter_map(|viewport| viewport.place.as_ref());
        let files = places.flat_map(|place| self.segmentation_files(&place.study_key));
        let mut unknown: Vec<PathBuf> = files
            .filter(|path| self.inside.segments.found(path).is_none())
            .map(Path::to_owned)
            .collect();
        unknown.sort();
        unknown.dedup();
        for path in unknown {
            self.inside.segments.set(path.clone(), Found::Pending);
            self.read_inside(path.clone(), Aspect::Segmentation, Wanted::Segmentation(path));
        }
    }

    pub(super) fn read_document(&mut self, path: PathBuf) {
        self.inside.set_document(path.clone(), Found::Pending);
        self.read_inside(path.clone(), Aspect::Document, Wanted::Document(path));
    }

    fn read_inside(&mut self, path: PathBuf, aspect: Aspect, wanted: Wanted) {
        let job = JobId::next();
        self.inside.started(job, wanted);
        self.effects.push(Effect::ReadContents(job, path, aspect));
    }

    pub(crate) fn apply_contents(&mut self, job: JobId, contents: Contents) {
        match (self.inside.ended(job), contents) {
            // another file may be looked at by now
            (Some(Wanted::Elements(path)), Contents::Elements(elements))
                if self.inside.tags.path.as_ref() == Some(&path) =>
            {
                self.inside.tags.take(Found::Ready(Arc::new(elements)));
            }
            (Some(Wanted::Document(path)), Contents::Document(document)) => {
                let document: Arc<Document> = Arc::from(document);
                self.inside.set_document(path.clone(), Found::Ready(Arc::clone(&document)));
                if self.inside.to_apply.take_if(|wanted| *wanted == path).is_some() {
                    self.apply_presentation(&path, &document);
                }
            }
            (Some(Wanted::Segmentation(path)), Contents::Segmentation(found)) => {
                self.inside.segments.set(path, Found::Ready(Arc::from(found)));
            }
            (Some(Wanted::Embedded(to)), Contents::Embedded(bytes)) => {
                self.effects.push(Effect::WriteDocument(to, Arc::from(bytes)));
            }
            _ => {}
        }
    }

    pub(crate) fn inside_failed(&mut self, job: JobId, message: &str) {
        match self.inside.ended(job) {
            Some(Wanted::Elements(path)) => {
                let text = without_paths(message, std::slice::from_ref(&path));
                if self.inside.tags.path.as_ref() == Some(&path) {
                    self.inside.tags.take(Found::Failed(text));
                }
            }
            Some(Wanted::Document(path)) => {
                let text = without_paths(message, std::slice::from_ref(&path));
                if self.inside.to_apply.take_if(|wanted| *wanted == path).is_some() {
                    self.notices.push(NoticeLevel::Error, text.clone());
                }
                self.inside.set_document(path, Found::Failed(text));
            }
            Some(Wanted::Segmentation(path)) => {
                let text = without_paths(message, std::slice::from_ref(&path));
                self.notices.push(NoticeLevel::Warn, format!("No segments are drawn: {text}"));
                self.inside.segments.set(path, Found::Failed(text));
            }
            Some(Wanted::Embedded(_)) => self.apply_document_written(Err(message.to_owned())),
            None => {}
        }
    }

    /// These rows as they are shown.
    fn copy_tags(&mut self, rows: &[usize]) {
        let Some(elements) = self.inside.tags.elements() else { return };
        let privacy = self.settings.privacy;
        let rows = rows.iter().filter_map(|idx| elements.rows.get(*idx));
        let lines: Vec<String> = rows.map(|row| row.line(privacy)).collect();
        let text = match lines.as_slice() {
            [_] => "One element is on the clipboard".to_owned(),
            many => format!("{} elements are on the clipboard", many.len()),
        };
        self.effects.push(Effect::CopyText(lines.join("\n")));
        self.notices.push(NoticeLevel::Ok, text);
    }

    fn export_document(&mut self, idx: usize) {
        let documents = self.documents_in(self.active_viewport());
        let Some(instance) = documents.get(idx) else { return };
        let kind = DocumentKind::of(&instance.sop_class_uid);
        if let Some(kind) = kind.filter(|kind| kind.is_embedded()) {
            let path = instance.path.clone();
            self.effects.push(Effect::PickPlaceForDocument(path, kind.file_name()));
        }
    }

    /// Has the document in a file written to another.
    pub(crate) fn write_document(&mut self, from: PathBuf, to: PathBuf) {
        self.read_inside(from, Aspect::Embedded, Wanted::Embedded(to));
    }

    pub(crate) fn apply_document_written(&mut self, written: Result<(), String>) {
        match written {
            Ok(()) => self.notices.push(NoticeLevel::Ok, "The document is written"),
            Err(why) => {
                let text = format!("The document could not be written: {why}");
                self.notices.push(NoticeLevel::Error, text)
            }
        };
    }

    /// Beside the document where there is room, else in its place.
    fn show_referenced(&mut self, place: Place) {
        if self.viewports.len() > 1 {
            self.active = (self.active + 1) % self.viewports.len();
        }
        self.run(Command::ShowKeyImage(place));
    }
}
