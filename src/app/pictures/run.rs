//! What commands about pictures do to the state, and what comes back from the thread.

use std::path::PathBuf;
use std::sync::Arc;

use super::super::command::Command;
use super::super::effect::Effect;
use super::super::jobs::Purpose;
use super::super::notices::NoticeLevel;
use super::super::state::{AppState, Sheet};
use super::{PictureScope, Pictures, PicturesWritten};
use crate::imaging::PictureFormat;
use crate::worker::JobId;

/// More lines would be no notice.
const MAX_LINES: usize = 12;

impl AppState {
    pub(crate) fn run_pictures(&mut self, command: Command) -> Option<Command> {
        match command {
            Command::ExportView => self.open_pictures(PictureScope::View),
            Command::ExportSeries => self.open_pictures(PictureScope::Series),
            Command::ExportKeyPictures => self.open_pictures(PictureScope::KeyImages),
            Command::ChoosePictures(choice) => self.pictures = choice,
            Command::PickPlaceForPictures => {
                if let Some(pictures) = self.planned_pictures() {
                    self.sheet = None;
                    self.effects.push(Effect::PickPlaceForPictures(Arc::new(pictures)));
                }
            }
            other => return Some(other),
        }
        None
    }

    fn open_pictures(&mut self, scope: PictureScope) {
        if self.has_pictures(scope) {
            self.pictures.scope = scope;
            // to be chosen each time
            self.pictures.names_patient = false;
            self.sheet = Some(Sheet::Pictures);
        }
    }

    /// Has them written where the reader said.
    pub(crate) fn write_pictures(&mut self, pictures: Arc<Pictures>, mut place: PathBuf) {
        if pictures.choice.scope == PictureScope::View {
            if place.extension().is_none() {
                place.set_extension("png");
            }
            if PictureFormat::of(&place).is_none() {
                let text = "A picture is written as PNG or JPEG: end its name in .png or .jpg";
                self.notices.push(NoticeLevel::Error, text);
                return;
            }
        }
        let job = JobId::next();
        self.jobs.start(job, Purpose::Pictures);
        self.effects.push(Effect::WritePictures(job, pictures, place));
    }

    pub(crate) fn apply_pictures_progress(&mut self, job: JobId, done: usize, total: usize) {
        if let Some(job) = self.jobs.get_mut(job) {
            job.progress = Some((done, total));
        }
    }

    pub(crate) fn apply_pictures_written(
        &mut self,
        job: JobId,
        written: Result<PicturesWritten, String>,
    ) {
        self.jobs.end(job);
        let written = match written {
            Ok(written) => written,
            Err(why) => {
                let text = format!("The pictures could not be exported: {why}");
                self.notices.push(NoticeLevel::Error, text);
                return;
            }
        };
        let count = match written.count {
            1 => "1 picture".to_owned(),
            n => format!("{n} pictures"),
        };
        let mut details: Vec<String> =
            written.text_in_pixels.warning().into_iter().map(str::to_owned).collect();
        let left_out = written.left_out.len();
        details.extend(written.left_out.iter().take(MAX_LINES).cloned());
        if left_out > MAX_LINES {
            details.push(format!("and {} more", left_out - MAX_LINES));
        }
        let (level, text) = if written.is_stopped {
            (NoticeLevel::Warn, format!("The export was stopped: {count} written until then"))
        } else if left_out > 0 {
            (NoticeLevel::Error, format!("{count} exported, {left_out} left out"))
        } else if details.is_empty() {
            (NoticeLevel::Ok, format!("{count} exported"))
        } else {
            (NoticeLevel::Warn, format!("{count} exported: look before giving away"))
        };
        let notice = self.notices.push(level, text);
        notice.unfolded = !details.is_empty();
        let notice = notice.with_details(details);
        if let Some(folder) = written.folder {
            notice.with_action("Show folder", Command::ShowFolder(folder));
        }
    }
}
