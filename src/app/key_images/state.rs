//! Which slices of the open studies are starred.

use super::super::viewport::Place;
use crate::imaging::FrameRef;

/// One starred slice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyImage {
    /// Where it is.
    pub place: Place,
    /// The frame itself.
    pub frame_ref: FrameRef,
}

/// All of the open studies, and whether the others are passed over.
#[derive(Debug, Default)]
pub struct KeyImages {
    items: Vec<KeyImage>,
    /// Scrolling goes from one to the next.
    pub only: bool,
}

impl KeyImages {
    /// In the order they were starred or found.
    pub fn all(&self) -> &[KeyImage] {
        &self.items
    }

    /// Whether the slice at a place is one.
    pub(crate) fn is_key(&self, place: &Place) -> bool {
        self.items.iter().any(|item| item.place == *place)
    }

    /// Those of the series at a place, in its order.
    pub(crate) fn in_series(&self, place: &Place) -> Vec<usize> {
        let of_series = self.items.iter().filter(|item| {
            item.place.series_key == place.series_key && item.place.study_key == place.study_key
        });
        let mut found: Vec<usize> = of_series.map(|item| item.place.frame_idx).collect();
        found.sort_unstable();
        found
    }

    /// Stars a slice or takes its star; says whether it has one now.
    pub(super) fn toggle(&mut self, item: KeyImage) -> bool {
        let before = self.items.len();
        self.items.retain(|other| other.frame_ref != item.frame_ref);
        let is_new = self.items.len() == before;
        if is_new {
            self.items.push(item);
        }
        is_new
    }

    /// Those of a study are these.
    pub(super) fn replace(&mut self, study_key: &str, items: Vec<KeyImage>) {
        self.items.retain(|item| item.place.study_key != study_key);
        self.items.extend(items);
    }
}
