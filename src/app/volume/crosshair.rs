//! The point of the patient that all planes go through.

use super::super::state::AppState;
use super::super::viewport::Place;
use crate::imaging::{FrameGeometry, Plane};

/// Where one slice cuts another, in pixels of the other, and the plane of the one that cuts.
pub(crate) type CutLine = ([[f64; 2]; 2], Option<Plane>);

impl AppState {
    /// Shows the slices nearest to a point of the patient in all viewports of a volume, but for the
    /// one the point was chosen in.
    pub(super) fn move_crosshair(&mut self, from: usize, to_mm: [f64; 3]) {
        let Some(place) = self.viewports.get(from).and_then(|viewport| viewport.place.clone())
        else {
            return;
        };
        for idx in (0..self.viewports.len()).filter(|idx| *idx != from) {
            let other = self.viewports.get(idx).and_then(|viewport| viewport.place.as_ref());
            let Some(other) = other.filter(|other| self.is_one_volume(&place, other)) else {
                continue;
            };
            let frame_idx = self.frame_at(other, to_mm);
            let Some(viewport) = self.viewports.get_mut(idx) else { continue };
            if let (Some(place), Some(frame_idx)) = (&mut viewport.place, frame_idx) {
                place.frame_idx = frame_idx;
            }
        }
    }

    /// Whether two places are of one volume: the series and its planes.
    pub(crate) fn is_one_volume(&self, place: &Place, other: &Place) -> bool {
        self.studies.volume_of(place).is_some_and(|volume| volume.holds(other))
    }

    /// The frame of a series that lies nearest to a point.
    pub(super) fn frame_at(&self, place: &Place, to_mm: [f64; 3]) -> Option<usize> {
        let (_, series) = self.shown_series(place)?;
        let geometry = series.geometry_of(place.frame_idx)?.clone();
        let there = FrameGeometry { image_position_mm: Some(to_mm), ..geometry };
        series.nearest_frame(&there)
    }

    /// The point in the middle of a slice.
    pub(super) fn middle_of_slice(&self, place: &Place) -> Option<[f64; 3]> {
        let (_, series) = self.shown_series(place)?;
        let (instance, _) = series.instance_of(place.frame_idx)?;
        let middle =
            [instance.columns, instance.rows].map(|n| f64::from(n.saturating_sub(1)) / 2.0);
        series.geometry_of(place.frame_idx)?.point_mm(middle)
    }

    /// Where other slices cut the one at a place: all those of one volume, else that of the active
    /// viewport.
    pub(crate) fn reference_lines(&self, place: &Place) -> Vec<CutLine> {
        let Some(volume) = self.studies.volume_of(place).filter(|_| self.shows_planes()) else {
            return self.reference_line(place).map(|line| (line, None)).into_iter().collect();
        };
        let others = self.viewports.iter().filter_map(|viewport| viewport.place.as_ref());
        let planes = others.filter(|other| *other != place && volume.is_plane(other));
        let line = |other: &Place| {
            let (_, series) = self.shown_series(other)?;
            Some((self.cut_line(place, other)?, series.plane))
        };
        planes.filter_map(line).collect()
    }
}
