//! Which plane of a volume, and how thick.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::super::geometry::Plane;

/// A plane across the patient's axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CutPlane {
    /// Across the body; from feet to head.
    Axial,
    /// From the front; from front to back.
    Coronal,
    /// From the side; from left to right.
    Sagittal,
}

impl CutPlane {
    /// In the order they are shown.
    pub const ALL: [Self; 3] = [Self::Axial, Self::Coronal, Self::Sagittal];

    /// `axial`, `coronal`, `sagittal`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.plane().as_str()
    }

    /// The same among all planes.
    #[must_use]
    pub fn plane(self) -> Plane {
        match self {
            Self::Axial => Plane::Axial,
            Self::Coronal => Plane::Coronal,
            Self::Sagittal => Plane::Sagittal,
        }
    }

    /// Directions in patient space: along a row, down a column, from one plane to the next.
    pub(super) fn directions(self) -> [[f64; 3]; 3] {
        match self {
            Self::Axial => [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
            Self::Coronal => [[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]],
            Self::Sagittal => [[0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]],
        }
    }
}

/// What becomes of the values across a slab.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Projection {
    /// Their mean.
    #[default]
    Mean,
    /// The largest: MIP.
    Maximum,
    /// The smallest: `MinIP`.
    Minimum,
}

impl Projection {
    /// `mean`, `mip`, `minip`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Maximum => "mip",
            Self::Minimum => "minip",
        }
    }

    /// As it stands over a picture.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Mean => "Mean",
            Self::Maximum => "MIP",
            Self::Minimum => "MinIP",
        }
    }
}

/// How thick a plane is, in whole millimetres; 0 is a plane without thickness.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Slab {
    /// Thickness.
    pub mm: u16,
    /// What becomes of the values across it.
    pub projection: Projection,
}

impl Slab {
    /// A plane without thickness.
    pub const THIN: Self = Self { mm: 0, projection: Projection::Mean };

    /// Whether values are put together at all.
    #[must_use]
    pub fn is_thin(self) -> bool {
        self.mm == 0
    }
}

impl fmt::Display for Slab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_thin() {
            return f.write_str("thin");
        }
        write!(f, "{} {} mm", self.projection.label(), self.mm)
    }
}

/// One plane of a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cut {
    /// Across which axis.
    pub plane: CutPlane,
    /// Which of them, from 0.
    pub index: usize,
    /// How thick.
    pub slab: Slab,
}
