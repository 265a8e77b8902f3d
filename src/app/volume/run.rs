//! What commands about planes do to the state.

use std::path::PathBuf;
use std::sync::Arc;

use super::super::apply_decode::{sentence, without_paths};
use super::super::command::Command;
use super::super::effect::Effect;
use super::super::jobs::Purpose;
use super::super::measure::Tool;
use super::super::notices::NoticeLevel;
use super::super::state::AppState;
use super::super::studies::middle_frame_idx;
use super::super::view_transform::ViewTransform;
use super::super::viewport::{Place, View, Viewport};
use super::state::{Before, Reformatted, Thickness, Wanted};
use crate::worker::JobId;

impl AppState {
    pub(crate) fn run_planes(&mut self, command: Command) -> Option<Command> {
        match command {
            Command::TogglePlanes => self.toggle_planes(),
            Command::SetProjection(projection) => {
                self.planes.projection = projection;
                self.cut_anew();
            }
            Command::SetSlabThickness(mm) => {
                self.planes.thickness_mm = Thickness(mm);
                self.planes.projection.get_or_insert_default();
                self.cut_anew();
            }
            Command::MoveCrosshair { from, to_mm } => self.move_crosshair(from, to_mm),
            other => return Some(other),
        }
        None
    }

    /// Whether planes are among what is shown.
    pub(crate) fn shows_planes(&self) -> bool {
        self.viewports.iter().any(|viewport| {
            viewport.place.as_ref().is_some_and(|place| self.studies.is_plane(place))
        })
    }

    /// Why the series in the active viewport has no planes, if so.
    pub(crate) fn cannot_show_planes(&self) -> Option<String> {
        if !self.has_viewports() {
            return Some("No picture is shown".to_owned());
        }
        if self.planes.wanted.is_some() {
            return Some("The volume is being built".to_owned());
        }
        let Some(place) = &self.active_viewport().place else {
            return Some("Nothing is shown".to_owned());
        };
        if self.studies.is_plane(place) {
            return None;
        }
        match self.studies.stack(place) {
            Some(Ok(_)) => None,
            Some(Err(why)) => Some(why.to_string()),
            None => Some("A pasted picture makes no volume".to_owned()),
        }
    }

    fn toggle_planes(&mut self) {
        if self.shows_planes() {
            self.hide_planes();
            return;
        }
        let Some(place) = self.active_viewport().place.clone() else { return };
        if self.studies.volume_of(&place).is_some() {
            self.show_planes(&place);
            return;
        }
        let Some(Ok(stack)) = self.studies.stack(&place) else { return };
        let stack = Arc::clone(stack);
        let Some((_, source)) = self.shown_series(&place) else { return };
        let (source, job) = (source.clone(), JobId::next());
        self.jobs.start(job, Purpose::Volume);
        self.effects.push(Effect::BuildVolume(job, Box::new(stack.as_ref().clone())));
        let study_key = place.study_key;
        self.planes.wanted = Some(Wanted { job, study_key, source, stack });
    }

    pub(crate) fn apply_volume_built(&mut self, job: JobId) {
        let Some(Wanted { study_key, source, stack, .. }) =
            self.planes.wanted.take_if(|wanted| wanted.job == job)
        else {
            return;
        };
        let is_open = self.studies.series(&study_key, &source.key).is_some();
        if !is_open {
            return;
        }
        let shown = self.viewports.iter().filter_map(|viewport| viewport.place.clone());
        let is_source =
            |place: &Place| place.study_key == study_key && place.series_key == source.key;
        let place = shown.into_iter().find(is_source).unwrap_or_else(|| Place {
            study_key: study_key.clone(),
            series_key: source.key.clone(),
            frame_idx: middle_frame_idx(&source),
        });
        let slab = self.planes.slab();
        self.studies.add_volume(Reformatted::new(study_key, source, stack, slab));
        self.show_planes(&place);
    }

    /// The worker could not build it.
    pub(crate) fn volume_failed(&mut self, job: JobId, message: &str) {
        let wanted = self.planes.wanted.take_if(|wanted| wanted.job == job);
        let frames = wanted.iter().flat_map(|wanted| &wanted.stack.frames);
        let paths: Vec<PathBuf> = frames.map(|frame_ref| frame_ref.path.clone()).collect();
        let text = sentence(&without_paths(message, &paths));
        self.notices.push(NoticeLevel::Error, format!("No planes: {text}"));
    }

    /// Nobody waits for this volume any more.
    pub(crate) fn give_up_volume(&mut self, job: JobId) {
        self.planes.wanted.take_if(|wanted| wanted.job == job);
    }

    /// Three planes through the middle of the slice shown, and that slice.
    fn show_planes(&mut self, place: &Place) {
        let Some(volume) = self.studies.volume_of(place) else { return };
        let (study_key, source_key) = (volume.study_key.clone(), volume.source.key.clone());
        let plane_keys = volume.planes().each_ref().map(|series| series.key.clone());
        // from one of the planes on: the series itself is shown beside them
        let place = &match volume.is_plane(place) {
            true => Place {
                frame_idx: middle_frame_idx(&volume.source),
                series_key: source_key,
                ..place.clone()
            },
            false => place.clone(),
        };
        let found = self.viewports.iter().find(|viewport| viewport.place.as_ref() == Some(place));
        let source = found.cloned().unwrap_or_else(|| Viewport::at(Some(place.clone())));
        let view = View { transform: ViewTransform::default(), ..source.view.clone() };
        let middle = self.middle_of_slice(place);
        let at =
            |series_key: String| Place { study_key: study_key.clone(), series_key, frame_idx: 0 };
        let mut viewports: Vec<Viewport> = Vec::with_capacity(4);
        for series_key in plane_keys {
            let mut place = at(series_key);
            place.frame_idx = middle.and_then(|to_mm| self.frame_at(&place, to_mm)).unwrap_or(0);
            let mut viewport = Viewport::at(Some(place));
            viewport.view = view.clone();
            viewports.push(viewport);
        }
        viewports.push(source);
        let before = std::mem::replace(&mut self.viewports, viewports);
        self.planes.before =
            Some(Before { viewports: before, active: self.active, tool: self.tool });
        self.active = 0;
        self.tool = Tool::Crosshair;
    }

    fn hide_planes(&mut self) {
        let before = self.planes.before.take();
        let is_known = |viewport: &Viewport| {
            viewport.place.as_ref().is_none_or(|place| self.shown_series(place).is_some())
        };
        let before = before.filter(|before| before.viewports.iter().all(is_known));
        let Some(Before { viewports, active, tool }) = before else {
            self.show_sources();
            return;
        };
        self.active = active.min(viewports.len().saturating_sub(1));
        self.viewports = viewports;
        if self.tool == Tool::Crosshair {
            self.tool = tool;
        }
    }

    /// Nothing is known of before: the series itself.
    fn show_sources(&mut self) {
        let place = self.viewports.iter().find_map(|viewport| viewport.place.clone());
        let source = place.and_then(|place| {
            let volume = self.studies.volume_of(&place)?;
            Some((volume.study_key.clone(), volume.source.key.clone()))
        });
        self.viewports = vec![Viewport::default()];
        self.active = 0;
        if let Some((study_key, series_key)) = source {
            self.show_series(&study_key, &series_key);
        }
        if self.tool == Tool::Crosshair {
            self.tool = Tool::default();
        }
    }

    fn cut_anew(&mut self) {
        let slab = self.planes.slab();
        self.studies.volumes_mut().for_each(|volume| volume.set_slab(slab));
    }

    /// One window, and one choice of colours, for a series and its planes.
    pub(crate) fn share_window(&mut self) {
        let Some(place) = &self.active_viewport().place else { return };
        let Some(volume) = self.studies.volume_of(place) else { return };
        let view = self.active_viewport().view.clone();
        let of = |viewport: &Viewport| View { transform: viewport.view.transform, ..view.clone() };
        let others = self.viewports.iter().enumerate().filter(|(_, viewport)| {
            let is_held = viewport.place.as_ref().is_some_and(|place| volume.holds(place));
            is_held && viewport.view != of(viewport)
        });
        let others: Vec<(usize, View)> = others.map(|(idx, other)| (idx, of(other))).collect();
        for (idx, view) in others {
            if let Some(viewport) = self.viewports.get_mut(idx) {
                viewport.view = view;
            }
        }
    }

    /// Lets go of the planes of a study.
    pub(crate) fn forget_planes(&mut self, study_key: &str) {
        self.planes.before = None;
        let is_wanted = |wanted: &mut Wanted| wanted.study_key == study_key;
        if let Some(wanted) = self.planes.wanted.take_if(is_wanted) {
            self.cancel_job(wanted.job);
        }
        if self.studies.forget_volumes(study_key) {
            self.effects.push(Effect::ForgetVolume);
        }
    }
}
