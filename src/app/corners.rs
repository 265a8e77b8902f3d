//! Words in the corners of a picture: who was examined, when, which slice, how it is shown.

use std::sync::Arc;

use super::frames::LoadedFrame;
use super::run_chat::window_label;
use super::state::AppState;
use super::studies::series_name;
use super::viewport::{Place, View, number};

/// Name, id, sex and age; the alias in their place in privacy mode.
pub(crate) fn patient_lines(state: &AppState, place: &Place, privacy: bool) -> Vec<String> {
    let Some((open, _)) = state.shown_series(place) else { return Vec::new() };
    if privacy {
        return vec![open.alias.clone()];
    }
    let patient = &open.study.patient;
    let person: Vec<String> =
        [patient.sex.clone(), patient.age.clone()].into_iter().flatten().collect();
    let mut lines = vec![open.title(false).to_owned()];
    lines.extend(patient.id.clone());
    if !person.is_empty() {
        lines.push(person.join(" · "));
    }
    lines
}

/// What was examined; when and where as well, unless in privacy mode.
pub(crate) fn study_lines(state: &AppState, place: &Place, privacy: bool) -> Vec<String> {
    let Some((open, _)) = state.shown_series(place) else { return Vec::new() };
    // date and place of an examination identify a patient as well
    let shown = |text: &Option<String>| text.clone().filter(|_| !privacy);
    let study = &open.study;
    [shown(&study.study_date), study.description.clone(), shown(&study.institution)]
        .into_iter()
        .flatten()
        .collect()
}

/// Series, slice thickness and place, and the number of the image.
pub(crate) fn series_lines(state: &AppState, place: &Place, privacy: bool) -> Vec<String> {
    let Some((_, series)) = state.shown_series(place) else { return Vec::new() };
    let number = series.series_number.map(|n| format!("{n} · ")).unwrap_or_default();
    let mut lines = vec![format!("{number}{}", series_name(series, privacy))];
    if let Some((instance, frame_number)) = series.instance_of(place.frame_idx) {
        let thickness = instance.slice_thickness_mm.map(|mm| format!("{mm:.1} mm"));
        let geometry = instance.geometry_of(frame_number);
        let location = geometry.and_then(|geometry| {
            let normal = geometry.normal()?;
            geometry.position_along(&normal).map(|mm| format!("at {} mm", number_mm(mm)))
        });
        let facts: Vec<String> = [thickness, location].into_iter().flatten().collect();
        if !facts.is_empty() {
            lines.push(facts.join(" · "));
        }
    }
    lines.extend(image_line(state, place));
    lines
}

/// The number of the image alone.
pub(crate) fn image_line(state: &AppState, place: &Place) -> Option<String> {
    let (_, series) = state.shown_series(place)?;
    Some(format!("Image {} / {}", place.frame_idx + 1, series.num_frames()))
}

/// Window, polarity and colours.
pub(crate) fn display_lines(view: &View, loaded: &Arc<LoadedFrame>) -> Vec<String> {
    if !loaded.frame.is_monochrome() {
        return Vec::new();
    }
    let name = view.window_name(Some(loaded));
    let window = window_label(&view.grayscale(loaded));
    let inverted = if view.inverted { " · inverted" } else { "" };
    let mut lines = vec![format!("{window}  {name}{inverted}")];
    if !view.color_map.is_grey() {
        let map = view.color_map.name();
        lines.push(format!("{map} · a model gets the grey picture"));
    }
    lines
}

fn number_mm(mm: f64) -> String {
    number((mm * 10.0).round() / 10.0)
}
