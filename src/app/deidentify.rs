//! The study shown leaves as de-identified copies.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::command::Command;
use super::effect::Effect;
use super::notices::NoticeLevel;
use super::state::AppState;
use crate::imaging::{Deidentified, DeidentifyOptions, deidentify};

/// How series of PNG, JPEG and TIFF are called; they have nothing to take away.
const PICTURES: &str = "PIC";

/// What an export came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CleanCopies {
    /// The folder made for them.
    pub folder: PathBuf,
    /// What was written, left out and is to be looked at.
    pub done: Deidentified,
}

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

    pub(crate) fn apply_deidentified(&mut self, exported: Result<CleanCopies, String>) {
        let CleanCopies { folder, done } = match exported {
            Ok(copies) => copies,
            Err(why) => {
                let text = format!("The study could not be exported: {why}");
                self.notices.push(NoticeLevel::Error, text);
                return;
            }
        };
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

/// Writes copies into a new folder of the one that was chosen.
pub(crate) fn write_copies(files: &[PathBuf], chosen: &Path) -> Result<CleanCopies, String> {
    let folder = (1_u32..)
        .map(|number| chosen.join(format!("de-identified-{number}")))
        .find(|folder| !folder.exists())
        .unwrap_or_else(|| chosen.to_owned());
    let options = DeidentifyOptions::default();
    let done = deidentify(files, &folder, &options, &mut |_| ControlFlow::Continue(()));
    done.map(|done| CleanCopies { folder, done }).map_err(|error| error.to_string())
}
