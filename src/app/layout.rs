//! Viewports beside each other: how many, where, and what they do together.

use egui::{Rect, pos2, vec2};

use super::state::AppState;
use super::viewport::{Place, Viewport};

/// Two rows of two.
pub(crate) const MOST_VIEWPORTS: usize = 4;

const GAP: f32 = 2.0;

/// Where each of so many viewports is: two beside each other, then a second row.
pub(crate) fn cells(rect: Rect, n: usize) -> impl Iterator<Item = Rect> {
    let columns = n.clamp(1, 2);
    let rows = n.div_ceil(columns).max(1);
    let share = |whole: f32, of: usize| (whole - GAP * (of - 1) as f32) / of as f32;
    let size = vec2(share(rect.width(), columns), share(rect.height(), rows));
    (0..n).map(move |idx| {
        let (row, column) = ((idx / columns) as f32, (idx % columns) as f32);
        let left = rect.left() + column * (size.x + GAP);
        Rect::from_min_size(pos2(left, rect.top() + row * (size.y + GAP)), size)
    })
}

impl AppState {
    /// The active viewport stays; new ones begin with the series that follow.
    pub(crate) fn set_viewports(&mut self, n: usize) {
        let n = n.clamp(1, MOST_VIEWPORTS);
        let before = self.viewports.len();
        if n < before {
            self.viewports.swap(0, self.active.min(before - 1));
            self.viewports.truncate(n);
            self.active = 0;
        }
        while self.viewports.len() < n {
            let place = self.viewports.last().and_then(|last| last.place.clone());
            self.viewports.push(Viewport::at(place));
            self.active = self.viewports.len() - 1;
            self.step_series(1);
        }
        if n > before {
            self.active = before;
        }
    }

    /// The other viewports do what the active one did, which was at `before`: slices by their place
    /// in the patient where it is known, else by their number.
    pub(crate) fn follow_active(&mut self, before: Option<&Place>) {
        let viewport = self.active_viewport();
        let (Some(before), Some(place)) = (before, viewport.place.clone()) else { return };
        let (is_same, view) = (before.series_key == place.series_key, viewport.view.clone());
        let step = place.frame_idx as isize - before.frame_idx as isize;
        let Some((_, series)) = self.shown_series(&place) else { return };
        let (modality, geometry) = (series.modality.clone(), series.geometry_of(place.frame_idx));
        let (geometry, reference) = (geometry.cloned(), series.frame_of_reference_uid.clone());
        for idx in (0..self.viewports.len()).filter(|idx| *idx != self.active) {
            let Some(other) = self.viewports.get(idx).and_then(|v| v.place.clone()) else {
                continue;
            };
            let Some((_, series)) = self.shown_series(&other) else { continue };
            let last = series.num_frames().saturating_sub(1);
            let is_one_space = reference.is_some() && series.frame_of_reference_uid == reference;
            let known = geometry.as_ref().filter(|_| is_one_space);
            let by_place = known.and_then(|geometry| series.nearest_frame(geometry));
            let by_number = other.frame_idx.saturating_add_signed(step).min(last);
            let has_window = series.modality == modality;
            // planes of one volume stand across each other: a number means nothing there
            let by_number = (!self.is_one_volume(&place, &other)).then_some(by_number);
            let Some(viewport) = self.viewports.get_mut(idx) else { continue };
            if let Some(place) = viewport.place.as_mut().filter(|_| is_same && step != 0) {
                place.frame_idx = by_place.or(by_number).unwrap_or(place.frame_idx);
            }
            viewport.view.transform = view.transform;
            viewport.view.color_map = view.color_map;
            if has_window {
                viewport.view.window.clone_from(&view.window);
                viewport.view.inverted = view.inverted;
            }
        }
    }

    /// Where the slice of the active viewport cuts that of another, in pixels of the other.
    pub(crate) fn reference_line(&self, place: &Place) -> Option<[[f64; 2]; 2]> {
        let active = self.active_viewport().place.as_ref().filter(|active| *active != place)?;
        let (_, series) = self.shown_series(active)?;
        let (_, other) = self.shown_series(place)?;
        let reference = series.frame_of_reference_uid.as_ref()?;
        if other.frame_of_reference_uid.as_ref() != Some(reference) {
            return None;
        }
        self.cut_line(place, active)
    }

    /// Where one slice is cut by another of the same space, in its pixels.
    pub(crate) fn cut_line(&self, place: &Place, by: &Place) -> Option<[[f64; 2]; 2]> {
        let (_, series) = self.shown_series(by)?;
        let (_, other) = self.shown_series(place)?;
        let (instance, _) = other.instance_of(place.frame_idx)?;
        let extent = [instance.columns, instance.rows];
        other.geometry_of(place.frame_idx)?.cut_by(extent, series.geometry_of(by.frame_idx)?)
    }
}
