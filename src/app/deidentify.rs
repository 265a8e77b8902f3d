//! The study shown leaves as de-identified copies.

use std::path::PathBuf;

use super::command::Command;
use super::effect::Effect;
use super::jobs::Purpose;
use super::notices::NoticeLevel;
use super::state::AppState;
use crate::imaging::Deidentified;
use crate::worker::{CopiesEvent, JobId};

/// How series of PNG, JPEG and TIFF are called; they have nothing to take away.
const PICTURES: &str = "PIC";

impl AppState {
    /// The DICOM files of the study in the active viewport.
    fn files_to_clean(&self) -> Vec<PathBuf> {
        let place = self.active_viewport().place.as_ref();
        let open = place.and_then(|place| self.studies.get(&place.study_key));
        let series = open.into_iter().flat_map(|open| &open.study.series);
        let series = series.filter(|series| series.modality != PICTURES);
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
    pub(crate) fn export_deidentified(&mut self) {
        let files = self.files_to_clean();
        if !files.is_empty() {
            self.effects.push(Effect::PickPlaceForCopies(files));
        }
    }

    /// Has them written into a new folder of the one that was chosen.
    pub(crate) fn write_copies(&mut self, files: Vec<PathBuf>, chosen: PathBuf) {
        let job = JobId::next();
        self.jobs.start(job, Purpose::Copies);
        self.effects.push(Effect::WriteCopies(job, files, chosen));
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
