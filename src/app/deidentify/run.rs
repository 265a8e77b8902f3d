//! What commands about copies do to the state, and what the copying worker says.

use std::path::PathBuf;
use std::sync::Arc;

use super::super::command::Command;
use super::super::effect::Effect;
use super::super::jobs::Purpose;
use super::super::notices::NoticeLevel;
use super::super::state::{AppState, Sheet};
use super::CopyChoice;
use crate::imaging::{Deidentified, DeidentifyOptions, DisplayImage, Shape};
use crate::worker::{CopiesEvent, JobId};

/// How series of PNG, JPEG and TIFF are called; they have nothing to take away.
const PICTURES: &str = "PIC";
/// Longer side of the preview.
const PREVIEW_SIDE: u32 = 400;
/// Transfer syntaxes whose pixels lie as they are: nothing else can be blacked out.
const NATIVE: &[&str] =
    &["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"];

impl AppState {
    pub(crate) fn run_copies(&mut self, command: Command) -> Option<Command> {
        match command {
            Command::ExportDeidentified => {
                if self.can_deidentify() {
                    // which rectangles are meant is said each time
                    self.choose_copies(CopyChoice { blackout: false, ..self.copies });
                    self.sheet = Some(Sheet::Deidentify);
                }
            }
            Command::ChooseCopies(choice) => self.choose_copies(choice),
            Command::PickPlaceForCopies => self.pick_place_for_copies(),
            other => return Some(other),
        }
        None
    }

    fn choose_copies(&mut self, mut choice: CopyChoice) {
        let rectangles = self.marked_rectangles();
        choice.blackout &= !rectangles.is_empty();
        // the rectangles are of the series shown and no other
        choice.series_only |= choice.blackout;
        self.copies_preview =
            if choice.blackout { self.blacked_out(&rectangles).map(Arc::new) } else { None };
        self.copies = choice;
    }

    /// The rectangles drawn on the picture shown, in whole pixels: column, row, width, height.
    pub(crate) fn marked_rectangles(&self) -> Vec<[u32; 4]> {
        let place = self.active_viewport().place.as_ref();
        let Some(frame_ref) = place.and_then(|place| self.frame_ref(place)) else {
            return Vec::new();
        };
        let Some(size) = self.shown_frame(|frame| (frame.columns(), frame.rows())) else {
            return Vec::new();
        };
        let on_it = self.measurements.on(&frame_ref);
        on_it.filter_map(|item| whole_pixels(&item.shape, size)).collect()
    }

    /// The picture shown with rectangles made black, small.
    fn blacked_out(&self, rectangles: &[[u32; 4]]) -> Option<DisplayImage> {
        let viewport = self.active_viewport();
        let frame_ref = self.frame_ref(viewport.place.as_ref()?)?;
        let loaded = self.frames.loaded(&frame_ref)?;
        let mut picture = viewport.view.grayscale(&loaded).render(&loaded.frame);
        let samples = picture.channels.count();
        let row_len = picture.width as usize * samples;
        for [x, y, width, height] in rectangles.iter().map(|side| side.map(|len| len as usize)) {
            let rows = picture.pixels.chunks_exact_mut(row_len.max(1));
            for row in rows.skip(y).take(height) {
                let end = ((x + width) * samples).min(row.len());
                if let Some(run) = row.get_mut(x * samples..end) {
                    run.fill(0);
                }
            }
        }
        let turned = viewport.view.transform.turned;
        Some(turned.apply(&picture.resized_to_fit(PREVIEW_SIDE)))
    }

    /// Whether the series shown has compressed pixels.
    pub(crate) fn is_shown_compressed(&self) -> bool {
        let place = self.active_viewport().place.as_ref();
        let shown = place.and_then(|place| self.shown_series(place));
        shown.is_some_and(|(_, series)| {
            let mut all = series.instances.iter();
            all.any(|instance| !NATIVE.contains(&instance.transfer_syntax.as_str()))
        })
    }

    /// The DICOM files of the study in the active viewport, or of its series alone.
    pub(crate) fn files_to_clean(&self, series_only: bool) -> Vec<PathBuf> {
        let place = self.active_viewport().place.as_ref();
        let open = place.and_then(|place| self.studies.get(&place.study_key));
        let shown = place.map(|place| place.series_key.as_str());
        let series = open.into_iter().flat_map(|open| &open.study.series);
        let series = series.filter(|series| series.modality != PICTURES);
        let series = series.filter(|series| !series_only || shown == Some(series.key.as_str()));
        let instances = series.flat_map(|series| &series.instances);
        instances.map(|instance| instance.path.clone()).collect()
    }

    /// Whether the study shown has any, without listing them.
    pub(crate) fn can_deidentify(&self) -> bool {
        let place = self.active_viewport().place.as_ref();
        let open = place.and_then(|place| self.studies.get(&place.study_key));
        open.is_some_and(|open| open.study.series.iter().any(|one| one.modality != PICTURES))
    }

    /// Asks for a folder.
    fn pick_place_for_copies(&mut self) {
        // the rectangles are those of now
        self.choose_copies(self.copies);
        let files = self.files_to_clean(self.copies.series_only);
        let options = self.copies.options(self.marked_rectangles());
        if !files.is_empty() {
            self.sheet = None;
            self.effects.push(Effect::PickPlaceForCopies(files, options));
        }
    }

    /// Has them written into a new folder of the one that was chosen.
    pub(crate) fn write_copies(
        &mut self,
        files: Vec<PathBuf>,
        options: DeidentifyOptions,
        chosen: PathBuf,
    ) {
        let job = JobId::next();
        self.jobs.start(job, Purpose::Copies);
        self.effects.push(Effect::WriteCopies(job, files, options, chosen));
    }

    pub(crate) fn apply_copies(&mut self, event: CopiesEvent) {
        match event {
            CopiesEvent::Writing { job, files_done, files_total } => {
                if let Some(job) = self.jobs.get_mut(job) {
                    job.progress = Some((files_done, files_total));
                }
            }
            CopiesEvent::Written { job, folder, done } => {
                self.jobs.end(job);
                self.tell_of_copies(folder, &done);
            }
            CopiesEvent::Failed { job, message } => {
                let text = match self.jobs.end(job) {
                    Some(_) => format!("The study could not be exported: {message}"),
                    None => "The export was stopped: what was written until then stays".to_owned(),
                };
                self.notices.push(NoticeLevel::Error, text);
            }
        }
    }

    fn tell_of_copies(&mut self, folder: PathBuf, done: &Deidentified) {
        let warnings = done.warnings.iter();
        let mut details: Vec<String> =
            warnings.map(|warning| format!("{} {}", warning.series, warning.message)).collect();
        details.extend(done.refused.iter().map(|refused| refused.message.clone()));
        details.push("The profile alone does not promise that nobody can be recognised".to_owned());
        let (written, refused) = (done.written.len(), done.refused.len());
        let (level, text) = match refused {
            0 => (NoticeLevel::Warn, format!("{written} de-identified files: look at them first")),
            _ => (NoticeLevel::Error, format!("{written} de-identified files, {refused} left out")),
        };
        let notice = self.notices.push(level, text).with_details(details);
        // it stays until it was read
        notice.unfolded = true;
        notice.with_action("Show folder", Command::ShowFolder(folder));
    }
}

/// The pixels a rectangle touches, as far as the picture goes.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the picture before"
)]
fn whole_pixels(shape: &Shape, (columns, rows): (u32, u32)) -> Option<[u32; 4]> {
    let Shape::Rectangle([low, high]) = shape else { return None };
    let from = |at: f64, len: u32| at.floor().clamp(0.0, f64::from(len)) as u32;
    let to = |at: f64, len: u32| at.ceil().clamp(0.0, f64::from(len)) as u32;
    let (x, y) = (from(low.x, columns), from(low.y, rows));
    let (width, height) = (to(high.x, columns) - x, to(high.y, rows) - y);
    (width > 0 && height > 0).then_some([x, y, width, height])
}
