//! The measurements of the study shown, as rows.

use super::super::state::AppState;
use super::state::Measurement;
use super::table::MeasurementRow;

impl AppState {
    /// Those of the study in the active viewport: series by series, slice by slice.
    pub(crate) fn measurements_shown(&self) -> Vec<&Measurement> {
        let Some(place) = &self.active_viewport().place else { return Vec::new() };
        let Some(open) = self.studies.get(&place.study_key) else { return Vec::new() };
        let all = self.measurements.all().iter();
        let mut shown: Vec<&Measurement> =
            all.filter(|item| item.place.study_key == place.study_key).collect();
        let series_idx = |item: &Measurement| {
            open.study.series.iter().position(|series| series.key == item.place.series_key)
        };
        shown.sort_by_key(|item| (series_idx(item), item.place.frame_idx, item.id));
        shown
    }

    /// Whether there is anything to copy or to export.
    pub(crate) fn has_measurements(&self) -> bool {
        let Some(place) = &self.active_viewport().place else { return false };
        self.measurements.all().iter().any(|item| item.place.study_key == place.study_key)
    }
}

pub(super) fn rows_of_study(state: &AppState) -> Vec<MeasurementRow> {
    state.measurements_shown().into_iter().filter_map(|item| row_of(state, item)).collect()
}

fn row_of(state: &AppState, item: &Measurement) -> Option<MeasurementRow> {
    let place = state.place_of_measurement(item)?;
    let (open, series) = state.shown_series(&place)?;
    let marker = state.history.marker.as_ref().filter(|_| !open.is_pasted());
    Some(MeasurementRow {
        case: open.alias.clone(),
        plane: series.description.clone().filter(|_| state.studies.is_plane(&place)),
        marks: marker.map(|m| m.marks(&place.study_key, &place.series_key, &item.frame_ref)),
        modality: series.modality.clone(),
        slice: place.frame_idx + 1,
        num_slices: series.num_frames(),
        shape: item.shape.clone(),
        text: item.text.clone(),
        figures: item.figures.clone(),
        suv: state.settings.suv,
    })
}
