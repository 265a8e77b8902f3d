//! What commands about tools and measurements do to the state.

use std::sync::Arc;

use super::super::command::Command;
use super::super::effect::Effect;
use super::super::notices::NoticeLevel;
use super::super::state::AppState;
use super::super::viewport::Place;
use super::rows::rows_of_study;
use super::state::{Edit, Measurement};
use super::table::measurements_table;
use super::tool::Tool;
use crate::imaging::{Figures, Shape, ShapeKind};

/// While a shape is being drawn or moved, regions up to this size are measured on the way; larger
/// ones once they stay.
pub(super) const PIXELS_ON_THE_WAY: f64 = 2e6;

impl AppState {
    pub(crate) fn run_measure(&mut self, command: Command) -> Option<Command> {
        match command {
            Command::SetTool(tool) => self.tool = tool,
            Command::AddMeasurement { place, shape } => self.add_measurement(place, shape),
            Command::MoveMeasurement { id, shape } => self.measurements.reshape(id, shape),
            Command::EndMove => self.end_move(),
            Command::EditText(id) => {
                let id = id.or(self.measurements.selected());
                self.measurements.edit(id);
            }
            Command::SetText { id, text } => self.set_text(id, text),
            Command::CancelText => {
                let text = self.text_of(self.measurements.editing());
                if let (Some(id), Some(text)) = (self.measurements.editing(), text) {
                    self.set_text(id, text);
                }
            }
            Command::SelectMeasurement(id) => self.measurements.select(id),
            Command::ShowMeasurement(id) => self.show_measurement(id),
            Command::DeleteMeasurement(id) => self.delete_measurement(id),
            Command::DeleteSelected => {
                if let Some(id) = self.measurements.selected() {
                    self.delete_measurement(id);
                }
            }
            Command::SetSuv(kind) => self.settings.suv = kind,
            Command::CopyMeasurements => {
                let table = measurements_table(&rows_of_study(self), '\t');
                self.effects.push(Effect::CopyText(table));
            }
            Command::ExportMeasurements => {
                let table = measurements_table(&rows_of_study(self), ',');
                self.effects.push(Effect::PickPlaceForTable(Arc::from(table)));
            }
            other => return Some(other),
        }
        self.measure_what_changed();
        None
    }

    /// Computes figures that are not known, where the frame is at hand.
    pub(crate) fn measure_what_changed(&mut self) {
        let moving = |state: &Self, item: &Measurement| {
            state.measurements.is_moving(item.id)
                && Figures::num_pixels_at_most(&item.shape) > PIXELS_ON_THE_WAY
        };
        let unknown = self.measurements.all().iter().filter(|item| item.figures.is_none());
        let measured: Vec<(u64, Figures)> = unknown
            .filter(|item| !moving(self, item))
            .filter_map(|item| {
                let loaded = self.frames.loaded(&item.frame_ref)?;
                Some((item.id, Figures::of(&loaded.frame, &item.shape)))
            })
            .collect();
        for (id, figures) in measured {
            if let Some(item) = self.measurements.items_mut().find(|item| item.id == id) {
                item.figures = Some(figures);
            }
        }
    }

    fn add_measurement(&mut self, place: Place, shape: Shape) {
        let Some(frame_ref) = self.frame_ref(&place) else { return };
        if shape.kind().has_text() {
            // the next click ends the typing and draws nothing
            self.tool = Tool::default();
        }
        let id = self.measurements.add(place, frame_ref, shape);
        self.remember_edit(id, None);
    }

    fn text_of(&self, id: Option<u64>) -> Option<String> {
        self.measurements.get(id?).map(|item| item.text.clone())
    }

    /// Words to an arrow or in their place; a text without words goes.
    fn set_text(&mut self, id: u64, text: String) {
        self.measurements.edit(None);
        let is_blank = text.trim().is_empty();
        let Some(item) = self.measurements.get(id) else { return };
        if is_blank && item.shape.kind() == ShapeKind::Text {
            if self.active_viewport_mut().forget_made(id) {
                self.measurements.remove(id);
            } else {
                self.delete_measurement(id);
            }
        } else if let Some(before) = self.measurements.write(id, text) {
            let after = self.measurements.get(id).cloned();
            let is_one_step =
                after.is_some_and(|after| self.active_viewport_mut().amend_edit(&after));
            if !is_one_step {
                self.remember_edit(id, Some(before));
            }
        }
    }

    fn end_move(&mut self) {
        if let Some(before) = self.measurements.end_move() {
            self.remember_edit(before.id, Some(before));
        }
    }

    fn delete_measurement(&mut self, id: u64) {
        self.end_move();
        if let Some(before) = self.measurements.remove(id) {
            self.remember_edit(id, Some(before));
        }
    }

    /// The change just made is one step back.
    fn remember_edit(&mut self, id: u64, before: Option<Measurement>) {
        self.measure_what_changed();
        let after = self.measurements.get(id).cloned();
        if before != after {
            self.active_viewport_mut().remember_edit(Edit { before, after });
        }
    }

    /// Takes back the last change of the view or of a measurement, or makes it again.
    pub(crate) fn step_back(&mut self, again: bool) {
        self.end_move();
        let viewport = self.active_viewport_mut();
        let Some(edit) = (if again { viewport.redo() } else { viewport.undo() }) else { return };
        let Some(id) = edit.id() else { return };
        let known = edit.after.as_ref().or(edit.before.as_ref()).map(|item| item.place.clone());
        let Some(place) = known.filter(|place| self.studies.get(&place.study_key).is_some()) else {
            return;
        };
        self.measurements.put(id, edit.after);
        // what changes is shown, where only the slice has to be another
        let viewport = self.active_viewport_mut();
        if let Some(shown) = &mut viewport.place
            && (&shown.study_key, &shown.series_key) == (&place.study_key, &place.series_key)
        {
            *shown = place;
        }
    }

    fn show_measurement(&mut self, id: u64) {
        let Some(item) = self.measurements.get(id) else { return };
        let Some(place) = self.place_of_measurement(item) else { return };
        self.measurements.select(Some(id));
        let viewport = self.active_viewport_mut();
        match &mut viewport.place {
            Some(shown) if shown.series_key == place.series_key => *shown = place,
            _ => viewport.show(place),
        }
    }

    /// Where its frame is now; opened again, a series may have more of them.
    pub(super) fn place_of_measurement(&self, item: &Measurement) -> Option<Place> {
        let (_, series) = self.shown_series(&item.place)?;
        let mut likely = std::iter::once(item.place.frame_idx).chain(0..series.num_frames());
        let frame_idx = likely.find(|idx| series.frame_ref(*idx).as_ref() == Some(&item.frame_ref));
        Some(Place { frame_idx: frame_idx?, ..item.place.clone() })
    }

    pub(crate) fn apply_table_written(&mut self, written: Result<(), String>) {
        match written {
            Ok(()) => self.notices.push(NoticeLevel::Ok, "The table is exported"),
            Err(why) => {
                let text = format!("The table could not be exported: {why}");
                self.notices.push(NoticeLevel::Error, text)
            }
        };
    }
}
