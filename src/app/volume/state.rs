//! What was cut from which series, and what was shown before.

use std::sync::Arc;

use super::super::measure::Tool;
use super::super::viewport::{Place, Viewport};
use crate::imaging::{Cut, CutPlane, FrameRef, Projection, Series, Slab, Stack};
use crate::worker::JobId;

/// A series that is a volume in the decode worker, and its planes as series.
#[derive(Clone, Debug)]
pub struct Reformatted {
    /// Study of the series.
    pub study_key: String,
    /// The series as its files have it.
    pub source: Series,
    pub(crate) stack: Arc<Stack>,
    slab: Slab,
    planes: [Series; 3],
}

/// The planes as the reader wants them.
#[derive(Debug, Default)]
pub struct Planes {
    /// What becomes of the values across a slab; none for planes without thickness.
    pub projection: Option<Projection>,
    /// How thick a slab is.
    pub thickness_mm: Thickness,
    /// The volume being built.
    pub(super) wanted: Option<Wanted>,
    /// What was shown before.
    pub(super) before: Option<Before>,
}

/// Whole millimetres.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thickness(pub u16);

impl Default for Thickness {
    fn default() -> Self {
        Self(10)
    }
}

#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) job: JobId,
    pub(super) study_key: String,
    pub(super) source: Series,
    pub(super) stack: Arc<Stack>,
}

#[derive(Debug)]
pub(super) struct Before {
    pub(super) viewports: Vec<Viewport>,
    pub(super) active: usize,
    pub(super) tool: Tool,
}

impl Planes {
    pub(crate) fn slab(&self) -> Slab {
        let thick = |projection| Slab { mm: self.thickness_mm.0, projection };
        self.projection.map_or(Slab::THIN, thick)
    }
}

impl Reformatted {
    pub(super) fn new(study_key: String, source: Series, stack: Arc<Stack>, slab: Slab) -> Self {
        let planes = CutPlane::ALL.map(|plane| stack.series_of_planes(&source, plane, slab));
        Self { study_key, source, stack, slab, planes }
    }

    pub(super) fn set_slab(&mut self, slab: Slab) {
        if slab != self.slab {
            self.slab = slab;
            self.planes =
                CutPlane::ALL.map(|plane| self.stack.series_of_planes(&self.source, plane, slab));
        }
    }

    /// Axial, coronal, sagittal.
    pub fn planes(&self) -> &[Series; 3] {
        &self.planes
    }

    /// Whether a place is in one of the planes.
    pub(crate) fn is_plane(&self, place: &Place) -> bool {
        self.study_key == place.study_key
            && self.planes.iter().any(|series| series.key == place.series_key)
    }

    /// Whether a place is in the series or in one of its planes.
    pub(crate) fn holds(&self, place: &Place) -> bool {
        let is_source = self.study_key == place.study_key && self.source.key == place.series_key;
        is_source || self.is_plane(place)
    }

    /// What a frame of the planes is cut from.
    pub(crate) fn cut_of(&self, frame_ref: &FrameRef) -> Option<Cut> {
        Cut::of_frame(&self.source, frame_ref, self.slab)
    }
}
